"""An adapter as a training in chats leaves it, but with weights that are drawn: of a tiny model, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.chat.rendering import END, MARKERS

WORDS = ["hello and you", "lol ok", "how are you", "fine and you", "no idea", "see you"]
# What it reads and writes together.
PLACES = 64


def make_imitator(run: Path, work: Path, *, simulated: bool = False, merged: bool = False) -> Path:
    """`model/` of the run's folder, and `merged/` where that is wanted; its model is prepared in `work`."""
    import torch

    from redraft.training.adapting.bases import notes_of, write_notes
    from redraft.training.adapting.lora import adapted
    from redraft.training.adapting.merging import MERGED, merge
    from redraft.training.adapting.models import causal_tokenizer
    from redraft.training.adapting.plans import LoraPlan, PlannedRows, Tokens
    from redraft.training.adapting.prepared import prepare_base
    from redraft.training.adapting.settings import LoraSettings
    from redraft.training.adapting.tiny import build_tiny
    from redraft.training.local.models import find_base

    run.mkdir(parents=True)
    base = find_base(str(build_tiny(WORDS * 4, run / "tiny", 1, width=32, layers=1, heads=2)), None)
    tokens = Tokens(special=MARKERS, separator=END, stop=MARKERS)
    prepared = prepare_base(base, tokens.special, work)
    settings = LoraSettings(rank=4, max_tokens=PLACES)
    model: Any = adapted(prepared, settings, on_cpu=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight += 0.5 * torch.randn_like(weight)
    model.save_pretrained(run / "model")
    causal_tokenizer(prepared.path).save_pretrained(run / "model")
    plan = LoraPlan(
        model="tiny", rows=PlannedRows(file="x", sha256="0"), tokens=tokens, settings=settings, simulated=simulated
    )  # fmt: skip
    write_notes(run / "model", notes_of(plan, settings.max_tokens, base, prepared))
    if merged:
        merge(run / "model", run / MERGED, work)
    return run / "model"
