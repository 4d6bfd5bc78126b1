"""The report of 1,000 contexts: its size, the time to make it, and how fast Chromium opens it from the disk.

Three models of a study, judged in both orders, answers of realistic length made up by chance; nothing is asked.
Goals: below 5 MB; open within 1 s, that is until the examples can be filtered.
Run: python -m benchmarks.report
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.analysis import PAIRS, answers, judgments
from redraft.judging.counting import count_study
from redraft.judging.examples import pick_examples
from redraft.judging.report import ReportInput, render_report
from redraft.judging.settings import Settings
from redraft.judging.verdict import summarise_counts
from redraft.records import Comparison, Judgment, Message

CHROMIUM = shutil.which("chromium")
READY = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const [ready] = performance.getEntriesByName("redraft-ready");
  return { ready: ready.startTime, loaded: performance.timing.loadEventEnd - performance.timing.navigationStart,
           painted: paint ? paint.startTime : null };
}"""


def made(contexts: int, words: int, pairs: int) -> tuple[list[Comparison], list[Judgment]]:
    random = np.random.default_rng(11)
    ids = [f"context-{number}" for number in range(contexts)]
    asked = answers(random, contexts, 60)
    arms = dict.fromkeys(arm for pair in PAIRS[:pairs] for arm in pair)
    texts = {arm: answers(random, contexts, round(words * lift)) for arm, lift in zip(arms, (1.3, 1.1, 1.0))}  # noqa: B905
    compared = [
        Comparison(context_id=one, context=(Message("user", question),), model_a=a, model_b=b,
                   response_a=x, response_b=y)
        for a, b in PAIRS[:pairs]
        for one, question, x, y in zip(ids, asked, texts[a], texts[b], strict=True)
    ]  # fmt: skip
    judged = [one for pair in PAIRS[:pairs] for one in judgments(random, pair, "openai:gpt-5.2", ids)]
    return compared, judged


def opened(path: Path, times: int) -> dict[str, list[float]]:
    """Milliseconds from the navigation's start, for each opening: first paint, load, examples ready."""
    found: dict[str, list[float]] = {"painted": [], "loaded": [], "ready": []}
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        for _ in range(times):
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(path.as_uri())
            # Looking at the page while it loads would slow it down; the page marks the time itself.
            page.wait_for_timeout(2_500)
            for name, value in page.evaluate(READY).items():
                found[name].append(round(value or 0))
            page.close()
        browser.close()
    return found


@click.command()
@click.option("--contexts", default=1_000, show_default=True)
@click.option("--words", default=250, show_default=True, help="Words in a usual answer.")
@click.option("--pairs", default=3, show_default=True, type=click.IntRange(1, 3), help="Pairs of models.")
@click.option("--times", default=5, show_default=True, help="How often it is opened.")
@click.option("--keep", type=click.Path(path_type=Path), help="Write the report here.")
def main(contexts: int, words: int, pairs: int, times: int, keep: Path | None) -> None:
    """Prints sizes and times as JSON."""
    compared, judged = made(contexts, words, pairs)
    started = time.perf_counter()
    counts = count_study(judged, compared)
    study = summarise_counts(counts, Settings(baseline="base"))
    counted = time.perf_counter()
    examples = pick_examples(compared, judged, counts)
    report = ReportInput(title="A study", created_at="now", study=study, examples=examples)
    page = render_report(report).encode()
    rendered = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = keep or Path(folder) / "report.html"
        path.write_bytes(page)
        figures = opened(path, times)
    print(json.dumps({
        "contexts": contexts, "pairs": pairs, "words": words, "megabytes": round(len(page) / 1e6, 2),
        "seconds": {"statistics": round(counted - started, 2), "report": round(rendered - counted, 2)},
        "milliseconds": figures,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
