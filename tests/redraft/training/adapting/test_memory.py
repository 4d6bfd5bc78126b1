"""Memory is estimated from the model's shape, and a training that will not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from redraft.training.adapting.memory import estimate, require_memory
from redraft.training.adapting.settings import LoraSettings


@pytest.mark.parametrize(
    ("vocabulary", "width", "inner", "layers", "batch", "tokens", "measured"),
    [
        (32000, 256, 512, 4, 8, 256, 1.91e9),
        (1000, 512, 1536, 8, 8, 128, 1.67e9),
        (1000, 384, 1024, 6, 4, 512, 1.66e9),
    ],
)
def test_an_estimate_is_near_what_was_measured(
    tmp_path: Path, vocabulary: int, width: int, inner: int, layers: int, batch: int, tokens: int, measured: float
) -> None:
    """Measured on a CPU, peak of the whole process in two steps with dropout and AdamW."""
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    shape: dict[str, Any] = {"vocab_size": vocabulary, "hidden_size": width, "intermediate_size": inner}
    heads = {"num_hidden_layers": layers, "num_attention_heads": width // 64, "tie_word_embeddings": True}
    transformers.LlamaConfig(**shape, **heads).save_pretrained(tmp_path)
    settings = LoraSettings(batch_size=batch, max_tokens=tokens)
    found = estimate(tmp_path, settings, tokens, half=False, on_cpu=True)
    assert found.total == pytest.approx(measured, rel=0.1)
    halved = estimate(tmp_path, settings, tokens, half=True, on_cpu=False)
    assert halved.states < found.states and halved.activations < found.activations and halved.process == 0
    fewer = estimate(tmp_path, LoraSettings(batch_size=batch, target_modules="q_proj"), tokens, half=False, on_cpu=True)
    assert found.states - fewer.states == 16 * 16 * layers * (6 * width + 3 * (width + inner))


def test_what_does_not_fit_is_refused_unless_allowed() -> None:
    require_memory(9, 9, allowed=False)
    require_memory(10, 1, allowed=True)
    with pytest.raises(ConfigurationError, match=r"about 9.0 GB of memory and 4.0 GB are free: lower batch_size"):
        require_memory(9_000_000_000, 4_000_000_000, allowed=False)
