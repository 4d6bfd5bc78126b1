"""Lengths, what a limit cuts off, and the histogram: the quick way and the close one agree, with sums that fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.tokens import estimate
from redraft.records import Message, Request
from redraft.training.checking.files import check_file
from redraft.training.checking.lengths import Estimate, Lengths
from redraft.training.checking.quick import quick
from redraft.training.checking.shapes import Format

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip)


def conversation(*contents: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]}


@given(st.lists(texts, min_size=2, max_size=7))
def test_a_row_is_as_long_as_the_request_with_its_messages(contents: list[str]) -> None:
    row = conversation(*contents)
    messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
    asked = estimate(Request(model="m", template="t", messages=messages, max_tokens=1))
    assert quick(Format.CONVERSATION)(json.dumps(row).encode()) == (contents, True, False)
    assert Estimate().of_texts(contents, Format.CONVERSATION) == asked
    assert Estimate().total(row, Format.CONVERSATION) == asked
    assert Estimate().before(row, Format.CONVERSATION) < asked


# Buckets end at powers of two, so these matter most.
sizes = st.integers(0, 5000) | st.integers(5, 12).map(lambda bits: 2**bits)


@given(st.lists(sizes, min_size=1), st.integers(1, 5000))
def test_every_row_stands_in_the_histogram_and_below_its_bucket(totals: list[int], limit: int) -> None:
    lengths = Lengths(limit=limit)
    for row, total in enumerate(totals, start=1):
        if lengths.add(row, total):
            lengths.add_cut(row, total, total - 1)
    assert (lengths.rows, lengths.tokens, lengths.longest) == (len(totals), sum(totals), max(totals))
    assert totals[lengths.longest_row - 1] == max(totals) or not lengths.longest
    buckets = dict(lengths.histogram())
    assert sum(buckets.values()) == len(totals)
    for up_to, rows in buckets.items():
        below = up_to // 2 if up_to > 32 else -1
        assert rows == sum(below < total <= up_to for total in totals)
    long = [total for total in totals if total > limit]
    assert (lengths.cut, lengths.tokens_cut) == (len(long), sum(long) - limit * len(long))
    assert lengths.lost == len(long)


def test_a_limit_says_which_rows_lose_what_is_trained_last(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    # 12 tokens stand around a message and its row, 4 around each further one; four letters are a token.
    rows = [
        conversation("q" * 40, "a" * 40),
        conversation("q" * 40, "a" * 4000),
        conversation("q" * 4000, "a" * 40),
        conversation("q", "a" * 4000, "q", "a"),
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    lengths = check_file(path, max_length=500).lengths
    assert (lengths.cut, lengths.first_cut, lengths.lost, lengths.first_lost) == (3, 2, 2, 3)
    assert lengths.tokens_cut == lengths.tokens - 36 - 3 * 500
    assert not lengths.exact
    assert check_file(path, max_length=2000).lengths.cut == 0


def test_the_longer_output_counts_and_tools_do_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    short, long = ([{"role": "assistant", "content": "a" * size}] for size in (40, 400))
    messages = [{"role": "user", "content": "q" * 40}]
    plain = {"input": {"messages": messages}, "preferred_output": short, "non_preferred_output": long}
    tools = [{"type": "function", "function": {"name": "find", "description": "d" * 400}}]
    rich = plain | {"input": {"messages": messages, "tools": tools}}
    path.write_text(json.dumps(plain) + "\n" + json.dumps(rich) + "\n", encoding="utf-8")
    report = check_file(path)
    assert report.good
    assert (report.lengths.tokens - report.lengths.longest, report.lengths.longest_row) == (126, 2)
    assert report.lengths.longest > 126 + 100
