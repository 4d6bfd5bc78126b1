"""What each command did, kept in the ledger's database for `redraft explain`.

Neighbours: `accounting` makes the summaries; what a killed run paid is read from its answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from redraft.calling.accounting import Line, Lost, Summary
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.owners import dead_owners
from redraft.calling.ledger.tables import answers, budgets, claims, lost, runs
from redraft.errors import InputError

Status = Literal["running", "complete", "partial", "failed", "stopped"]


class Budget(msgspec.Struct, frozen=True):
    """US dollars of one scope: the limit, what was spent, and what calls without an answer may have cost at most."""

    scope: str
    limit: float
    spent: float = 0.0
    uncertain: float = 0.0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One command. Times are seconds since the epoch; `ended_at` is None while it runs, and when it was killed."""

    run: str
    command: str
    started_at: float
    ended_at: float | None
    status: Status
    summary: Summary
    budget: Budget | None = None


class _Kept(msgspec.Struct, kw_only=True):
    """What the column `summary` holds; `owner` is the ledger's name of the process."""

    summary: Summary
    owner: str = ""
    scope: str | None = None
    budget: float | None = None


async def record(
    database: Database,
    run: str,
    command: str,
    started_at: float,
    ended_at: float | None,
    status: Status,
    summary: Summary,
    *,
    scope: str | None = None,
    budget: float | None = None,
    owner: str = "",
) -> None:
    """Keeps a run, in place of what was kept of it before: once when it starts, so that a killed one is known, and
    once when it ends. Raises StorageError."""
    row = {
        "run": run,
        "command": command,
        "started_at": started_at,
        "ended_at": ended_at,
        "status": status,
        "summary": msgspec.json.encode(_Kept(summary=summary, scope=scope, budget=budget, owner=owner)),
    }
    async with database.writing() as connection:
        await connection.execute(delete(runs).where(runs.c.run == run))
        await connection.execute(insert(runs), row)


async def latest(database: Database) -> Run | None:
    """The run that began last, or None where there was none."""
    found = await listed(database, 1)
    return found[0] if found else None


async def listed(database: Database, count: int = 20) -> list[Run]:
    """The last `count` runs, newest first."""
    return await _read(database, select(runs).order_by(runs.c.started_at.desc(), runs.c.run).limit(count))


async def find(database: Database, prefix: str) -> Run:
    """The run whose id begins with `prefix`. Raises InputError where none or several do."""
    chosen = select(runs).where(func.substr(runs.c.run, 1, len(prefix)) == prefix.lower()).limit(2)
    found = await _read(database, chosen)
    if not found:
        raise InputError(
            f"run {prefix}: there is none of that id or into that folder; `redraft explain --list` shows those that "
            "there are"
        )
    if len(found) > 1:
        raise InputError(f"run {prefix}: several begin with it; write more of the id")
    return found[0]


async def into(database: Database, folder: Path) -> list[Run]:
    """The runs whose command made that folder, newest first."""
    chosen = select(runs).where(runs.c.command.endswith(f":{folder.resolve()}", autoescape=True))
    return await _read(database, chosen.order_by(runs.c.started_at.desc(), runs.c.run))


async def commands(database: Database) -> dict[str, str]:
    """What each run was: id → `work:folder`, or whatever else it was called."""
    async with database.reading() as connection:
        return {one.run: one.command for one in await connection.execute(select(runs.c.run, runs.c.command))}


async def under_way(database: Database, some: Collection[str]) -> list[str]:
    """Those of these runs, in order, whose process lives and has not ended them, or is asking something for them."""
    owned = select(runs.c.run, runs.c.summary).where(runs.c.ended_at.is_(None))
    asking = select(claims.c.run, claims.c.owner).distinct()
    async with database.reading() as connection:
        held = {(one.run, one.owner) for one in await connection.execute(asking)}
        for one in await connection.execute(owned):
            held.add((one.run, msgspec.json.decode(one.summary, type=_Kept).owner))
    held = {(run, owner) for run, owner in held if owner and run in some}
    dead = await dead_owners(database, {owner for _, owner in held}) if held else set[str]()
    return sorted({run for run, owner in held if owner not in dead})


async def _read(database: Database, chosen: Select[Any]) -> list[Run]:
    async with database.reading() as connection:
        rows = (await connection.execute(chosen)).mappings().all()
        return [await _run(database, connection, row) for row in rows]


