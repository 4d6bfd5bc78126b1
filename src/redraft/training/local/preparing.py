"""What a curriculum needs before its first step: the model, all rows as tokens, what each phase trains on; and the
refusals, so that what would end badly does not begin.

Neighbours: `models`, `encoding`, `memory`; `training` goes on from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from redraft.records import CurriculumRow, Phase
from redraft.training.local.encoding import Chosen, Encoded, Lengths, encode, require_lengths, unknown_outputs
from redraft.training.local.memory import estimate, free_memory, require_memory
from redraft.training.local.models import Base, base_of_run, load_tokenizer
from redraft.training.local.phases import planned_steps, precision
from redraft.training.local.plan import TINY, CurriculumPlan
from redraft.training.local.rows import Rows, apart, drawn, replayed
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.telling import Teller
from redraft.training.local.tiny import NAME, build_tiny
from redraft.training.local.world import World


class Share(msgspec.Struct, frozen=True):
    """What a phase is trained on, what is held out of it for early stopping, and its optimizer steps."""

    rows: Chosen
    held_out: Chosen | None
    steps: int


class HeldOut(msgspec.Struct, frozen=True):
    """The rows of one evaluation, also as tokens."""

    rows: list[CurriculumRow]
    encoded: Encoded


class Prepared(msgspec.Struct, frozen=True):
    """A curriculum that can begin. `shares` are in the phases' order, `evaluations` as the plan has them."""

    base: Base
    tokenizer: Any
    shares: dict[Phase, Share]
    evaluations: dict[Phase, HeldOut]

    @property
    def steps(self) -> int:
        return sum(share.steps for share in self.shares.values())


def prepare(folder: Path, plan: CurriculumPlan, rows: Rows, world: World, teller: Teller) -> Prepared:
    """Everything that the run in `folder` needs.

    Raises InputError for rows that would be cut off and for a model that is not the one that the run began with;
    ConfigurationError for a model that cannot be had or that does not fit into the memory.
    """
    settings = plan.settings
    base = _base(folder, plan, rows, world, world.agreed(teller.state.revision))
    tokenizer = load_tokenizer(base.path)
    prefixes = settings.prefixes
    trained: dict[Phase, Encoded] = {
        phase: encode(tokenizer, prefixes[phase], some) for phase, some in rows.trained.rows.items()
    }
    longest = require_lengths(trained, rows.trained.paths, settings)
    evaluations: dict[Phase, HeldOut] = {}
    for phase, some in rows.held_out.rows.items():
        chosen = drawn(some, settings.evaluation_rows, settings.seed)
        evaluations[phase] = HeldOut(chosen, encode(tokenizer, prefixes[phase], chosen))
    asked: dict[Phase, Encoded] = {phase: one.encoded for phase, one in evaluations.items()}
    require_lengths(asked, rows.held_out.paths, settings)
    for phase, encoded in trained.items():
        if unknown := unknown_outputs(encoded, tokenizer.unk_token_id):
            teller.event(
                "warning", f"{phase}: {unknown} answers hold characters that the model cannot write", "warning"
            )
    _require_memory(base, settings, longest, world, teller)
    return Prepared(base, tokenizer, _shares(rows, trained, settings), evaluations)


def _base(folder: Path, plan: CurriculumPlan, rows: Rows, world: World, begun: str) -> Base:
    """The model that the run works with, under the name that people know it by."""

    def build(path: Path) -> None:
        texts = (text for some in rows.trained.rows.values() for row in some for text in (row.input, row.output))
        build_tiny(texts, path, plan.settings.seed)

    base = base_of_run(folder, plan.model, plan.revision, begun, build, world)
    return msgspec.structs.replace(base, name=NAME) if plan.model == TINY else base


def _require_memory(base: Base, settings: CurriculumSettings, longest: Lengths, world: World, teller: Teller) -> None:
    half = any(precision(settings, on_cpu=world.on_cpu).values())
    needed = estimate(
        base.path, settings, longest, half=half, on_cpu=world.on_cpu, together=world.here
    ).total  # fmt: skip
    # All measure before one of them takes any, and all come to the same end.
    free = min(world.gathered(free_memory(world.on_cpu)))
    line = f"about {needed / 1e9:.1f} GB of memory needed, {free / 1e9:.1f} GB free"
    teller.event("memory", line, "warning" if needed > free else "info")
    require_memory(needed, free, allowed=settings.allow_memory)


def _shares(rows: Rows, encoded: dict[Phase, Encoded], settings: CurriculumSettings) -> dict[Phase, Share]:
    share = settings.early_stopping_share if settings.early_stopping_patience else 0.0
    parted: dict[Phase, tuple[list[int], list[int]]] = {
        phase: apart(some, share, settings.seed) for phase, some in rows.trained.rows.items()
    }
    trained: dict[Phase, list[int]] = {phase: own for phase, (own, _) in parted.items()}
    shares: dict[Phase, Share] = {}
    for phase, (own, held) in parted.items():
        rehearsed = replayed(phase, trained, settings.replay_fraction, settings.seed)
        places: list[tuple[Phase, int]] = [*((phase, place) for place in own), *rehearsed]
        kept_out: list[tuple[Phase, int]] = [(phase, place) for place in held]
        shares[phase] = Share(
            rows=Chosen(encoded, places),
            held_out=Chosen(encoded, kept_out) if held else None,
            steps=planned_steps(len(places), settings),
        )
    return shares
