"""`redraft rescore`: new statistics from a run's stored judgments; nothing is asked.

Neighbour: `redraft.judging.rescoring` computes and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from redraft.cli import options
from redraft.cli.running import one_line_for_faults
from redraft.cli.side_by_side import echo_columns
from redraft.real_numbers import Real

if TYPE_CHECKING:
    from redraft.judging.pages import OwnPage
    from redraft.judging.settings import Settings
    from redraft.judging.summary import StudySummary

SHARE = Real(0, 1, min_open=True, max_open=True)
# As in redraft.judging.groups, which takes long to import.
KINDS = ("user", "document", "group", "none")


@click.command("rescore")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write all files of the run anew to this folder.")
@click.option("--in-place", is_flag=True, help="Write them over those of the run.")
@click.option("--confidence", type=SHARE, help="Of intervals and tests; alpha is 1 less this.")
@click.option(
    "--rope", type=(Real(0, 0.5), Real(0.5, 1)), metavar="LOW HIGH",
    help="Win rates between these are no meaningful difference, as in 0.45 0.55.",
)  # fmt: skip
@click.option("--max-missing", type=Real(0, 1), help="Share of contexts that may lack a verdict.")
@click.option("--min-contexts", type=options.COUNT, metavar="N", help="Fewest contexts with a verdict for any claim.")
@click.option(
    "--cluster-by", type=click.Choice(KINDS), help="What makes contexts dependent; by default what the data name."
)
@click.option(
    "--sequence", type=(str, str), multiple=True, metavar="MODEL MODEL",
    help="Test this pair first, then the next given, each at the full level until one shows nothing. Only for an order "
    "that was declared before any answer was judged.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="JSON in place of a table.")
def rescore_command(
    run: Path, output: Path | None, in_place: bool, as_json: bool, sequence: tuple[tuple[str, str], ...], **told: Any
) -> None:
    """Score the results in folder RUN anew, with other rules or a newer redraft, and tell what changes.

    Without --output or --in-place nothing is written. No call is made and no key needed.
    """
    if in_place and output is not None:
        raise click.UsageError("--in-place and --output are two places; name one")
    with one_line_for_faults():
        _rescore(run, run if in_place else output, in_place, as_json, sequence, told)


def _rescore(
    run: Path, output: Path | None, in_place: bool, as_json: bool, sequence: Sequence[tuple[str, str]],
    told: dict[str, Any],
) -> None:  # fmt: skip
    from redraft.datasets.files import require_folder
    from redraft.errors import ConfigurationError
    from redraft.judging.changes import changes
    from redraft.judging.labels.judged import results_path
    from redraft.judging.publishing import REPORT, RESULTS
    from redraft.judging.rescoring import publish_again, score_again
    from redraft.judging.results import read_head

    path = results_path(run)
    if output is not None:
        require_folder(output)
    if output is not None and not in_place and (output / RESULTS).exists() and path.samefile(output / RESULTS):
        raise ConfigurationError(f"{output} is the run itself; --in-place writes over it, or name another folder")
    before = read_head(path)
    settings = _settings(before.summary, sequence, told)
    if output is None:
        now = score_again(run, settings)
    else:
        lay_out = _own_report(path, before.page)
        if lay_out is not None and not in_place:
            _note_copy(path.parent, output)
        publish_again(run, output, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), settings)
        now = read_head(output / RESULTS)
        if lay_out is not None:
            lay_out(output)
    found = changes(before, now)
    if as_json:
        click.echo(msgspec.json.encode({"simulated": now.simulated, "changes": found, "summary": now.summary}))
        return
    if now.simulated:
        click.echo("simulated: these numbers say nothing about real models")
    if found:
        echo_columns([[one.what, one.before or "-", one.now or "-"] for one in found], ("", "before", "now"))
    else:
        click.echo("nothing changes: the same settings give the same numbers and words")
    if output is None:
        click.echo("nothing was written; --output FOLDER writes all files anew, --in-place over those of the run")
    else:
        click.echo(f"results: {output / RESULTS}\nreport: {output / REPORT}")


def _own_report(path: Path, page: OwnPage | None) -> Callable[[Path], object] | None:
    """What lays out a flow's own report of results in a folder; None where they have none. Raises InputError, before
    anything is written, where nobody here could do that."""
    from redraft.errors import InputError

    if page is None:
        return None
    from tasks.imitation_page import KIND, page_in, write_page  # imports Prefect

    if page.kind != KIND:
        raise InputError(
            f"{path}: its report is one of {page.kind}, which this redraft cannot lay out; use the one that made it, "
            "or leave --output and --in-place out"
        )
    page_in(path, page)
    return write_page


def _note_copy(run: Path, output: Path) -> None:
    """The files hold messages: whoever is removed from these later is to leave the copy, too."""
    from redraft.chat.lineage import note_derived
    from redraft.datasets.storage import Dataset
    from redraft.errors import InputError
    from redraft.judging.labels.storage import FOLDER
    from redraft.judging.publishing import FILES

    unfound = f"{output}: holds messages, and no purge will find them"
    try:
        contexts = Dataset.open(run / "contexts")
    except InputError:
        why = "where it is a copy itself, give the comparison that it was made of"
        click.echo(f"{unfound}: {run} has no contexts beside it; {why}", err=True)
        return
    if not note_derived(contexts, [output / name for name in (*FILES, FOLDER)]):
        click.echo(f"{unfound}: the chats that {run} goes back to are not where they were", err=True)


def _settings(stored: StudySummary, sequence: Sequence[tuple[str, str]], told: dict[str, Any]) -> Settings:
    from redraft.errors import ConfigurationError

    given = {name: value for name, value in told.items() if value is not None}
    if "rope" in given and not stored.pairs:
        raise ConfigurationError(
            "--rope says which win rates are no meaningful difference, but no two models were compared in this run, "
            "and traits are decided by the mean difference alone; leave it out"
        )
    if sequence:
        pairs = [(_model(stored.settings, a), _model(stored.settings, b)) for a, b in sequence]
        compared = [{one.model_a, one.model_b} for one in stored.pairs]
        if lost := next((pair for pair in pairs if set(pair) not in compared), None):
            raise ConfigurationError(f"the declared sequence names {lost[0]} and {lost[1]}, which are not compared")
        given["sequence"] = tuple(pairs)
    return msgspec.structs.replace(stored.settings, **given)


def _model(stored: Settings, name: str) -> str:
    """A model by its short name, too."""
    return next((model for model, label in stored.labels.items() if label == name), name)
