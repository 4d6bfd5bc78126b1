"""A generated dataset with what was refused on the way, its page in this process, and a browser."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, sync_playwright

from redraft.browsing.background import background_of
from redraft.browsing.collection import Collection
from redraft.browsing.entries import entries_of
from redraft.browsing.server import BrowseServer
from redraft.browsing.views import told_of
from redraft.datasets.storage import DatasetWriter
from redraft.documents.inspecting import Checks
from redraft.records import Document, Example, Message, Rejection, Scenario

CHROMIUM = shutil.which("chromium")
OPUS, SONNET = "anthropic:claude-opus-5-5", "anthropic:claude-sonnet-5-5"
TYPES = ("memo", "email", "report")
WORDS = ("harbour", "invoice", "summer", "nurse", "bridge", "kettle", "ticket", "orchard", "signal", "garden", "violin",
         "ledger", "copper", "meadow", "engine", "lantern", "pepper", "canvas", "saddle", "window")  # fmt: skip
SCORES = ("collaborative", "thorough")


def text_of(number: int, lines: int = 12) -> str:
    """A document of its own words, about 10 of them a line."""
    picked = [
        [WORDS[(number * 7 + line * (number % 5 + 1) + at * at) % len(WORDS)] for at in range(4)]
        for line in range(lines)
    ]
    return "\n\n".join(
        f"In case {number * 100 + line} the {' and the '.join(some)} are due." for line, some in enumerate(picked)
    )


def response_of(number: int) -> str:
    return (
        f"Let's look at case {number * 100} together: what would {WORDS[number % 20]} say, and whom does it harm most? "
        "I see two ways, each with a risk worth naming, and we could begin with the smaller step, ask for a firm "
        f"date in writing, and then decide about the {WORDS[(number * 3) % 20]} in week {number + 3}."
    )


def document(number: int) -> Document:
    return Document(
        document_id=f"s{number:05d}", side="train", document_type=TYPES[number % 3], domain="food retail",
        tension="speed against safety", tone="urgent", stakeholder="an auditor", scenario=f"Scenario {number}: why.",
        title=f"Case {number}", text=text_of(number), word_count=100, scenario_model=SONNET, model=SONNET,
        simulated=True,
    )  # fmt: skip


def example(one: Document, response: str, low: float) -> Example:
    return Example(
        conversation_id=one.document_id,
        messages=(
            Message("system", "You are a partner."), Message("user", f"**{one.title}**\n\n{one.text}"),
            Message("assistant", response),
        ),
        category="", improved=False, generation_method="documents", original_response="", improvement_timestamp=None,
        model=OPUS, provider="anthropic", simulated=True, cost=0.01,
        extra={
            "document_id": one.document_id, "document_type": one.document_type, "domain": one.domain,
            "scenario": one.scenario, "scenario_model": SONNET, "document_model": SONNET, "tone": one.tone,
            "round": {"document": 0, "response": 1},
            "judged": {"judge": "j/sound", "scores": dict(zip(SCORES, (low, 9.5), strict=True)), "analysis": "Fair."},
        },
    )  # fmt: skip


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """`count` rows; two of the documents have a refused response, and one more document was refused itself."""

    def make(count: int = 6, responses: Sequence[str] = (), documents: Sequence[Document] = ()) -> Path:
        written = [*documents] or [document(number) for number in range(count + 2)]
        with DatasetWriter(tmp_path / "made_texts", "documents") as writer:
            for one in written:
                writer.add(one)
            answered = msgspec.json.encode({"title": "Refused case", "text": "Dear {client_name}, thank you."}).decode()
            writer.reject(
                Rejection(
                    reason="unfilled_placeholder",
                    detail="the gap {client_name} was not filled",
                    place="documents s9",
                    row_id="s90000",
                    row=answered,
                    simulated=True,
                )
            )
            texts = writer.finish({"simulated": True})
        parent = {"path": str(texts.path), "content_hash": texts.content_hash}
        with DatasetWriter(tmp_path / "made", "examples") as writer:
            for number, one in enumerate(written[: len(responses) or count]):
                writer.add(example(one, responses[number] if responses else response_of(number), 3.0 + number))
            for one in written[count:]:
                writer.reject(
                    Rejection(
                        reason="refusal",
                        detail="the model refused",
                        place=f"responses {one.document_id}",
                        row_id=one.document_id,
                        row="I cannot help with that.",
                        answered_model="claude-opus-5-5",  # as the provider calls it
                        simulated=True,
                    )
                )
            made = writer.finish(
                {"simulated": True, "parents": [parent], "persona": "collaborative@1", "models": [OPUS]}
            )
        return made.path

    return make


@pytest.fixture
def make_ideas(tmp_path: Path) -> Callable[[], Path]:
    """A scenario, and one that was refused since it says the same; with the cells that they were asked for."""

    def make() -> Path:
        cells = [
            Scenario(scenario_id=f"s{number}", side="train", document_type="memo", domain="d", tension="t", tone="u",
                     stakeholder="s", title="", situation="") for number in (1, 2)
        ]  # fmt: skip
        with DatasetWriter(tmp_path / "cells", "scenarios") as writer:
            for cell in cells:
                writer.add(cell)
            drawn = writer.finish()
        again = msgspec.json.encode({"title": "Case", "text": "Who pays?"}).decode()
        with DatasetWriter(tmp_path / "ideas", "scenarios") as writer:
            writer.add(msgspec.structs.replace(cells[0], title="Case", situation="Who pays?", model=SONNET))
            writer.reject(
                Rejection(reason="duplicate_scenario", detail="Case: Who pays?", place="scenarios s2", row_id="s2",
                          row=again)
            )  # fmt: skip
            parent = {"path": str(drawn.path), "content_hash": drawn.content_hash}
            return writer.finish({"parents": [parent], "persona": "brief@1"}).path

    return make


def collected(path: Path, **checks: Any) -> tuple[Collection, list[str]]:
    notes: list[str] = []
    background = background_of(path)
    entries = entries_of(path, Checks(**checks), background, notes)
    return Collection(entries, simulated=background.simulated), notes


@pytest.fixture
def collect() -> Iterator[Callable[..., tuple[Collection, list[str]]]]:
    with ExitStack() as stack:

        def collect(path: Path, **checks: Any) -> tuple[Collection, list[str]]:
            collection, notes = collected(path, **checks)
            return stack.enter_context(collection), notes

        yield collect


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """The address of the page, served by a thread of this process."""
    ready, ended = threading.Event(), threading.Event()
    address: list[str] = []
    collection, notes = collected(path)

    async def serve() -> None:
        async with BrowseServer(collection, told_of(path.name, collection, notes)) as server:
            address.append(server.address)
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    with collection:
        thread.start()
        try:
            assert ready.wait(20)
            yield address[0]
        finally:
            ended.set()
            thread.join()


@pytest.fixture
def serve() -> Callable[..., Any]:
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
