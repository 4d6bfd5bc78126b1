"""`redraft chat align`: an adapter learns from preferences, in one of three ways, each with options of its own.

Neighbours: `setting_options` makes the options of the settings, `running` starts the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from redraft.cli import imitating_options, judge_options, options
from redraft.cli.consoles import READABLE, print_rows
from redraft.cli.piloting import show_estimates
from redraft.cli.running import run_flow
from redraft.cli.setting_options import setting_options
from redraft.real_numbers import Real
from redraft.training.adapting.preference_methods import Method, defaults_of, kinds_of

_FLOW = "flows.align_imitator:align_imitator"
_NOBODY = "none"
# Without a judge these would mean nothing.
_OF_JUDGE = ("judge_prompt", "criteria", "judge_effort", "voice", "allow_sending", "budget", "delay", "rpm", "tpm")
_WAITING = ("judge_steps", "judge_patience_s")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("align")
def align_group() -> None:
    """Learn from preferences: the adapter directly, a reward model, or the adapter with that model's rewards.

    redraft chat rank makes the preferences. Start with dpo; reward is what best-of-n and rl need.
    """


_adapter = click.option(
    "--adapter", "-a", required=True, metavar="FOLDER",
    help="The adapter to begin with, model in the folder of its run; redraft chat train makes one.",
)  # fmt: skip
_preferences = click.option(
    "--preferences", "-p", default="results/ranking/preferences", show_default=True, metavar="FOLDER|FILE",
    help="Dataset of preferences, or a .jsonl file of your own with prompt, chosen and rejected.",
)  # fmt: skip
_made_from = click.option(
    "--examples", "-e", default="", metavar="FOLDER",
    help="For a file of your own: the dataset of examples that its pairs were made from, so that redraft chat purge "
    "finds what was trained.",
)  # fmt: skip


def _output(name: str) -> Callable[[Command], Command]:
    return click.option(
        "--output", "-o", default=f"models/{name}", show_default=True,
        help="Folder of the run; what is trained lies in it, as model.",
    )  # fmt: skip


def _running(command: Command) -> Command:
    """How the run is begun."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Count steps and what a judge would cost; nothing is trained."),
        options.run_policy,
        click.option(
            "--launcher", default="", metavar="COMMAND",
            help='What stands in front of "-m redraft.training.adapting RUN", such as a container\'s command; default: '
            "this Python.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _settings(method: Method) -> Callable[[Command], Command]:
    return setting_options(kinds_of(method), kinds_of(method), defaults_of(method))


@align_group.command("dpo")
@_adapter
@_preferences
@_made_from
@_output("dpo")
@_running
@_settings("dpo")
def dpo_command(**parameters: Any) -> None:
    """Train the adapter on from pairs: what is preferred becomes likelier than what is not (DPO).

    Its loss holds the preferred replies' own, too. How often the preferred reply gained more, on held-out prompts, is
    told after each epoch. Ctrl-C ends it with a checkpoint, and the same command goes on.
    """
    _align("dpo", parameters)


@align_group.command("reward")
@_adapter
@_preferences
@_made_from
@_output("reward")
@_running
@_settings("reward")
def reward_command(**parameters: Any) -> None:
    """Train a reward model: it gives a reply a number, higher for what is preferred.

    It begins with the model that the adapter belongs to. Its accuracy on held-out prompts, with an interval, and its
    calibration are told: below chance nothing should be optimised for it.
    """
    _align("reward", parameters)


@align_group.command("rl")
@_adapter
@click.option(
    "--reward", "-r", required=True, metavar="FOLDER",
    help="The reward model, model in the folder of its run; redraft chat align reward makes one.",
)  # fmt: skip
@click.option(
    "--examples", "-e", default="data/chat_examples/window", show_default=True, metavar="FOLDER",
    help="Dataset of examples, made with --preference-share: that side has the prompts.",
)  # fmt: skip
@_output("rl")
@click.option(
    "--judge", "-j", default=judge_options.JUDGE, show_default=True, metavar="MODEL",
    help="Compares new replies with the untrained adapter's, so that a hacked reward is seen; none: nobody does.",
)  # fmt: skip
@imitating_options.judge_prompt
@imitating_options.criteria
@judge_options.judge_effort
@imitating_options.voice
@imitating_options.allow_sending
@_running
@_settings("rl")
@click.option(
    "--budget", type=Real(min=0),
    help="US dollars that the judge may cost, together with earlier runs into the same output; above it the run goes "
    "on without.",
)  # fmt: skip
@options.delay
@options.rpm
@options.tpm
@options.in_flight
@options.credentials
@click.pass_context
def rl_command(context: click.Context, **parameters: Any) -> None:
    """Train the adapter on from its own replies and a reward model's scores (RLOO), held to what it was by --beta.

    A judge beside it is never optimised: where the reward rises while the judge's rating falls, or the model moves
    further than --max-kl, the run ends by itself, with the adapter as it was before. Compare the result with the plain
    adapter and with best-of-n (redraft chat compare) before you use it.
    """
    if parameters["judge"] == _NOBODY:
        typed = click.core.ParameterSource.COMMANDLINE
        for name in (*_OF_JUDGE, *_WAITING):
            if context.get_parameter_source(name) is typed:
                raise click.UsageError(f"--judge none: --{name.replace('_', '-')} means nothing then; leave it out.")
        for name in _WAITING:
            del parameters[name]
    _align("rl", parameters)


def _align(method: Method, parameters: dict[str, Any]) -> None:
    settings = {name: parameters.pop(name) for name in kinds_of(method) if name in parameters}
    on = "examples" if method == "rl" else "preferences"
    intent = f"{method} of {parameters['adapter']} on {parameters[on]} into {parameters['output']}"
    run_flow(
        _FLOW, f"Look ahead: {intent}" if parameters["dry_run"] else intent,
        _show_ahead if parameters["dry_run"] else _show, method=method, settings=settings, **parameters,
    )  # fmt: skip


def _show_ahead(result: dict[str, Any]) -> None:
    for line in result["lines"]:
        click.echo(line)
    if result["estimates"]:
        show_estimates(result)
    else:
        click.echo(result["said"])


def _show(result: dict[str, Any]) -> None:
    print_rows(result["table"], READABLE)
    for remark in result["remarks"]:
        click.echo(f"* {remark}")
    if "judged" in result and result["judged"]["calls"]:
        judged = result["judged"]
        cost = "of no known price" if judged["cost"] is None else f"${judged['cost']:.4f}"
        click.echo(
            f"judge: {judged['rated']:,} of {judged['outputs']:,} replies rated, {judged['calls']:,} calls, {cost}"
        )
    click.echo(result["said"])
