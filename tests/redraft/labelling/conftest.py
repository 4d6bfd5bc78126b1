"""A run's folder with results to label, the page of it in this process, and a browser."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from redraft.judging.labels import session as labelling
from redraft.judging.labels.judged import answers_of, read_pairs
from redraft.judging.labels.records import FORMAT, Head
from redraft.judging.labels.storage import SheetWriter, sheet_path
from redraft.judging.results import write_results
from redraft.judging.summary import Settings, StudySummary
from redraft.labelling.server import LabelServer
from redraft.labelling.views import Told
from redraft.records import Comparison, Judgment, Message

CHROMIUM = shutil.which("chromium")
MakeRun = Callable[..., Path]


def judged(one: Comparison, winner: str) -> list[Judgment]:
    """Both orders' judgments; winner A, B or t for a tie."""
    return [
        Judgment(
            context_id=one.context_id, model_a=one.model_a, model_b=one.model_b, judge="secret/judge", order=order,
            status="tie" if winner == "t" else "ok", winner=None if winner == "t" else winner,  # type: ignore[arg-type]
        )
        for order in ("AB", "BA")
    ]  # fmt: skip


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A results folder: `answers` are pairs (A's, B's), `winners` a letter for each."""

    def make(
        answers: Sequence[tuple[str, str]],
        winners: str = "",
        pairs: Sequence[tuple[str, str]] = (("secret/tuned", "secret/base"),),
        question: str = "How do I boil an egg?",
    ) -> Path:
        run = tmp_path / "run"
        run.mkdir(exist_ok=True)
        comparisons = [
            Comparison(
                context_id=f"secret-id-{number}", model_a=a, model_b=b, response_a=one, response_b=other,
                context=(Message("user", f"{question} ({number})"),), simulated=True,
            )
            for a, b in pairs
            for number, (one, other) in enumerate(answers)
        ]  # fmt: skip
        letters = (winners or "A" * len(answers)) * len(pairs)
        judgments = [item for one, letter in zip(comparisons, letters, strict=True) for item in judged(one, letter)]
        settings = Settings(labels={"secret/tuned": "tuned", "secret/base": "base"}, simulated=True)
        summary = StudySummary(pairs=(), settings=settings)
        write_results(run / "results.json", summary, comparisons, judgments, {"judge": "secret/judge"})
        return run

    return make


@contextmanager
def serving(run: Path, by: str = "ann", count: int = 50) -> Iterator[str]:
    """The address of the page, served by a thread of this process."""
    ready, ended = threading.Event(), threading.Event()
    address: list[str] = []

    async def serve() -> None:
        (pair,) = read_pairs(run)
        head = Head(at="2026-01-01T00:00:00Z", format=FORMAT, by=by, model_a=pair.model_a, model_b=pair.model_b, seed=0)
        contexts = labelling.draw(pair, count, seed=0)
        drawn = labelling.deck(contexts, answers_of(run, pair.models, contexts), seed=0, by=by)
        with SheetWriter(sheet_path(run, by, pair.models), head) as writer:
            session = labelling.Session(drawn, writer, "helpful@1", lambda: datetime.now(UTC))
            async with LabelServer(session, Told(by=by, criteria=["It is right."], simulated=False)) as server:
                address.append(server.address)
                ready.set()
                await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield address[0]
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def serve() -> Callable[..., object]:
    return serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: as long as it runs, nothing else can run an event loop in this thread."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()
