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
    kind = report.format.value if report.format else "unknown"
    console.print(f"{report.rows:,} rows of the {kind} format, {_size(report.bytes)}")
    if report.kinds:
        kinds = ", ".join(f"{count:,} {name}" for name, count in report.kinds.items())
        console.print(f"{report.faults_in_all:,} faults in {report.faulty_rows:,} rows: {kinds}", style="red")
    else:
        console.print("no faults", style="green")
    if report.lengths.rows:
        _lengths(console, report.lengths, all_rows=report.lengths.rows == report.rows)


def masks(console: Console, shown: list[Mask]) -> None:
    """Each row as the model sees it. What is trained is bold green on a terminal, and stands in « » everywhere."""
    for mask in shown:
        output = f", {mask.output}" if mask.output else ""
        cut = ", cut at the model's limit" if mask.cut else ""
        trained = f"{sum(mask.trained):,} of {len(mask.tokens):,} tokens trained{cut}"
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


def _lengths(console: Console, lengths: Lengths, *, all_rows: bool) -> None:
    about = "" if lengths.exact else "about "
    whose = "" if all_rows else " in the rows without fault"
    console.print(
        f"{about}{lengths.tokens:,} tokens{whose} ({lengths.counted}): {lengths.mean:,.0f} a row, "
        f"at most {lengths.longest:,} in row {lengths.longest_row}"
    )
    if lengths.images:
        console.print(f"{lengths.images:,} images, whose tokens are not counted")
    if lengths.limit is not None:
        _cut(console, lengths, about)
    _histogram(console, lengths)


def _cut(console: Console, lengths: Lengths, about: str) -> None:
    if not lengths.cut:
        console.print(f"no row is longer than the limit of {lengths.limit:,}")
        return
    console.print(
        f"{about}{lengths.cut:,} rows are longer than the limit of {lengths.limit:,} (first: row {lengths.first_cut}) "
        f"and would lose {about}{lengths.tokens_cut:,} tokens at their ends",
        style="yellow",
    )
    if lengths.lost:
        console.print(
            f"{about}{lengths.lost:,} of them (first: row {lengths.first_lost}) would lose all that is trained last; "
            "shorten what stands before it",
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
