"""`redraft label`: people label a sample of a run's contexts, blind, and what their labels change.

Neighbours: `redraft.judging.labels` draws, keeps and computes, `redraft.labelling` serves the page.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from redraft.cli import options
from redraft.cli.page_serving import serve_until_ended
from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from redraft.judging.labels.session import Session

# As in redraft.judging, which takes long to import.
COUNT = 50
CRITERIA = "helpful@1"


@click.command("label")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--by", metavar="NAME", help="Who labels; each person has a file of their own.")
@click.option(
    "--count", "-n", type=options.COUNT, metavar="N",
    help=f"Contexts to label, drawn by chance; a larger number goes on.  [default: {COUNT}, or as before]",
)  # fmt: skip
@click.option(
    "--seed", type=int, metavar="N",
    help="What contexts, order and sides are drawn with.  [default: as whoever labelled before, or 0]",
)  # fmt: skip
@click.option(
    "--pair", type=options.COUNT, metavar="N", help="Which comparison of a study; without it they are listed."
)
@click.option(
    "--criteria", default=CRITERIA, show_default=True, metavar="FILE",
    help="What counts, shown beside the answers; the file that the judge was given.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port of the page; 0 is any free one."
)
@click.option("--show", is_flag=True, help="Serve nothing; tell what all labels so far change.")
@click.option("--json", "as_json", is_flag=True, help="With --show: JSON in place of sentences.")
def label_command(
    run: Path,
    by: str | None,
    count: int | None,
    seed: int | None,
    pair: int | None,
    criteria: str,
    port: int,
    show: bool,
    as_json: bool,
) -> None:
    """Label 50 to 100 contexts of RUN, the output folder of an evaluation or study, on a page served on this machine.

    Sides and order are shuffled and models' names hidden. Each label is on the disk before the next pair is shown;
    the same command goes on where it stopped. The labels correct the judge's estimate: see --show.
    """
    if as_json and not show:
        raise click.UsageError("--json goes with --show")
    if show:
        with one_line_for_faults():
            _show(run, pair, as_json)
        return
    if by is None:
        raise click.UsageError("say who labels: --by NAME")
    with one_line_for_faults():
        _label(run, by, count, seed, pair, criteria, port)


def _label(run: Path, by: str, count: int | None, seed: int | None, number: int | None, source: str, port: int) -> None:
    from redraft.judging.labels import session as labelling
    from redraft.judging.labels.judged import answers_of, chosen, read_pairs, results_path
    from redraft.judging.labels.records import FORMAT, Head, require_name
    from redraft.judging.labels.storage import SheetWriter, read_sheets, sheet_path
    from redraft.judging.prompts import load_criteria
    from redraft.judging.results import read_head
    from redraft.labelling.server import LabelServer
    from redraft.labelling.views import Told

    name, criteria = require_name(by), load_criteria(source)
    names = read_head(results_path(run)).summary.settings.labels
    pair = chosen(read_pairs(run), number, names)
    sheets = read_sheets(run)
    found_seed = labelling.seed_of(sheets, name, pair.models, seed)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    first = Head(at=now, format=FORMAT, by=name, model_a=pair.model_a, model_b=pair.model_b, seed=found_seed)
    path = sheet_path(run, name, pair.models)
    with SheetWriter(path, first) as writer:
        wanted = count or writer.standing.count or COUNT
        contexts = labelling.draw(pair, wanted, seed=found_seed)
        drawn = labelling.deck(contexts, answers_of(run, pair.models, set(contexts)), seed=found_seed, by=name)
        session = labelling.Session(drawn, writer, criteria.id, lambda: datetime.now(UTC))
        if len(drawn) < wanted:
            click.echo(f"only {len(drawn)} contexts have a verdict; all of them are drawn", err=True)
        simulated = any(one.comparison.simulated for one in drawn)
        told = Told(by=name, criteria=list(criteria.criteria), simulated=simulated)
        server = LabelServer(session, told, port)
        asyncio.run(serve_until_ended(server, "label", "each label is saved at once"))
        _say_goodbye(session, path)


def _say_goodbye(session: Session, path: Path) -> None:
    skipped = f", {session.skipped} skipped" if session.skipped else ""
    click.echo(f"{len(session.done) - session.skipped} of {len(session.pairs)} labelled{skipped}: {path}")


def _show(run: Path, number: int | None, as_json: bool) -> None:
    from redraft.judging.labels.effect import read_human_labels
    from redraft.judging.labels.effect_wording import in_words
    from redraft.judging.labels.judged import chosen, read_pairs, results_path
    from redraft.judging.results import read_head

    settings = read_head(results_path(run)).summary.settings
    pairs = read_pairs(run)
    found = read_human_labels(run, confidence=settings.confidence, cluster_by=settings.cluster_by)
    if number is not None:
        wanted = chosen(pairs, number, settings.labels).models
        found = [one for one in found if (one.model_a, one.model_b) == wanted]
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo(f"nobody has labelled anything yet; begin with: redraft label {run} --by NAME")
    for one in found:
        click.echo(f"{settings.label(one.model_a)} against {settings.label(one.model_b)}, judged by {one.judge}")
        for sentence in in_words(one, settings):
            click.echo(f"  {sentence}")
