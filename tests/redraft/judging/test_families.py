"""Which makers' families the names of models tell of."""

from __future__ import annotations

import pytest

from redraft.errors import ConfigurationError
from redraft.judging.families import families, family, related


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("mixtral-8x7b", ("mistral",)),
        ("openai:gpt-5.2", ("gpt",)),
        ("openai:o3-mini", ("gpt",)),
        ("gpt4_1106", ("gpt",)),
        ("google/gemma-3-27b-it", ("gemini",)),
        ("ollama:qwen2.5", ("qwen",)),
        ("together:deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", ("qwen", "deepseek")),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", ("llama",)),
        ("cognitivecomputations/dolphin-2.2.1-mistral-7b", ("mistral",)),
        ("acme-1", ()),
        ("foo3-1", ()),
        ("supernova", ()),
        ("", ()),
    ],
)
def test_families(model: str, expected: tuple[str, ...]) -> None:
    assert families(model) == expected
    assert family(model) == (expected[0] if expected else None)


def test_relatives() -> None:
    assert related("together:deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "ollama:qwen2.5") == "qwen"
    assert related("acme-1", "acme-1") == "the same model"
    assert related("openai:gpt-5.2", "anthropic:claude-opus-5") is None
    with pytest.raises(ConfigurationError):
        family("nobody:gpt-5")
