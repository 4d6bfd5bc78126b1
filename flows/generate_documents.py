"""From a persona to training data: scenario ideas, documents, responses that show the persona."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.datasets.storage import Dataset
from redraft.documents.persona import DEFAULT
from redraft.documents.prompting import Prompts
from tasks.estimates import show_ahead
from tasks.generation import draw_cells, make_documents, make_examples, make_scenarios
from tasks.generation_ahead import estimate_generation, evaluation_texts
from tasks.generation_plan import (
    asked_digest,
    chains_of,
    gating_of,
    generation_facts,
    persona_of,
    require_examples,
    require_generation,
)
from tasks.judge_panel import JUDGE
from tasks.parameters import Seconds, Share
from tasks.persona_files import conclude, write_files
from tasks.session import CallOptions, calling_session
from tasks.spreads import spreads_beside
from tasks.states import ends_in_words
from tasks.wordings import with_wordings


@flow(name="generate-documents", flow_run_name="generate {count} documents for {persona}")
@ends_in_words
async def generate_documents(
    persona: str = DEFAULT,
    system_prompt: str = "",
    count: int = 50,
    output: str = "data/collaborative_documents",
    words: tuple[int, int] | None = None,
    scenarios_model: tuple[str, ...] = (),
    documents_model: tuple[str, ...] = (),
    responses_model: tuple[str, ...] = (),
    mixing: bool = True,
    judge: str = JUDGE,
    min_score: float | None = None,
    regenerate: int = 2,
    system_prompts: Prompts = "persona",
    evaluation_prompts: str | list[str] = "",
    seed: int = 0,
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
    """Think up scenarios, write a document for each, respond to each as the persona, and keep what passes every gate.

    Args:
        persona: A bundled persona's name, or a YAML or JSON file.
        system_prompt: A file with another system prompt than the persona's.
        count: How many documents.
        output: The dataset to make; the training file, the details and the metadata lie beside it.
        words: The fewest and the most words of a document; the persona's own by default.
        scenarios_model: Who has the ideas, as provider:model, in the order in which they are asked.
        documents_model: Who writes the documents, likewise.
        responses_model: Who responds, likewise.
        mixing: Let the next model of a chain write what the one before could not. Off: only the first of each writes.
        judge: Who scores each response on the persona's traits; empty scores nothing.
        min_score: The least score on every trait; 5 on a scale from 1 to 10 by default.
        regenerate: How often what a gate refused is made anew.
        system_prompts: Under which system prompt rows are trained on: the persona's, none, each row under both, or
            other wordings of it spread over the rows.
        evaluation_prompts: What models will be tested on (a file of prompts or a dataset, or several): no document or
            response has words of it, nor of the bundled plain instructions.
        seed: Which scenarios are drawn. A longer run begins with those of a shorter one.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        max_rejected: Share of a stage's rows from which their rejection makes the run partial.
        credentials: Which set of credentials blocks to use.
    """
    who = persona_of(persona, system_prompt, words)
    gating = gating_of(who, judge, min_score, regenerate)
    asked = {"scenarios": scenarios_model, "documents": documents_model, "responses": responses_model}
    chains = await chains_of(asked, mixing, credentials, ahead=dry_run)
    tested = evaluation_texts(evaluation_prompts)
    digest = asked_digest(who, chains, gating, tested, count=count, seed=seed, move_on=move_on,
                          system_prompts=system_prompts)  # fmt: skip
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          move_on=move_on, poll=check_interval)  # fmt: skip
    require_examples(output)
    cells = Dataset.open(Path(await draw_cells(who, count, seed, "train")))
    if dry_run:
        estimates = await estimate_generation(cells, who, chains, gating, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"documents:{Path(output).resolve()}"), spreads_beside():
        await require_generation(chains, gating, output)
        who, wordings = await with_wordings(who, system_prompts, chains.documents)
        ideas, _ = await make_scenarios(cells, who, chains.scenarios, regenerate, f"{output}_scenarios")
        documents, _ = await make_documents(ideas, who, chains.documents, regenerate, f"{output}_texts", tested)
        examples, _ = await make_examples(documents, who, chains.responses, gating, output, system_prompts, tested,
                                          wordings)  # fmt: skip
        made = {"scenarios": ideas, "documents": documents, "responses": examples}
        facts = {**generation_facts(who, chains, gating), "count": count, "seed": seed, "mixing": mixing, "mode": mode,
                 "system_prompts": system_prompts, "move_on": move_on, "budget": budget, "credentials": credentials,
                 "evaluation_prompts": evaluation_prompts or None, "asked_digest": digest}  # fmt: skip
        found = await write_files(output, {name: str(one.path) for name, one in made.items()}, facts)
    return await conclude(output, made, max_rejected, **found)
