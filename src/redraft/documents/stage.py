"""The stages that ask models: cells in, scenarios out; scenarios in, documents out; documents in, examples out. Every
row that goes in comes out, as what it was to become or as a rejection.

Pure builders and readers are in `scenarios`, `writing` and `responding`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeVar

import msgspec

from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.calling.reading import read_as_answered
from redraft.documents import responding, scenarios, writing
from redraft.documents.persona import Persona
from redraft.records import Document, Example, Rejection, Request, Scenario

R = TypeVar("R", bound=msgspec.Struct)

Chain = Sequence[str]


def idea_requests(
    cells: Sequence[Scenario], persona: Persona, chain: Chain, round: int = 0, following: Sequence[Scenario] = ()
) -> Iterator[Request]:
    """What is asked for these cells, which the grid's `following` ones fill up to whole calls."""
    for some in scenarios.batches(cells, round):
        yield scenarios.idea_request(scenarios.filled_up(some, following, round), persona, chain, round)


def document_requests(
    ideas: Iterable[Scenario], persona: Persona, chain: Chain, round: int = 0
) -> Iterator[Request]:  # fmt: skip
    """What is asked for these scenarios."""
    return (writing.document_request(one, persona, chain, round) for one in ideas)


def response_requests(
    documents: Iterable[Document], persona: Persona, chain: Chain, round: int = 0
) -> Iterator[Request]:
    """What is asked for these documents."""
    return (responding.response_request(one, persona, chain, round) for one in documents)


async def think_up(
    cells: Sequence[Scenario],
    persona: Persona,
    chain: Chain,
    round: int,
    caller: Caller,
    progress: Progress,
    following: Sequence[Scenario] = (),
) -> tuple[list[Scenario], list[Rejection]]:
    """An idea for each cell, in the order of the cells, and why some have none. Of `following` cells, which the last
    call asks for, too, nothing is kept."""
    by_first = {some[0].scenario_id: some for some in scenarios.batches(cells, round)}
    done: dict[str, Scenario | Rejection] = {}
    requests = idea_requests(cells, persona, chain, round, following)
    async with aclosing(caller.run(requests, stage=scenarios.STAGE)) as outcomes:
        async for request, outcome in outcomes:
            progress.count(outcome)
            some = by_first[request.row_id]
            for cell, made in zip(some, scenarios.read_ideas(some, outcome, round, persona.language), strict=True):
                done[cell.scenario_id] = made
            progress.advance(len(some))
    return _parted([done[cell.scenario_id] for cell in cells], Scenario)


async def write_documents(
    ideas: Sequence[Scenario], persona: Persona, chain: Chain, round: int, caller: Caller, progress: Progress
) -> tuple[list[Document], list[Rejection]]:
    """A document for each scenario, in their order, and why some have none."""
    by_id = {one.scenario_id: one for one in ideas}
    requests = document_requests(ideas, persona, chain, round)
    made = await read_as_answered(
        requests, writing.STAGE, by_id, writing.read_document, (persona, round), caller, progress
    )  # fmt: skip
    return _parted([made[row_id] for row_id in by_id], Document)


async def respond(
    documents: Sequence[Document], persona: Persona, chain: Chain, round: int, caller: Caller, progress: Progress
) -> tuple[list[Example], list[Rejection]]:
    """An example for each document, in their order, and why some have none."""
    by_id = {one.document_id: one for one in documents}
    requests = response_requests(documents, persona, chain, round)
    made = await read_as_answered(
        requests, responding.STAGE, by_id, responding.read_response, (persona, round), caller, progress
    )  # fmt: skip
    return _parted([made[row_id] for row_id in by_id], Example)


def worth_another_try(rejections: Iterable[Rejection]) -> int:
    """How many of them a fault of a provider left that passes: a rerun asks for these again."""
    return sum(rejection.passing for rejection in rejections)


def _parted(rows: Iterable[R | Rejection], kind: type[R]) -> tuple[list[R], list[Rejection]]:
    made: list[R] = []
    rejections: list[Rejection] = []
    for row in rows:
        if isinstance(row, kind):
            made.append(row)
        elif isinstance(row, Rejection):
            rejections.append(row)
    return made, rejections
