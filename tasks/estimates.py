"""What a flow would ask and cost, stage by stage, for a dry run or after a pilot. Nothing is sent to a provider, and no
key is needed.

Neighbours: `answers_ahead` has the answers that judges will be shown, as far as they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from redraft.calling.estimating import Estimator
from redraft.datasets.storage import Dataset
from redraft.judging.figures import many
from redraft.judging.judges import MAX_REASKS, Judge, as_judge
from redraft.records import Request
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.answers_ahead import LONGER, AnswersAhead, answers_ahead
from tasks.judge_checks import check_requests, first_answered
from tasks.judge_shard import JUDGE_STAGE, judging_requests
from tasks.session import CallOptions
from tasks.showing import show_table
from tasks.sources import sources

# Who meets whom on a context, by their places among the models.
Pairs = Sequence[tuple[int, int]]


async def estimate(
    stage: str,
    requests: Iterable[Request],
    credentials: str | None,
    options: CallOptions,
    *,
    reasks: int = 0,
    more_input: int = 0,
    words: int | None = None,
) -> dict[str, Any]:
    """The estimate of one stage, as plain values. `more_input`: input tokens by which a request may be longer than it
    is here. `words`: how many an answer is asked to have, where the stage's requests say so."""
    async with sources(credentials) as (ledger, endpoint):
        estimator = Estimator(ledger, endpoint, options.plan("", "estimate"), options.price_mode)
        found = await estimator.estimate(
            stage, requests, options.limits, reasks=reasks, more_input=more_input, words=words
        )
    return msgspec.to_builtins(found)


async def estimate_comparison(
    contexts: Dataset,
    models: Sequence[str],
    judges: Sequence[Judge | str],
    meetings: Sequence[Pairs],
    credentials: str | None,
    options: CallOptions,
    to_be_made: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The answers of `models` to the contexts, then what each judge is asked: on each context the pairs of `meetings`,
    which are places among `models` and, after them, the models `to_be_made`, and the judge's tests.

    Where both answers of a comparison are recorded, what is recorded of its judgments is found, too. Else an answer's
    length is assumed, and the comparison's calls count as new: `unknown` says so in words.
    """
    answers = await answers_ahead(contexts, models, credentials, options, to_be_made)
    waiting = sum(
        answers.missing(context, both)
        for context, pairs in zip(contexts.rows(), meetings, strict=True)
        for both in pairs
    )
    found = [
        await estimate(ANSWER_STAGE, answering_requests(contexts, model), credentials, options) for model in models
    ]
    for judge in judges:
        judging = await estimate(
            JUDGE_STAGE, _to_be_judged(contexts, as_judge(judge), answers, meetings), credentials, options,
            reasks=MAX_REASKS, more_input=2 * LONGER if waiting else 0,
        )  # fmt: skip
        found.append({**judging, **still_unknown(waiting, "comparison", judging)})
    return found


def still_unknown(waiting: int, what: str, judging: dict[str, Any]) -> dict[str, Any]:
    """What is added to a judge's estimate where so many comparisons, or scores, wait for answers."""
    if not waiting:
        return {}
    wait = "waits" if waiting == 1 else "wait"
    return {
        "assumed": ["length of the answers", *judging["assumed"]],
        "unknown": f"{many(waiting, what)} {wait} for answers that are not there yet, so what is asked there is new",
    }


def recorded_in_words(estimates: Sequence[dict[str, Any]]) -> str:
    """`160 of 215 calls are recorded already`, and what cannot be known."""
    asked = [one for one in estimates if one["mode"] != "training"]
    every, known = (sum(one[name] for one in asked) for name in ("requests", "recorded"))
    said = [f"{known:,} of {many(every, 'call')} {'is' if known == 1 else 'are'} recorded already"]
    return "; ".join([*said, *dict.fromkeys(one["unknown"] for one in asked if "unknown" in one)])


async def show_ahead(said: str, estimates: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A flow's result where it only looked ahead; the estimates stand in the run's Artifacts tab too.

    `said` is completed by how much of it is recorded already; `lead` is what was said without.
    """
    names = {
        "stage": "stage", "calls": "calls", "recorded": "recorded", "input_tokens": "tokens in",
        "output_tokens": "tokens out", "cost": "US dollars", "worst_cost": "at worst", "seconds": "seconds",
    }  # fmt: skip
    rows = [
        {"models": ", ".join(one["models"]), **{said: one[name] for name, said in names.items()}} for one in estimates
    ]
    await show_table("estimate", rows, "What is still to be asked; an empty price is not known")
    return {"said": f"{said}; {recorded_in_words(estimates)}", "lead": said, **more, "estimates": estimates}


def _to_be_judged(
    contexts: Dataset, judge: Judge, answers: AnswersAhead, meetings: Sequence[Pairs]
) -> Iterator[Request]:
    """What the judge will be asked, its tests included."""
    for together in answers.compared(contexts, meetings):
        yield from judging_requests(together, judge)
    yield from check_requests(first_answered(answers.compared(contexts, meetings)), judge)
