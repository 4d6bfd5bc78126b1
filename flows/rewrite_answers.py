"""From extractive answers to natural ones, from unanswerable questions to refusals, and the curriculum's files."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.rewrite_conversations import REWRITER
from redraft.answering.rewriting import PARTS, STAGES
from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError
from redraft.providers.endpoints import canonical
from tasks.answering_files import (
    datasets_in,
    publish_part,
    questions_from,
    require_few_rejected,
    require_output,
    said_of,
    show_rewritten,
    tokenizer_of,
    write_files,
)
from tasks.answering_rewrites import requests_of
from tasks.answering_rounds import questions_to_rewrite, rewrite_parts
from tasks.estimates import estimate, show_ahead
from tasks.generation_plan import regenerations
from tasks.parameters import Seconds, Share
from tasks.session import CallOptions, calling_session, require_reachable
from tasks.states import ends_in_words

# An answer has some twenty words, which is what an estimate goes by until there are answers.
_WORDS = 20


@flow(name="rewrite-answers", flow_run_name="rewrite the answers of {input}")
@ends_in_words
async def rewrite_answers(
    input: str = "data/answer_layers",
    output: str = "data/answers",
    model: str = REWRITER,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    regenerate: Annotated[int, Field(ge=0, le=10)] = 2,
    max_questions: Annotated[int, Field(ge=1)] | None = None,
    dry_run: bool = False,
    pilot: Annotated[int, Field(ge=1)] | None = None,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_rejected: Share = 0.2,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Rewrite the answers of a dataset of questions as sentences, its unanswerable questions as refusals.

    Args:
        input: The dataset of questions (a folder); build-layers makes one.
        output: The folder to make: positive and negative, datasets of examples, and curriculum, the files to train on.
        model: Who rewrites, as provider:model; a bare name means Together.
        fallback: Models to ask in turn where the one before gives no usable answer.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        regenerate: How often what a check refused is asked again, with the reason.
        max_questions: Rewrite only the first N questions with an answer and the first N without.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        pilot: Rewrite only the first N of either kind into OUTPUT.pilot, and tell from them what all will cost.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_rejected: Share of rejected rows of either kind from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    for name, rows in (("max-questions", max_questions), ("pilot", pilot)):
        if rows is not None and rows < 1:
            raise ConfigurationError(f"--{name} {rows}: must be at least 1")
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          fallback=fallback, move_on=move_on, poll=check_interval)  # fmt: skip
    chain = tuple(dict.fromkeys([canonical(model), *options.fallbacks]))
    questions, folder = questions_from(input), output if pilot is None else f"{output}.pilot"
    require_output(folder, questions)
    await asyncio.to_thread(tokenizer_of, questions)  # the files are looked through with it once all is paid

    async def estimates() -> list[dict[str, Any]]:
        every = await questions_to_rewrite(input, max_questions)
        return [
            await estimate(STAGES[part], requests_of(Dataset.open(Path(every[part])), chain, 0), credentials, options,
                           words=_WORDS)
            for part in PARTS
        ]  # fmt: skip

    if dry_run:
        return await show_ahead("estimated, nothing was sent", await estimates())
    limit = max_questions if pilot is None else min(pilot, max_questions or pilot)
    todo = {part: Dataset.open(Path(path)) for part, path in (await questions_to_rewrite(input, limit)).items()}
    async with calling_session(credentials, options, f"answers:{Path(output).resolve()}"):
        await require_reachable(chain[0], fallbacks=chain[1:])
        require_writable(Path(folder))
        made = await rewrite_parts(todo, chain, regenerations(regenerate))
        datasets = datasets_in(folder)
        manifests = {part: await publish_part(made[part], part, input, datasets[part], chain) for part in PARTS}
        await show_rewritten(manifests)
        result: dict[str, Any] = {"datasets": datasets, "manifests": manifests}
        if pilot is not None:
            said = f"pilot: {said_of(manifests, folder, None)}"
            return await show_ahead(said, await estimates(), **result)
    curriculum = await write_files(input, folder)
    result |= {"said": said_of(manifests, folder, curriculum), "output": output, "curriculum": curriculum}
    require_few_rejected(result, max_rejected)
    return result
