"""How a run is shown on one screen of 40 lines at most: money, time, rejections.

Pure functions from `redraft.calling.runs.Run` to what rich prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.calling.accounting import Line, Share, Summary
from redraft.calling.progress import lasting

if TYPE_CHECKING:  # it needs SQLAlchemy, for which no `--help` should wait
    from redraft.calling.runs import Budget, Run

# So many rows of each table are shown; the rest is added up in one more.
_MOST_LINES, _MOST_REASONS = 9, 8

# Columns of that table but for the names of models.
_BESIDE_NAMES = 84

_MENDS = {
    "unreachable": "nobody answered; check the address, rerun",
    "untrusted": "its certificate is not trusted; check address and clock",
    "connection": "the connection broke; rerun",
    "timeout": "no answer in time; rerun, or lower the output tokens",
    "rate_limited": "above the limit; rerun, or lower --rpm",
    "overloaded": "the provider was overloaded; rerun later",
    "server_error": "the provider failed; rerun later",
    "malformed_answer": "no readable answer; rerun",
    "bad_request": "the provider refuses this request; see its detail",
    "model_not_served": "check the model's name",
    "key_refused": "check the key",
    "spend_limit": "raise the account's spend limit, rerun",
    "other_sandbox": "keep one sandbox running, rerun",
    "other_model": "keep one model served under a name, rerun",
    "truncated": "cut off at the output tokens; another model may be briefer",
    "empty": "the model said nothing; `redraft retry`, or a --fallback",
    "refused": "the model refused; a --fallback may answer",
    "filtered": "withheld by the provider's filter; a --fallback may answer",
    "unparseable": "not the asked form, even after asking again; a --fallback may do better",
}


def screen(run: Run, width: int) -> RenderableType:
    """Everything about one run, for `width` columns."""
    summary = run.summary
    parts: list[RenderableType] = [*_head(run), _spent(summary, max(20, width - _BESIDE_NAMES))]
    parts += [Text(line) for line in _money_notes(summary, run.budget)]
    if any(share.seconds for _, share in _shares(summary)):
        parts += [Text(), _waited(summary)]
    if failed := summary.failed():
        parts += [Text(), _rejected(failed)]
    parts += [Text(line) for line in _attempts(summary)]
    return Group(*parts)


def table_of_runs(runs: Sequence[Run]) -> Table:
    table = _table(
        "run", "started (UTC)", "status", ">seconds", ">paid", ">reused", ">rejected", ">US dollars", "command"
    )
    for run in runs:
        summary = run.summary
        table.add_row(
            run.run[:8],
            _moment(run.started_at),
            _status(run),
            f"{summary.wall:.1f}",
            f"{summary.paid:,}",
            f"{summary.reused:,}",
            f"{summary.failed().total():,}",
            _dollars(summary.cost, summary.unpriced),
            Text(run.command, overflow="ellipsis", no_wrap=True),
        )
    return table


def _head(run: Run) -> list[Text]:
    summary = run.summary
    lasted = lasting(summary.wall) if summary.wall >= 10 else f"{summary.wall:.1f} s"
    said = f"{_status(run)}, began {_moment(run.started_at)} UTC, {lasted}"
    requests = f"{summary.requests:,} requests, {summary.rate:,.1f} a second"
    simulated = "; simulated: the sandbox answered, nothing was paid" if summary.simulated else ""
    return [
        Text(f"run {run.run[:8]}  {run.command}", style="bold", overflow="ellipsis", no_wrap=True),
        Text(f"{said}; {requests}{simulated}"),
        Text(),
    ]


def _status(run: Run) -> str:
    return run.status if run.ended_at is not None else "not ended (under way, or killed)"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _spent(summary: Summary, room: int) -> Table:
    """`room` is what there is for the names of models."""
    table = _table("spent on", "model", ">paid", ">reused", ">rejected", ">tokens in", ">out", ">US dollars")
    lines = sorted(summary.lines, key=lambda line: (-line.cost, line.stage, line.model))
    shown = lines if len(lines) <= _MOST_LINES else lines[: _MOST_LINES - 1]
    for line in shown:
        table.add_row(line.stage or "other", _asked(line, room), *_counts([line]))
    if rest := lines[len(shown) :]:
        table.add_row(f"{len(rest)} more", "", *_counts(rest))
    if len(lines) != 1:
        table.add_row("all", "", *_counts(lines), style="bold")
    return table


def _asked(line: Line, room: int) -> str:
    """`provider:model`, whatever the user called it; what is too long loses its middle, for names differ at the end."""
    name = line.model if line.model.startswith(f"{line.provider}:") else f"{line.provider}:{line.model}"
    name = f"{name} (batch)" if line.mode == "batch" else name
    return name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room - room // 2) :]}"


def _counts(lines: Sequence[Line]) -> list[str]:
    reused = sum(line.reused + line.reused_failures for line in lines)
    return [
        f"{sum(line.paid for line in lines):,}",
        f"{reused:,}",
        f"{sum(sum(line.failures.values()) for line in lines):,}",
        f"{sum(line.input_tokens for line in lines):,}",
        f"{sum(line.output_tokens for line in lines):,}",
        _dollars(sum(line.cost for line in lines), sum(line.unpriced for line in lines)),
    ]


def _dollars(cost: float, unpriced: int) -> str:
    if not unpriced:
        return f"{cost:,.4f}"
    return f"{cost:,.4f} + {unpriced:,} unpriced" if cost else f"unknown ({unpriced:,} unpriced)"


def _money_notes(summary: Summary, budget: Budget | None) -> list[str]:
    notes: list[str] = []
    if lost := sum(one.calls for one in summary.lost):
        worst = sum(one.worst_cost for one in summary.lost)
        unpriced = sum(one.unpriced for one in summary.lost)
        costs = [f"they cost ${worst:,.4f} at most"] if unpriced < lost else []
        costs += [f"{unpriced:,} of no known price"] if unpriced else []
        notes.append(f"lost: {lost:,} calls were sent and never answered; {', and '.join(costs)}")
    if moved := _added(line.moved_on for line in summary.lines):
        notes.append(f"passed on to the next model: {_listed(moved)}")
    if budget is not None:
        uncertain = f", up to ${budget.uncertain:,.4f} for calls without an answer" if budget.uncertain else ""
        left = max(0.0, budget.limit - budget.spent - budget.uncertain)
        notes.append(f"budget: ${budget.spent:,.4f} of ${budget.limit:,.2f} spent{uncertain}; ${left:,.4f} left")
    return notes


def _waited(summary: Summary) -> Table:
    """Seconds of all requests together: those in flight at the same time count each for itself."""
    table = _table("waited for", ">share", ">seconds in all", ">median", ">99 of 100 within")
    shares = _shares(summary)
    whole = sum(share.seconds for _, share in shares)
    for name, share in shares:
        part = share.seconds / whole if whole else 0.0
        table.add_row(name, f"{part:.1%}", f"{share.seconds:,.1f}", *_quantiles(share))
    return table


def _shares(summary: Summary) -> tuple[tuple[str, Share], ...]:
    return (
        ("the provider's answers", summary.provider),
        ("the limits", summary.limits),
        ("backing off after faults", summary.backoff),
        ("redraft itself", summary.ours),
    )


def _quantiles(share: Share) -> tuple[str, str]:
    return _short(share.p50), _short(share.p99)


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _rejected(failed: Counter[str]) -> Table:
    table = _table("rejected", ">requests", "what helps")
    ordered = failed.most_common()
    shown = ordered if len(ordered) <= _MOST_REASONS else ordered[: _MOST_REASONS - 1]
    for reason, count in shown:
        table.add_row(reason, f"{count:,}", _MENDS.get(reason, "see the details: `redraft export --rejections`"))
    if rest := ordered[len(shown) :]:
        table.add_row(f"{len(rest)} more", f"{sum(count for _, count in rest):,}", "")
    return table


def _attempts(summary: Summary) -> list[str]:
    if not (kinds := _added(summary.faults.values())):
        return []
    return ["", f"attempts that failed: {_listed(kinds)}; requests were sent again {summary.retries:,} times"]


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    added: Counter[str] = Counter()
    for one in counts:
        added.update(one)
    return added


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


def _table(*headings: str) -> Table:
    """A heading that begins with > stands above numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        number = heading.startswith(">")
        # A number that is broken over two lines cannot be read, a name that is cut off cannot be used.
        justify = "right" if number else "left"
        table.add_column(heading.removeprefix(">"), justify=justify, no_wrap=number, overflow="fold")
    return table
