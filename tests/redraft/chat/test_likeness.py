"""Likeness of replies whose difference is known, in whatever order; and what is said where there is little to go by."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chats import texts

from redraft.chat.likeness import FIGURES, Likeness, Pair, likeness, sessions_of
from redraft.chat_records import ChatExample
from redraft.errors import InputError

WORDS = (
    *("ok", "yes", "no", "lol", "we", "should", "see", "the", "lake", "on", "sunday", "if"),
    *("it", "is", "warm", "i", "will", "bring", "a", "tent", "and", "you", "food"),
)


def reply(draw: random.Random, formal: bool) -> str:
    text = " ".join(draw.choices(WORDS, k=draw.randint(1, 9)))
    return f"{text.capitalize()}." if formal else text + draw.choice(["", " 😂", "?"])


def written(count: int, formal: bool, seed: int = 0) -> list[Pair]:
    draw = random.Random(seed)  # noqa: S311
    return [Pair(f"s{number // 4}", reply(draw, False), reply(draw, formal)) for number in range(count)]


@pytest.fixture(scope="module")
def alike() -> Likeness:
    return likeness(written(240, formal=False))


@pytest.fixture(scope="module")
def formal() -> Likeness:
    return likeness(written(240, formal=True))


def test_who_writes_alike_is_found_alike(alike: Likeness) -> None:
    assert sum(one.differs for one in alike.figures.values()) <= 2, "one in twenty by chance"
    assert alike.told_apart is not None and not alike.told_apart.differs
    assert (alike.pairs, alike.sessions, alike.worth, alike.few) == (240, 60, 60, False)


def test_what_differs_is_named_and_the_rest_is_not(formal: Likeness) -> None:
    found = {name for name, one in formal.figures.items() if one.differs}
    assert {"ends", "small", "capitals", "with_emoji", "asks"} <= found
    assert not found & {"words", "lines", "one_word", "stretched", "exclaims"}
    assert formal.figures["with_emoji"].generated == 0 and formal.figures["ends"].generated == 1
    assert formal.told_apart is not None and formal.told_apart.generated is not None
    assert formal.told_apart.generated == 1 and "tells the real one in 100% (94%" in formal.as_sentence()
    assert not formal.profiles["function"].differs and not formal.profiles["all"].differs


def test_tables_have_a_row_a_figure(formal: Likeness) -> None:
    rows = {row["figure"]: row for row in formal.as_rows()}
    assert len(rows) == len(formal.figures) and rows["lines a reply"]["95 % interval"] == ""
    assert rows["replies with emoji"]["generated"] == "0" and rows["replies with emoji"]["differs"] == "yes"
    assert rows["replies with emoji"]["difference"].startswith("-")


def test_the_vocabulary_is_that_of_other_replies() -> None:
    pairs = [Pair(f"s{n}", "see you at the lake", "I shall meet you there") for n in range(12)]
    found = likeness(pairs, own=["See the lake!", "you?", "meet me"])
    assert found.figures["known"].real == pytest.approx(4 / 5) and found.figures["known"].generated == pytest.approx(
        2 / 5
    )
    assert "known" not in likeness(pairs).figures
    assert likeness(pairs, own=["..."]).figures["known"].real == 0
    assert any(row["figure"].startswith("words that") for row in found.as_rows())


def test_other_words_are_another_profile() -> None:
    draw = random.Random(1)  # noqa: S311
    pairs = [
        Pair(f"s{n}", reply(draw, False), " ".join(draw.choices(["indeed", "the", "whereas"], k=5))) for n in range(40)
    ]
    found = likeness(pairs)
    assert found.profiles["all"].differs and found.profiles["function"].differs
    assert found.profiles["all"].distance > 0.6


def test_the_mix_of_languages() -> None:
    english, german = "I will be at the station at seven tomorrow", "Ich bin morgen um sieben Uhr am Bahnhof, bis dann"
    real = [english, german, "ok", german]
    found = likeness(Pair(f"s{n}", real[n % 4], english) for n in range(40)).figures
    assert found["language de"].real == pytest.approx(2 / 3) and found["language de"].generated == 0
    assert found["language en"].differs


@given(st.lists(st.builds(Pair, st.sampled_from(["a", "b", "c"]), texts, texts), min_size=1, max_size=12))
@settings(max_examples=25)
def test_whatever_is_written_has_figures(pairs: list[Pair]) -> None:
    found = likeness(pairs)
    back = likeness([Pair(one.group, one.generated, one.real) for one in pairs])
    for name, one in found.figures.items():
        assert one.real == back.figures[name].generated and one.differs == back.figures[name].differs
    assert set(FIGURES) <= set(found.figures) and found.told_apart is None and "too few" in found.as_sentence()
    for name, one in found.profiles.items():
        assert 0 <= one.distance <= 1 and one.distance == pytest.approx(back.profiles[name].distance)
    assert len(found.as_rows()) == len(found.figures) and found.few


def test_the_same_again(formal: Likeness) -> None:
    assert likeness(written(240, formal=True)) == formal


def test_no_replies_are_refused() -> None:
    with pytest.raises(InputError, match="no replies"):
        likeness([])


def example(name: str, chat: str, minutes: float) -> ChatExample:
    at = datetime.fromisoformat("2024-03-01T09:00:00+01:00") + timedelta(minutes=minutes)
    fields = {"context": (), "reply": "r", "strategy": "window"}
    return ChatExample(example_id=name, chat=chat, side="test", time=at.isoformat(), **fields)


def test_sessions_begin_after_pauses_and_in_each_chat() -> None:
    rows = [
        example("a", "chat1", 0),
        example("b", "chat1", 240),
        example("c", "chat1", 481),
        example("d", "chat2", 481),
    ]
    found = sessions_of(np.random.default_rng(0).permutation(np.array(rows, object)).tolist())
    assert found == {"a": "chat1 session 1", "b": "chat1 session 1", "c": "chat1 session 2", "d": "chat2 session 1"}
    assert len(set(sessions_of(rows, pause_hours=1).values())) == 4
