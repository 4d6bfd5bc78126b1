"""`redraft answers study`: from files of questions to a model that answers and refuses, and the report about it."""

from __future__ import annotations

from typing import Any

import click

from redraft.cli import documents_options, options
from redraft.cli.answers_train import MORE, OWN, launcher, show_matrix
from redraft.cli.piloting import run_or_estimate, show_estimates
from redraft.cli.setting_options import setting_options
from redraft.real_numbers import Real
from redraft.training.local.settings import DEFAULTS, KINDS

_SHARE = Real(min=0, max=1, max_open=True)
_FLOW = "flows.build_answerer:build_answerer"


@click.command("study")
@click.option("--squad", multiple=True, metavar="FILE", help="JSON of SQuAD v1.1 or v2.0; may be given several times.")
@click.option("--hotpot", multiple=True, metavar="FILE", help="JSON of HotpotQA (distractor); may be several.")
@click.option(
    "--pairs", multiple=True, metavar="FILE", help="JSONL of your own, with input and output; may be several."
)
@click.option(
    "--count", "-n", type=options.COUNT,
    help="Rows of the curriculum in all: 37 of 150 extraction, 75 answers, 38 refusals.  [default: all there is]",
)  # fmt: skip
@click.option("--output", "-o", default="results/answers", show_default=True, help="Folder for all that is made.")
@click.option(
    "--model", "-m", default="", metavar="MODEL|FOLDER|tiny",
    help="Any sequence-to-sequence model; tiny has random weights and needs no download.  [default: "
    "google-t5/t5-small; tiny where a sandbox rewrites]",
)  # fmt: skip
@options.revision
@click.option(
    "--rewriter", default="meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", show_default=True, metavar="MODEL",
    help="Who rewrites the answers, as provider:model; a bare name means Together.",
)  # fmt: skip
@documents_options.regenerate
@options.fallback
@options.move_on
@click.option(
    "--test-share", type=_SHARE, default=0.1, show_default=True, help="Share of the questions held out, by article."
)
@click.option(
    "--domain-share", type=_SHARE, default=0.05, show_default=True, help="Share of the questions made from templates."
)
@click.option(
    "--templates", default="", metavar="FILE", help="TOML of templates for local questions, in place of ours."
)
@setting_options(OWN, KINDS, DEFAULTS)
@launcher
@options.dry_run
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.credentials
@setting_options(MORE, KINDS, DEFAULTS)
def study_command(squad: tuple[str, ...], hotpot: tuple[str, ...], pairs: tuple[str, ...], **parameters: Any) -> None:
    """The whole answering study: layers, rewrites, a training in three phases on this machine, and a report.

    The model is asked held-out questions, with and without an answer, before the training and after each phase: does it
    answer when it can, refuse when it should, and what did a later phase take from an earlier one. The same command
    again pays for nothing twice and goes on where it stopped.
    """
    more = {name: parameters.pop(name) for name in MORE}
    files = " ".join([*squad, *hotpot, *pairs])
    intent = (
        f"Study answering from {files}: rewrite with {parameters['rewriter']}, train; all into {parameters['output']}"
    )
    run_or_estimate(
        _FLOW, intent, _show, _show_ahead,
        squad=list(squad), hotpot=list(hotpot), pairs=list(pairs), more=more, **parameters,
    )  # fmt: skip


def _show_ahead(result: dict[str, Any]) -> None:
    """What the training will take, then what the rewriting before it costs."""
    for line in result["training"]["lines"]:
        click.echo(line)
    show_estimates(result)


def _show(result: dict[str, Any]) -> None:
    """What was found in words, the matrix, what to keep in mind, where all lies."""
    for sentence in result["sentences"]:
        click.echo(sentence)
    show_matrix(result["matrix"])
    for line in result["remarks"]:
        click.echo(f"* {line}")
    click.echo(f"model: {result['model']}{' (trained on simulated answers)' if result['simulated'] else ''}")
    click.echo(f"results: {result['results']}")
    click.echo(f"report: {result['report']}")