async def _run(database: Database, connection: AsyncConnection, row: Mapping[Any, Any]) -> Run:
    kept = msgspec.json.decode(row["summary"], type=_Kept)
    summary = kept.summary if row["ended_at"] is not None else await _unfinished(database, connection, row)
    budget = None
    if kept.scope is not None and kept.budget is not None:
        spent = (await connection.execute(select(budgets).where(budgets.c.scope == kept.scope))).mappings().first()
        aside = select(func.sum(claims.c.set_aside)).where(claims.c.scope == kept.scope)
        # What calls under way hold, or held when their process was killed, may be spent.
        held = (await connection.execute(aside)).scalar() or 0.0
        known, uncertain = (spent["spent"], spent["uncertain"]) if spent is not None else (0.0, 0.0)
        budget = Budget(kept.scope, kept.budget, spent=known, uncertain=uncertain + held)
    return Run(
        run=row["run"],
        command=row["command"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        status=row["status"],
        summary=summary,
        budget=budget,
    )


async def _unfinished(database: Database, connection: AsyncConnection, row: Mapping[Any, Any]) -> Summary:
    """What the ledger knows of a run that has told nothing of itself: what it paid and what it may have paid."""
    asked = answers.c
    groups = (asked.stage, asked.provider, asked.model, asked.mode, asked.kind, asked.reason, asked.simulated)
    unpriced = func.count().filter(asked.cost.is_(None))
    counts = (
        func.count().label("count"),
        func.sum(asked.input_tokens).label("input_tokens"),
        func.sum(asked.output_tokens).label("output_tokens"),
        func.sum(asked.cost).label("cost"),
        unpriced.label("unpriced"),
        func.max(asked.created_at).label("last"),
    )
    paid = select(*groups, *counts).where(asked.run == row["run"]).group_by(*groups)
    found = (await connection.execute(paid)).mappings().all()
    wall = max((one["last"] for one in found), default=row["started_at"]) - row["started_at"]
    requests = sum(one["count"] for one in found)
    return Summary(
        wall=wall,
        requests=requests,
        rate=requests / wall if wall > 0 else 0.0,
        lines=_lines(found),
        lost=await _lost(database, connection, row["run"]),
    )


async def _lost(database: Database, connection: AsyncConnection, run: str) -> tuple[Lost, ...]:
    """The calls of a run whose answers never came: those noted as such, and those that the claims of dead processes
    were sent for, which nobody has taken over yet."""
    noted = select(lost.c.model, lost.c.worst_cost).where(lost.c.run == run)
    rows = [(one[0], one[1]) for one in await connection.execute(noted)]
    held = select(claims.c.owner, claims.c.model, claims.c.set_aside, claims.c.may_cost).where(
        claims.c.run == run, or_(claims.c.set_aside > 0, claims.c.sent_at.is_not(None))
    )
    sent = (await connection.execute(held)).all()
    dead = await dead_owners(database, {one.owner for one in sent}) if sent else set[str]()
    rows += [(one.model, one.set_aside or one.may_cost) for one in sent if one.owner in dead]
    found: dict[str, Lost] = {}
    for model, worst in rows:
        line = found.setdefault(model, Lost(model=model))
        line.calls += 1
        line.worst_cost += worst or 0.0
        line.unpriced += worst is None
    return tuple(found.values())


def _lines(groups: Sequence[Mapping[Any, Any]]) -> tuple[Line, ...]:
    lines: dict[tuple[str, str, str], Line] = {}
    for group in groups:
        key = group["stage"], group["model"], group["mode"]
        if key not in lines:
            lines[key] = Line(stage=key[0], provider=group["provider"], model=key[1], mode=group["mode"])
        line = lines[key]
        if group["kind"] == "completion":
            line.paid += group["count"]
        else:
            reason = group["reason"] or "unknown"
            line.failures[reason] = line.failures.get(reason, 0) + group["count"]
        line.input_tokens += int(group["input_tokens"])
        line.output_tokens += int(group["output_tokens"])
        line.cost += group["cost"] or 0.0
        line.unpriced += group["unpriced"]
        line.simulated = line.simulated or bool(group["simulated"])
    return tuple(lines.values())
