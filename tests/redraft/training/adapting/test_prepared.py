"""A model gets the tokens that it lacks once, and otherwise stays what it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.errors import TrainingError
from redraft.training.adapting.bases import AdapterNotes, prepared_of
from redraft.training.adapting.plans import Tokens
from redraft.training.local.models import find_base

SPECIAL = ("<USR_A>", "<USR_B>", "<SYS>", "<SEP>")
Tiny = Callable[[Any], Path]


@pytest.fixture(autouse=True)
def _local() -> None:
    for name in ("torch", "transformers"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")


@pytest.mark.parametrize("family", ["gemma", "llama"])
def test_the_new_rows_alone_are_new(tiny: Tiny, tmp_path: Path, family: str) -> None:
    from redraft.training.adapting.models import is_tied, load_causal
    from redraft.training.adapting.prepared import prepare_base

    base = find_base(str(tiny(family)), None)
    made = prepare_base(base, SPECIAL, tmp_path)
    before, after = load_causal(base.path), load_causal(made.path)
    assert is_tied(before) == is_tied(after) == (family == "gemma")
    known = before.get_input_embeddings().weight.shape[0]
    assert made.new == tuple(range(known, known + 4)) and after.get_input_embeddings().weight.shape[0] % 8 == 0
    for one, other in (
        (before.get_input_embeddings(), after.get_input_embeddings()),
        (before.get_output_embeddings(), after.get_output_embeddings()),
    ):
        assert (one.weight == other.weight[:known]).all()
        new = other.weight[list(made.new)]
        assert len({tuple(row.tolist()) for row in new}) == 4
        # Near the others, not far off.
        assert (new - one.weight.mean(0)).norm() < one.weight.norm(dim=1).mean() * 2


def test_it_is_prepared_once_and_the_same_anywhere(tiny: Tiny, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from redraft.training.adapting.models import causal_tokenizer
    from redraft.training.adapting.prepared import prepare_base

    base = find_base(str(tiny("gemma")), None)
    made = prepare_base(base, SPECIAL, tmp_path / "here")
    stamp = (made.path / "model.safetensors").stat().st_mtime_ns
    assert prepare_base(base, SPECIAL, tmp_path / "here") == made
    assert (made.path / "model.safetensors").stat().st_mtime_ns == stamp
    notes = AdapterNotes(
        base_model=base.name, revision=base.revision, found=str(base.path), prepared=str(made.path),
        prepared_sha256=made.sha256, tokens=Tokens(special=SPECIAL), max_tokens=9, plan_sha256="", simulated=True,
    )  # fmt: skip
    assert prepared_of(tmp_path, notes, tmp_path / "here") == made
    # What a kill left of another attempt is no hindrance.
    half = tmp_path / "there/bases" / f".{made.path.name}.building"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    torch.rand(1)  # as another process would have drawn
    again = prepare_base(base, SPECIAL, tmp_path / "there")
    assert again.sha256 == made.sha256 and not half.exists()
    assert prepare_base(base, SPECIAL[:2], tmp_path / "here").path != made.path
    # A model that knows the tokens is taken as it is.
    own = prepare_base(find_base(str(made.path), None), SPECIAL, tmp_path / "here")
    assert (own.path, own.new) == (made.path, ())
    assert causal_tokenizer(made.path)("<USR_A>x<SEP>", add_special_tokens=False)["input_ids"][-1] == made.new[3]


def test_rows_to_spare_are_used(tiny: Tiny, tmp_path: Path) -> None:
    from redraft.training.adapting.models import causal_tokenizer, load_causal
    from redraft.training.adapting.prepared import prepare_base

    model, tokenizer = load_causal(tiny("gemma")), causal_tokenizer(tiny("gemma"))
    model.resize_token_embeddings(512, mean_resizing=False)
    for one in (model, tokenizer):
        one.save_pretrained(tmp_path / "spare")
    made = prepare_base(find_base(str(tmp_path / "spare"), None), SPECIAL, tmp_path)
    assert load_causal(made.path).get_input_embeddings().weight.shape[0] == 512
    assert made.new == tuple(range(len(tokenizer), len(tokenizer) + 4))


def test_one_that_is_read_otherwise_than_saved_is_not_used(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redraft.training.adapting import prepared
    from redraft.training.adapting.models import load_causal

    def damaged(folder: Path, *words: Any) -> Any:
        model = load_causal(folder, *words)
        if folder.name.endswith(".building"):
            model.get_input_embeddings().weight.data[0] += 1
        return model

    monkeypatch.setattr(prepared, "load_causal", damaged)
    with pytest.raises(TrainingError, match="read otherwise than it was saved"):
        prepared.prepare_base(find_base(str(tiny("gemma")), None), SPECIAL, tmp_path)
    assert not [path for path in (tmp_path / "bases").iterdir() if path.is_dir() and not path.name.startswith(".")]


def test_a_merged_model_that_computes_otherwise_is_not_saved(
    unbroken: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redraft.training.adapting import merging
    from redraft.training.adapting.models import load_causal

    def damaged(folder: Path, *words: Any) -> Any:
        model = load_causal(folder, *words)
        if folder.name == ".merged":
            model.get_input_embeddings().weight.data *= 1.1
        return model

    monkeypatch.setattr(merging, "load_causal", damaged)
    with pytest.raises(TrainingError, match="merged, the model computes other logits"):
        merging.merge(unbroken / "model", tmp_path / "merged", home / "work")
    assert not (tmp_path / "merged").exists()
