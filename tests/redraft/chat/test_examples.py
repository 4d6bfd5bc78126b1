"""Every message of the person is in one example or counted, none is on both sides, and contexts are what they say."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_chats import PERSON, CountingEmbedder, chats, dataset_of, message, talk

from redraft.chat.embedding.cache import EmbeddingCache
from redraft.chat.examples import ExampleOptions, build_examples
from redraft.chat.selection import Strategy
from redraft.chat.selection.semantic import Semantic
from redraft.chat.selection.window import Window
from redraft.chat.speakers import speakers
from redraft.chat_records import ChatMessage, ChatTurn
from redraft.datasets.storage import DatasetWriter
from redraft.errors import ConfigurationError, InputError

options_of = st.builds(
    ExampleOptions,
    join_minutes=st.sampled_from([None, 3.0]),
    test_share=st.sampled_from([0.0, 0.1, 0.5]),
    least_words=st.sampled_from([1, 2]),
    preference_share=st.sampled_from([0.0, 0.3, 0.6]),
)


def strategy_of(name: str, folder: Path) -> Strategy:
    return Window(4) if name == "window" else Semantic(EmbeddingCache(CountingEmbedder(), folder), 6, 3)


@settings(max_examples=25)
@given(chats(25, ("chat1", "chat2")), options_of, st.sampled_from(["window", "semantic"]))
def test_nothing_is_lost_and_no_message_is_on_two_sides(
    messages: list[ChatMessage], options: ExampleOptions, name: str
) -> None:
    with TemporaryDirectory() as home:
        folder = Path(home)
        dataset = dataset_of(folder / "chat", messages)
        strategy = strategy_of(name, folder)
        try:
            built = build_examples(dataset, PERSON, strategy, options, folder / "examples")
        except InputError:
            assume(False)
            return
        examples, rejections = list(built.rows()), list(built.rejections())
        known = {one.message_id: one for one in messages}
        own = [one.message_id for one in messages if one.author == PERSON]
        replied = [row_id for one in examples for row_id in one.reply_ids]
        assert sorted([*replied, *(str(one.row_id) for one in rejections)]) == sorted(own), "each once"
        sides = {side: {i for e in examples if e.side == side for i in (*e.context_ids, *e.reply_ids)}
                 for side in ("train", "preference", "test")}  # fmt: skip
        assert sum(map(len, sides.values())) == len(set().union(*sides.values())), "no message is on two sides"
        assert built.manifest["sides"] == {side: sum(e.side == side for e in examples) for side in sides}
        order = {row_id: place for place, row_id in enumerate(known)}
        for one in examples:
            assert 1 <= len(one.context) <= strategy.most
            assert one.reply == "\n".join(known[row_id].text for row_id in one.reply_ids)
            assert tuple(row_id for turn in one.context for row_id in turn.ids) == one.context_ids
            for turn in one.context:
                assert turn.text == "\n".join(known[row_id].text for row_id in turn.ids)
            places = [order[row_id] for row_id in (*one.context_ids, *one.reply_ids)]
            assert places == sorted(places) and {known[row_id].chat for row_id in one.context_ids} == {one.chat}
            authors = [known[turn.ids[0]].author for turn in one.context]
            assert [turn.speaker for turn in one.context] == speakers(authors, PERSON)
        for chat in ("chat1", "chat2"):
            parts = {
                side: [order[e.reply_ids[0]] for e in examples if (e.chat, e.side) == (chat, side)] for side in sides
            }
            assert sorted(in_order := [place for side in sides for place in parts[side]]) == in_order


def test_the_reasons_are_counted_and_the_manifest_tells_how_it_was_made(tmp_path: Path) -> None:
    said = [
        message(0, PERSON, 0, "first of all"),
        message(1, "Person2", 1, "lunch?"),
        message(2, PERSON, 2, "soup"),
        message(3, PERSON, 3, "or salad"),
        message(4, PERSON, 4, kind="media"),
        message(5, "Person2", 5, "fine"),
        message(6, PERSON, 6, "ok"),
        message(7, PERSON, 7, " "),
        message(8, "Person3", 8, "see you at the station on the hill at nine"),
        message(9, PERSON, 9, "see you at the station on the hill at nine!"),
        message(10, "Person3", 10, "I said that"),
        message(11, PERSON, 11, "see you at the station on the hill at nine too"),
    ]
    dataset = dataset_of(tmp_path / "chat", said)
    options = ExampleOptions(test_share=0.3, least_words=2)
    built = build_examples(dataset, PERSON, Window(3), options, tmp_path / "examples")
    manifest = built.manifest
    assert [(one.reply, one.side) for one in built.rows()] == [
        ("soup\nor salad", "train"), ("see you at the station on the hill at nine!", "train"),
        ("see you at the station on the hill at nine too", "test"),
    ]  # fmt: skip
    assert next(iter(built.rows())).context == (
        ChatTurn("SYS", "first of all", ("m0",)), ChatTurn("A", "lunch?", ("m1",)),
    )  # fmt: skip
    assert manifest["reasons"] == {"empty": 1, "media": 1, "no_context": 1, "too_short": 1}
    assert manifest["sides"] == {"train": 2, "preference": 0, "test": 1} and manifest["chats"] == 1
    assert manifest["test_replies_trained_on"] == {"looked_at": 1, "repeated": 1}
    assert (manifest["person"], manifest["strategy"], manifest["settings"]) == (
        PERSON, "window", {"k": 3, "across": False}
    )  # fmt: skip
    assert manifest["parents"][0]["content_hash"] == dataset.content_hash
    again = build_examples(dataset, PERSON, Window(3), options, tmp_path / "again")
    assert again.content_hash == built.content_hash
    assert all(one.row is None for one in built.rejections()), "no text among what is left out"


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "chat", talk("lunch?", "soup"))
    options = ExampleOptions()

    def fails(
        kind: type[Exception], match: str, person: str = PERSON, source: object = dataset, **other: object
    ) -> None:
        with pytest.raises(kind, match=match) as caught:
            build_examples(source, person, Window(3), ExampleOptions(**other), tmp_path / "out")  # type: ignore[arg-type]
        assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()

    fails(InputError, r"nobody is called 'Alice' there; choose Person1, Person2", person="Alice")
    fails(ConfigurationError, "test share of 1", test_share=1.0)
    fails(ConfigurationError, "at least 0 words", least_words=0)
    alone = dataset_of(tmp_path / "alone", [message(0, PERSON, 0)])
    fails(InputError, "no reply of Person1 has a context", source=alone)
    torn = [message(0, PERSON, 0), message(1, PERSON, 1, chat="chat2"), message(2, PERSON, 2)]
    fails(InputError, "messages of chat1 do not stand together", source=dataset_of(tmp_path / "torn", torn))
    late = [message(0, "Person2", 0), message(1, PERSON, 1, time="yesterday")]
    fails(InputError, "chat1 line 1: the time 'yesterday' is none", source=dataset_of(tmp_path / "late", late))
    with DatasetWriter(tmp_path / "other", "questions") as writer:
        fails(InputError, "a dataset of questions; give one of chat_messages", source=writer.finish())
    with pytest.raises(InputError, match="input and output are the same"):
        build_examples(dataset, PERSON, Window(3), options, dataset.path)


def test_more_people_than_letters_are_refused(tmp_path: Path) -> None:
    crowd = [message(number, f"Person{number + 2}", number) for number in range(30)]
    dataset = dataset_of(tmp_path / "chat", [*crowd, message(30, PERSON, 30)])
    with pytest.raises(ConfigurationError, match="30 people write there"):
        build_examples(dataset, PERSON, Window(27), ExampleOptions(), tmp_path / "out")
    built = build_examples(dataset, PERSON, Window(26), ExampleOptions(), tmp_path / "out")
    assert [turn.speaker for turn in next(iter(built.rows())).context] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
