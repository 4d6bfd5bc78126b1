"""A judge beside reinforcement learning: what the run asks in its folder is answered while the task that trains follows
it.

What the judge says is never optimised; it shows where the reward is hacked. Neighbours: `local_training` has the run,
`redraft.training.adapting.exchange` has the files, `redraft.judging` asks the judge.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.calling.progress import Progress
from redraft.chat.rendering import read_completion
from redraft.datasets.files import write_whole
from redraft.errors import BudgetReachedError
from redraft.judging.caveats import reason_in_words
from redraft.judging.folding import Label, fold_judgments
from redraft.judging.groups import group_of
from redraft.judging.judges import Judge
from redraft.judging.stage import judge_comparisons
from redraft.records import Comparison, Conversation, Judgment
from redraft.training.adapting.exchange import FOLDER, Question, answer, open_questions
from redraft.training.local.reading import MODEL, run_in
from redraft.training.local.watching import folder_of
from redraft.training.purged_models import is_marked
from redraft.training.registry import Registry, registry_address
from redraft.training.states import JobState
from tasks.judge_shard import JUDGE_STAGE
from tasks.local_training import LocalWish, in_thread, train_on_this_machine
from tasks.session import current_caller

RL, LORA = "local:rl", "local:lora"
_PAUSE = 0.2
# The fault itself names sums, and would be another reason each time.
_USED_UP = "the budget is used up, and the training goes on without a judge"
_POINTS: dict[Label, float | None] = {"win": 1.0, "tie": 0.5, "loss": 0.0, "unusable": None}
# Prompt → its context as the judge is shown it, and the reply that stands against the new one.
References = Mapping[str, tuple[Conversation, str]]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What judging the outputs of a step came to: `rated` of so many `outputs`, why others were not, what it cost (US
    dollars; None: no known price)."""

    outputs: int
    rated: int
    missing: dict[str, int]
    calls: int
    cost: float | None
    simulated: bool
    # A purge finds the judge's answers by them.
    request_keys: tuple[str, ...] = ()


def is_finished(wish: LocalWish) -> bool:
    """Whether an equal run is there, with its model, so that nothing is left to be judged."""
    order = wish.order()
    with Registry(registry_address()) as registry:
        job = registry.get(order.key)
    if job is None or job.state is not JobState.COMPLETED or order.policy.wants_new(job):
        return False
    model = folder_of(job) / MODEL
    return model.is_dir() and not is_marked(model)


async def train_beside_judge(wish: LocalWish, judge: Judge, references: References) -> dict[str, Any]:
    """As `train_on_this_machine`; what its run asks is answered until it ends. Judging that fails is told, and ends no
    training."""
    over = asyncio.Event()
    judging = asyncio.create_task(_beside(wish, judge, references, over))
    try:
        return await train_on_this_machine(wish)
    finally:
        over.set()
        # Calls under way are paid for: their answers are written down.
        await judging


async def judge_rollouts(
    folder: Path, judge: Judge, references: References, stopped: Callable[[], bool]
) -> None:  # fmt: skip
    """Answers what the run in a folder asks until `stopped`: an output's rating is 1, 0.5 or 0 where both orders
    together say that it is better than the reference, as good, or worse, and None where they say nothing.

    What has been answered is left. A fault, or a budget that is used up, gives None ratings, and the reason is told
    once.
    """
    told = set[str]()
    while not stopped():
        for question in await asyncio.to_thread(open_questions, folder):
            if stopped():
                return
            await _answered(folder, question, judge, references, told)
        await asyncio.sleep(_PAUSE)


