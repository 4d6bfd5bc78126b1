"""Prompts of one side: they are read as they were rendered, and a draw is one of them, again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.rendering import completion_of, prompt_of, read_prompt
from redraft.chat_records import ChatExample, ChatSide, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.imitating.given_rows import given_rows
from redraft.imitating.prompts import write_prompts
from redraft.imitating.tokens import TOKENS

SIDES: tuple[ChatSide, ...] = ("train", "preference", "test")


def examples(path: Path, rows: Sequence[tuple[ChatSide, str]]) -> Dataset:
    with DatasetWriter(path, "chat_examples") as writer:
        for number, (side, text) in enumerate(rows):
            writer.add(
                ChatExample(
                    example_id=f"e{number}", chat="chat1", side=side, context=(ChatTurn("A", text),), reply=f"{text}!",
                    time="2026-01-01T10:00:00+00:00", strategy="window",
                )
            )  # fmt: skip
        return writer.finish()


# Each writes files: few are enough.
@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(SIDES), st.text(max_size=20)), min_size=1, max_size=12),
    st.sampled_from(SIDES),
    st.one_of(st.none(), st.integers(1, 6)),
)
def test_prompts_are_read_as_they_were_rendered_in_the_datasets_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[ChatSide, str]], side: ChatSide, most: int | None
) -> None:
    folder = tmp_path_factory.mktemp("prompts")
    dataset, path = examples(folder / "examples", rows), folder / "prompts.jsonl"
    wanted = {f"e{number}": text for number, (own, text) in enumerate(rows) if own == side}
    if not wanted:
        with pytest.raises(InputError, match=f"no example of the side {side}"):
            write_prompts(dataset, side, path, most)
        assert not path.exists()
        return
    ids = write_prompts(dataset, side, path, most, seed=3)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["example_id"] for line in lines] == ids == [one for one in wanted if one in ids]
    assert len(ids) == min(len(wanted), most or len(wanted))
    assert [read_prompt(line["prompt"])[0].text for line in lines] == [wanted[one] for one in ids]
    assert write_prompts(dataset, side, path, most, seed=3) == ids


def test_rows_of_a_side_are_those_that_trainers_read_and_must_not_change(tmp_path: Path) -> None:
    dataset = examples(tmp_path / "examples", [("train", "hi"), ("test", "no"), ("train", "<SYS> oh")])
    given = given_rows(dataset.path, "train")
    assert given is not None and given.rows == 2 and given_rows(dataset.path, "preference") is None
    given.write(tmp_path / "run/rows.jsonl")
    content = (tmp_path / "run/rows.jsonl").read_bytes()
    assert hashlib.sha256(content).hexdigest() == given.sha256
    assert [json.loads(line) for line in content.splitlines()] == [
        {"prompt": prompt_of([ChatTurn("A", text)]), "completion": completion_of(f"{text}!")}
        for text in ("hi", "<SYS> oh")
    ]
    again = given_rows(tmp_path / "run/rows.jsonl")
    assert again is not None and (again.rows, again.sha256) == (given.rows, given.sha256)
    (tmp_path / "run/rows.jsonl").write_bytes(content + content)
    with pytest.raises(InputError, match="changed while it was read"):
        again.write(tmp_path / "other.jsonl")
    assert not (tmp_path / "other.jsonl").exists()


def test_every_marker_is_a_token_at_which_an_output_ends() -> None:
    assert TOKENS.special == TOKENS.stop and TOKENS.separator in TOKENS.special and len(TOKENS.special) == 28
