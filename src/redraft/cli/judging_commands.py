"""`redraft evaluate` and `redraft study`."""

from __future__ import annotations

from typing import Any

import click

from redraft.cli import judge_options, options
from redraft.cli.piloting import run_with_pilot, show_estimates
from redraft.cli.running import run_flow
from redraft.real_numbers import Real


def show_verdict(result: dict[str, Any]) -> None:
    """The verdicts in words, then where the report lies."""
    for sentence, detail in zip(result["verdicts"], result["details"], strict=True):
        click.echo(f"{sentence}\n  {detail}")
    if result["conclusion"]:
        click.echo(result["conclusion"])
    if result.get("looks"):
        click.echo(result["looks"])
    if result["served"]:
        click.echo(result["served"].removeprefix("; "))
    click.echo(f"results: {result['results']}")
    click.echo(f"report: {result['report']}")


@click.command("evaluate")
@click.option("--model1", "-m1", required=True, help="First model, as provider:model; a bare name means Together.")
@click.option("--model2", "-m2", required=True, help="Second model.")
@judge_options.judges
@judge_options.judge_prompt
@judge_options.criteria
@judge_options.judge_effort
@options.tested
@judge_options.looks
@click.option(
    "--rate", type=Real(0.5, 1, min_open=True, max_open=True), default=0.57, show_default=True,
    help="Win rate that --looks are planned to notice.",
)  # fmt: skip
@click.option(
    "--futility", type=Real(0, 1, max_open=True), default=0.1, show_default=True,
    help="Stop at a look where such a win rate would be found with a smaller chance than this; 0 never does.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="The order in which --looks take the contexts.")
@click.option("--output", "-o", default="results/evaluation", show_default=True, help="Folder for results and report.")
@options.serve
@click.option("--yes", "-y", is_flag=True, help="Agree to what would be asked.")
@judge_options.asking
def evaluate_command(serve: bool | None, yes: bool, **parameters: Any) -> None:
    """Compare two models on test contexts, with judges that see both orders.

    With --looks the run stops as soon as the verdict is settled, and what it did not reach is not paid.
    """
    intent = "Compare {model1} with {model2} on the last {test_size} of {conversations}, judged by {judges}"
    show = show_estimates if parameters["dry_run"] else show_verdict
    run_flow(
        "flows.judge_models:judge_models",
        intent.format(**parameters, judges=judge_options.named(parameters["judge"])),
        show,
        serve=_agreed(serve, yes),
        **parameters,
    )


def _agreed(serve: bool | None, yes: bool) -> bool | None:
    """--yes agrees to paid endpoints unless --no-serve was said; None asks."""
    return True if yes and serve is None else serve


@click.command("study")
@click.option("--input", "-i", default="data/conversations.json", show_default=True, help=options.INPUT_RULE)
@click.option(
    "--model",
    "-m",
    default="meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    show_default=True,
    help="The base model.",
)
@judge_options.judges
@judge_options.judge_prompt
@judge_options.criteria
@judge_options.judge_effort
@click.option(
    "--rewriter",
    "-r",
    default="meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
    show_default=True,
    help="The model that rewrites.",
)
@click.option("--output", "-o", default="results/study", show_default=True, help="Folder for all that is made.")
@click.option(
    "--test-share", type=Real(0, 1, min_open=True, max_open=True), default=0.2, show_default=True,
    help="Share of the conversations held out before anything is rewritten.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Which conversations are held out.")
@click.option("--max-conversations", "-n", type=options.COUNT, help="Rewrite only the first N.")
@options.allow_lost_rows
@options.taxonomy
@options.epochs
@options.learning_rate
@options.lora
@click.option(
    "--seeds", type=options.COUNT, default=1, show_default=True,
    help="How often each method's model is trained, with the seeds 1, 2 and so on.",
)  # fmt: skip
@click.option(
    "--training-budget", type=Real(min=0),
    help="US dollars that all trainings may cost together, by the provider's estimate and by ours; above it none is "
    "submitted. Nothing is asked about them then.",
)  # fmt: skip
@options.ask_above
@click.option(
    "--jobs-at-once", type=options.COUNT, default=4, show_default=True,
    help="How many training jobs are under way at a time.",
)  # fmt: skip
@options.chain
@options.serve
@options.ahead
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.max_missing
@options.credentials
def study_command(yes: bool, serve: bool | None, ask_above: float, **parameters: Any) -> None:
    """The whole feedback study: rewrite with both methods, fine-tune on each, compare, report.

    What the trainings may cost is asked for before anything is paid.
    """
    intent = (
        f"Study on {parameters['input']}: rewrite with {parameters['rewriter']}, train {parameters['model']} "
        f"{2 * parameters['seeds']} times, "
        f"judge with {judge_options.named(parameters['judge'])}; everything goes to {parameters['output']}"
    )
    parameters |= {"serve": _agreed(serve, yes), "ask_above": None if yes else ask_above}
    run_with_pilot("flows.run_study:run_study", intent, show_verdict, yes, parameters)
