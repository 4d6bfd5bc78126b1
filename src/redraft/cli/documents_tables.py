"""What `redraft documents inspect` prints: a dataset in tables, a row whole. Neighbour: `redraft.browsing`.

Texts are printed with what nobody sees written out, so that none can steer the terminal.
"""

from __future__ import annotations

from contextlib import nullcontext

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from redraft.browsing.collection import Collection
from redraft.browsing.entries import Brief, Entry, scores_of
from redraft.browsing.queries import Query
from redraft.browsing.views import facts_of, said, spread_in_words
from redraft.cli.consoles import READABLE, results_console
from redraft.judging.untrusted import visible

_TITLE = 60


def show_all(name: str, collection: Collection, query: Query, most: int, at_terminal: bool) -> None:
    """Counts, reasons, types, models and spread of all; then the rows that fit the query."""
    console = results_console(READABLE)
    counts = collection.counts()
    rows = counts["clean"] + counts["flagged"] + counts["unreadable"]
    simulated = " (simulated)" if collection.simulated else ""
    click.echo(
        f"{visible(name)}: {rows:,} rows, {counts['flagged'] + counts['unreadable']:,} flagged; "
        f"{counts['rejected']:,} rejected on the way{simulated}"
    )
    if query == Query():
        _show_about(console, collection, at_terminal)
    elif missing := [one for one in query.reasons if one not in collection.reasons]:
        click.echo(f"no row has {', '.join(missing)}; there are: {', '.join(collection.reasons) or 'no flags'}")
    found = collection.found(query)
    if found:
        console.print(_listed(found[:most]))
    if len(found) > most:
        click.echo(f"{most:,} of {len(found):,} rows that fit; -n lists more, --page shows all")
    elif query != Query():
        click.echo(f"{len(found):,} rows fit")


def _show_about(console: Console, collection: Collection, at_terminal: bool) -> None:
    if collection.reasons:
        table = _table("reason", "flagged", "rejected", "what it means")
        for reason in collection.reasons:
            flagged, rejected = collection.times(reason)
            table.add_row(reason, f"{flagged:,}", f"{rejected:,}", said(reason))
        console.print(table)
    if types := collection.types_kept():
        click.echo(f"types: {_shares(types)}")
    for part, models in collection.writers().items():
        click.echo(f"{part} by: {_shares(models)}")
    with console.status("counting how varied they are …") if at_terminal else nullcontext():
        spreads = collection.spreads()  # of thousands of rows it takes seconds
    for part, spread in spreads.items():
        click.echo(f"{part}:")
        for line in spread_in_words(spread):
            click.echo(f"  {line}")


def _shares(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {count / total:.0%}" for name, count in counts.items())


def _listed(briefs: list[Brief]) -> Table:
    table = _table("row", "type", "title", "words", "response", "lowest score", "reasons")
    for one in briefs:
        state = "" if one.kind == "kept" else f"{one.kind}: "
        table.add_row(
            Text(one.row_id), Text(one.document_type), Text(one.title[:_TITLE]), f"{one.words:,}",
            "-" if one.response_words is None else f"{one.response_words:,}",
            "-" if one.low is None else f"{one.low:g}", Text(state + ", ".join(one.reasons)),
        )  # fmt: skip
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None)
    for heading in headings:
        number = heading in ("flagged", "rejected", "words", "response", "lowest score")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


def show_row(entry: Entry, simulated: bool) -> None:
    """One entry in full. `simulated` says that the sandbox wrote it, or what it stands among."""
    click.echo(f"{visible(entry.row_id)}: {visible(entry.title) or '(no title)'}")
    click.echo(f"{visible(entry.place)}, {entry.kind}{' (simulated)' if simulated else ''}")
    for one in entry.findings:
        click.echo(f"! {visible(one.reason)} ({one.part}): {visible(one.detail)}")
    for name, value in facts_of(entry):
        click.echo(f"{name}: {value}")
    if scores := scores_of(entry):
        click.echo(f"scores: {', '.join(f'{name} {score:g}' for name, score in scores.items())}")
    click.echo(f"\n--- {entry.part} ---\n{visible(entry.document)}")
    if entry.response is not None:
        click.echo(f"\n--- response ---\n{visible(entry.response)}")
    click.echo()
