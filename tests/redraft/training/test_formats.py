"""What `formats` writes, `validator` accepts; what is then broken in it, `validator` refuses."""

from __future__ import annotations

import errno
import hashlib
import json
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError, StorageError
from redraft.records import Example, Message, Rejection
from redraft.training.formats import TrainingFile, training_row, write_training_file
from redraft.training.validator import check_row, check_training_file, require_valid

messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "user", "assistant", "assistant"]), st.text(max_size=8)),
    max_size=7,
).map(tuple)


def example(*turns: tuple[str, str], conversation_id: str = "c1", simulated: bool = False) -> Example:
    return Example(
        conversation_id=conversation_id,
        messages=tuple(Message(role, content) for role, content in turns),  # type: ignore[arg-type]
        category="UR2",
        improved=True,
        generation_method="feedback_based",
        original_response="",
        improvement_timestamp=None,
        simulated=simulated,
    )


@given(messages)
def test_every_row_is_weighted_on_the_last_assistant_message_alone_and_is_accepted(turns: tuple[Message, ...]) -> None:
    row = training_row(example(*((m.role, m.content) for m in turns)))
    if isinstance(row, Rejection):
        return
    decoded = json.loads(json.dumps(row))
    assert list(check_row(decoded)) == []
    weights = [message["weight"] for message in decoded["messages"]]
    assert all(type(weight) is int for weight in weights)
    assert weights == [0] * (len(weights) - 1) + [1]
    assert decoded["messages"][-1]["role"] == "assistant"
    assert decoded["messages"][-1]["content"] == turns[-1].content


BREAKS = {
    "weight as float": lambda m: m[-1].update(weight=1.0),
    "weight as bool": lambda m: m[-1].update(weight=True),
    "weight of two": lambda m: m[-1].update(weight=2),
    "no weight": lambda m: m[-1].pop("weight"),
    "nothing trained": lambda m: m[-1].update(weight=0),
    "user trained": lambda m: m[-2].update(weight=1),
    "unknown role": lambda m: m[-1].update(role="bot"),
    "content of another type": lambda m: m[0].update(content=None),
    "empty response": lambda m: m[-1].update(content=" "),
    "two answers in a row": lambda m: m.append(dict(m[-1])),
    "ends with the user": lambda m: m.append({"role": "user", "content": "x", "weight": 0}),
    "late system": lambda m: m.insert(1, {"role": "system", "content": "x", "weight": 0}),
    "another key": lambda m: m[0].update(name="Ann"),
    "no message": lambda m: m.clear(),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("pairs", [1, 3])
def test_a_broken_row_is_refused(name: str, pairs: int) -> None:
    turns = [("user", "q"), ("assistant", "a")] * pairs
    row = training_row(example(*turns))
    assert not isinstance(row, Rejection)
    assert list(check_row(row)) == []
    BREAKS[name](row["messages"])
    assert list(check_row(row)) != []


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("user", "q")], "no_assistant_response"),
        ([], "no_assistant_response"),
        ([("user", "q"), ("assistant", "a"), ("user", "thanks")], "last_not_assistant"),
        ([("user", "q"), ("assistant", " \n")], "empty_response"),
        ([("user", "q"), ("system", "s"), ("assistant", "a")], "misplaced_system"),
        ([("assistant", "hello"), ("user", "q"), ("assistant", "a")], "not_alternating"),
        ([("user", "q"), ("assistant", "a"), ("assistant", "b")], "not_alternating"),
    ],
)
def test_what_cannot_be_trained_on_is_rejected_with_its_reason(turns: list[tuple[str, str]], reason: str) -> None:
    row = training_row(example(*turns))
    assert isinstance(row, Rejection)
    assert row.reason == reason
    assert row.row_id == "c1"


def test_user_messages_in_a_row_become_one() -> None:
    row = training_row(example(("system", "s"), ("user", "one"), ("user", "two"), ("assistant", "a")))
    assert not isinstance(row, Rejection)
    assert [(m["role"], m["content"]) for m in row["messages"]] == [
        ("system", "s"),
        ("user", "one\n\ntwo"),
        ("assistant", "a"),
    ]


def test_a_file_of_examples_rows_and_rejections(tmp_path: Path) -> None:
    path = tmp_path / "data" / "x_training.jsonl"
    given_examples = [
        example(("user", "ü\u2028q"), ("assistant", "a"), simulated=True),
        {"conversation_id": "r", "conversation_context": [{"role": "user", "content": "q"}]},
        {"conversation_id": "s", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]},
        {"conversation_id": "t", "messages": "not a list"},
        example(("user", "half \ud800"), ("assistant", "a")),
        Rejection(reason="malformed_row", detail="", place="FILE row 9"),
    ]
    written = write_training_file(given_examples, path)
    assert (written.rows, written.simulated) == (2, True)
    reasons = {"malformed_messages": 1, "malformed_row": 1, "no_assistant_response": 1, "not_utf8": 1}
    assert written.rejections == reasons
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [json.loads(line)["messages"][0]["content"] for line in path.read_bytes().splitlines()] == ["ü\u2028q", "q"]
    assert check_training_file(path) == []
    assert require_valid(path) == 2
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    # The same examples again are the same bytes; a limit counts written rows.
    assert write_training_file(given_examples, path).sha256 == written.sha256
    assert write_training_file(given_examples, path, max_conversations=1).rows == 1


def test_a_file_without_rows_is_bad_input_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    before = write_training_file([example(("user", "q"), ("assistant", "a"))], path)
    with pytest.raises(InputError, match="1 no_assistant_response"):
        write_training_file([example(("user", "q"))], path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before.sha256
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_line_and_nothing_half_written(tmp_path: Path) -> None:
    # A file-size limit is the portable full disk: the kernel refuses the write in the middle of the file.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "x.jsonl"
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*x\.jsonl") as caught:
            write_training_file((example(("user", "q" * 100), ("assistant", "a")) for _ in range(1000)), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no row"),
        (b"\n\n", "holds no row"),
        (b"[1]\n", "line 1: row: must be a JSON object"),
        (b'{"messages": [}\n', "line 1: row: is not JSON"),
        (b'\xef\xbb\xbf{"messages": []}\n', "byte order mark"),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}\n', "line 1: row: is not"),
        (b'{"prompt": "a", "completion": "b"}\n', "line 1: messages: is missing"),
        (b'{"messages": [], "tools": []}', "line 1: tools: is not allowed"),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        require_valid(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        check_training_file(tmp_path / "none.jsonl")


def test_faults_stop_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("1\n" * 1000)
    assert [fault.row for fault in check_training_file(path, limit=5)] == [1, 2, 3, 4, 5]


def test_the_number_of_kept_rejections_is_bounded(tmp_path: Path) -> None:
    rows = (example(("user", "q"), conversation_id=f"c{i}") for i in range(1500))
    good = example(("user", "q"), ("assistant", "a"))
    written: TrainingFile = write_training_file([*rows, good], tmp_path / "x.jsonl")
    assert written.rejections == {"no_assistant_response": 1500}
    assert len(written.rejected) == 1000
