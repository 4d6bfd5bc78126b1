"""Scenario ideas alone: who writes to whom, why, and what is at stake, for each cell of the persona's grid."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.datasets.storage import Dataset, require_target
from redraft.documents.persona import DEFAULT
from redraft.records import Side
from tasks.estimates import show_ahead
from tasks.generation import draw_cells, make_scenarios
from tasks.generation_ahead import estimate_generation
from tasks.generation_plan import chains_of, persona_of, regenerations, require_generation
from tasks.parameters import Seconds, Share
from tasks.persona_files import conclude
from tasks.session import CallOptions, calling_session
from tasks.states import ends_in_words


@flow(name="think-up-scenarios", flow_run_name="{count} scenarios for {persona}")
@ends_in_words
async def think_up_scenarios(
    persona: str = DEFAULT,
    count: int = 50,
    output: str = "data/collaborative_documents_scenarios",
    side: Side = "train",
    model: tuple[str, ...] = (),
    mixing: bool = True,
    regenerate: int = 2,
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
    """Have an idea for each cell of document type, domain, tension, tone and stakeholder; none like another.

    Args:
        persona: A bundled persona's name, or a YAML or JSON file.
        count: How many ideas.
        output: The dataset to make.
        side: Cells for training documents, or those that are kept for `test`s; no cell is on both sides.
        model: Who has the ideas, as provider:model, in the order in which they are asked.
        mixing: Let the next model have the ideas that the one before had not. Off: only the first is asked.
        regenerate: How often ideas that repeat another are replaced.
        seed: Which cells are drawn. A longer run begins with those of a shorter one.
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
    who, again = persona_of(persona), regenerations(regenerate)
    chains = await chains_of({"scenarios": model}, mixing, credentials, ahead=dry_run)
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          move_on=move_on, poll=check_interval)  # fmt: skip
    require_target(Path(output), "scenarios")
    cells = Dataset.open(Path(await draw_cells(who, count, seed, side)))
    if dry_run:
        estimates = await estimate_generation(cells, who, chains, None, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"documents:{Path(output).resolve()}"):
        await require_generation(chains, None, output)
        ideas, _ = await make_scenarios(cells, who, chains.scenarios, again, output)
    return await conclude(output, {"scenarios": ideas}, max_rejected)