def judged_in(folder: Path) -> list[Judged]:
    """What the judging of a run came to, step by step."""
    paths = sorted((folder / FOLDER).glob("judged-*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Judged) for path in paths]


async def _beside(wish: LocalWish, judge: Judge, references: References, over: asyncio.Event) -> None:
    try:
        folder = await _run_folder(wish.order().key, over)
        if folder is not None:
            await judge_rollouts(folder, judge, references, over.is_set)
    except Exception as fault:  # noqa: BLE001  whatever ails the judging, the training goes on
        _warn(f"{wish.name}: nobody judges what it writes any more ({type(fault).__name__}: {fault})")


async def _run_folder(key: str, over: asyncio.Event) -> Path | None:
    """Where the run is, once that is known: an equal one that was begun earlier may lie elsewhere."""

    def look() -> Path | None:
        with Registry(registry_address()) as registry:
            job = registry.get(key)
        return folder_of(job) if job is not None and run_in(folder_of(job)) == key else None

    while not over.is_set():
        if (folder := await in_thread(look)) is not None:
            return folder
        await asyncio.sleep(_PAUSE)
    return None


async def _answered(
    folder: Path, question: Question, judge: Judge, references: References, told: set[str]
) -> None:  # fmt: skip
    try:
        ratings, judged = await _rated(question, judge, references)
    except Exception as fault:  # noqa: BLE001  the training must not wait for a judge that cannot be asked
        ratings = [None] * len(question.rows)
        reason = _USED_UP if isinstance(fault, BudgetReachedError) else str(fault)
        judged = Judged(
            outputs=len(ratings), rated=0, missing={reason: len(ratings)}, calls=0, cost=0.0, simulated=False
        )  # fmt: skip
    for reason in judged.missing.keys() - told:
        _warn(f"step {question.step}: {judged.missing[reason]} of {judged.outputs} outputs have no rating: {reason}")
        told.add(reason)
    write = partial(write_whole, folder / FOLDER / f"judged-{question.step}.json", msgspec.json.encode(judged))
    await asyncio.to_thread(write)
    await asyncio.to_thread(answer, folder, question, ratings)


async def _rated(
    question: Question, judge: Judge, references: References
) -> tuple[list[float | None], Judged]:  # fmt: skip
    ratings: list[float | None] = [None] * len(question.rows)
    missing, places, comparisons = Counter[str](), list[int](), list[Comparison]()
    for place, row in enumerate(question.rows):
        written = read_completion(row.output)
        if (known := references.get(row.prompt)) is None:
            missing["nothing stands against it"] += 1
        elif written == known[1]:
            ratings[place] = 0.5
        else:
            places.append(place)
            comparisons.append(_comparison(known[0], written, known[1]))
    # Of its own: the progress of the stage around counts steps of the training.
    progress = Progress("judge", len(comparisons))
    judgments = await judge_comparisons(comparisons, judge, current_caller(), progress, stage=JUDGE_STAGE)
    for number, place in enumerate(places):
        # Each by itself: of one prompt there may be several.
        (fold,) = fold_judgments(judgments[2 * number : 2 * number + 2]).values()
        ratings[place] = _POINTS[fold.label]
        if fold.label == "unusable":
            missing[reason_in_words(fold.reason)] += 1
    return ratings, _came_to(ratings, missing, judgments)


def _comparison(context: Conversation, written: str, reference: str) -> Comparison:
    return Comparison(
        context_id=context.conversation_id,
        context=context.messages,
        model_a=RL,
        model_b=LORA,
        response_a=written,
        response_b=reference,
        group=group_of(context),
    )


def _came_to(ratings: Sequence[float | None], missing: Mapping[str, int], judgments: Sequence[Judgment]) -> Judged:
    costs = [one.cost for one in judgments if one.attempts]
    known = [cost for cost in costs if cost is not None]
    return Judged(
        outputs=len(ratings),
        rated=sum(one is not None for one in ratings),
        missing=dict(missing),
        calls=sum(one.attempts for one in judgments),
        cost=sum(known) if len(known) == len(costs) else None,
        simulated=any(one.simulated for one in judgments),
        request_keys=tuple(one.request_key for one in judgments if one.request_key),
    )


def _warn(line: str) -> None:
    get_run_logger().warning("%s", line)
    tell(line)
