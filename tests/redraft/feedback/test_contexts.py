"""Held-out means held out: both sides of a split share no context, and a context that was trained on is named."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import InputError, OverlapError
from redraft.feedback.contexts import (
    last_contexts,
    refuse_overlap,
    split_held_out,
    to_context,
    trained_fingerprints,
    trained_overlap,
)
from redraft.feedback.rewriting import keep
from redraft.feedback.splitting import context_fingerprint, group_key
from redraft.judging.groups import group_of
from redraft.records import Conversation, Message

OPENINGS = ["How do I sort a list?", "how do i sort a list", "HOW do I sort, a list??", "What is a fjord?", "Hi"]


def row(number: int, opening: str) -> dict[str, Any]:
    return {
        "conversation_id": f"c{number}",
        "conversation_context": [
            {"role": "user", "content": opening},
            {"role": "assistant", "content": f"response {number}"},
            {"role": "user", "content": "no"},
        ],
        "category": "UR3",
    }


def write(folder: Path, openings: list[str]) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps([row(number, opening) for number, opening in enumerate(openings)]))
    return path


@settings(deadline=None, max_examples=25)
@given(st.lists(st.one_of(st.sampled_from(OPENINGS), st.text(min_size=1, max_size=20)), min_size=1, max_size=25),
       st.floats(0.05, 0.95), st.integers(0, 5))  # fmt: skip
def test_a_split_parts_openings_and_loses_nothing(openings: list[str], share: float, seed: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        train, test = split_held_out(write(folder, openings), folder / "train", folder / "test", share, seed)
        trained, tested = list(train.rows()), list(test.rows())
        assert not {group_key(c.messages) for c in trained} & {group_key(c.messages) for c in tested}
        assert not {context_fingerprint(c.messages[:1]) for c in trained} & {
            context_fingerprint(c.messages) for c in tested
        }
        rejected = [rejection.row_id for side in (train, test) for rejection in side.rejections()]
        ids = [c.conversation_id for c in trained] + [c.conversation_id for c in tested] + rejected
        assert sorted(map(str, ids)) == sorted(f"c{number}" for number in range(len(openings)))


def test_contexts_are_the_last_ones_without_response_and_feedback(tmp_path: Path) -> None:
    source = write(tmp_path, [f"question {number}" for number in range(10)])
    contexts = last_contexts(source, tmp_path / "contexts", 4)
    assert [context.conversation_id for context in contexts.rows()] == ["c6", "c7", "c8", "c9"]
    assert all([m.role for m in context.messages] == ["user"] for context in contexts.rows())
    assert contexts.manifest["contexts"] is True
    with pytest.raises(InputError, match="--test-size"):
        last_contexts(source, tmp_path / "none", 0)


def talk(*texts: str) -> tuple[Message, ...]:
    return tuple(Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts))


def test_a_trained_context_is_found_also_inside_a_longer_conversation(tmp_path: Path) -> None:
    source = tmp_path / "rows.json"
    source.write_text(json.dumps([row(1, "What is a fjord?"), row(2, "And a loch?")]))
    contexts = last_contexts(source, tmp_path / "contexts", 2)
    longer = Conversation(
        conversation_id="t", category="UR5",
        messages=talk("what is a FJORD", "A bay.", "And deeper?", "A deep bay.", "thanks"),
    )  # fmt: skip
    assert trained_overlap(contexts, trained_fingerprints([keep(longer)])) == ["c1"]
    with pytest.raises(OverlapError, match=r"the/model was trained on 1 of the 2 test contexts .* c1;"):
        refuse_overlap(contexts, trained_fingerprints([keep(longer)]), "the/model", "data/x")
    refuse_overlap(contexts, [], "the/model", "data/x")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (talk("q", "r"), "no_feedback_turn"),
        (talk("q"), "no_response"),
        ((Message("assistant", "hello"), Message("user", "hi")), "no_question"),
        (talk("x" * 400_000, "r", "f"), "too_long"),
    ],
)
def test_what_gives_no_context_says_why(messages: tuple[Message, ...], reason: str) -> None:
    rejection = to_context(Conversation(conversation_id="a", messages=messages))
    assert getattr(rejection, "reason", None) == reason


def test_personal_data_is_masked_in_contexts() -> None:
    context = to_context(Conversation(conversation_id="a", messages=talk("mail bob@example.org", "r", "f")))
    assert isinstance(context, Conversation) and "bob@" not in context.messages[0].content


def test_processed_rows_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "rows.json"
    source.write_text(json.dumps([{**row(1, "q"), "improved": True, "generation_method": "feedback_based"}]))
    with pytest.raises(InputError, match="already rewritten"):
        last_contexts(source, tmp_path / "contexts", 5)
    assert not (tmp_path / "contexts").exists()


def test_rows_with_an_input_are_contexts_as_they_stand(tmp_path: Path) -> None:
    """What a curriculum holds out: nothing is cut off its end, and the article stays with it as the group."""
    rows: list[dict[str, Any]] = [
        {"input": f"Context: c{number}\nQuestion: q?", "output": "o", "id": f"q{number}", "group": f"g{number // 2}"}
        for number in range(5)
    ]
    rows += [
        {"input": "mail me at ann.bell@example.com", "group": "g9"},
        {"input": 3}, {"output": "o"}, {"input": " "}, {"input": rows[4]["input"], "id": "again"},
        {"messages": [{"role": "user", "content": "hi"}]},
    ]  # fmt: skip
    path = tmp_path / "heldout.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    contexts = last_contexts(path, tmp_path / "contexts", 11)
    found = list(contexts.rows())[2:]
    assert [one.conversation_id for one in found[:3]] == ["q2", "q3", "q4"]
    assert found[0].messages == (Message("user", "Context: c2\nQuestion: q?"),)
    assert [group_of(one) for one in found] == ["group:g1", "group:g1", "group:g2", "group:g9"]
    assert "ann.bell" not in found[3].messages[0].content and found[3].conversation_id.startswith("made-")
    reasons = [(one.reason, one.place) for one in contexts.rejections()]
    assert sorted(reasons) == [
        ("duplicate", "heldout.jsonl row 10"), ("no_question", "heldout.jsonl row 11"),
        ("no_question", "heldout.jsonl row 7"), ("no_question", "heldout.jsonl row 8"),
        ("no_question", "heldout.jsonl row 9"),
    ]  # fmt: skip


def test_fewer_rows_with_an_input_are_a_spread_over_the_file_and_part_of_more(tmp_path: Path) -> None:
    path = tmp_path / "heldout.jsonl"
    rows = [{"input": f"Context: c{n}\nQuestion: q?", "id": f"q{n}", "group": f"g{n // 20}"} for n in range(400)]
    path.write_text("\n".join(map(json.dumps, rows)))
    taken = [
        [one.conversation_id for one in last_contexts(path, tmp_path / f"contexts{place}", count).rows()]
        for place, count in enumerate((60, 60, 120))
    ]
    assert taken[0] == taken[1] and set(taken[0]) < set(taken[2]) and list(map(len, taken)) == [60, 60, 120]
    assert [int(name[1:]) for name in taken[0]] == sorted(int(name[1:]) for name in taken[0]), (
        "as they stand in the file"
    )
    assert len({int(name[1:]) // 20 for name in taken[0]}) > 15, "of nearly all 20 articles"
