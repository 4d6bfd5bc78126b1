"""Replaces the responses that users complained about."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import canonical
from tasks.estimates import show_ahead
from tasks.filter_file import filtered_source
from tasks.parameters import Seconds, Share
from tasks.rewriting import Rewriting, counts_in_words, estimate_rewriting, require_few_rejections, rewrite, targets_of
from tasks.session import CallOptions, calling_session
from tasks.states import ends_in_words

REWRITER = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@flow(name="rewrite-conversations", flow_run_name="rewrite {input} ({method})")
@ends_in_words
async def rewrite_conversations(
    input: str = "data/filtered_conversations_ur235.json",
    output: str = "data/rewritten_conversations",
    method: Literal["feedback", "alternative", "both"] = "feedback",
    model: str = REWRITER,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    max_conversations: int | None = None,
    dry_run: bool = False,
    pilot: int | None = None,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_rejected: Share = 0.2,
    taxonomy: Literal["don-yehiya", "petrak", "liu"] = "don-yehiya",
    credentials: str | None = None,
) -> dict[str, Any]:
    """Keep UR5 unchanged; for UR2 and UR3 replace the response before the feedback.

    Args:
        input: Filtered conversations: a dataset, JSON array, JSONL or Parquet file.
        output: The dataset to make; with method `both` a folder with one dataset for each method.
        method: `feedback` shows the model the feedback; `alternative` only the context before the response.
        model: Who rewrites, as provider:model; a bare name means Together.
        fallback: Models to ask in turn where the one before gives no usable answer.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        max_conversations: Rewrite only the first N conversations.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        pilot: Rewrite only the first N into OUTPUT.pilot, and tell from them what all will cost.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_rejected: Share of rejected conversations from which the run counts as partial.
        taxonomy: Whose numbering the labels of an unfiltered file follow.
        credentials: Which set of credentials blocks to use.
    """
    for name, rows in (("max-conversations", max_conversations), ("pilot", pilot)):
        if rows is not None and rows < 1:
            raise ConfigurationError(f"--{name} {rows}: must be at least 1")
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          fallback=fallback, move_on=move_on, poll=check_interval)  # fmt: skip
    folder = output if pilot is None else f"{output}.pilot"
    asked = Rewriting(
        source=await filtered_source(input, taxonomy),
        targets=targets_of(folder, method),
        model=canonical(model),
        fallbacks=options.fallbacks,
        move_on=move_on,
        limit=max_conversations if pilot is None else min(pilot, max_conversations or pilot),
    )
    if dry_run:
        estimates = await estimate_rewriting(asked, credentials, options, max_conversations)
        return await show_ahead("estimated, nothing was sent", estimates)
    asked.require_targets()
    async with calling_session(credentials, options, f"rewrite:{Path(output).resolve()}"):
        result = await rewrite(asked)
        said = f"{counts_in_words(result['manifests'])}, in {folder}"
        if pilot is not None:
            estimates = await estimate_rewriting(asked, credentials, options, max_conversations)
            return await show_ahead(f"pilot: {said}", estimates, **result)
        require_few_rejections(result, max_rejected)
    return {"said": said, **result}
