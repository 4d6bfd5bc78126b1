"""A training file of one's own is checked in every format, fitted to the method, and trained on as it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redraft.errors import InputError
from redraft.training.checking.shapes import Format
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.own_files import examples_in, own_file
from redraft.training.settings import TrainingSettings

CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
WEIGHTED = [{**TURNS[0], "weight": 0}, {**TURNS[1], "weight": 1}]
ROWS: dict[str, dict[str, Any]] = {
    "conversation": {"messages": TURNS},
    "weighted": {"messages": WEIGHTED},
    "tools": {
        "messages": [
            TURNS[0], {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "content": "12:00", "tool_call_id": "c1"}, TURNS[1],
        ],
        "tools": [{"type": "function", "function": {"name": "now"}}],
    },
    "instruction": {"prompt": "p", "completion": "c"},
    "text": {"text": "t"},
    "preference": {
        "input": {"messages": TURNS[:1]},
        "preferred_output": TURNS[1:],
        "non_preferred_output": [{"role": "assistant", "content": "b"}],
    },
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*kinds: str, name: str = "own") -> Path:
        if kinds == ("tokens",):
            path = tmp_path / f"{name}.parquet"
            pq.write_table(pa.table({"input_ids": [[1, 2, 3]] * 3}), path)
            return path
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(ROWS[kind]) + b"\n" for kind in kinds))
        return path

    return write


# (format, `train_on_inputs` as asked for, what goes to the provider, or why not)
INPUTS: list[tuple[tuple[str, ...], Any, Any]] = [
    *(((kind,), "auto", "auto") for kind in (*ROWS, "tokens") if kind != "preference"),
    (("conversation",), True, True),
    (("conversation",), False, "auto"),
    (("instruction",), True, True),
    (("instruction",), False, "auto"),
    (("text",), True, "auto"),
    (("text",), False, "everything is learned, or nothing"),
    (("tokens",), True, "labels of tokenised rows"),
    (("weighted",), True, "every conversation of .* has weights"),
    (("weighted", "weighted"), False, "leave --train-on-inputs out"),
    # Of the rows without weights the parameter decides.
    (("weighted", "conversation"), True, True),
]


@pytest.mark.parametrize(("kinds", "inputs", "sent"), INPUTS)
def test_whoever_decides_what_is_trained_is_asked_alone(
    written: Callable[..., Path], kinds: tuple[str, ...], inputs: Any, sent: Any
) -> None:
    path = written(*kinds)
    if isinstance(sent, str) and sent != "auto":
        with pytest.raises(InputError, match=sent) as caught:
            own_file(path, "sft", inputs)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
        return
    file = own_file(path, "sft", inputs)
    assert file.train_on_inputs == sent and type(file.train_on_inputs) is type(sent)
    assert file.rows == (3 if kinds == ("tokens",) else len(kinds))
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() and file.path == path


def test_the_method_fits_the_format(written: Callable[..., Path]) -> None:
    assert own_file(written("preference"), "dpo").format == Format.PREFERENCE
    with pytest.raises(InputError, match=r"holds preference pairs.*use the method dpo"):
        own_file(written("preference"), "sft")
    for kind in ("conversation", "text", "tokens"):
        with pytest.raises(InputError, match=f"rows of the {kind} format.*needs pairs"):
            own_file(written(kind), "dpo")


def test_the_first_fault_is_one_line_with_its_row_and_how_many_follow(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    good, bad = (msgspec.json.encode(ROWS["conversation"]), b'{"messages": [{"role": "user", "content": 3}]}')
    path.write_bytes(b"\n".join([good, bad, good, bad, bad]))
    said = r"bad\.jsonl: line 2: messages\[0\]\.content: .*; and 2 more, redraft check"
    with pytest.raises(InputError, match=said) as one:
        own_file(path, "sft")
    assert "\n" not in str(one.value) and str(one.value).endswith("shows them all")
    path.write_bytes(bad)
    with pytest.raises(InputError) as alone:
        own_file(path, "sft")
    assert "more" not in str(alone.value)


def test_conversations_in_it_are_known_for_the_held_out_check(written: Callable[..., Path]) -> None:
    [shown] = examples_in(written("tools"), Format.CONVERSATION)
    said = [(message.role, message.content) for message in shown.messages]
    assert said == [("user", "q"), ("assistant", ""), ("tool", "12:00"), ("assistant", "a")]
    [pair] = examples_in(written("preference"), Format.PREFERENCE)
    assert [m.content for m in pair.messages] == ["q", "a"]


@pytest.mark.parametrize("kind", [*ROWS, "tokens"])
def test_every_format_that_passes_is_submitted_once_as_it_stands(
    hosted: HostedTraining, sandbox, written: Callable[..., Path], kind: str
) -> None:
    method = "dpo" if kind == "preference" else "sft"
    file = own_file(written(*[kind] * (1 if kind == "tokens" else 3), name=f"own-{kind}"), method)
    settings = TrainingSettings(model="meta/llama-8b", method=method, suffix=kind)
    job = hosted.start(JobOrder(file=file, settings=settings))
    assert hosted.start(JobOrder(file=file, settings=settings)).job_id == job.job_id
    assert sandbox.jobs() == {job.suffix: 1}
    assert (job.training_path, job.training_sha256, job.name) == (str(file.path), file.sha256, f"own-{kind}")
    assert hosted.plane.client.files.content(job.file_id or "").read() == file.path.read_bytes()
