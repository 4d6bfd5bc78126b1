"""`redraft documents inspect`. Neighbours: `redraft.browsing` reads, finds and serves, `documents_tables` prints."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from redraft.cli import documents_options, options
from redraft.cli.page_serving import serve_until_ended
from redraft.cli.running import one_line_for_faults
from redraft.real_numbers import Real

if TYPE_CHECKING:
    from redraft.browsing.background import Background
    from redraft.browsing.collection import Collection
    from redraft.browsing.queries import Query
    from redraft.documents.inspecting import Checks

LISTED = 20


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are held against, as the options have it."""

    persona: str
    system_prompt: str
    words: tuple[int, int] | None
    evaluation_prompts: str
    repeated: bool


@click.command("inspect")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--page", is_flag=True, help="Serve a page on this machine to read and filter; until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port of the page; 0 is any free one."
)
@click.option("--row", "row_id", metavar="ID", help="Print one row whole, and what was rejected under its id.")
@click.option("--count", "-n", type=options.COUNT, default=LISTED, show_default=True, help="Rows to list at most.")
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="Only rows with this flag; may be several.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only documents of this type; may be several.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Only what this model wrote a part of.")
@click.option("--min-score", type=Real(), metavar="SCORE", help="Only rows whose lowest trait score is at least this.")
@click.option("--max-score", type=Real(), metavar="SCORE", help="Only rows whose lowest trait score is at most this.")
@click.option("--flagged", "what", flag_value="flagged", help="Only rows with a flag.")
@click.option("--rejected", "what", flag_value="rejected", help="Only what was rejected on the way.")
@click.option(
    "--persona", default="", metavar="NAME|FILE",
    help="Whose signs, words and language rows are held against.  [default: the dataset's own, if it is a bundled one]",
)  # fmt: skip
@click.option("--system-prompt", default="", metavar="FILE", help="A system prompt that no response may repeat.")
@documents_options.words
@click.option("--evaluation-prompts", default="", metavar="PATH", help="What models are tested on: no row may have it.")
@click.option(
    "--repeated", is_flag=True, help="Flag responses that repeat an earlier one, or begin as too many do, too."
)
def inspect_command(
    path: Path, page: bool, port: int, row_id: str | None, count: int, reasons: tuple[str, ...],
    types: tuple[str, ...], models: tuple[str, ...], min_score: float | None, max_score: float | None,
    what: str | None, persona: str, system_prompt: str, words: tuple[int, int] | None, evaluation_prompts: str,
    repeated: bool,
) -> None:  # fmt: skip
    """Hold the rows of PATH against all gates, and read them: a generated dataset, or anybody's training file.

    PATH is a dataset folder, or JSONL, JSON or Parquet whose rows have `messages`. Flags are findings, not faults: the
    exit status is 0 with them. Of a dataset of ours what was rejected on the way is shown, too.
    """
    if page and row_id is not None:
        raise click.UsageError("--row prints in the terminal; leave out one of --row and --page")
    if min_score is not None and max_score is not None and min_score > max_score:
        raise click.UsageError(f"--min-score {min_score:g} lies above --max-score {max_score:g}; no row is like that")
    asked = Asked(
        persona=persona, system_prompt=system_prompt, words=words, evaluation_prompts=evaluation_prompts,
        repeated=repeated,
    )  # fmt: skip
    with one_line_for_faults():
        from redraft.browsing.queries import Query

        query = Query(
            what="flagged" if what == "flagged" else "rejected" if what == "rejected" else "all", reasons=reasons,
            types=types, models=models, low=min_score, high=max_score,
        )  # fmt: skip
        with _opened(path, asked) as (collection, notes):
            if page:
                _serve(path, collection, notes, port)
            else:
                with _until_read():
                    _show(path, collection, notes, query, row_id, count)


