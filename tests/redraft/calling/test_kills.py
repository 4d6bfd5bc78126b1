"""A run that is killed again and again loses nothing, and pays again at most for what was in flight at each kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.kills import Kills, Moment, recorded
from redraft.sandbox.process import SandboxProcess

ROWS, IN_FLIGHT = 1500, 32
# On the wire, or answered and on the way to the disk: a commit takes along what came within 50 ms, and meanwhile the
# next calls have begun.
AT_RISK = IN_FLIGHT + round(IN_FLIGHT / 0.03 * 0.05)


def test_four_kills_lose_what_was_in_flight_at_most(
    start_sandbox: Callable[..., SandboxProcess], tmp_path: Path
) -> None:
    sandbox, ledger = start_sandbox(seed=1, latency_ms=30), tmp_path / "ledger.sqlite"

    def paid() -> int:
        return int(str(sandbox.stats()["paid_calls"]))

    words = ["--url", sandbox.url, "--rows", ROWS, "--in-flight", IN_FLIGHT, "--model", "together:some/model"]
    killing = Kills(words, ledger, paid)
    for moment in (Moment(0, 0.5), Moment(150, 0.01), Moment(600, 0.03), Moment(1100, 0.0)):
        assert killing.at(moment), f"the run ended before {moment.paid} calls"
        assert 0 <= killing.lost[-1] <= AT_RISK, f"lost at each kill so far: {killing.lost}"
    before = recorded(ledger)
    said = killing.finish()
    assert said["counts"]["completion"] == recorded(ledger) == ROWS
    assert said["counts"]["reused"] == before, "the last run asked for the rest alone"
    assert paid() == ROWS + sum(killing.lost), "every other request was paid once"
    assert killing.finish()["counts"]["reused"] == ROWS
    assert paid() == ROWS + sum(killing.lost), "a finished run asks nothing"
