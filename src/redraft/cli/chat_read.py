"""`redraft chat read`: exported chats as a dataset of messages under pseudonyms.

No flow: real names stay in this process. Neighbours: `redraft.chat.reading` does it; every later command knows the
dataset alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from redraft.cli.running import one_line_for_faults
from redraft.errors import ConfigurationError

if TYPE_CHECKING:
    from redraft.chat.exports.raw import ExportReport
    from redraft.chat.reading import ReadReport

_ORDERS = ("day-first", "month-first", "year-first")
_FIELDS = ("author", "time", "text")


_READING = (
    click.option(
        "--one-chat", is_flag=True, help="All FILEs are exports of one chat.  [default: those are that share messages]"
    ),
    click.option("--zone", default="UTC", show_default=True, help="Time zone of the export, such as Europe/Berlin."),
    click.option(
        "--date-order", type=click.Choice(_ORDERS), help="Order of the dates.  [default: decided from each file]"
    ),
    click.option("--also", multiple=True, metavar="NAME", help="Take out this word too; may be given several times."),
    click.option("--keep", multiple=True, metavar="WORD", help="Leave this word in, though it is somebody's name."),
    click.option("--title", "titles", multiple=True, metavar="TITLE", help="Name of a group, to be taken out."),
    click.option(
        "--columns", default="", metavar="author=A,time=B,text=C", help="What a CSV or JSONL file calls its columns."
    ),
)
Command = TypeVar("Command", bound=Callable[..., Any])


def reading_options(command: Command) -> Command:
    """How exports are read, and what is taken out of them; `read_exports` takes these."""
    for option in reversed(_READING):
        command = option(command)
    return command


@click.command("read")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True))
@click.option("--person", "-p", required=True, metavar="NAME", help="Who is to be imitated, as the chat calls them.")
@click.option("--output", "-o", default="data/chat", show_default=True, help="Dataset folder to make.")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of lines.")
def read_command(files: tuple[Path, ...], person: str, output: str, as_json: bool, **how: Any) -> None:
    """Read exported chats (WhatsApp text or zip, Telegram JSON, Discord, CSV, JSONL) into a dataset of messages.

    Names become pseudonyms, also inside texts; numbers, addresses, keys and links are masked. Which name is which stays
    in a file beside the dataset that only you can read, and the words to look at in another. Nothing is sent anywhere,
    and neither names nor file names are in the dataset.
    """
    with one_line_for_faults():
        report = read_exports(files, person, Path(output), **how)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(report))
        return
    show_reading(report)


def read_exports(
    files: Sequence[Path],
    person: str,
    output: Path,
    *,
    one_chat: bool,
    zone: str,
    date_order: str | None,
    also: tuple[str, ...],
    keep: tuple[str, ...],
    titles: tuple[str, ...],
    columns: str,
) -> ReadReport:
    """What was read into the dataset. Raises as `read_chat`; ConfigurationError for columns that are none."""
    import msgspec

    from redraft.chat.exports.raw import ReadOptions
    from redraft.chat.grouping import grouped
    from redraft.chat.reading import read_chat

    given = msgspec.convert({"zone": zone, "date_order": date_order}, ReadOptions)
    named = _columns(columns)
    chats = [list(files)] if one_chat else grouped(files, given, named)
    return read_chat(chats, person, output, given, also=also, keep=keep, titles=titles, columns=named)


def _columns(words: str) -> dict[str, str] | None:
    if not words:
        return None
    pairs = [part.partition("=") for part in words.split(",")]
    if any(field.strip() not in _FIELDS or not mark or not name.strip() for field, mark, name in pairs):
        raise ConfigurationError(f"--columns {words}: give author=…,time=…,text=… with the file's own column names")
    return {field.strip(): name.strip() for field, _, name in pairs}


def show_reading(report: ReadReport) -> None:
    """What was read and masked, in counts; what to look at and where."""
    for chat in report.chats:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(chat.kinds.items(), key=lambda one: -one[1]))
        click.echo(f"{chat.chat}: {chat.messages:,} messages of {len(chat.people)} people ({kinds})")
        for export in chat.exports:
            click.echo(f"  {_export(export)}")
            for warning in export.warnings:
                click.echo(f"  warning: {warning}")
    if report.rejected:
        click.echo(f"rejected: {report.rejected:,} lines, in the dataset with their reasons")
    if report.left_out:
        click.echo(f"left out: {report.left_out:,} messages of people who were purged")
    masked = ", ".join(f"{count:,} {kind}" for kind, count in report.masked.items())
    click.echo(f"masked: {masked or 'nothing'}")
    for warning in report.warnings:
        click.echo(f"warning: {warning}")
    if report.doubts:
        click.echo(
            f"to look at: {report.doubts:,} words that may be names, in {report.review}; --also NAME takes one out"
        )
    click.echo(f"person: {report.person} in all that follows; who is who is in {report.names}, for you alone")
    click.echo(f"dataset: {report.dataset}")


def _export(export: ExportReport) -> str:
    order = ""
    if export.date_order is not None:
        order = f", dates {export.date_order} ({export.order_basis})"
    return f"{export.format}: {export.messages:,} messages, {export.first} to {export.last}{order}"
