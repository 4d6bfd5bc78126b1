"""How `redraft check` lays out what it found: faults, a summary with a histogram of lengths, trained tokens.

Neighbours: `check_command` decides what is checked and with which status it ends.
"""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from redraft.training.checking.files import Report
from redraft.training.checking.findings import Fault
from redraft.training.checking.lengths import Lengths
from redraft.training.checking.masks import Mask, texts_of_tokens

_BAR = 30


def fault_line(path: str, fault: Fault) -> str:
    """One line a fault, as editors and compilers write it: `FILE:ROW: field: mend`."""
    place = f"{path}:{fault.row}" if fault.row else path
    return f"{place}: {fault.field}: {fault.mend}"


def summary(console: Console, report: Report) -> None:
    """Rows, format, faults by kind, tokens, what the limit cuts off, and how the lengths are spread."""
    kind = f" of the {report.format} format" if report.format else ", of no known format"
    console.print(f"{counted(report.rows, 'row')}{kind}, {_size(report.bytes)}")
    if report.kinds:
        kinds = ", ".join(f"{count:,} {name}" for name, count in report.kinds.items())
        where = f" in {counted(report.faulty_rows, 'row')}" if report.faulty_rows else ""
        console.print(f"{counted(report.faults_in_all, 'fault')}{where}: {kinds}", style="red")
    else:
        console.print("no faults", style="green")
    _notes(console, report)
    if report.lengths.rows:
        _lengths(console, report.lengths, all_rows=report.lengths.rows == report.rows)


def counted(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def masks(console: Console, shown: list[Mask]) -> None:
    """Each row as the model sees it. What is trained is bold green on a terminal, and stands in « » everywhere."""
    for mask in shown:
        output = f", {mask.output}" if mask.output else ""
        cut = ", cut at the model's limit" if mask.cut else ""
        trained = f"{sum(mask.trained):,} of {counted(len(mask.tokens), 'token')} trained{cut}"
        console.print(f"\nrow {mask.row}{output}: {trained}", style="bold")
        text, before = Text(), False
        for piece, is_trained in zip(texts_of_tokens(mask.tokens), mask.trained, strict=True):
            if is_trained != before:
                text.append("«" if is_trained else "»", "green")
            text.append(piece, "bold green" if is_trained else "dim")
            before = is_trained
        console.print(text.append("»" if before else "", "green"))


def as_json(report: Report, shown: list[Mask]) -> dict[str, Any]:
    """Everything that is printed, for scripts. Trained spans are half-open ranges of tokens."""
    lengths = msgspec.to_builtins(report.lengths)
    del lengths["buckets"]
    return {
        "file": str(report.path),
        "good": report.good,
        "format": report.format,
        "rows": report.rows,
        "faulty_rows": report.faulty_rows,
        "bytes": report.bytes,
        "muted": report.muted,
        "first_muted": report.first_muted,
        "others": report.others,
        "first_others": report.first_others,
        "kinds": report.kinds,
        "faults": msgspec.to_builtins(report.faults),
        "lengths": {**lengths, "histogram": [{"up_to": up_to, "rows": rows} for up_to, rows in _buckets(report)]},
        "masks": [
            {
                "row": mask.row,
                "output": mask.output,
                "cut": mask.cut,
                "tokens": texts_of_tokens(mask.tokens),
                "trained": mask.spans,
            }
            for mask in shown
        ],
    }


def _buckets(report: Report) -> list[tuple[int, int]]:
    return report.lengths.histogram()


def _notes(console: Console, report: Report) -> None:
    """What is allowed, and seldom meant."""
    if report.others:
        verb = "trains" if report.others == 1 else "train"
        console.print(
            f"{counted(report.others, 'row')} (first: row {report.first_others}) {verb} what the assistant does not "
            "say: where a row has weights, a message without one counts as 1; give those messages weight 0",
            style="yellow",
        )
    if report.muted:
        verb = "has weight 0 and teaches" if report.muted == 1 else "have weight 0 and teach"
        console.print(
            f"{counted(report.muted, 'row')} (first: row {report.first_muted}) {verb} nothing", style="yellow"
        )


def _lengths(console: Console, lengths: Lengths, *, all_rows: bool) -> None:
    about = "" if lengths.exact else "about "
    whose = "" if all_rows else " in the rows without fault"
    console.print(
        f"{about}{counted(lengths.tokens, 'token')}{whose} ({lengths.counted}): {lengths.mean:,.0f} a row, "
        f"at most {lengths.longest:,} in row {lengths.longest_row}"
    )
    if lengths.images:
        console.print(f"{counted(lengths.images, 'image')}, whose tokens are not counted")
    if lengths.limit is not None:
        _cut(console, lengths, about)
    _histogram(console, lengths)


def _cut(console: Console, lengths: Lengths, about: str) -> None:
    if not lengths.cut:
        console.print(f"no row is longer than the limit of {lengths.limit:,}")
        return
    be, ends = ("is", "its end") if lengths.cut == 1 else ("are", "their ends")
    console.print(
        f"{about}{counted(lengths.cut, 'row')} {be} longer than the limit of {lengths.limit:,} "
        f"(first: row {lengths.first_cut}) and would lose {about}{counted(lengths.tokens_cut, 'token')} at {ends}",
        style="yellow",
    )
    if lengths.lost:
        console.print(
            f"{about}{lengths.lost:,} of them (first: row {lengths.first_lost}) would lose the whole of the "
            "assistant's last message; shorten what stands before it",
            style="yellow",
        )


def _histogram(console: Console, lengths: Lengths) -> None:
    buckets = lengths.histogram()
    most = max(rows for _, rows in buckets)
    width = len(f"{buckets[-1][0]:,}")
    bar = "█" if console.is_terminal else "#"
    console.print("\nrows by tokens")
    for up_to, rows in buckets:
        filled = bar * (max(1, round(_BAR * rows / most)) if rows else 0)
        style = "yellow" if lengths.limit is not None and up_to > lengths.limit else "cyan"
        line = Text(f"  up to {up_to:>{width},}  ").append(f"{filled:<{_BAR}}", style).append(f"  {rows:,}")
        console.print(line)


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count >= 2**20 else f"{count / 2**10:,.1f} KiB"
