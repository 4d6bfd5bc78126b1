"""Several processes refuse together what will not fit, or begin together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from redraft.training.local import preparing
from redraft.training.local.encoding import Lengths
from redraft.training.local.models import Base
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.telling import Teller, read_state


def world(*others: int) -> Any:
    """One of the processes, the others of which have so many bytes free."""
    return SimpleNamespace(on_cpu=True, here=2, gathered=lambda free: [free, *others])


def test_where_one_of_several_has_too_little_all_refuse(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    transformers.T5Config(d_model=32, d_ff=64, d_kv=16, num_layers=1, num_heads=2, vocab_size=200).save_pretrained(
        tmp_path
    )
    base, teller = Base("tiny", tmp_path, "sha256:0"), Teller(tmp_path)
    settings = CurriculumSettings(processes=2, device="cpu")

    def check(*others: int) -> None:
        preparing._require_memory(base, settings, Lengths(16, 4), world(*others), teller)

    check(2**40)
    with pytest.raises(ConfigurationError, match=r"needs about 1\.0 GB of memory and 0\.5 GB are free"):
        check(500_000_000)
    assert "0.5 GB free" in (tmp_path / "events.jsonl").read_text().splitlines()[-1]
    assert read_state(tmp_path) is None
