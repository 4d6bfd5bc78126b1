"""`redraft chat study`: from an exported chat to a model that writes like one person, and the report on what was worth
it.

The export is read here, before any flow: no run knows a name. Neighbours: `chat_read` reads, `chat_compare` shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from redraft.cli import imitating_options, judge_options, options
from redraft.cli.chat_compare import show_comparison
from redraft.cli.chat_examples import PSEUDONYM, choose_from, chooser, window
from redraft.cli.chat_read import read_exports, reading_options, show_reading
from redraft.cli.piloting import run_or_estimate, show_estimates
from redraft.cli.running import one_line_for_faults
from redraft.cli.setting_options import setting_options
from redraft.cli.whole_numbers import Whole
from redraft.errors import ConfigurationError
from redraft.real_numbers import Real
from redraft.training.adapting.settings import LORA_DEFAULTS, LORA_KINDS

_FLOW = "flows.build_imitator:build_imitator"
_OWN = ("epochs", "learning_rate", "batch_size", "max_tokens", "rank", "seed")
_SHARE = Real(min=0, max=1, min_open=True, max_open=True)
# Of the single methods, what is tried first; all of them stand in the flow's parameters dpo, reward and rl.
_OF_METHODS = {"dpo_beta": ("dpo", "beta"), "rl_beta": ("rl", "beta"), "rl_steps": ("rl", "steps")}


@click.command("study")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--person", "-p", required=True, metavar="NAME",
    help="Who is to be imitated, as the chat calls them; of a dataset given by --input the pseudonym.",
)  # fmt: skip
@click.option(
    "--input", "-i", metavar="FOLDER", help="A dataset of redraft chat read, in place of FILEs.",
)  # fmt: skip
@click.option("--output", "-o", default="results/chat", show_default=True, help="Folder for all that is made.")
@reading_options
@click.option(
    "--strategy", "-s", type=click.Choice(["window", "semantic", "llm"]), default="window", show_default=True,
    help="How contexts are chosen: the last messages, the most similar of them, or those that a model picks.",
)  # fmt: skip
@window
@click.option(
    "--embedder", default="sentence-transformers/all-mpnet-base-v2", show_default=True, metavar="MODEL|FOLDER",
    help="The sentence model of semantic.",
)  # fmt: skip
@chooser
@choose_from
@click.option(
    "--test-share", type=_SHARE, default=0.1, show_default=True,
    help="Share of each chat's replies, its last, on which all are compared.",
)  # fmt: skip
@click.option(
    "--preference-share", type=_SHARE, default=0.2, show_default=True,
    help="Share of the others, their last, whose contexts are replied to for the ranking.",
)  # fmt: skip
@click.option(
    "--model", "-m", default="", metavar="MODEL|FOLDER|tiny",
    help="Any causal model; tiny has random weights and needs no download.  [default: google/gemma-3-270m; tiny where "
    "a sandbox judges]",
)  # fmt: skip
@options.revision
@setting_options(_OWN, LORA_KINDS, LORA_DEFAULTS)
@click.option(
    "--outputs", "-n", type=Whole(min=2, max=8), default=3, show_default=True,
    help="Replies to each context that are ranked, and of which the best is compared.",
)  # fmt: skip
@click.option("--rank-most", type=options.COUNT, metavar="N", help="Rank replies to N contexts at most.")
@click.option("--test-most", type=options.COUNT, metavar="N", help="Compare on N test contexts at most.")
@imitating_options.temperature
@imitating_options.top_p
@imitating_options.max_new_tokens
@click.option("--dpo-beta", type=Real(min=0, min_open=True), help="Hold of DPO on the plain adapter.  [default: 0.1]")
@click.option("--rl-beta", type=Real(min=0, min_open=True), help="Hold of reinforcement learning.  [default: 0.05]")
@click.option("--rl-steps", type=options.COUNT, help="Steps of reinforcement learning.  [default: 200]")
@click.option(
    "--judge", "-j", default=judge_options.JUDGE, show_default=True, metavar="MODEL",
    help="The model that ranks, watches and compares, as provider:model; a bare name means Together.",
)  # fmt: skip
@imitating_options.judge_prompt
@imitating_options.criteria
@judge_options.judge_effort
@imitating_options.voice
@click.option(
    "--allow-sending", is_flag=True,
    help="Let messages, under pseudonyms and masked, be sent to the judge's and chooser's providers; without it "
    "nothing is sent but to a sandbox on this machine.",
)  # fmt: skip
@options.dry_run
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.max_missing
@options.credentials
def study_command(files: tuple[Path, ...], person: str, input: str | None, output: str, **parameters: Any) -> None:
    """The whole chat study: read, examples, an adapter (LoRA), a ranking of its replies, DPO, a reward model,
    reinforcement learning, and a report that compares them with the plain adapter and the person.

    Reading happens before any run begins, so that no name is known to one. The same command again pays for nothing
    twice, trains nothing twice, and goes on where it stopped.
    """
    reading = {name: parameters.pop(name) for name in _READING}
    methods: dict[str, dict[str, Any]] = {"dpo": {}, "rl": {}}
    for name, (method, setting) in _OF_METHODS.items():
        if (value := parameters.pop(name)) is not None:
            methods[method][setting] = value
    with one_line_for_faults():
        messages, pseudonym = _messages(files, person, input, output, reading)
    intent = f"Study how {pseudonym} writes in {messages}: examples, training, ranking by {parameters['judge']}; all " \
             f"into {output}"  # fmt: skip
    run_or_estimate(
        _FLOW, intent, _show, _show_ahead,
        input=messages, person=pseudonym, output=output, **methods, **parameters,
    )  # fmt: skip


_READING = ("one_chat", "zone", "date_order", "also", "keep", "titles", "columns")
_UNREAD = {"one_chat": False, "zone": "UTC", "date_order": None, "also": (), "keep": (), "titles": (), "columns": ""}


def _messages(
    files: tuple[Path, ...], person: str, given: str | None, output: str, reading: dict[str, Any]
) -> tuple[str, str]:
    """(the dataset of messages, who is imitated in it), read here where files are given."""
    if bool(files) == bool(given):
        raise ConfigurationError("give either FILEs, exports of chats, or --input, a dataset of redraft chat read")
    if given:
        if said := [name for name, value in _UNREAD.items() if reading[name] != value]:
            raise ConfigurationError(f"--{_word(said[0])} is for reading files; {given} is read already, leave it out")
        if not PSEUDONYM.fullmatch(person):
            raise ConfigurationError("of a dataset name the person by pseudonym, such as Person1 (--person)")
        return given, person
    report = read_exports(files, person, Path(output) / "messages", **reading)
    show_reading(report)
    return report.dataset, report.person


def _word(name: str) -> str:
    return {"titles": "title"}.get(name, name.replace("_", "-"))


def _show_ahead(result: dict[str, Any]) -> None:
    """What is made and trained, then what judges will be asked."""
    for line in result["lines"]:
        click.echo(line)
    show_estimates(result)


def _show(result: dict[str, Any]) -> None:
    """What each part came to, the comparison, and how to talk with what came of it."""
    for name, said in result["parts"].items():
        click.echo(f"{name}: {said}")
    show_comparison(result)
    click.echo(f"talk with it: redraft chat talk {result['models'][preferred(result)]}")


def preferred(result: dict[str, Any]) -> str:
    """The adapter that is shown to be better than the plain one, the most preferred of several; else the plain one."""
    better = {row["name"]: row["rate"] for row in result["arms"] if row["won"] == 1 and row["name"] in ("dpo", "rl")}
    return max(better, key=lambda name: better[name], default="lora")
