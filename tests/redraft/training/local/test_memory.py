"""Memory is estimated from the model's shape, and a training that will not fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.errors import ConfigurationError
from redraft.training.local import memory
from redraft.training.local.encoding import Lengths
from redraft.training.local.memory import MemoryEstimate, estimate, require_memory
from redraft.training.local.settings import CurriculumSettings

SMALL = {"d_model": 512, "d_ff": 2048, "d_kv": 64, "num_layers": 6, "num_heads": 8, "vocab_size": 32128}
BASE = {"d_model": 768, "d_ff": 3072, "d_kv": 64, "num_layers": 12, "num_heads": 12, "vocab_size": 32128}


@pytest.mark.parametrize(("shape", "parameters", "measured"), [(SMALL, 60.5e6, 2.9e9), (BASE, 222.9e6, 8.2e9)])
def test_an_estimate_is_near_what_was_measured(
    tmp_path: Path, shape: dict[str, int], parameters: float, measured: float
) -> None:
    """Measured with 8 rows of 256 and 64 tokens on a CPU, peak of the whole process."""
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    transformers.T5Config(**shape).save_pretrained(tmp_path)
    settings = CurriculumSettings(batch_size=8)
    found = estimate(tmp_path, settings, Lengths(256, 64), half=False, on_cpu=True)
    assert found.states == pytest.approx(16 * parameters, rel=0.01)
    assert found.total == pytest.approx(measured, rel=0.1)
    halved = estimate(tmp_path, settings, Lengths(256, 64), half=True, on_cpu=False)
    assert halved.states == found.states
    assert halved.activations < 0.65 * found.activations
    assert halved.process == 0


@pytest.mark.parametrize(("on_cpu", "machines"), [(True, 1), (True, 2), (False, 1)])
def test_processes_on_one_cpu_share_its_memory(tmp_path: Path, on_cpu: bool, machines: int) -> None:
    """And each keeps a copy of its gradients, to exchange them."""
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    transformers.T5Config(**SMALL).save_pretrained(tmp_path)

    def needed(processes: int, together: int) -> MemoryEstimate:
        settings = CurriculumSettings(batch_size=8, processes=processes)
        return estimate(tmp_path, settings, Lengths(256, 64), half=False, on_cpu=on_cpu, together=together)

    alone, several = needed(1, 1), needed(4, 4 // machines)
    assert alone.buckets == 0
    assert several.buckets == pytest.approx(alone.states / 4)
    each = alone.total + several.buckets
    assert several.total == (4 // machines if on_cpu else 1) * each


def test_what_does_not_fit_is_refused_unless_allowed() -> None:
    needed = MemoryEstimate(states=6_000_000_000, activations=2_500_000_000, process=500_000_000).total
    require_memory(needed, 9_000_000_000, allowed=False)
    require_memory(needed, 1_000_000_000, allowed=True)
    with pytest.raises(ConfigurationError, match=r"needs about 9.0 GB of memory and 4.0 GB are free: lower batch_size"):
        require_memory(needed, 4_000_000_000, allowed=False)


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    assert memory._left_in_group(tmp_path) > 1e15
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 150000\n")
    assert memory._left_in_group(tmp_path) == 450_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_in_group(tmp_path) > 1e15
