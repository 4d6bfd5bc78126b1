"""`redraft plan`: how many contexts a run needs, what it would cost, what a smaller one can see; nothing is asked.

Neighbours: `redraft.judging.planning` has the numbers, `pilots` those of an earlier run, `planned_price` the money.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import msgspec

from redraft.cli import judge_options, options
from redraft.cli.leaderboard_command import PairsType
from redraft.cli.running import one_line_for_faults
from redraft.cli.side_by_side import echo_columns
from redraft.real_numbers import Real

if TYPE_CHECKING:
    from redraft.judging.judges import Judge
    from redraft.judging.pilots import Pilot
    from redraft.judging.planned_price import Lengths, Priced
    from redraft.judging.planning import Plan

# As in redraft.judging.planning, which takes long to import.
RATE, TIES = 0.57, 0.3
_SHARE = Real(0, 1, min_open=True, max_open=True)
_FROM_0 = Real(0, 1, max_open=True)
# Contexts whose lengths are measured.
_MEASURED = 500


@click.command("plan")
@click.option(
    "--rate", type=Real(0.5, 1, min_open=True), default=RATE, show_default=True,
    help="The smallest win rate worth acting on; ties count one half.",
)  # fmt: skip
@click.option("--contexts", "-n", type=options.COUNT, metavar="N", help="What can a run of N contexts see?")
@click.option(
    "--pilot", type=click.Path(path_type=Path), metavar="RUN",
    help="Take what is not given here from a run's results: ties, missing verdicts, groups, tokens. Who was ahead is "
    "never looked at.",
)  # fmt: skip
@click.option(
    "--tie-rate", type=_FROM_0, help=f"Share of contexts that will be ties.  [default: the pilot's, or {TIES}]"
)
@click.option("--missing", type=_FROM_0, help="Share of contexts without a verdict.  [default: the pilot's, or 0]")
@click.option("--power", type=_SHARE, default=0.8, show_default=True, help="Chance to notice such a win rate.")
@click.option("--confidence", type=_SHARE, default=0.95, show_default=True, help="Of the test; alpha is 1 less this.")
@click.option(
    "--cluster-size",
    type=Real(min=1),
    help="Contexts of one user or document.  [default: the pilot's, or 1]",
)
@click.option(
    "--correlation", type=Real(0, 1),
    help="How alike contexts of one user or document come out, 0 to 1.  [default: the pilot's, or 0]",
)  # fmt: skip
@judge_options.looks
@click.option(
    "--model", "-m", "models", multiple=True, metavar="MODEL", help="A model to compare, for its price; repeatable."
)
@click.option("--models", "count", type=click.IntRange(min=2), metavar="K",
              help="How many are compared, each with each.  [default: those named, or 2]")  # fmt: skip
@click.option("--leaderboard", is_flag=True, help="Three models are those of a leaderboard, not the arms of a study.")
@click.option(
    "--pairs", type=PairsType(), metavar="N|all",
    help="Pairs that meet on each context of a leaderboard.  [default: as `redraft leaderboard` draws them]",
)  # fmt: skip
@judge_options.judges
@judge_options.judge_prompt
@judge_options.criteria
@click.option(
    "--conversations",
    "-c",
    type=click.Path(path_type=Path),
    help="Take the lengths of contexts from these conversations.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON in place of a table.")
def plan_command(as_json: bool, **told: Any) -> None:
    """How many contexts a comparison needs before anything is spent, and what that takes in calls, tokens and money.

    With --contexts, what a run of that size can see. Nothing is sent.
    """
    with one_line_for_faults():
        _plan(as_json, told)


def _plan(as_json: bool, told: dict[str, Any]) -> None:
    from redraft.errors import ConfigurationError
    from redraft.judging.judges import make_judge
    from redraft.judging.leaderboard.drawing import plan_drawing
    from redraft.judging.pilots import read_pilot
    from redraft.judging.planned_price import price, total_cost
    from redraft.judging.planning import MOST, Aim, plan
    from redraft.judging.portions import look_plan
    from redraft.judging.wording_of_plans import in_words
    from redraft.providers.endpoints import canonical

    models = [canonical(name) for name in told["models"]]
    _require_each_once(models, "model")
    count = told["count"] or max(2, len(models))
    if count < len(models):
        raise ConfigurationError(f"{len(models)} models are named, and --models says {count}")
    names = [told["judge"]] if isinstance(told["judge"], str) else told["judge"]
    judges = [make_judge(name, prompt=told["judge_prompt"], criteria=told["criteria"]) for name in names]
    _require_each_once([one.model for one in judges], "judge")
    leaderboard = told["leaderboard"] or count > 3
    if told["pairs"] is not None and not leaderboard:
        raise ConfigurationError("--pairs draws who meets whom in a leaderboard; add --leaderboard, or leave it out")
    drawn = 0 if told["pairs"] == "all" else told["pairs"]
    each = plan_drawing(count, told["contexts"] or MOST, drawn).each if leaderboard else 0
    pilot = read_pilot(told["pilot"]) if told["pilot"] else None
    looks = look_plan(told["looks"], told["contexts"] or MOST).fractions if told["looks"] is not None else ()
    aim = Aim(
        rate=told["rate"], tie_rate=_first(told["tie_rate"], pilot and pilot.tie_rate, TIES), power=told["power"],
        alpha=round(1 - told["confidence"], 12), missing=_first(told["missing"], pilot and pilot.missing, 0.0),
        cluster_size=_first(told["cluster_size"], pilot and pilot.cluster_size, 1.0),
        correlation=_first(told["correlation"], pilot and pilot.correlation, 0.0),
        retry=pilot.retry if pilot else 0.0, looks=looks, models=count, judges=len(judges), leaderboard=leaderboard,
        each=each,
    )  # fmt: skip
    found = plan(aim, told["contexts"])
    lengths = _lengths(pilot, told["conversations"], judges[0])
    rows = price(found, models, [one.model for one in judges], lengths)
    if as_json:
        document = {"plan": found, "pilot": pilot, "lengths": lengths, "price": rows, "cost": total_cost(rows),
                    "words": in_words(found, rows)}  # fmt: skip
        click.echo(msgspec.json.encode(document))
        return
    for sentence in in_words(found, rows):
        click.echo(sentence)
    _show(found, rows, lengths, pilot)


def _require_each_once(names: list[str], what: str) -> None:
    from redraft.errors import ConfigurationError

    if twice := [one for place, one in enumerate(names) if one in names[:place]]:
        raise ConfigurationError(f"the {what} {twice[0]} is named twice; name each once")


def _first(given: float | None, of_pilot: float | None, default: float) -> float:
    return next(value for value in (given, of_pilot, default) if value is not None)


def _lengths(pilot: Pilot | None, conversations: Path | None, judge: Judge) -> Lengths:
    """Of named contexts, else of the pilot, else assumed."""
    from redraft.datasets.reading import resolve_input
    from redraft.datasets.storage import Dataset
    from redraft.feedback.contexts import fewer_contexts, last_contexts
    from redraft.judging.planned_price import assumed_lengths, lengths_of

    if conversations is not None:
        found = resolve_input(conversations)
        ready = found.is_dir() and Dataset.open(found).manifest.get("contexts")
        with TemporaryDirectory() as folder:
            made = (fewer_contexts if ready else last_contexts)(found, Path(folder) / "contexts", _MEASURED)
            measured = lengths_of(made.rows(), judge)
        if pilot is None or pilot.lengths is None:
            return measured
        # How long answers and verdicts get is known from the pilot, how long contexts are from the contexts.
        more = measured.context - pilot.lengths.context
        return msgspec.structs.replace(
            pilot.lengths, context=measured.context, judge_input=max(0.0, pilot.lengths.judge_input + more)
        )
    return pilot.lengths if pilot is not None and pilot.lengths is not None else assumed_lengths(judge)


def _show(found: Plan, rows: tuple[Priced, ...], lengths: Lengths, pilot: Pilot | None) -> None:
    from redraft.judging.pages import money
    from redraft.judging.planned_price import total_cost

    table = [
        [one.what, one.model or "(not named)", f"{one.calls:,}", f"{one.input_tokens:,}", f"{one.output_tokens:,}",
         money(one.cost)]
        for one in rows
    ]  # fmt: skip
    sums = [sum(getattr(one, name) for one in rows) for name in ("calls", "input_tokens", "output_tokens")]
    table.append(["in all", "", *(f"{one:,}" for one in sums), money(total_cost(rows))])
    echo_columns(table, ("", "model", "calls", "tokens in", "tokens out", "US dollars"), right=(2, 3, 4, 5))
    if found.boundaries:
        looks = zip(found.aim.looks, found.boundaries, strict=True)
        told = ", ".join(f"{share:.0%} at {bound:.2f}" for share, bound in looks)
        click.echo(f"looks, with what |z| must reach: {told}")
    if lengths.assumed:
        click.echo(f"a guess, for want of a pilot: {', '.join(lengths.assumed)}")
    if pilot is not None and pilot.simulated:
        click.echo("the pilot is simulated: its ties and lengths say nothing about real models")
