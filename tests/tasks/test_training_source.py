"""What a file was trained on is noted as long as the model is known; where that cannot be told, it is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from prefect.logging import disable_run_logger

from redraft.calling.notices import LISTENERS
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import ConfigurationError, InputError, OverlapError
from redraft.home import Home
from redraft.records import Conversation, Message
from redraft.training.own_files import own_file
from redraft.training.registry import Registry, registry_address
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from tasks.test_contexts import check_held_out
from tasks.training_source import file_to_train, note_trained, source_of, untold

ROWS = {
    "conversation": {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]},
                                  {"role": "assistant", "content": [{"type": "text", "text": "a"}]}]},
    "preference": {"input": {"messages": [{"role": "user", "content": "q"}]},
                   "preferred_output": [{"role": "assistant", "content": "a"}],
                   "non_preferred_output": [{"role": "assistant", "content": "b"}]},
    "text": {"text": "q a"},
}  # fmt: skip


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    with DatasetWriter(tmp_path / "contexts", "conversations") as writer:
        writer.add(Conversation(conversation_id="c", messages=(Message("user", "q"),)))
        return writer.finish({"source": "s", "contexts": True})


@pytest.mark.parametrize("kind", ROWS)
def test_a_model_is_not_tested_on_what_its_own_file_holds(contexts: Dataset, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.jsonl"
    path.write_bytes(msgspec.json.encode(ROWS[kind]))
    assert source_of(str(path)) == path
    file = own_file(path, "dpo" if kind == "preference" else "sft")
    told: list[str] = []
    token = LISTENERS.set((told.append,))
    with disable_run_logger(), Registry(registry_address()) as registry:
        note_trained(file, None)
        job = registry.plan(file, TrainingSettings(model="m"), endpoint="e", simulated=True)
        registry.moved(job, JobState.COMPLETED, model_output_name="me/trained")
        if kind == "text":
            assert "whether a test context was trained on cannot be told later" in told.pop()
            assert "no conversations" in untold(Home.of().trained_on(file.sha256))
            asyncio.run(check_held_out.fn(str(contexts.path), ["together:me/trained"]))
            assert (
                "whether together:me/trained was trained on these contexts cannot be told: its training" in told.pop()
            )
        else:
            with pytest.raises(OverlapError, match=f"1 of the 1 test contexts .in {path}.: c"):
                asyncio.run(check_held_out.fn(str(contexts.path), ["together:me/trained"]))
    LISTENERS.reset(token)
    assert told == []


def test_ones_own_file_is_whole_and_of_a_known_kind(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(msgspec.json.encode(ROWS["text"]))
    with pytest.raises(ConfigurationError, match=r"max conversations 3: .*own\.jsonl is trained on as it stands"):
        asyncio.run(file_to_train(path, "sft", "auto", 3))
    other = path.rename(tmp_path / "own.csv")
    with pytest.raises(InputError, match=r"own\.csv: a file; .*\.jsonl or \.parquet"):
        source_of(str(other))
