"""What a person sees before all is paid: the estimate of a dry run, the quality and cost of a pilot, and the question.

Neighbours: `running` starts the flow; the figures come from `redraft.calling.estimating` and the pilot's manifests.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.table import Table

from redraft.cli.consoles import READABLE, results_console
from redraft.cli.running import run_flow

Show = Callable[[dict[str, Any]], None]


def run_or_estimate(path: str, intent: str, show: Show, ahead: Show | None = None, /, **parameters: Any) -> None:
    """Runs a flow; with `dry_run` only its estimate, which `ahead` shows, or `show_estimates`."""
    if parameters["dry_run"]:
        run_flow(path, f"Estimate: {intent}", ahead or show_estimates, **parameters)
    else:
        run_flow(path, intent, show, **parameters)


def run_with_pilot(
    path: str, intent: str, show: Show, yes: bool, parameters: dict[str, Any], show_first: Show | None = None
) -> None:
    """Runs a flow; with `dry_run` only its estimate, with `pilot` its first rows and then, if wanted, all of it.

    `show_first` shows what a pilot found; without it `show_pilot` does.
    """
    if parameters["dry_run"]:
        run_flow(path, f"Estimate: {intent}", show_estimates, **parameters)
        return
    if parameters["pilot"] is not None:
        intended = f"Pilot with the first {parameters['pilot']}: {intent}"
        parameters = run_flow(
            path, intended, show_first or show_pilot, **parameters
        )  # what was agreed to, is not asked again
        if not _go_on(yes):
            return
    run_flow(path, intent, show, **{**parameters, "pilot": None})


def show_estimates(result: dict[str, Any]) -> None:
    """A line for each stage, the total, and what is only assumed."""
    estimates: list[dict[str, Any]] = result["estimates"]
    table = Table(box=None)
    for heading in ("stage", "model", "calls", "recorded", "tokens in", "tokens out", "price", "at worst", "time"):
        table.add_column(heading, justify="left" if heading in ("stage", "model") else "right", overflow="fold")
    for one in estimates:
        table.add_row(
            one["stage"], ", ".join(one["models"]) or "-", f"{one['calls']:,}", f"{one['recorded']:,}",
            f"{one['input_tokens']:,}", f"{one['output_tokens']:,}", _dollars(one["cost"]),
            _dollars(one["worst_cost"]), _time(one["seconds"], one["mode"]),
        )  # fmt: skip
    results_console(READABLE).print(table)
    for line in _remarks(estimates):
        click.echo(line)
    click.echo(result["said"])


def _remarks(estimates: list[dict[str, Any]]) -> list[str]:
    lines = [f"expected: {_total(estimates, 'cost')}; at worst: {_total(estimates, 'worst_cost')}"]
    if unpriced := sorted({model for one in estimates for model in one["unpriced"]}):
        lines.append(f"no known price: {', '.join(unpriced)}; name it in .redraft/prices.toml (docs/guide/money.md)")
    if any(one["mode"] == "training" and one["calls"] and one["cost"] is None for one in estimates):
        lines.append("no known price of the trainings; name it in .redraft/prices.toml (docs/guide/training.md)")
    lines += dict.fromkeys(f"time of {one['stage']}: {one['paced_by']}" for one in estimates if one["calls"])
    if assumed := sorted({what for one in estimates for what in one["assumed"]}):
        lines.append(f"assumed, since there are no such answers yet: {', '.join(assumed)}; a pilot tells")
    if any(one["simulated"] for one in estimates):
        lines.append("simulated: the providers are a sandbox, nothing costs anything")
    return lines


def show_pilot(result: dict[str, Any]) -> None:
    """What became of the first rows and what they cost, then what the rest comes to at that rate."""
    for method, manifest in result["manifests"].items():
        for line in _quality(method, manifest):
            click.echo(line)
    for dataset in result["datasets"].values():
        click.echo(f"look at it: redraft export {shlex.quote(dataset)} {shlex.quote(f'{dataset}.json')}")
    click.echo("what is left, judging by the answers so far:")
    show_estimates(result)


def _quality(method: str, manifest: dict[str, Any]) -> list[str]:
    rows, calls = manifest["count"] + manifest["rejected"], manifest["calls"]
    simulated = " (simulated)" if manifest["simulated"] else ""
    lines = [f"{method}: {rows} rows, {manifest['count']} examples, {manifest['rejected']} rejected{simulated}"]
    for reason, count in manifest["reasons"].items():
        lines.append(f"  rejected, {reason}: {count} ({count / rows:.1%})")
    if calls:
        each = f"{manifest['input_tokens'] / calls:,.0f} tokens in and {manifest['output_tokens'] / calls:,.0f} out"
        unpriced = manifest["unpriced"]
        costs = [f"${manifest['cost']:.4f} in all"] if unpriced < calls else []
        costs += [f"{unpriced} of no known price"] if unpriced else []
        lines.append(f"  {calls} answers of {each}; {', '.join(costs)}{simulated}")
    return lines


def _go_on(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo(f"stopped after the pilot; go on with: {_command_without_pilot()}")
        return False
    if click.confirm("go on?", err=True):
        return True
    click.echo(f"stopped after the pilot, which need not be paid again; go on with: {_command_without_pilot()}")
    return False


def _command_without_pilot() -> str:
    words, kept = iter(sys.argv[1:]), ["redraft"]
    for word in words:
        if word == "--pilot":
            next(words, None)
        elif not word.startswith("--pilot="):
            kept.append(word)
    return shlex.join(kept)


def _dollars(cost: float | None) -> str:
    return "unknown" if cost is None else f"${cost:,.2f}" if cost >= 1 else f"${cost:.4f}"


def _total(estimates: list[dict[str, Any]], name: str) -> str:
    known = [one[name] for one in estimates if one[name] is not None]
    less = "" if len(known) == len(estimates) else " and what has no known price"
    return _dollars(sum(known)) + less


def _time(seconds: float | None, mode: str) -> str:
    if seconds is None:
        return "up to 24 h" if mode == "batch" else "not known"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
