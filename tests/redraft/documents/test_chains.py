"""Which models are asked: the bundled chains, a user's own file, a command's options, and names that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.documents.chains import STAGES, chain_of
from redraft.errors import ConfigurationError
from redraft.providers.endpoints import canonical, split_model


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    return tmp_path / "chains.toml"


@pytest.mark.parametrize("stage", STAGES)
def test_bundled_chains_have_several_providers(own: Path, stage: str) -> None:
    chain = chain_of(stage)  # type: ignore[arg-type]
    assert [canonical(one) for one in chain] == list(chain) and len(chain) >= 3
    assert len({split_model(one)[0] for one in chain}) >= 2
    assert chain[0].startswith("anthropic:claude-opus" if stage == "responses" else "anthropic:claude-sonnet")


def test_a_file_of_ones_own_goes_before_them_and_options_before_both(own: Path) -> None:
    bundled = chain_of("documents")
    own.write_text('responses = ["vllm:mine", "x/y"]\n')
    assert chain_of("responses") == (canonical("vllm:mine"), canonical("x/y"))
    assert chain_of("documents") == bundled
    assert chain_of("responses", ["ollama:other"]) == ("ollama:other",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('answers = ["a/b"]', "no stage 'answers'"),
        ("documents = []", "no list of models"),
        ('documents = "a/b"', "no list of models"),
        ("documents = [1]", "no model's name"),
        ('documents = ["a/b", "a/b"]', "stands twice"),
        ('documents = ["nowhere:a"]', "nowhere"),
        ("documents =", "cannot be read"),
    ],
)
def test_a_broken_file_is_told_in_one_line(own: Path, text: str, said: str) -> None:
    own.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as fault:
        chain_of("responses")
    assert str(own) in str(fault.value) and "\n" not in str(fault.value)
