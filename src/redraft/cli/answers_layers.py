"""`redraft answers layers` and `redraft answers check`: questions from files, and what is wrong with such files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from redraft.cli import options
from redraft.cli.running import one_line_for_faults, run_flow
from redraft.cli.whole_numbers import Whole
from redraft.real_numbers import Real

if TYPE_CHECKING:
    from redraft.answering.faults import FileReport

# As `redraft check` ends for a faulty file.
FAULTY = 2
_SHARE = Real(min=0, max=1, max_open=True)


@click.command("layers")
@click.option("--squad", multiple=True, metavar="FILE", help="JSON of SQuAD v1.1 or v2.0; may be given several times.")
@click.option("--hotpot", multiple=True, metavar="FILE", help="JSON of HotpotQA (distractor); may be several.")
@click.option(
    "--pairs", multiple=True, metavar="FILE",
    help='JSONL of your own, {"input": "Context: …\\nQuestion: …", "output": "…"}; may be several.',
)  # fmt: skip
@click.option(
    "--count", "-n", type=options.COUNT,
    help="Rows of the curriculum in all: 37 of 150 extraction, 75 answers, 38 refusals.  [default: all there is]",
)  # fmt: skip
@click.option(
    "--test-share", type=_SHARE, default=0.1, show_default=True, help="Share of the questions held out, by article."
)
@click.option(
    "--domain-share", type=_SHARE, default=0.05, show_default=True, help="Share of the questions made from templates."
)
@click.option(
    "--templates", default="", metavar="FILE", help="TOML of templates for local questions, in place of ours."
)
@click.option(
    "--tokenizer", default="", metavar="MODEL|FOLDER|FILE",
    help="Of the model to train: its id, a folder or tokenizer.json.  [default: lengths are estimated, safely]",
)  # fmt: skip
@click.option(
    "--max-tokens", type=Whole(min=16), default=512, show_default=True,
    help="What the model reads at most; longer contexts are cut around the answer.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Decides sides, choices and templates' values.")
@click.option("--output", "-o", default="data/answer_layers", show_default=True, help="Dataset folder to make.")
def layers_command(squad: tuple[str, ...], hotpot: tuple[str, ...], pairs: tuple[str, ...], **parameters: Any) -> None:
    """Build the questions that are trained on and tested with: extraction, reasoning, domain, and without an answer.

    Every answer stands in the context that is left at --max-tokens; no article is on both sides.
    """
    files = " ".join([*squad, *hotpot, *pairs])
    run_flow(
        "flows.build_layers:build_layers", f"Build layers of {files} into {parameters['output']}", _show,
        squad=list(squad), hotpot=list(hotpot), pairs=list(pairs), **parameters,
    )  # fmt: skip


def _show(result: dict[str, Any]) -> None:
    from redraft.answering.shortfalls import shortfalls

    manifest = result["manifest"]
    for side, counts in manifest["counts"].items():
        negative = counts["negative"]
        layers = [f"{counts[layer]:,} {layer}" for layer in ("extraction", "reasoning", "domain") if counts.get(layer)]
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in negative.items())
        layers.append(f"{counts.get('negatives', 0):,} without an answer" + (f" ({kinds})" if kinds else ""))
        click.echo(f"{side}: {', '.join(layers)}")
    for line in shortfalls(manifest):
        click.echo(f"  {line}")
    if masked := manifest["masked"]:
        click.echo(f"personal data or secrets masked in {masked:,} rows")
    for reason, count in manifest["reasons"].items():
        click.echo(f"  rejected, {reason}: {count:,}")
    tokenizer, gate = manifest["tokenizer"], manifest["gate"]
    about = "" if tokenizer["exact"] else "; --tokenizer gives the model's own count"
    click.echo(f"{manifest['cut']:,} contexts cut to {tokenizer['max_tokens']} tokens ({tokenizer['name']}{about})")
    looked = gate["positives"] + gate["yes_no"] + gate["negatives"]
    click.echo(f"gate: {gate['violations']} of {looked:,} rows violate it; {gate['unknown']:,} have no known answer")
    click.echo(f"dataset: {result['dataset']}")


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--limit", type=options.COUNT, default=10, show_default=True, help="Rows named of each fault at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array in place of lines.")
def check_command(files: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """Check FILEs of rows to train an answerer on: answers that do not stand in their context, repeated inputs and
    refusals, phrases that no answer may begin with, talk of the context.

    JSONL, a JSON array or Parquet of rows with input and output, or a dataset of questions. Exit status 2 where there
    is a fault.
    """
    with one_line_for_faults():
        from redraft.answering.faults import check_file

        reports = [check_file(file, limit) for file in files]
    if as_json:
        click.echo(msgspec.json.encode([{**msgspec.to_builtins(report), "good": report.good} for report in reports]))
    else:
        for report in reports:
            _print(report)
    if not all(report.good for report in reports):
        sys.exit(FAULTY)


def _print(report: FileReport) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.outputs.items())
    click.echo(
        f"{report.file}: {report.rows:,} rows ({kinds}), {report.distinct_inputs:,} distinct inputs, "
        f"{report.distinct_outputs:,} distinct outputs"
    )
    for fault in report.faults:
        more = ", …" if fault.count > len(fault.rows) else ""
        detail = f" ({fault.detail})" if fault.detail else ""
        rows = ", ".join(map(str, fault.rows))
        click.echo(f"  {fault.kind}: {fault.count:,} of {report.rows:,} rows{detail}: {fault.mend}; rows {rows}{more}")
    if report.good:
        click.echo("  no faults")
