"""What a generation would ask and cost, before anything of it is there: stand-ins take the place of what is to come.

Neighbours: `generation` runs the stages, `estimates` prices requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.documents import responding, scenarios, stage, writing
from redraft.documents.persona import Persona
from redraft.judging.judges import MAX_REASKS
from redraft.judging.ratings import rating_request
from redraft.records import Conversation, Document, Message, Request, Response, Scenario
from tasks.estimates import estimate
from tasks.generation_plan import Chains, Gating
from tasks.score_shard import STAGE as SCORES
from tasks.score_shard import rubric_of
from tasks.session import CallOptions

_SITUATION = "word " * 80


async def estimate_generation(
    cells: Dataset, persona: Persona, chains: Chains, gating: Gating | None, credentials: str | None,
    options: CallOptions,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each stage of a first round. What gates will refuse, and is made anew, comes on top."""
    found: list[dict[str, Any]] = []

    async def add(name: str, requests: Iterator[Request], reasks: int, assumed: str) -> None:
        row = await estimate(name, requests, credentials, options, reasks=reasks)
        if assumed:
            row["assumed"] = [assumed, *row["assumed"]]
        found.append(row)

    ideas = list(cells.rows())
    if chains.scenarios:
        await add(scenarios.STAGE, stage.idea_requests(ideas, persona, chains.scenarios), scenarios.REASKS, "")
    if chains.documents:
        thought = (_thought_up(one) for one in ideas)
        await add(writing.STAGE, stage.document_requests(thought, persona, chains.documents), writing.REASKS,
                  "length of the scenarios")  # fmt: skip
    if chains.responses:
        written = (_written(one, persona) for one in ideas)
        await add(responding.STAGE, stage.response_requests(written, persona, chains.responses), 0,
                  "length of the documents")  # fmt: skip
    if gating is not None and gating.judge is not None:
        await add(SCORES, _scores(ideas, persona, gating), MAX_REASKS, "length of documents and responses")
    return found


def _thought_up(cell: Scenario) -> Scenario:
    if cell.situation:
        return cell
    return msgspec.structs.replace(cell, title=f"Title {cell.scenario_id}", situation=_SITUATION)


def _written(cell: Scenario, persona: Persona) -> Document:
    length = sum(persona.words) // 2
    return Document(
        document_id=cell.scenario_id, side=cell.side, document_type=cell.document_type, domain=cell.domain,
        tension=cell.tension, tone=cell.tone, stakeholder=cell.stakeholder, scenario=_SITUATION,
        title=f"Title {cell.scenario_id}", text="word " * length, word_count=length,
    )  # fmt: skip


def _scores(cells: list[Scenario], persona: Persona, gating: Gating) -> Iterator[Request]:
    rubric = rubric_of(persona)
    for cell in cells:
        asked = Message("user", responding.as_user(_written(cell, persona)))
        context = Conversation(conversation_id=cell.scenario_id, messages=(asked,))
        response = Response(context_id=cell.scenario_id, model="", text=f"{cell.scenario_id} " + "word " * 250)
        if gating.judge is not None:
            yield rating_request(context, response, gating.judge, rubric)


def evaluation_texts(source: str) -> list[str]:
    """What models will be tested on, as texts; nothing where no file is named. InputError for one that is none."""
    if not source:
        return []
    from redraft.documents.evaluation_prompts import read_prompts

    return [text for _, text in read_prompts(Path(source))]
