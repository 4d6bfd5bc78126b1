"""Together's rules for training files, one broken row each."""

from __future__ import annotations

import json

import pytest

from redraft.sandbox.training_rows import check_rows

USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
GOOD = {"messages": [USER, ASSISTANT]}


def checked(path, *rows: object):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines))
    return check_rows(path, "jsonl")


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([GOOD, "{"], "Line 2: not a JSON object"),
        ([["a"]], "Line 1: not a JSON object"),
        ([GOOD | {"id": 1}], "Line 1: Found extra column `id`"),
        ([{"question": "q"}], "Line 1: no known format"),
        ([GOOD, {"text": "t"}], "Line 2: expected the format CONVERSATION"),
        ([{"messages": []}], "Line 1: `messages` must be a non-empty list"),
        ([{"messages": [USER]}], "Line 1: `messages` must contain at least one assistant message"),
        ([{"messages": [USER, {"content": "a"}]}], "Line 1: `messages[1]` must contain a `role` field"),
        ([{"messages": [USER, ASSISTANT | {"role": "bot"}]}], "Line 1: `messages[1]` has the unknown role `bot`"),
        ([{"messages": [{"role": "user"}, ASSISTANT]}], "Line 1: `messages[0]` must contain a `content` field"),
        ([{"messages": [USER, ASSISTANT | {"weight": 1.0}]}], "Line 1: `messages[1]` has the weight 1.0"),
        ([{"messages": [USER, ASSISTANT | {"weight": True}]}], "Line 1: `messages[1]` has the weight True"),
        ([{"messages": [USER, ASSISTANT | {"weight": 2}]}], "Line 1: `messages[1]` has the weight 2"),
        ([GOOD | {"weight": -1}], "Line 1: `weight` of a sample"),
        ([{"prompt": "p", "completion": 3}], "Line 1: `completion` must be a string"),
        ([{"input": GOOD, "preferred_output": [ASSISTANT], "non_preferred_output": []}], "Line 1: `non_preferred_out"),
        (["", " "], "The file has no samples"),
    ],
)
def test_a_broken_row_is_found(tmp_path, rows, finding):
    report = checked(tmp_path / "rows.jsonl", *rows)
    assert report.error is not None and report.error.startswith(finding)


def test_good_rows_of_each_format(tmp_path):
    weighted = {"messages": [USER | {"weight": 0}, ASSISTANT | {"weight": 1}], "weight": 0.5}
    report = checked(tmp_path / "a.jsonl", GOOD, "", weighted)
    assert (report.error, report.lines, report.format, report.weights) == (None, 2, "CONVERSATION", True)
    called = {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "c"}]}, {"role": "tool", "content": "r"}]}
    assert checked(tmp_path / "b.jsonl", called).error is None
    assert checked(tmp_path / "c.jsonl", {"prompt": "p", "completion": "c"}).format == "INSTRUCTION"
    pair = {"input": {"messages": [USER]}, "preferred_output": [ASSISTANT], "non_preferred_output": [ASSISTANT]}
    assert checked(tmp_path / "d.jsonl", pair).format == "PREFERENCE"