@contextmanager
def _until_read() -> Generator[None]:
    """Whoever reads the output, such as `head`, may have enough of it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _opened(path: Path, asked: Asked) -> Generator[tuple[Collection, list[str]]]:
    """The entries of a path, and what a reader should know. Raises InputError for a file that holds no such row."""
    from rich.console import Console

    from redraft.browsing.background import background_of
    from redraft.browsing.collection import Collection
    from redraft.browsing.entries import entries_of
    from redraft.datasets.reading import resolve_input

    path = resolve_input(path)
    background = background_of(path)
    notes = list(background.notes)
    checks = _checks(asked, background, notes)
    console = Console(stderr=True)
    with console.status("reading …") if console.is_terminal else _silent() as status:

        def seen(number: int) -> None:
            if status is not None and number % 100 == 0:
                status.update(f"reading … {number:,} rows")

        collection = Collection(entries_of(path, checks, background, notes), seen, background.simulated)
    with collection:
        _require_rows(path, collection)
        yield collection, notes


@contextmanager
def _silent() -> Generator[None]:
    yield None


def _checks(asked: Asked, background: Background, notes: list[str]) -> Checks:
    from redraft.documents.evaluation_prompts import read_prompts
    from redraft.documents.inspecting import Checks
    from redraft.documents.overlap import EvaluationGrams
    from redraft.documents.persona import FEWEST_WORDS, load_persona
    from redraft.errors import ConfigurationError

    persona = load_persona(asked.persona) if asked.persona else background.persona_found()
    if persona is None and background.persona_missing():
        notes.append(background.persona_missing())
    checks = Checks.of(persona) if persona is not None else Checks(language=background.language or "en")
    words = asked.words or background.words or checks.words
    if asked.words and not FEWEST_WORDS <= words[0] < words[1]:
        raise ConfigurationError(
            f"--words {words[0]} {words[1]}: the fewest first, at least {FEWEST_WORDS}, then the most"
        )
    prompts = tuple(dict.fromkeys((*checks.prompts, *background.prompts)))
    if asked.system_prompt:
        prompts = (*prompts, _text_of(Path(asked.system_prompt)))
    tested = None
    if asked.evaluation_prompts:
        tested = EvaluationGrams.of(one.text for one in read_prompts(Path(asked.evaluation_prompts)))
    return msgspec.structs.replace(
        checks, words=words, prompts=prompts, tested=tested, repeated=asked.repeated,
        least_score=background.least_score,
    )  # fmt: skip


def _text_of(file: Path) -> str:
    from redraft.errors import InputError

    try:
        return file.read_text("utf-8-sig").strip()
    except FileNotFoundError:
        raise InputError(f"{file}: no such file") from None
    except (OSError, UnicodeError) as fault:
        raise InputError(f"{file}: cannot be read ({fault})") from None


def _require_rows(path: Path, collection: Collection) -> None:
    """A file in which no row is a training row is another file than was meant."""
    from redraft.errors import InputError

    if collection.briefs and all(one.kind == "unreadable" for one in collection.briefs):
        first = collection.entry(1)
        raise InputError(f"{path}: no row of it can be trained on; {first.place}: {first.findings[0].detail}")


def _show(
    path: Path, collection: Collection, notes: list[str], query: Query, row_id: str | None, count: int
) -> None:  # fmt: skip
    from redraft.cli import documents_tables
    from redraft.errors import InputError
    from redraft.judging.untrusted import visible

    for note in notes:
        click.echo(visible(note), err=True)  # it may quote a file of anybody's
    if row_id is None:
        documents_tables.show_all(path.name, collection, query, count, at_terminal=sys.stdout.isatty())
        return
    found = collection.of_id(row_id)
    if not found:
        raise InputError(f"{path}: no row has the id {row_id!r}; without --row they are listed")
    for one in found:
        documents_tables.show_row(collection.entry(one.number), collection.simulated)


def _serve(path: Path, collection: Collection, notes: list[str], port: int) -> None:
    from redraft.browsing.server import BrowseServer
    from redraft.browsing.views import told_of

    server = BrowseServer(collection, told_of(str(path), collection, notes), port)
    asyncio.run(serve_until_ended(server, "read", "nothing of the dataset was changed"))
