"""The caller of a flow: while it is open, everybody sees that its run goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from redraft.calling.ledger import ledger_address
from redraft.calling.ledger.database import Database
from redraft.calling.runs import commands, under_way
from tasks.session import calling_session


def test_a_run_is_under_way_as_long_as_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    monkeypatch.delenv("REDRAFT_LEDGER_URL", raising=False)

    async def seen() -> tuple[dict[str, str], list[str]]:
        async with Database(ledger_address()) as database:
            known = await commands(database)
            return known, await under_way(database, known)

    async def session() -> None:
        async with calling_session(None, work="ranking:/there") as caller:
            run = caller.plan.run
            assert await seen() == ({run: "ranking:/there"}, [run])
        assert await seen() == ({run: "ranking:/there"}, [])

    asyncio.run(session())
