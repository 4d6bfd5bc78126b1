"""What a generation would ask and cost, before anything of it is there: stand-ins take the place of what is to come.

Neighbours: `generation` runs the stages, `estimates` prices requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.documents import responding, scenarios, stage, writing
from redraft.documents.evaluation import plain_instructions
from redraft.documents.evaluation_prompts import read_prompts
from redraft.documents.persona import Persona
from redraft.judging.judges import MAX_REASKS, Judge
from redraft.judging.ratings import rating_request
from redraft.records import Conversation, Document, Message, Request, Response, Scenario
from tasks.estimates import estimate
from tasks.generation_plan import Chains, Gating
from tasks.persona_shards import requests_of
from tasks.score_shard import STAGE as SCORES
from tasks.score_shard import rubric_of
from tasks.session import CallOptions

_SITUATION = "word " * 80
_RESPONSE_WORDS = 250
# With its title and the JSON around it.
_IDEA_WORDS = 75


async def estimate_generation(
    source: Dataset, persona: Persona, chains: Chains, gating: Gating | None, credentials: str | None,
    options: CallOptions,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row for each stage of a first round that starts from cells, scenarios or documents. What gates will refuse,
    and is made anew, comes on top."""
    found: list[dict[str, Any]] = []

    async def add(name: str, requests: Iterator[Request], reasks: int, assumed: str, words: int | None = None) -> None:
        row = await estimate(name, requests, credentials, options, reasks=reasks, words=words)
        if assumed:
            row["assumed"] = [assumed, *row["assumed"]]
        found.append(row)

    if chains.scenarios:
        requests = requests_of(scenarios.STAGE, source, persona, chains.scenarios, 0)
        await add(scenarios.STAGE, requests, scenarios.REASKS, "", _IDEA_WORDS * scenarios.BATCH)
    if chains.documents:
        ideas = (_thought_up(one) for one in source.rows())
        assumed = "length of the scenarios" if chains.scenarios else ""
        requests = stage.document_requests(ideas, persona, chains.documents)
        await add(writing.STAGE, requests, writing.REASKS, assumed, sum(persona.words) // 2)
    if chains.responses:
        written = (_written(one, persona) for one in source.rows())
        assumed = "" if source.kind == "documents" else "length of the documents"
        await add(responding.STAGE, stage.response_requests(written, persona, chains.responses), 0, assumed)
    if gating is not None and gating.judge is not None:
        requests = _scores(source, persona, gating.judge)
        await add(SCORES, requests, MAX_REASKS, "length of documents and responses")
    return found


def _thought_up(cell: Scenario) -> Scenario:
    if cell.situation:
        return cell
    return msgspec.structs.replace(cell, title=f"Title {cell.scenario_id}", situation=_SITUATION)


def _written(row: Scenario | Document, persona: Persona) -> Document:
    if isinstance(row, Document):
        return row
    length = sum(persona.words) // 2
    return Document(
        document_id=row.scenario_id, side=row.side, document_type=row.document_type, domain=row.domain,
        tension=row.tension, tone=row.tone, stakeholder=row.stakeholder, scenario=_SITUATION,
        title=f"Title {row.scenario_id}", text="word " * length, word_count=length,
    )  # fmt: skip


def _scores(source: Dataset, persona: Persona, judge: Judge) -> Iterator[Request]:
    rubric = rubric_of(persona)
    for row in source.rows():
        document = _written(row, persona)
        context = Conversation(
            conversation_id=document.document_id, messages=(Message("user", responding.as_user(document)),)
        )
        text = f"{document.document_id} " + "word " * _RESPONSE_WORDS
        response = Response(context_id=document.document_id, model="", text=text)
        yield rating_request(context, response, judge, rubric)


def evaluation_texts(sources: str | Sequence[str]) -> list[str]:
    """What models will be tested on, as texts: the prompts of these files and datasets, and the bundled plain
    instructions. InputError for a file that has none."""
    named = [sources] if isinstance(sources, str) else sources
    read = [*(read_prompts(Path(one)) for one in named if one), plain_instructions()]
    return [prompt.text for prompts in read for prompt in prompts]
