"""The line that a finished shard leaves in the log."""

from __future__ import annotations

from redraft.calling.progress import Progress
from redraft.datasets.shards import Shard
from redraft.records import Failure
from tasks.shards import metrics

SHARD = Shard(
    index=3, rows=248, rejected=2, reasons={}, sha256="", rows_file="", rows_bytes=0, rejections_file="",
    rejections_bytes=0,
)  # fmt: skip


def test_a_machine_can_read_it() -> None:
    moments = iter([0.0, 10.0, 10.0, 20.0])
    part = Progress("rewrite", clock=lambda: next(moments))
    part.count(
        Failure(request_key="k", model="m", reason="truncated", detail="", attempts=3, cost=0.5, output_tokens=9)
    )
    said = metrics("some method", SHARD, part)
    assert said.startswith("shard ") and "\n" not in said
    fields = dict(word.split("=") for word in said.removeprefix("shard ").split(" "))
    assert fields == {
        "stage": "rewrite", "work": "some_method", "shard": "3", "rows": "248", "rejected": "2", "calls": "1",
        "reused": "0",
        "retries": "2", "seconds": "10.00", "rate": "0.1", "cost": "0.500000", "unpriced": "0", "simulated": "false",
    }  # fmt: skip
