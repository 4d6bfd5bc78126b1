"""Responses lie in the shards of the contexts, row by row, and say why where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.errors import InputError
from redraft.imitating.responses import MISSING, write_responses
from redraft.judging.stage import pair
from redraft.records import Conversation, Message, Response


def test_responses_have_the_shards_of_the_contexts(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "contexts", "conversations", 3) as writer:
        for number in range(8):
            writer.add(Conversation(conversation_id=f"m{number}", messages=(Message("user", "A: hi"),)))
        contexts = writer.finish()
    texts: dict[str, str | None] = {f"m{number}": f"text {number}" for number in range(5)} | {"m5": "", "m6": None}
    made = write_responses(
        contexts, texts, "local:lora", tmp_path / "responses", simulated=True, failures={"m6": "too_long"}
    )
    assert [shard.rows for shard in made.shards] == [shard.rows for shard in contexts.shards] == [3, 3, 2]
    rows: list[Response] = list(made.rows())
    assert [(one.context_id, one.text, one.failure) for one in rows] == [
        *((f"m{number}", f"text {number}", None) for number in range(5)),
        ("m5", "", None), ("m6", None, "too_long"), ("m7", None, MISSING),
    ]  # fmt: skip
    assert all(one.simulated and one.model == "local:lora" for one in rows)
    told = {name: made.manifest[name] for name in ("models", "simulated", "calls", "cost", "unpriced")}
    assert told == {"models": ["local:lora"], "simulated": True, "calls": 0, "cost": 0.0, "unpriced": 0}
    assert made.manifest["parents"][0]["content_hash"] == contexts.content_hash
    assert len(pair(contexts.read_shard(1), made.read_shard(1), made.read_shard(1))) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contexts", "responses"]
    with pytest.raises(InputError, match="input and output are the same"):
        write_responses(contexts, texts, "local:lora", tmp_path / "contexts", simulated=False)
