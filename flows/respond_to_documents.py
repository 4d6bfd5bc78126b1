"""Responses alone: one for each document of a dataset, as the persona, and the training files of both."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.documents.evaluation import refuse_tested_documents
from redraft.documents.persona import DEFAULT
from redraft.documents.prompting import Prompts
from tasks.estimates import show_ahead
from tasks.generation import make_examples
from tasks.generation_ahead import estimate_generation, evaluation_texts
from tasks.generation_plan import (
    as_written,
    chains_of,
    gating_of,
    generation_facts,
    persona_of,
    require_examples,
    require_generation,
    rows_of,
)
from tasks.judge_panel import JUDGE
from tasks.parameters import Seconds, Share
from tasks.persona_files import conclude, write_files
from tasks.session import CallOptions, calling_session
from tasks.spreads import spreads_beside
from tasks.states import ends_in_words
from tasks.wordings import with_wordings


@flow(name="respond-to-documents", flow_run_name="responses to {input} as {persona}")
@ends_in_words
async def respond_to_documents(
    input: str = "data/collaborative_documents_texts",
    output: str = "data/collaborative_documents",
    persona: str = DEFAULT,
    system_prompt: str = "",
    model: tuple[str, ...] = (),
    mixing: bool = True,
    judge: str = JUDGE,
    min_score: float | None = None,
    regenerate: int = 2,
    system_prompts: Prompts = "persona",
    evaluation_prompts: str | list[str] = "",
    dry_run: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    move_on: Literal["any", "faults"] = "any",
    max_rejected: Share = 0.2,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Respond to each document as the persona would, and keep what shows its traits.

    Args:
        input: A dataset of documents, as write-documents makes it.
        output: The dataset to make; the training file, the details and the metadata lie beside it.
        persona: A bundled persona's name, or a YAML or JSON file.
        system_prompt: A file with another system prompt than the persona's.
        model: Who responds, as provider:model, in the order in which they are asked.
        mixing: Let the next model respond where the one before could not. Off: only the first responds.
        judge: Who scores each response on the persona's traits; empty scores nothing.
        min_score: The least score on every trait; 5 on a scale from 1 to 10 by default.
        regenerate: How often what a gate refused is made anew.
        system_prompts: Under which system prompt rows are trained on: the persona's, none, each row under both, or
            other wordings of it spread over the rows.
        evaluation_prompts: What models will be tested on (a file of prompts or a dataset, or several): no response has
            words of it, nor of the bundled plain instructions; documents that have are refused before anything is paid.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        max_rejected: Share of rows from which their rejection makes the run partial.
        credentials: Which set of credentials blocks to use.
    """
    documents = rows_of(input, "documents")
    who = as_written(persona_of(persona, system_prompt), documents)
    gating = gating_of(who, judge, min_score, regenerate)
    chains = await chains_of({"responses": model}, mixing, credentials, ahead=dry_run)
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          move_on=move_on, poll=check_interval)  # fmt: skip
    tested = evaluation_texts(evaluation_prompts)
    await asyncio.to_thread(refuse_tested_documents, documents.rows(), tested)
    require_examples(output, documents.path)
    if dry_run:
        estimates = await estimate_generation(documents, who, chains, gating, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"documents:{Path(output).resolve()}"), spreads_beside():
        await require_generation(chains, gating, output)
        who, wordings = await with_wordings(who, system_prompts, chains.responses)
        examples, _ = await make_examples(documents, who, chains.responses, gating, output, system_prompts, tested,
                                          wordings)  # fmt: skip
        facts = {**generation_facts(who, chains, gating), "mixing": mixing, "mode": mode, "move_on": move_on,
                 "system_prompts": system_prompts, "budget": budget, "credentials": credentials,
                 "evaluation_prompts": evaluation_prompts or None}  # fmt: skip
        found = await write_files(output, {"documents": input, "responses": output}, facts)
    return await conclude(output, {"responses": examples}, max_rejected, **found)
