"""Only whole checkpoints are gone on from; what a kill left of another is removed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.training.local.checkpoints import best_of, is_whole, last_valid


def weights(path: Path, size: int = 64) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))


def checkpoint(folder: Path, step: int, world_size: int = 1) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    weights(made / "model.safetensors")
    ranks = ["rng_state.pth"] if world_size == 1 else [f"rng_state_{rank}.pth" for rank in range(world_size)]
    for name in ("optimizer.pt", "scheduler.pt", *ranks):
        with zipfile.ZipFile(made / name, "w") as archive:
            archive.writestr("data", b"0" * 100)
    stopping = {"EarlyStoppingCallback": {"attributes": {"early_stopping_patience_counter": 2}}}
    state = {"global_step": step, "best_global_step": 10, "stateful_callbacks": stopping, "log_history": [float("nan")]}
    (made / "trainer_state.json").write_text(json.dumps(state))
    return made


def cut(name: str) -> Callable[[Path], object]:
    return lambda made: (made / name).write_bytes((made / name).read_bytes()[:-20])


TORN: dict[str, Callable[[Path], object]] = {
    **{f"{name} cut short": cut(name) for name in (
        "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"
    )},
    **{f"no {name}": (lambda made, name=name: (made / name).unlink()) for name in (
        "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"
    )},
    "another step": lambda made: (made / "trainer_state.json").write_text('{"global_step": 19}'),
    "weights of three bytes": lambda made: (made / "model.safetensors").write_bytes(b"abc"),
    "an empty state": lambda made: (made / "trainer_state.json").write_text(""),
}  # fmt: skip


@pytest.mark.parametrize("how", TORN)
def test_a_torn_checkpoint_is_removed_and_the_one_before_taken(tmp_path: Path, how: str) -> None:
    good, torn = checkpoint(tmp_path, 10), checkpoint(tmp_path, 20)
    assert last_valid(tmp_path) == torn
    TORN[how](torn)
    assert last_valid(tmp_path) == good
    assert not torn.exists()


def test_the_highest_step_is_taken_by_number(tmp_path: Path) -> None:
    assert last_valid(tmp_path / "nothing") is None
    checkpoint(tmp_path, 90)
    assert last_valid(tmp_path) != checkpoint(tmp_path, 100)
    assert last_valid(tmp_path) == tmp_path / "checkpoint-100"
    assert (tmp_path / "checkpoint-90").exists()


def test_every_process_has_its_random_numbers(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 10, world_size=2)
    assert is_whole(made, 2)
    assert not is_whole(made, 3)
    assert not is_whole(made, 1)


def test_weights_in_parts_are_whole_with_all_of_them(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 10)
    (made / "model.safetensors").rename(made / "model-1-of-2.safetensors")
    named = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (made / "model.safetensors.index.json").write_text(json.dumps(named))
    assert not is_whole(made)
    weights(made / "model-2-of-2.safetensors")
    assert is_whole(made)


def test_the_best_step_and_the_patience_that_is_used_up(tmp_path: Path) -> None:
    assert best_of(checkpoint(tmp_path, 20)) == (10, 2)


def test_an_adapters_weights_are_weights_too(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 10)
    (made / "model.safetensors").rename(made / "adapter_model.safetensors")
    assert is_whole(made)
    cut("adapter_model.safetensors")(made)
    assert not is_whole(made)
