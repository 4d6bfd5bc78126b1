"""A low-rank adapter (LoRA; Hu et al. 2021) trained on completions, gone on with after a kill, and saved with what it
belongs to.

The trainer is the plain one of transformers, with labels of our own: TRL 1.16's cannot train single embedding rows of a
model whose embeddings are its last layer. Neighbours: `encoding` has the labels, `steps` the trainer, `bases` models.
"""

from __future__ import annotations

import importlib
import shutil
from typing import Any

import msgspec

from redraft.training.adapting.bases import base_for, notes_of, prepared_for, told_name
from redraft.training.adapting.encoding import EncodedRows, Encoder, Examples
from redraft.training.adapting.memory import require_room
from redraft.training.adapting.merging import MERGED, merge
from redraft.training.adapting.models import (
    causal_tokenizer,
    is_tied,
    load_causal,
    new_adapter,
    require_positions,
)
from redraft.training.adapting.plans import LoraPlan, PlannedRows
from redraft.training.adapting.prepared import PreparedBase
from redraft.training.adapting.rows import Row, read_rows
from redraft.training.adapting.running import Run, joined, tell_shortened
from redraft.training.adapting.saving import save_adapter
from redraft.training.adapting.settings import LoraSettings
from redraft.training.adapting.shown_row import shown_row, write_shown_row
from redraft.training.adapting.steps import Steps, steps_of_epoch, train_steps
from redraft.training.local.encoding import unknown_outputs
from redraft.training.local.models import Base
from redraft.training.local.phases import precision
from redraft.training.local.reading import MODEL, PHASES_FOLDER, name_of
from redraft.training.local.reporting import reported, require_wandb
from redraft.training.local.world import World

PHASE = "lora"


class _Prepared(msgspec.Struct, frozen=True):
    base: Base
    prepared: PreparedBase
    tokenizer: Any
    trained: EncodedRows
    held_out: EncodedRows | None
    total: int


def train_lora(run: Run, plan: LoraPlan) -> None:
    """Trains the adapter that is planned into `model/` of the run, and merges it into `merged/` where that is wanted.

    Raises InputError and ConfigurationError before anything is trained, StoppedError, after a checkpoint, where a
    signal asked for the end.
    """
    require_wandb(plan.settings.wandb_project)
    world = joined(plan.settings.device, plan.settings.processes)
    ready = _prepare(run, plan, world)
    if world.first:
        write_shown_row(run.folder, shown_row(ready.tokenizer, Examples(ready.trained.encoded)[0]))
    done = world.agreed((run.folder / MODEL).is_dir())
    # Refusals come before anything is told to have begun.
    steps = None if done else _steps(run, plan, ready, world)
    again = run.teller.state.total_steps > 0
    run.teller.now(
        base=told_name(ready.base),
        revision=ready.base.revision,
        total_steps=ready.total,
        world_size=world.size,
        begun_at=run.teller.state.begun_at or run.teller.state.updated_at,
    )
    what = f"{told_name(ready.base)} at {ready.base.revision[:19]}, {ready.total:,} steps"
    run.teller.event("resumed" if again else "started", what)
    if steps is not None:
        run.teller.now(phase=PHASE, stage="training")
        with reported(plan.settings.wandb_project, steps.label, run.teller.state.begun_at, first=world.first):
            trainer = train_steps(steps, world, run.teller, run.stop)
        notes = notes_of(plan, plan.settings.max_tokens, ready.base, ready.prepared)
        save_adapter(run, trainer, notes, world)
    if world.first:
        shutil.rmtree(run.folder / PHASES_FOLDER / PHASE, ignore_errors=True)
        (run.folder / PHASES_FOLDER / PHASE).mkdir(parents=True)
        if plan.settings.merge and not (run.folder / MERGED).is_dir():
            run.teller.now(stage="saving")
            off = merge(run.folder / MODEL, run.folder / MERGED, run.work)
            run.teller.event("merged", f"{MERGED}/ computes what the adapter does, to {off:.1g} in its logits")
    world.wait()
    run.teller.now(stage="saving", step=run.teller.state.step, done=(PHASE,))


def _prepare(run: Run, plan: LoraPlan, world: World) -> _Prepared:
    settings, teller = plan.settings, run.teller
    rows = read_rows(run.folder, plan.rows, Row)
    texts = (row.prompt + row.completion for row in rows)
    base = base_for(run, plan.model, plan.revision, texts, settings.seed, world)
    prepared = prepared_for(run, base, plan.tokens, world)
    tokenizer = causal_tokenizer(prepared.path)
    tokenizer.padding_side = "right"
    encoder = Encoder(tokenizer, plan.tokens, settings.max_tokens)
    trained = encoder.rows(rows, run.folder / plan.rows.file)
    _tell(run, "trained rows", trained)
    if unknown := unknown_outputs(trained.encoded, tokenizer.unk_token_id):
        teller.event("warning", f"{unknown} completions hold characters that the model cannot write", "warning")
    held_out = _held_out(run, plan.held_out, encoder)
    longest = max(trained.longest, held_out.longest if held_out is not None else 0)
    require_room(run, prepared.path, longest, settings, world)
    total = settings.epochs * steps_of_epoch(len(trained.encoded), settings)
    return _Prepared(base, prepared, tokenizer, trained, held_out, total)


def _held_out(run: Run, file: PlannedRows | None, encoder: Encoder) -> EncodedRows | None:
    if file is None:
        return None
    held_out = encoder.rows(read_rows(run.folder, file, Row), run.folder / file.file)
    _tell(run, "held-out rows", held_out)
    return held_out


def _tell(run: Run, what: str, rows: EncodedRows) -> None:
    tell_shortened(run, what, rows.shortened, len(rows.left_out), len(rows.encoded))


def _steps(run: Run, plan: LoraPlan, ready: _Prepared, world: World) -> Steps:
    return Steps(
        folder=run.folder / PHASES_FOLDER / PHASE,
        model=adapted(ready.prepared, plan.settings, on_cpu=world.on_cpu),
        tokenizer=ready.tokenizer,
        rows=Examples(ready.trained.encoded),
        held_out=None if ready.held_out is None else Examples(ready.held_out.encoded),
        settings=plan.settings,
        label=f"{name_of(run.folder)}-{PHASE}",
    )


def adapted(prepared: PreparedBase, settings: LoraSettings, *, on_cpu: bool) -> Any:
    """The model with a new adapter, which alone is trained, with the rows of new tokens where that is wanted. On a GPU
    the model's own weights, which stay as they are, are in 16 bits where it computes with bf16."""
    torch: Any = importlib.import_module("torch")
    half = not on_cpu and precision(settings, on_cpu=on_cpu)["bf16"]
    model = load_causal(prepared.path, torch.bfloat16 if half else torch.float32)
    require_positions(model, settings.max_tokens)
    rows = _token_rows(model, prepared) if settings.train_new_tokens and prepared.new else None
    return new_adapter(model, settings, "CAUSAL_LM", trainable_token_indices=rows)


def _token_rows(model: Any, prepared: PreparedBase) -> Any:
    """Which rows of which matrices are trained: of both, where embeddings and last layer are two."""
    rows = list(prepared.new)
    if is_tied(model):
        return rows
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    return {name.rpartition(".")[2]: rows for name, layer in model.named_modules() if layer in layers}
