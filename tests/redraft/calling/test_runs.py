"""What is kept of a run, and the screen that `redraft explain` makes of it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from sqlalchemy import insert

from redraft.calling import runs
from redraft.calling.accounting import Account, Line, Share, Summary, Times
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.tables import answers, budgets, lost
from redraft.cli.explain_command import explain_command
from redraft.cli.explaining import screen, table_of_runs
from redraft.errors import InputError
from redraft.records import Completion

FIRST, SECOND = "aa" * 16, "ab" + "c" * 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def within(path: Path, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Database(path) as database:
            return await work(database)

    return asyncio.run(run())


def an_answer(run: str, **fields: Any) -> dict[str, Any]:
    return {
        "request_key": "k", "kind": "completion", "provider": "openai", "model": "openai:m", "answered_model": "m-1",
        "endpoint": "e", "stage": "rewrite", "run": run, "mode": "call", "reason": None, "input_tokens": 10,
        "output_tokens": 5, "cost": 0.25, "simulated": False, "created_at": 107.0, "outcome": b"{}",
    } | fields  # fmt: skip


def shown(renderable: Any, width: int = 140) -> str:
    said = io.StringIO()
    Console(width=width, file=said).print(renderable)
    return said.getvalue()


def test_a_run_is_kept_once_and_found_by_the_beginning_of_its_id(path: Path) -> None:
    async def work(database: Database) -> None:
        assert await runs.latest(database) is None
        await runs.record(database, FIRST, "redraft rewrite", 100.0, None, "running", Summary())
        summary = Summary(wall=5.0, lines=(Line(stage="rewrite", provider="openai", model="openai:m", paid=3),))
        await runs.record(database, FIRST, "redraft rewrite", 100.0, 105.0, "complete", summary)
        await runs.record(database, SECOND, "redraft evaluate", 200.0, 201.0, "failed", Summary())
        assert [run.run for run in await runs.listed(database)] == [SECOND, FIRST]
        found = await runs.find(database, "AA")
        assert (found.status, found.ended_at, found.summary) == ("complete", 105.0, summary)
        assert await runs.latest(database) == await runs.find(database, SECOND)
        with pytest.raises(InputError, match="several"):
            await runs.find(database, "a")
        with pytest.raises(InputError, match="none"):
            await runs.find(database, "a%")

    within(path, work)


def test_a_run_is_found_by_the_folder_it_wrote_to(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_LEDGER_URL", str(path))
    monkeypatch.chdir(tmp_path)
    third, into_it = "ad" * 16, f"evaluate:{tmp_path.resolve()}/results/100%_x"
    keep = ((FIRST, 100.0, into_it), (SECOND, 200.0, into_it), (third, 300.0, f"{into_it}/other"))

    async def work(database: Database) -> None:
        for run, at, command in keep:
            await runs.record(database, run, command, at, at + 1, "complete", Summary())

    within(path, work)
    said = CliRunner().invoke(explain_command, ["results/100%_x/"]).output.splitlines()
    assert said[0] == f"results/100%_x/: the last of 2 runs into it; the others: {FIRST[:8]}"
    assert said[1].startswith(f"run {SECOND[:8]}  evaluate:")
    alone = CliRunner().invoke(explain_command, ["results/100%_x/other"]).output
    assert alone.startswith(f"run {third[:8]}")
    (tmp_path / "ad").mkdir()
    assert CliRunner().invoke(explain_command, ["ad"]).output.startswith(f"run {third[:8]}"), "an id all the same"
    unknown = CliRunner().invoke(explain_command, ["results/y"])
    assert unknown.exit_code == 2 and "into that folder" in unknown.output


def test_a_killed_run_is_told_from_what_the_ledger_holds(path: Path) -> None:
    async def work(database: Database) -> runs.Run:
        await runs.record(database, FIRST, "redraft rewrite", 100.0, None, "running", Summary(), scope="s", budget=2.0)
        paid = [an_answer(FIRST), an_answer(FIRST, cost=None), an_answer(SECOND), an_answer(FIRST, mode="batch")]
        failed = [an_answer(FIRST, kind="failure", reason="refused", simulated=True)]
        missing = {"request_key": "k", "model": "openai:m", "reason": "timeout", "worst_cost": 0.5, "scope": "s",
                   "run": FIRST, "at": 101.0}  # fmt: skip
        async with database.writing() as connection:
            await connection.execute(insert(answers), paid + failed)
            await connection.execute(insert(lost), missing)
            await connection.execute(insert(budgets), {"scope": "s", "spent": 0.75, "uncertain": 0.5})
        return await runs.find(database, FIRST)

    run = within(path, work)
    called, batched = sorted(run.summary.lines, key=lambda line: line.mode, reverse=True)
    assert (called.paid, called.failures, called.cost, called.unpriced) == (2, {"refused": 1}, 0.5, 1)
    assert (batched.paid, batched.cost, run.summary.wall) == (1, 0.25, 7.0)
    assert [(one.calls, one.worst_cost) for one in run.summary.lost] == [(1, 0.5)]
    said = shown(screen(run, 140))
    assert "killed" in said and "simulated" in said and "waited" not in said
    assert "budget: $0.7500 of $2.00 spent, up to $0.5000 for calls without an answer; $0.7500 left" in said
    assert "lost: 1 calls were sent and never answered; they cost $0.5000 at most" in said


@pytest.mark.parametrize(
    ("worst", "said"),
    [
        ([0.5, 0.25], "2 calls were sent and never answered; they cost $0.7500 at most"),
        ([0.5, None], "2 calls were sent and never answered; they cost $0.5000 at most, and 1 of no known price"),
        ([None, None], "2 calls were sent and never answered; 2 of no known price"),
        ([0.0], "1 calls were sent and never answered; they cost $0.0000 at most"),
    ],
)
def test_lost_calls_tell_the_dollars_only_where_a_price_is_known(
    path: Path, worst: list[float | None], said: str
) -> None:
    async def killed(database: Database) -> runs.Run:
        await runs.record(database, FIRST, "redraft rewrite", 100.0, None, "running", Summary())
        rows = [{"request_key": "k", "model": "m:m", "reason": "timeout", "worst_cost": one, "run": FIRST, "at": 1.0}
                for one in worst]  # fmt: skip
        async with database.writing() as connection:
            await connection.execute(insert(lost), rows)
        return await runs.find(database, FIRST)

    account = Account()
    for one in worst:
        account.retried("m:m", "timeout", lost=True, worst_cost=one)
    ended = runs.Run(run=FIRST, command="", started_at=0.0, ended_at=1.0, status="failed", summary=account.summary())
    for run in (ended, within(path, killed)):
        assert f"lost: {said}" in [line.strip() for line in shown(screen(run, 140)).splitlines()]


def test_the_screen_tells_spent_waited_and_rejected(path: Path) -> None:
    summary = Summary(
        wall=41.2, requests=20_000, rate=485.4, retries=34,
        lines=(
            Line(stage="rewrite", provider="openai", model="openai:m", paid=19_000, reused=900, cost=1.5, unpriced=2,
                 input_tokens=3_800_000, output_tokens=1_200_000, failures={"timeout": 60, "refused": 40}),
        ),
        faults={"openai:m": {"rate_limited": 30, "timeout": 64}},
        provider=Share(800.0, 0.1, 0.4), limits=Share(190.0, 0.002, 1.5), ours=Share(10.0, 0.0004, 0.009),
    )  # fmt: skip
    run = runs.Run(
        run=FIRST, command="redraft rewrite", started_at=0.0, ended_at=41.2, status="partial", summary=summary
    )
    said = " ".join(shown(screen(run, 140)).split())
    for words in (
        "partial, began 1970-01-01 00:00:00 UTC, 41 s; 20,000 requests, 485.4 a second",
        "rewrite openai:m 19,000 900 100 3,800,000 1,200,000 1.5000 + 2 unpriced",
        "the provider's answers 80.0% 800.0 100.0 ms 400.0 ms",
        "redraft itself 1.0% 10.0 0.4 ms 9.0 ms",
        "timeout 60 no answer in time; rerun",
        "refused 40 the model refused",
        "attempts that failed: 64 timeout, 30 rate_limited; requests were sent again 34 times",
    ):
        assert words in said, said
    assert "simulated" not in said


def test_it_stays_one_screen_whatever_happened() -> None:
    account = Account()
    for stage in range(9):
        for model in range(9):
            one = Completion(
                request_key="k", text="", model=f"openai:{'long-' * 8}{model}", answered_model="", provider="openai",
                attempts=1, finish_reason="stop", input_tokens=1, output_tokens=1, cost=0.1, latency=0.1, created_at="",
                simulated=False,
            )  # fmt: skip
            account.outcome(f"stage {stage}", one, Times(provider=1.0))
    summary = account.summary()
    summary.lines[0].failures |= {f"reason_{number}": number for number in range(30)}
    run = runs.Run(
        run=FIRST, command="redraft " + "x" * 500, started_at=0.0, ended_at=1.0, status="complete", summary=summary,
        budget=runs.Budget("s", 25.0, 1.0),
    )  # fmt: skip
    for width in (100, 140):
        said = shown(screen(run, width), width)
        assert len(said.splitlines()) <= 40
        assert "73 more" in said and "8.1000" in said
    assert len(shown(table_of_runs([run] * 20)).splitlines()) <= 40


def test_the_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(path.parent))
    monkeypatch.delenv("REDRAFT_LEDGER_URL", raising=False)
    runner = CliRunner()
    assert "no runs yet" in runner.invoke(explain_command).output
    assert not path.exists(), "asking makes nothing"
    keep = [(FIRST, 100.0, "redraft rewrite"), (SECOND, 200.0, "redraft evaluate")]

    async def work(database: Database) -> None:
        for run, at, command in keep:
            await runs.record(database, run, command, at, at + 1, "complete", Summary())

    within(path, work)
    assert "redraft evaluate" in runner.invoke(explain_command).output
    assert "redraft rewrite" in runner.invoke(explain_command, ["aaa"]).output
    listed = runner.invoke(explain_command, ["--list"]).output
    assert listed.index("redraft evaluate") < listed.index("redraft rewrite")
    unknown = runner.invoke(explain_command, ["ffff"])
    assert unknown.exit_code == 2 and "there is none" in unknown.output
