"""`redraft check`: a training file's faults, lengths and trained tokens, before anything is uploaded or paid.

Neighbours: `checking` lays it out, `redraft.training.checking` checks.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from redraft.cli import checking, options
from redraft.cli.consoles import results_console
from redraft.cli.provider_access import control_plane
from redraft.cli.running import one_line_for_faults
from redraft.cli.setting_options import setting_options
from redraft.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from redraft.training.checking.files import Report
    from redraft.training.checking.findings import Fault
    from redraft.training.checking.masks import Mask
    from redraft.training.checking.sampling import Source
    from redraft.training.checking.shapes import Format
    from redraft.training.checking.tokenizing import LocalTokenizer
    from redraft.training.control_plane import ControlPlane

FAULTY = 2
UNTRAINED = "untrained"


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", type=click.Choice(["conversation", "instruction", "text", "preference", "tokens"]),
    help="The format that the rows must have; by default that of the first good row.",
)  # fmt: skip
@click.option("--model", "-m", help="A base model of Together: its limit of tokens is asked for.")
@click.option("--max-length", type=options.COUNT, help="The limit of tokens a row, in place of the model's.")
@click.option(
    "--tokenizer", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Count with the model's own tokenizer from this folder (extra `local`); by default lengths are estimated.",
)  # fmt: skip
@click.option(
    "--show-mask", type=options.COUNT, metavar="N",
    help="Show which tokens of the first N rows are trained, and refuse a file whose last assistant message is not: "
    "with --tokenizer on this machine, else with --model at Together, where the file is uploaded.",
)  # fmt: skip
@setting_options(["train_on_inputs"])
@click.option("--limit", type=options.COUNT, default=20, show_default=True, help="Faults shown at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of lines.")
@options.credentials
def check_command(
    file: Path,
    format_name: str | None,
    model: str | None,
    max_length: int | None,
    tokenizer: Path | None,
    show_mask: int | None,
    train_on_inputs: bool | Literal["auto"],
    limit: int,
    as_json: bool,
    credentials: str | None,
) -> None:
    """Check a training FILE: one line a fault (file, row, field, mend), then a summary with a histogram of lengths.

    Exit status 2 where there is a fault. Nothing is sent anywhere without --model.
    """
    with one_line_for_faults(), ExitStack() as stack:
        if show_mask and not (tokenizer or model):
            raise InputError("--show-mask needs the model's --tokenizer, or --model for the provider's preview")
        plane = None
        if model and (max_length is None or (show_mask and not tokenizer)):
            plane = stack.enter_context(control_plane(credentials))
        report, shown = _checked(
            file, format_name, model, max_length, tokenizer, show_mask, limit, plane, train_on_inputs
        )
    if as_json:
        click.echo(msgspec.json.encode(checking.as_json(report, shown)))
    else:
        _print(report, shown)
    if not report.good:
        sys.exit(FAULTY)


def _checked(
    file: Path,
    format_name: str | None,
    model: str | None,
    max_length: int | None,
    folder: Path | None,
    show: int | None,
    keep: int,
    plane: ControlPlane | None,
    inputs: bool | Literal["auto"],
) -> tuple[Report, list[Mask]]:
    """The report and the masks asked for; the masks' faults are among the report's."""
    from redraft.training.checking.files import check_file, told_format
    from redraft.training.checking.shapes import Format
    from redraft.training.checking.tokenizing import LocalTokenizer

    format = Format(format_name) if format_name else None
    if format is None and file.suffix != ".parquet":
        format = told_format(file)
    if model and plane and max_length is None:
        max_length = _longest(plane, model, format)
    tokenizer = LocalTokenizer(folder) if folder else None
    # Those of the rows that are shown are wanted, too, to know them again.
    kept = max(keep, show or 0)
    report = check_file(file, format=format, counter=tokenizer, max_length=max_length, keep=kept)
    # Rows that are not trained may well be shown; others with faults may not even be rendered.
    shown: list[Mask] = []
    if show and report.format and report.kinds.keys() <= {UNTRAINED}:
        shown, faults = _masks(report, show, _source(file, tokenizer, max_length, plane, model, inputs))
        known = {fault.row for fault in report.faults}
        beyond = _lost(report, upto=max((mask.row for mask in shown), default=0))
        report.add([fault for fault in faults + beyond if fault.row not in known])
    del report.faults[keep:]
    return report, shown


def _lost(report: Report, upto: int) -> list[Fault]:
    """Beyond the rows that are shown: the first whose answer the limit cuts off, where tokens are counted."""
    from redraft.training.checking.findings import Fault

    lengths = report.lengths
    if not lengths.exact or lengths.first_lost <= upto:
        return []
    mend = f"the answer lies beyond the limit of {lengths.limit:,} tokens; shorten what stands before it"
    more = f", and in {lengths.lost - 1:,} more of the file" if lengths.lost > 1 else ""
    return [Fault(lengths.first_lost, "row", f"{mend}{more}", UNTRAINED)]


def _masks(report: Report, count: int, source: Source) -> tuple[list[Mask], list[Fault]]:
    from redraft.training.checking.sampling import sampled

    assert report.format is not None
    return sampled(report.path, report.format, count, source)


def _source(
    file: Path,
    tokenizer: LocalTokenizer | None,
    limit: int | None,
    plane: ControlPlane | None,
    model: str | None,
    inputs: bool | Literal["auto"],
) -> Source:
    from redraft.providers.endpoints import split_model
    from redraft.training.checking.sampling import local_masks, provider_masks

    if tokenizer:
        return local_masks(tokenizer, limit, inputs)
    assert plane is not None and model is not None
    return provider_masks(plane, split_model(model)[1], file, inputs)


def _longest(plane: ControlPlane, model: str, format: Format | None) -> int:
    """The model's limit of tokens for the training that the format is for."""
    from redraft.providers.endpoints import split_model
    from redraft.training.checking.shapes import Format
    from redraft.training.limits import model_limits

    provider, name = split_model(model)
    if provider != "together":
        raise ConfigurationError(f"model {model!r}: only Together tells limits for training; give --max-length")
    limits = model_limits(plane, name)
    return limits.max_seq_length_dpo if format is Format.PREFERENCE else limits.max_seq_length_sft


def _print(report: Report, shown: list[Mask]) -> None:
    for fault in report.faults:
        click.echo(checking.fault_line(str(report.path), fault))
    more = report.faults_in_all - len(report.faults)
    if more:
        click.echo(f"and {more:,} more; --limit shows more of them")
    console = results_console(soft_wrap=True)
    checking.summary(console, report)
    checking.masks(console, shown)
