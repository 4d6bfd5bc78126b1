"""What a run that learns from pairs begins with: its model and pairs, those held out apart by their groups.

Neighbours: `reward` and `dpo` train on it, `bases` finds the model, `pairs` reads the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.bases import (
    AdapterNotes,
    adapter_revision,
    base_for,
    is_adapter,
    notes_in,
    notes_of,
    prepared_for,
    prepared_of,
    told_name,
)
from redraft.training.adapting.models import causal_tokenizer
from redraft.training.adapting.pairs import (
    EncodedPairs,
    Pair,
    PairEncoder,
    by_themselves,
    read_pairs,
    require_apart,
    split_by_group,
)
from redraft.training.adapting.preference_plans import DpoPlan, RewardPlan, RlPlan
from redraft.training.adapting.preference_steps import steps_of_epoch
from redraft.training.adapting.prepared import PreparedBase
from redraft.training.adapting.running import Run, tell_shortened
from redraft.training.local.models import require_same
from redraft.training.local.world import World


class Start(msgspec.Struct, frozen=True):
    """The model or adapter, of `name` and `revision`, that a run begins with; `notes` say what its product belongs
    to."""

    name: str
    revision: str
    notes: AdapterNotes
    prepared: PreparedBase

    def trained_by(self, plan: DpoPlan | RlPlan) -> AdapterNotes:
        """What is said of the adapter once the plan has trained it on."""
        simulated = plan.simulated or self.notes.simulated
        return msgspec.structs.replace(self.notes, plan_sha256=plan.digest, simulated=simulated)


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained on; `held_out_pairs` are those of `held_out` as texts, `total` the steps."""

    start: Start
    tokenizer: Any
    trained: EncodedPairs
    held_out: EncodedPairs
    held_out_pairs: tuple[Pair, ...]
    total: int

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt and output."""
        return max(self.trained.longest, self.held_out.longest)


def tell_begun(run: Run, start: Start, total: int) -> None:
    """Says with what the run of so many steps begins, or goes on."""
    again = run.teller.state.total_steps > 0
    run.teller.now(base=start.name, revision=start.revision, total_steps=total)
    run.teller.event("resumed" if again else "started", f"{start.name} at {start.revision[:19]}, {total:,} steps")


def prepare_pairs(run: Run, plan: RewardPlan | DpoPlan, world: World) -> Ready:
    """The model and the pairs of a plan. Raises InputError for what cannot be trained on, and for held-out pairs whose
    prompts or groups are trained on too."""
    settings = plan.settings
    trained, held_out = _split(run, plan)
    start = from_adapter(run, plan) if is_adapter(plan.model) else _from_model(run, plan, trained, world)
    tokenizer = causal_tokenizer(Path(plan.model) if is_adapter(plan.model) else start.prepared.path)
    tokenizer.padding_side = "right"
    encoder = PairEncoder(tokenizer, plan.tokens, settings.max_tokens)
    path = run.folder / plan.rows.file
    encoded = encoder.pairs(trained, path)
    apart = encoder.pairs(held_out, path if plan.held_out is None else run.folder / plan.held_out.file)
    for what, pairs in (("trained pairs", encoded), ("held-out pairs", apart)):
        tell_shortened(run, what, pairs.shortened, len(pairs.left_out), len(pairs.pairs))
    return Ready(
        start=start,
        tokenizer=tokenizer,
        trained=encoded,
        held_out=apart,
        held_out_pairs=tuple(held_out[one.number] for one in apart.pairs),
        total=settings.epochs * steps_of_epoch(len(encoded.pairs), settings),
    )


def _split(run: Run, plan: RewardPlan | DpoPlan) -> tuple[list[Pair], list[Pair]]:
    pairs = read_pairs(run.folder, plan.rows)
    if plan.held_out is None:
        several = by_themselves(pairs)
        if several != pairs:
            run.teller.event(
                "one_group",
                "all pairs are of one session: whole prompts are held out of it, which share messages with what is "
                "trained on, so that held-out figures flatter; give pairs of several sessions",
                "warning",
            )
        return split_by_group(several, plan.settings.held_out_share, plan.settings.seed)
    held_out = read_pairs(run.folder, plan.held_out)
    require_apart(pairs, held_out, run.folder / plan.held_out.file)
    return pairs, held_out


def from_adapter(run: Run, plan: RewardPlan | DpoPlan | RlPlan) -> Start:
    folder = Path(plan.model)
    notes = notes_in(folder)
    if notes.tokens != plan.tokens:
        raise InputError(f"{folder}: was trained with other special tokens than are planned; plan those")
    revision = adapter_revision(folder)
    require_same(folder, revision, run.teller.state.revision)
    return Start(f"an adapter to {notes.base_model}", revision, notes, prepared_of(folder, notes, run.work))


def _from_model(run: Run, plan: RewardPlan | DpoPlan, pairs: Sequence[Pair], world: World) -> Start:
    texts = (pair.prompt + output for pair in pairs for output in (pair.chosen, pair.rejected))
    base = base_for(run, plan.model, plan.revision, texts, plan.settings.seed, world)
    prepared = prepared_for(run, base, plan.tokens, world)
    notes = notes_of(plan, plan.settings.max_tokens, base, prepared)
    return Start(told_name(base), base.revision, notes, prepared)
