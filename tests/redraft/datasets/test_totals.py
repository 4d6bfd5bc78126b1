"""What shards cost in all, against sums made by hand: rows and rejections, priced and not, simulated and real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from redraft.datasets.columns import from_columns
from redraft.datasets.parquet import read_parquet
from redraft.datasets.shards import Shard, find_shard, write_shard
from redraft.datasets.totals import paid_for, totals
from redraft.records import Conversation, Example, Message, Rejection


def example(name: str, **paid: Any) -> Example:
    return Example(
        conversation_id=name,
        messages=(Message("user", "q"), Message("assistant", "a")),
        category="UR2",
        improved=bool(paid),
        generation_method=None,
        original_response="a",
        improvement_timestamp=None,
        **paid,
    )


def rejection(name: str, **paid: Any) -> Rejection:
    return Rejection(reason="truncated", detail="", place=f"feedback_based {name}", row_id=name, **paid)


def shard(folder: Path, index: int, rows: Sequence[Example], rejections: Sequence[Rejection] = ()) -> Shard:
    return write_shard(folder, index, "examples", rows, rejections)


def test_rows_and_rejections_of_all_shards_add_up(tmp_path: Path) -> None:
    shards = [
        shard(
            tmp_path,
            0,
            [
                example("kept"),  # asked nobody, costs nothing
                example("priced", input_tokens=100, output_tokens=20, cost=0.25),
                example("unpriced", input_tokens=7, output_tokens=3),
            ],
            [
                rejection("cut off", input_tokens=50, output_tokens=10, cost=0.5),
                rejection("never answered"),
            ],
        ),
        shard(
            tmp_path,
            1,
            [example("own machine", input_tokens=1, output_tokens=1, cost=0.0)],
            [rejection("empty and unpriced", input_tokens=9)],
        ),
    ]
    assert totals(tmp_path, shards) == {
        "calls": 5,
        "input_tokens": 167,
        "output_tokens": 34,
        "cost": 0.75,
        "unpriced": 2,
        "simulated": False,
    }


def test_a_rejection_knows_that_a_model_answered_without_tokens_or_a_price(tmp_path: Path) -> None:
    paid = [rejection("uncounted", answered_model="m-1"), rejection("nobody answered")]
    found = totals(tmp_path, [shard(tmp_path, 0, [], paid)])
    assert (found["calls"], found["unpriced"], found["cost"]) == (1, 1, 0.0)


def test_an_answer_that_rows_share_was_paid_once(tmp_path: Path) -> None:
    same, other = "a" * 64, "b" * 64
    paid = {"input_tokens": 10, "output_tokens": 2, "cost": 0.25}
    rows = [example("one", request_key=same, **paid), example("other", request_key=other, **paid)]
    rejected = [rejection("as one", request_key=same, **paid), rejection("not asked", request_key=other)]
    assert (paid_for([*rows, *rejected]).calls, paid_for([*rows, *rejected]).cost) == (2, 0.5)
    again = [rejection("alike elsewhere", request_key=same, **paid), rejection("of an earlier version", **paid)]
    first = shard(tmp_path, 0, rows, rejected)
    found = totals(tmp_path, [first, shard(tmp_path, 1, [example("as other", request_key=other, **paid)], again)])
    assert (found["calls"], found["cost"], found["input_tokens"]) == (3, 0.75, 30)


def test_one_of_the_rows_that_asked_the_same_was_answered() -> None:
    same = "a" * 64
    found = paid_for([rejection("late", request_key=same), rejection("paid", request_key=same, cost=0.5)])
    assert (found.calls, found.cost) == (1, 0.5)


def test_what_a_retry_replaced_counts_and_is_told_apart(tmp_path: Path) -> None:
    replaced = paid_for([rejection("a", cost=0.5, input_tokens=3, simulated=True), rejection("b", answered_model="m")])
    row = example("asked again", input_tokens=10, output_tokens=2, cost=0.25)
    written = write_shard(tmp_path, 0, "examples", [row], [], replaced)
    assert find_shard(tmp_path, 0) == written
    then = {"calls": 2, "input_tokens": 3, "output_tokens": 0, "cost": 0.5, "unpriced": 1, "simulated": True}
    assert totals(tmp_path, [written]) == {
        "calls": 3,
        "input_tokens": 13,
        "output_tokens": 2,
        "cost": 0.75,
        "unpriced": 1,
        "simulated": True,
        "replaced": then,
    }
    plain = shard(tmp_path, 1, [row])
    assert b"replaced" not in msgspec.json.encode(plain) and "replaced" not in totals(tmp_path, [plain])


def test_rejections_alone_were_paid_and_simulated_too(tmp_path: Path) -> None:
    paid = [rejection(str(n), input_tokens=10, output_tokens=4, simulated=True) for n in range(3)]
    assert totals(tmp_path, [shard(tmp_path, 0, [], paid)]) == {
        "calls": 3,
        "input_tokens": 30,
        "output_tokens": 12,
        "cost": 0.0,
        "unpriced": 3,
        "simulated": True,
    }


def test_one_simulated_row_marks_the_whole(tmp_path: Path) -> None:
    real = example("real", input_tokens=1, output_tokens=1, cost=0.1)
    shards = [shard(tmp_path, 0, [real]), shard(tmp_path, 1, [example("played", output_tokens=1, simulated=True)])]
    assert totals(tmp_path, shards[:1])["simulated"] is False
    assert totals(tmp_path, shards)["simulated"] is True


def test_nothing_costs_nothing(tmp_path: Path) -> None:
    assert totals(tmp_path, [shard(tmp_path, 0, [])]) == totals(tmp_path, [])
    assert totals(tmp_path, [])["calls"] == 0 and totals(tmp_path, [])["simulated"] is False


def test_files_without_these_columns_cost_nothing_known(tmp_path: Path) -> None:
    """Conversations have none of the columns, and rejections of earlier versions only the cost."""
    talk = Conversation(conversation_id="c", messages=(Message("user", "q"),))
    written = write_shard(tmp_path, 0, "conversations", [talk], [rejection("old", cost=0.5, output_tokens=8)])
    file = tmp_path / written.rejections_file
    newer = ["input_tokens", "output_tokens", "simulated", "answered_model"]
    pq.write_table(pq.read_table(file).drop_columns(newer), file)
    (read,) = (from_columns(Rejection, row) for row in read_parquet(file))
    assert read == rejection("old", cost=0.5)
    found = totals(tmp_path, [written])
    assert (found["calls"], found["cost"], found["output_tokens"], found["unpriced"]) == (1, 0.5, 0, 0)
