"""What a comparison of imitators would ask its judges, and cost: replies that are not written yet are taken to be as
long as the person's own. Nothing is written or sent.

Neighbours: `imitation_arms` has the replies, `estimates` prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redraft.datasets.files import storage_faults
from redraft.datasets.storage import Dataset
from redraft.home import Home
from redraft.imitating.contexts import contexts_of
from redraft.imitating.prompts import write_prompts
from redraft.judging.judges import MAX_REASKS, Judge
from redraft.judging.stage import pair
from redraft.records import Comparison, Request, Response
from tasks.estimates import estimate
from tasks.imitation_arms import ImitationPlan
from tasks.judge_checks import check_requests, first_answered
from tasks.judge_shard import JUDGE_STAGE, judging_requests
from tasks.session import CallOptions


async def imitation_ahead(
    plan: ImitationPlan, panel: Sequence[Judge], credentials: str | None, options: CallOptions
) -> list[dict[str, Any]]:
    """An estimate for each judge, its tests included."""
    examples, ids = Dataset.open(Path(plan.examples)), _ids(plan)
    found: list[dict[str, Any]] = []
    for judge in panel:
        one = await estimate(
            JUDGE_STAGE, _requests(plan, examples, ids, judge), credentials, options, reasks=MAX_REASKS,
            more_input=2 * plan.settings.max_new_tokens,
        )  # fmt: skip
        found.append({**one, "assumed": ["length of the replies", *one["assumed"]]})
    return found


def _ids(plan: ImitationPlan) -> list[str]:
    """The examples that would be tested on."""
    work = Home.of().work
    with storage_faults(work):
        work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=work) as folder:
            prompts = Path(folder) / "prompts.jsonl"
            return write_prompts(Dataset.open(Path(plan.examples)), "test", prompts, plan.most, plan.seed)


def _requests(plan: ImitationPlan, examples: Dataset, ids: Sequence[str], judge: Judge) -> Iterator[Request]:
    for together in _compared(plan, examples, ids):
        yield from judging_requests(together, judge)
    yield from check_requests(first_answered(_compared(plan, examples, ids)), judge)


def _compared(plan: ImitationPlan, examples: Dataset, ids: Sequence[str]) -> Iterator[list[Comparison]]:
    lengths = {one.example_id: len(one.reply) for one in examples.rows() if one.side == "test"}
    (meetings,) = plan.drawing.pairs(1)
    for context in contexts_of(examples, "test", ids=ids, voice=plan.voice, seed=plan.seed):
        key = context.conversation_id
        words = "word " * (lengths[key] // 5 + 1)
        replies = [
            Response(context_id=key, model=model, text=f"{number} {words}") for number, model in enumerate(plan.models)
        ]
        first, second = ([replies[side[at]] for side in meetings] for at in (0, 1))
        yield pair([context] * len(meetings), first, second)
