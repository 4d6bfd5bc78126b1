"""A run of 100,000 stored judgments (50,000 contexts) scored anew: seconds, processor seconds and peak memory.

Answers of realistic length and judgments of both orders are made up by chance. `first` looks at every text and writes
all that a run leaves (results, tables, report). From that run the `statistics` alone, and all its files again
(`publishing`), are made anew; each in a process of its own. Goal of the latter two: under 10 s and 1 GB.
Run: python -m benchmarks.rescore
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.analysis import PAIRS, answers, judgments
from redraft.judging.publishing import RESULTS
from redraft.judging.rescoring import publish_again
from redraft.judging.results import rescore, write_results
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.records import Comparison, Message

JUDGE = "openai:gpt-5.2"
TEXTS = 2_000


def made(path: Path, contexts: int, words: int) -> None:
    """Every text is one of a few thousand with a number of its own in it, so that no two answers are the same."""
    random, (a, b) = np.random.default_rng(3), PAIRS[0]
    asked, first, second = (answers(random, TEXTS, size) for size in (60, int(1.3 * words), words))
    ids = [f"context-{number}" for number in range(contexts)]

    def compared() -> Iterator[Comparison]:
        for number, one in enumerate(ids):
            words = asked[number % TEXTS]
            question = Message("user", f"{words} {number}")
            # As real answers do, these share some words with what was asked.
            x, y = (
                f"{words[:60]} {texts[(number * step) % TEXTS]} {number}" for texts, step in ((first, 7), (second, 11))
            )
            yield Comparison(context_id=one, context=(question,), model_a=a, model_b=b, response_a=x, response_b=y)

    nothing = StudySummary(pairs=(), settings=Settings(baseline=b))
    write_results(path, nothing, compared(), judgments(random, (a, b), JUDGE, ids), {"judge": JUDGE})


def measured(what: str, folder: Path, sent: Any) -> None:
    """In a process of its own; memory is what the work added to the imported modules, and the whole."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, busy = time.perf_counter(), time.process_time()
    if what == "statistics":
        rescore(folder / RESULTS)
    elif what == "publishing":
        publish_again(folder, folder / "again", "now")
    else:
        publish_again(folder / "texts", folder, "now")
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - busy}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {name: round(one, 2) for name, one in seconds.items()}
    sent.send({**found, "peak_mib": round(peak / 1024), "before_mib": round(before / 1024)})


@click.command()
@click.option("--contexts", default=50_000, show_default=True, help="Two judgments each.")
@click.option("--words", default=250, show_default=True, help="Words in a usual answer.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the run in this folder.")
def main(contexts: int, words: int, keep: Path | None) -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        texts = folder / "texts" / RESULTS
        if not texts.exists():
            texts.parent.mkdir()
            made(texts, contexts, words)
        print(json.dumps({"judgments": 2 * contexts, "megabytes": round(texts.stat().st_size / 1e6)}))
        spawn = multiprocessing.get_context("spawn")
        for what in ("first", "statistics", "publishing"):
            here, there = spawn.Pipe(duplex=False)
            process = spawn.Process(target=measured, args=(what, folder, there))
            process.start()
            there.close()
            print(json.dumps({what: here.recv()}))
            process.join()


if __name__ == "__main__":
    main()
