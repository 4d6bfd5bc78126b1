"""Asks again for the rows of a rewritten dataset whose call gave no usable answer."""

from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.datasets.files import require_writable
from redraft.providers.endpoints import canonical
from tasks.parameters import Share
from tasks.retry_shard import chain_of, retry_all, retry_began, retry_work, retryable, rewritten_dataset
from tasks.rewriting import counts_in_words, require_few_rejections, show_rewritten
from tasks.session import CallOptions, calling_session, require_reachable
from tasks.showing import shown
from tasks.states import ends_in_words


@flow(name="retry-rejections", flow_run_name="retry {dataset}")
@ends_in_words
async def retry_rejections(
    dataset: str,
    model: str | None = None,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    budget: float | None = None,
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    max_rejected: Share = 0.2,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Ask again for the rejections that came of a call, and only for those; a new version takes the dataset's place.

    Args:
        dataset: A rewritten dataset (a folder).
        model: Who is asked; by default the models that were asked before.
        fallback: Models to ask in turn where the one before gives no usable answer.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        budget: US dollars that all retries of this dataset may spend together.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        max_rejected: Share of rejected conversations from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, fallback=fallback,
                          move_on=move_on, again=True)  # fmt: skip
    before = rewritten_dataset(dataset)
    asked = retryable(before).total()
    if not asked:
        nothing = {"asked": 0, "mended": 0, "datasets": {}, "manifests": {}}
        return {"said": f"no rejection of {dataset} came of a call, so none is asked again", **nothing}
    first, *rest = chain_of(before)
    chain = [first if model is None else canonical(model), *(options.fallbacks or (rest if model is None else ()))]
    options = msgspec.structs.replace(options, began=retry_began(before, chain, move_on))
    async with calling_session(credentials, options, f"retry:{before.path.resolve()}") as caller:
        await require_reachable(first, *chain)
        require_writable(before.path)
        work = retry_work(before, chain[0], tuple(chain[1:]), move_on, await caller.endpoint(chain[0]))
        async with shown("retry", asked):
            manifest = await retry_all(before, work)
        result = {"datasets": {manifest["method"]: dataset}, "manifests": {manifest["method"]: manifest}}
        await show_rewritten("retry-counts", result["manifests"])
        said = f"{counts_in_words(result['manifests'])}, in {dataset}"
        result |= {"asked": asked, "mended": manifest["count"] - before.count}
        require_few_rejections(result, max_rejected)
    return {"said": said, **result}
