"""Documents alone: one for each scenario of a dataset."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.datasets.storage import require_target
from redraft.documents.persona import DEFAULT
from tasks.estimates import show_ahead
from tasks.generation import make_documents
from tasks.generation_ahead import estimate_generation, evaluation_texts
from tasks.generation_plan import chains_of, persona_of, regenerations, require_generation, rows_of
from tasks.parameters import Seconds, Share
from tasks.persona_files import conclude
from tasks.session import CallOptions, calling_session
from tasks.states import ends_in_words


@flow(name="write-documents", flow_run_name="documents of {input}")
@ends_in_words
async def write_documents(
    input: str = "data/collaborative_documents_scenarios",
    output: str = "data/collaborative_documents_texts",
    persona: str = DEFAULT,
    words: tuple[int, int] | None = None,
    model: tuple[str, ...] = (),
    mixing: bool = True,
    regenerate: int = 2,
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
    """Write the document of each scenario; none breaks off, holds a gap, repeats another or has words of the tests.

    Args:
        input: A dataset of scenarios, as think-up-scenarios makes it.
        output: The dataset to make.
        persona: Whose document types, language and range of words hold: a bundled name, or a YAML or JSON file.
        words: The fewest and the most words of a document; the persona's own by default.
        model: Who writes, as provider:model, in the order in which they are asked.
        mixing: Let the next model write what the one before could not. Off: only the first writes.
        regenerate: How often what a gate refused is made anew.
        evaluation_prompts: What models will be tested on (a file of prompts or a dataset, or several): no document has
            words of it, nor of the bundled plain instructions.
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
    who, again = persona_of(persona, "", words), regenerations(regenerate)
    ideas, tested = rows_of(input, "scenarios"), evaluation_texts(evaluation_prompts)
    chains = await chains_of({"documents": model}, mixing, credentials, ahead=dry_run)
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          move_on=move_on, poll=check_interval)  # fmt: skip
    require_target(Path(output), "documents", ideas.path)
    if dry_run:
        estimates = await estimate_generation(ideas, who, chains, None, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"documents:{Path(output).resolve()}"):
        await require_generation(chains, None, output)
        documents, _ = await make_documents(ideas, who, chains.documents, again, output, tested)
    return await conclude(output, {"documents": documents}, max_rejected)
