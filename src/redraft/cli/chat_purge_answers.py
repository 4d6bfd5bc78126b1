"""Which answers leave the ledger with a person: counted before `redraft chat purge` asks, and taken out after.

Neighbours: `redraft.chat.unheld` finds those that nothing holds, `redraft.calling.ledger.retention` takes them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from redraft.calling.ledger.retention import Going
from redraft.errors import InputError

if TYPE_CHECKING:
    from redraft.calling.ledger.database import Database
    from redraft.chat.purging import Purge
    from redraft.training.moved_runs import Where
    from redraft.training.registry import TrainingJob


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Those that made what goes, and those `loose` ones that were asked for it and that nothing holds any more."""

    made: Going = Going()
    loose: Going = Going()

    @property
    def all(self) -> Going:
        return self.made + self.loose

    def lines(self) -> list[str]:
        """What a person is told before any goes."""
        if not self.all.answers:
            return []
        gone = f"answers in the ledger: {self.all.answers:,} go{_cost(self.all)}"
        told = [f"{gone}; whatever needs one of them again asks, and pays, again"]
        if self.loose.answers:
            told.append(
                f"  {self.loose.answers:,} of these nothing holds any more{_cost(self.loose)}: earlier tries of a "
                "judge, and what a stage had asked that was killed; they may be about people who stay"
            )
        return told


def _cost(going: Going) -> str:
    """What was paid for them, as far as anybody knows."""
    parts = [f"${going.cost:.4f} was paid"] if going.answers > going.unpriced + going.simulated else []
    parts += [f"{going.unpriced:,} of no known price"] if going.unpriced else []
    parts += [f"{going.simulated:,} of a sandbox"] if going.simulated else []
    return f" ({', '.join(parts)})"


async def answers_of(purge: Purge, jobs: Sequence[TrainingJob], work: Path, where: Where, *, delete: bool) -> Answers:
    """The answers that go with what is purged and with the texts of these trainings; without `delete` they stay, and
    are counted. Raises InputError where some of it is being asked at this moment, StorageError."""
    from redraft.calling.ledger import ledger_address
    from redraft.calling.ledger.database import Database
    from redraft.calling.ledger.retention import Removal
    from redraft.calling.runs import commands
    from redraft.chat.derived import put_aside, request_keys_in, stood_at
    from redraft.chat.leftovers import keys_in_work, purge_answers, works_of
    from redraft.chat.unheld import held_keys, purge_unheld, runs_for
    from redraft.training.purged_models import folders_of, texts_of

    address = ledger_address()
    if isinstance(address, Path) and not address.exists():
        return Answers()
    async with Database(address) as database:
        known, texts = await commands(database), texts_of(jobs, where)
        folders = [folder.resolve() for folder in folders_of(jobs, where)]
        # A run is known by the folder that it began in, which may be another run's by now.
        began_in = [place for folder in folders if (place := stood_at(folder)) is not None]
        datasets = [str(Path(one.path).resolve()) for one in purge.affected[1:]]
        runs = runs_for(known, (*purge.places, *map(str, (*folders, *began_in))), datasets)
        await _require_over(database, {run: known[run] for run in runs})
        # Of datasets that are no more nobody can tell which rows were the person's.
        planned, placed = (works_of(work, names) for names in (purge.planned_for, purge.places))
        earlier = sorted({*placed} - {*planned}) if purge.hashes else []
        removal, loose = Removal(database, delete=delete), Going()
        keys = chain(purge.request_keys(), request_keys_in(texts), keys_in_work(earlier))
        made = await purge_answers(removal, keys)
        if runs and purge.hashes:
            goes = {path.resolve() for path in (*purge.derived, *texts, *planned, *placed, *map(Path, datasets))}
            asked_at = [place for folder in runs.values() for place in purge.moves.of(folder)]
            asked_in = {each for folder in asked_at for each in (folder, *put_aside(folder))}
            held = held_keys(purge.kept_keys(), {work, *asked_in}, goes)
            loose = await purge_unheld(database, removal, runs, held)
        await removal.settle()
        return Answers(made=made, loose=loose)


async def _require_over(database: Database, runs: Mapping[str, str]) -> None:
    from redraft.calling.runs import under_way

    for run in await under_way(database, runs):
        raise InputError(
            f"{runs[run]}: a run goes on there, or its batch is open at the provider; let it end, stop the "
            "command that began it, or run that again to collect the batch"
        )
