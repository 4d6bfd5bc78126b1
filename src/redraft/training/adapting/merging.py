"""An adapter merged into its model: a whole model again, for servers that read no adapters.

Neighbours: `bases` finds the model that the adapter belongs to, `lora` made the adapter.
"""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

from redraft.datasets.files import storage_faults, sync_folder
from redraft.errors import TrainingError
from redraft.training.adapting.bases import notes_in, prepared_of, write_notes
from redraft.training.adapting.models import causal_tokenizer, is_tied, load_adapter, load_causal, stops

MERGED = "merged"
# Most that a logit may move by merging, in 32 bits, and tokens that are looked at.
_MOST = 1e-4
_PROBE = 64


def merge(adapter: Path, folder: Path, work: Path) -> float:
    """Saves the model of an adapter with that merged into it in `folder`, whole or not at all; returns the most that a
    logit of the saved one differs from the adapter's. It ends outputs where the adapter's plan says.

    `work` is where models are prepared anew that are gone. Raises InputError for a folder without an adapter or whose
    model is gone, TrainingError where the merged model computes anything else.
    """
    torch: Any = importlib.import_module("torch")
    notes = notes_in(adapter)
    prepared = prepared_of(adapter, notes, work)
    tokenizer = causal_tokenizer(adapter)
    own = load_causal(prepared.path, torch.float32)
    tied = is_tied(own)
    model, probe = load_adapter(own, adapter), _probe(tokenizer)
    before = _logits(model, probe)
    merged = model.merge_and_unload()
    merged.generation_config.eos_token_id = stops(merged, tokenizer, notes.tokens)
    aside = folder.with_name(f".{folder.name}")
    with storage_faults(folder):
        shutil.rmtree(aside, ignore_errors=True)
        merged.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        saved = load_causal(aside, torch.float32)
        off = float((_logits(saved, probe) - before).abs().max())
        if not off <= _MOST or is_tied(saved) != tied:
            raise TrainingError(
                f"{adapter}: merged, the model computes other logits (by {off:.2g}); use the adapter, and report this"
            )
        write_notes(aside, notes)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        sync_folder(folder.parent)
    return off


def _probe(tokenizer: Any) -> list[int]:
    """Tokens from all over the vocabulary, the last of them first: added ones are there."""
    step = max(1, len(tokenizer) // _PROBE)
    return list(range(len(tokenizer) - 1, -1, -step))[:_PROBE]


def _logits(model: Any, ids: list[int]) -> Any:
    torch: Any = importlib.import_module("torch")
    with torch.inference_mode():
        return model.eval()(input_ids=torch.tensor([ids])).logits
