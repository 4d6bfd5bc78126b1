"""`redraft compare`: two runs on the same contexts beside each other; nothing is asked.

Neighbour: `redraft.judging.comparing` computes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from redraft.cli.running import one_line_for_faults
from redraft.cli.side_by_side import echo_columns

if TYPE_CHECKING:
    from redraft.judging.comparing import Matched, Measured, RunComparison

# Changed contexts that are named; all are in the JSON.
NAMED = 10


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("now", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="JSON in place of tables, with every context that changed.")
def compare_command(before: Path, now: Path, as_json: bool) -> None:
    """Compare two runs' results on the contexts that both have: the same answers under another judge or prompt, a
    pair of models after another training, a run done again.

    Tells which verdicts changed, whether the win rate did, and what was different. No call is made.
    """
    with one_line_for_faults():
        from redraft.judging.comparing import compare_runs

        found = compare_runs(before, now)
        if as_json:
            click.echo(msgspec.json.encode(found))
            return
        if found.simulated:
            click.echo("simulated: these numbers say nothing about real models")
        if found.equal:
            click.echo(f"{before} and {now} hold the same judgments: no verdict can differ, and there is no interval")
        else:
            for one in found.matched:
                _show(one, found)
        _differences(found, before, now)


def _show(one: Matched, found: RunComparison) -> None:
    from redraft.judging.untrusted import visible

    click.echo(visible(f"{one.models_before[0]} against {one.models_before[1]}, judged by {one.judge_before}"))
    if (one.models_now, one.judge_now) != (one.models_before, one.judge_before):
        click.echo(visible(f"  then {one.models_now[0]} against {one.models_now[1]}, judged by {one.judge_now}"))
    click.echo(f"  {_overlap(one)}")
    if one.equal:
        click.echo("  both runs hold the same judgments of these: no verdict can differ, and there is no interval")
        return
    if one.n:
        click.echo(f"  {_difference(one, found)}")
        click.echo(
            f"  {_measured('agreement', one.agreement, 'the same verdict')}; "
            f"{_measured('kappa', one.kappa)}; {_measured('alpha', one.alpha)}"
        )
    names = ("win", "tie", "loss", "unusable")
    rows = [[was, *(f"{one.table[was][is_now]:,}" for is_now in names)] for was in names]
    echo_columns(rows, ("before, now:", *names), right=(1, 2, 3, 4))
    if one.changed:
        named = "; ".join(visible(f"{each.context_id} {each.before} → {each.now}") for each in one.changed[:NAMED])
        more = f"; and {len(one.changed) - NAMED:,} more, all in --json" if len(one.changed) > NAMED else ""
        click.echo(f"  changed: {named}{more}")


def _overlap(one: Matched) -> str:
    other = f", {one.other_text:,} more have the same id and another text" if one.other_text else ""
    return (
        f"{one.common:,} contexts are in both ({one.contexts_before:,} before, {one.contexts_now:,} now{other}); "
        f"{one.same_answers_a:,} and {one.same_answers_b:,} of the answers are the same"
        + (f", and {one.same_judgments:,} of the judgments" if one.same_judgments and not one.equal else "")
    )


def _difference(one: Matched, found: RunComparison) -> str:
    from redraft.judging.figures import p_value

    estimate = one.difference
    assert estimate is not None and one.rate_before is not None and one.rate_now is not None  # n is above 0
    said = (
        f"on the {one.n:,} that both decided, the win rate is {one.rate_now:.1%} after {one.rate_before:.1%}: "
        f"{100 * estimate.mean:+.1f} points"
    )
    if not one.up and not one.down:
        return f"{said}, as no verdict changed"
    if estimate.low is None or estimate.high is None or one.p is None:
        return f"{said}, with nothing to tell how sure that is"
    tests = [p_value(one.p)]
    if one.p_adjusted is not None:
        count = sum(each.p_adjusted is not None for each in found.matched)
        tests.append(f"{p_value(one.p_adjusted)} adjusted for {count} comparisons")
    return (
        f"{said} ({100 * found.confidence:g}% interval {100 * estimate.low:+.1f} to {100 * estimate.high:+.1f}, "
        f"{', '.join(tests)}), {'more than chance explains' if one.clear else 'which chance may explain'}; "
        f"{one.up:,} went up and {one.down:,} down ({p_value(one.p_sign)})"
    )


def _measured(name: str, found: Measured, meaning: str = "") -> str:
    if found.value is None:
        return f"no {name}, since all verdicts are alike"
    said = f"{name} {found.value:.2f}" if not meaning else f"{found.value:.0%} have {meaning}"
    if found.low is None or found.high is None:
        return said
    ends = (found.low, found.high)
    return f"{said} ({' to '.join(f'{end:.0%}' if meaning else f'{end:.2f}' for end in ends)})"


def _differences(found: RunComparison, before: Path, now: Path) -> None:
    from redraft.judging.pages import money

    for line in found.unmatched:
        click.echo(f"only in {line}")
    rows = [
        [one.what, one.before or "-", one.now or "-"] for one in (*found.judging, *found.settings, *found.parameters)
    ]
    rows.append(["cost", money(found.cost_before), money(found.cost_now)])
    echo_columns(rows, ("what differs", str(before), str(now)))
