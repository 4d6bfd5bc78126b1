"""What is recited, what recurs anyway, and what is read to find it; `test_matching` has the search itself."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.likeness import Pair
from redraft.chat.matching import Match
from redraft.chat.reciting import recitation, trained_texts
from redraft.chat.words import words
from redraft.chat_records import ChatExample, ChatTurn
from redraft.errors import ConfigurationError, InputError

# Few words, so that runs of them recur.
said = st.lists(st.sampled_from(["a", "B", "cc", "\n", "!", "好"]), max_size=9).map(" ".join)


@given(st.lists(said, min_size=1, max_size=5), st.lists(said, min_size=1, max_size=5), st.randoms())
def test_the_order_of_messages_does_not_matter(replies: list[str], trained: list[str], random: object) -> None:
    shuffled = sorted(trained, key=lambda _: random.random())  # type: ignore[attr-defined]
    found = [recitation([Pair("s", one, one) for one in replies], texts) for texts in (trained, shuffled)]
    assert found[0] == found[1] and found[0].verbatim.real == found[0].verbatim.generated


LEARNED = ["See you at the old harbour at nine then!", "ok", "my knee hurts again since the run last week", "so what"]


def test_what_is_recited_is_more_than_what_recurs() -> None:
    real = ["ok", "see you at the OLD harbour at nine, then", "what a day we had at the beach", "no idea what you mean"]
    pairs = [Pair(f"s{n}", real[n % 4], LEARNED[2] if n % 2 else "ok") for n in range(40)]
    found = recitation(pairs, LEARNED)
    assert (found.verbatim.real, found.verbatim.generated) == (pytest.approx(1 / 3), 1.0), "of five words or more"
    assert (found.runs.real, found.runs.generated) == (0.5, 1.0)
    assert found.recites and found.trained == 4
    assert found.matches[1] == Match(9, 9, len(LEARNED[2]), LEARNED[2], True)
    assert found.most_words == (9, 9) and found.most_characters == (len(" ".join(words(LEARNED[0]))), len(LEARNED[2]))
    assert "100.0% of the generated, 33.3% of the real; the model recites" in found.as_sentence()
    rows = found.as_rows()
    assert rows[0]["generated"] == "100.0%" and rows[-1]["generated"] == str(len(LEARNED[2]))


def test_what_recurs_as_often_in_real_replies_is_not_recited() -> None:
    pairs = [Pair(f"s{n}", LEARNED[2] if n % 3 else "ok", LEARNED[2] if n % 3 else "so what") for n in range(40)]
    assert not recitation(pairs, LEARNED).recites
    own = "nobody ever said a thing like this one before"
    turns = [(LEARNED[2], own), (own, LEARNED[2]), (own, own)]
    as_often = recitation([Pair(f"s{n}", *turns[n % 3]) for n in range(42)], LEARNED)
    assert as_often.verbatim.difference == 0 and as_often.verbatim.low is not None and not as_often.recites
    short = recitation([Pair(f"s{n}", "why", "ok") for n in range(40)], LEARNED)
    assert not short.recites and short.verbatim.generated is None and short.matches[0].verbatim
    assert short.as_rows()[0]["generated"] == "" and "none so long" in short.as_sentence()


def test_a_line_of_several_messages_joined_is_a_message() -> None:
    pair = Pair("s", "x", "we will be late, start without us")
    found = recitation([pair], ["hey\nWe will be late. Start without us"])
    assert found.matches[0].verbatim
    across = recitation([pair], ["so we will be\nlate start without us"]).matches[0]
    assert (across.verbatim, across.longest) == (False, 7), "only what is from line to line, or all of it"


def test_memory_does_not_grow_with_what_was_trained_on() -> None:
    pairs = [Pair(f"s{n}", f"a b c d{n}", f"w{n} x{n} y z") for n in range(50)]
    peaks: list[int] = []
    for count in (500, 5_000):
        tracemalloc.start()
        recitation(pairs, (f"message number {n} a b c {n}" for n in range(count)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 50_000


def test_trained_on_is_the_side_train_each_message_once() -> None:
    def example(name: str, side: str, context: list[str]) -> ChatExample:
        turns = tuple(ChatTurn("A", f"text {one}", (one,)) for one in context)
        return ChatExample(
            example_id=name, chat="chat1", side=side, context=turns, reply=f"reply {name}", time="2024",
            strategy="window", reply_ids=(name,),
        )  # fmt: skip

    rows = [example("x", "train", ["1", "2"]), example("y", "train", ["2", "x", "3"]), example("z", "test", ["9"])]
    assert list(trained_texts(rows)) == ["text 1", "text 2", "reply x", "text 3", "reply y"]


def test_what_cannot_be_looked_for_is_refused() -> None:
    with pytest.raises(InputError, match="no replies"):
        recitation([], ["a"])
    with pytest.raises(InputError, match="trained on"):
        recitation([Pair("s", "a", "b")], [])
    with pytest.raises(ConfigurationError, match="1 word"):
        recitation([Pair("s", "a", "b")], ["a"], least_words=0)
