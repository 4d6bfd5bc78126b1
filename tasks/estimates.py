"""What a flow would ask and cost, stage by stage, for a dry run or after a pilot. Nothing is sent to a provider, and no
key is needed."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from blocks.credentials import endpoint_of
from redraft.calling.estimating import ASSUMED_OUTPUT, Estimator
from redraft.calling.ledger import Ledger, ledger_address
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError
from redraft.judging.judges import MAX_REASKS, Judge, as_judge
from redraft.judging.material import ANSWER_LIMIT
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import PROVIDERS, Endpoint, split_model
from redraft.providers.environment import endpoint_from
from redraft.records import Comparison, Request
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.judge_checks import check_requests
from tasks.judge_shard import JUDGE_STAGE, judging_requests
from tasks.session import CALLER, CallOptions, credentials_name
from tasks.showing import show_table

# A stand-in for an answer that is not there yet.
_ANSWER = "word " * (ASSUMED_OUTPUT * 4 // 5)


async def estimate(
    stage: str,
    requests: Iterable[Request],
    credentials: str | None,
    options: CallOptions,
    *,
    reasks: int = 0,
    more_input: int = 0,
) -> dict[str, Any]:
    """The estimate of one stage, as plain values. `more_input`: input tokens by which a request may be longer than it
    is here."""
    async with sources(credentials) as (ledger, endpoint):
        estimator = Estimator(ledger, endpoint, options.plan("", "estimate"), options.price_mode)
        found = await estimator.estimate(stage, requests, options.limits, reasks=reasks, more_input=more_input)
    return msgspec.to_builtins(found)


async def estimate_comparison(
    contexts: Dataset,
    models: Iterable[str],
    judges: Judge | str | Sequence[Judge | str],
    comparisons: int,
    credentials: str | None,
    options: CallOptions,
) -> list[dict[str, Any]]:
    """The answers of `models` to the contexts, then so many comparisons on each by every judge; the answers to be
    compared are not there yet, so their length is assumed."""
    found = [
        await estimate(ANSWER_STAGE, answering_requests(contexts, model), credentials, options) for model in models
    ]
    longer = 2 * (ANSWER_LIMIT - len(_ANSWER))
    for judge in [judges] if isinstance(judges, Judge | str) else judges:
        judging = await estimate(
            JUDGE_STAGE, _stand_ins(contexts, as_judge(judge), comparisons), credentials, options, reasks=MAX_REASKS,
            more_input=longer,
        )  # fmt: skip
        judging["assumed"] = ["length of the answers", *judging["assumed"]]
        found.append(judging)
    return found


async def show_ahead(said: str, estimates: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A flow's result where it only looked ahead; the estimates stand in the run's Artifacts tab too."""
    names = {
        "stage": "stage", "calls": "calls", "recorded": "recorded", "input_tokens": "tokens in",
        "output_tokens": "tokens out", "cost": "US dollars", "worst_cost": "at worst", "seconds": "seconds",
    }  # fmt: skip
    rows = [
        {"models": ", ".join(one["models"]), **{said: one[name] for name, said in names.items()}} for one in estimates
    ]
    await show_table("estimate", rows, "What is still to be asked; an empty price is not known")
    return {"said": said, **more, "estimates": estimates}


def _stand_ins(contexts: Dataset, judge: Judge, comparisons: int) -> Iterator[Request]:
    """What the judge will be asked, its tests included."""
    for number in range(comparisons):
        yield from judging_requests(_compared(contexts, number), judge)
    yield from check_requests(_compared(contexts, 0), judge)


def _compared(contexts: Dataset, number: int) -> Iterator[Comparison]:
    for context in contexts.rows():
        yield Comparison(
            context_id=context.conversation_id,
            context=context.messages,
            model_a=f"a{number}",
            model_b="b",
            response_a=f"{number} {_ANSWER}",
            response_b=_ANSWER,
        )


@asynccontextmanager
async def sources(
    credentials: str | None,
) -> AsyncGenerator[tuple[Ledger, Callable[[str], Awaitable[Endpoint]]]]:
    """The ledger, and model → endpoint: those of the session around, or ones that do without a key."""
    if (around := CALLER.get()) is not None:
        yield around.ledger, around.endpoint
        return
    known: dict[str, Endpoint] = {}
    async with Ledger(ledger_address()) as ledger, ChatClient() as client:

        async def endpoint(model: str) -> Endpoint:
            provider, _ = split_model(model)
            if provider not in known:
                known[provider] = await client.identify(await _keyless(provider, credentials))
            return known[provider]

        yield ledger, endpoint


async def _keyless(provider: str, credentials: str | None) -> Endpoint:
    name = credentials_name(credentials)
    try:
        return await endpoint_of(provider, name)
    except ConfigurationError:
        key_variable = PROVIDERS[provider][1]
        if name != "default" or key_variable is None or os.environ.get(key_variable, "").strip():
            raise
        return endpoint_from({**os.environ, key_variable: "none"}, provider)
