"""Replies that an adapter wrote, on their way to pairs to train on: what is judged, what that will cost, and what came
of it.

Neighbours: `ranking_places` says where all lies, `generations` has the replies written, `board_tests` has them judged,
`redraft.imitating` makes the pairs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from redraft.chat.lineage import note_derived
from redraft.datasets.files import storage_faults
from redraft.datasets.storage import Dataset
from redraft.errors import InputError, PartialError
from redraft.home import Home
from redraft.imitating.contexts import contexts_of, require_side, write_contexts
from redraft.imitating.preference_counts import remarks
from redraft.imitating.preferences import (
    sample_name,
    sample_texts,
    write_pairs,
    write_preferences,
)
from redraft.imitating.prompts import write_prompts
from redraft.imitating.responses import write_responses
from redraft.judging.caveats import reason_in_words
from redraft.judging.checks import read_checks
from redraft.judging.figures import many
from redraft.judging.judges import MAX_REASKS, Judge
from redraft.judging.leaderboard.drawing import Drawing
from redraft.judging.stage import pair
from redraft.records import Comparison, Request, Response
from redraft.training.adapting.bases import is_adapter, notes_in
from redraft.training.adapting.settings import GenerationSettings
from tasks.estimates import estimate
from tasks.judge_board import Round
from tasks.judge_checks import check_requests, first_answered
from tasks.judge_shard import JUDGE_STAGE, judging_requests
from tasks.ranking_places import RankingPlaces, candidates_in
from tasks.session import CallOptions
from tasks.showing import show_markdown, show_table
from tasks.states import not_ours

SIDE = "preference"


@task(
    task_run_name="prompts of {input}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def prompts_to_rank(input: str, output: str, outputs: int, most: int | None, seed: int) -> int:
    """How many prompts were written for the adapter to go on with. First it is noted what will be made of the examples,
    so that a person can leave that, too."""

    def write() -> int:
        examples, path = Dataset.open(Path(input)), Path(RankingPlaces(output).prompts)
        require_side(examples, SIDE)
        note_derived(examples, RankingPlaces(output).made(outputs))
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return len(write_prompts(examples, SIDE, path, most, seed))

    return await asyncio.to_thread(write)


@task(
    task_run_name="replies in {output}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def replies_to_judge(input: str, output: str, outputs: int, voice: int, seed: int, simulated: bool) -> int:
    """How many prompts have replies; these are laid out for the judge: contexts, and a dataset for each number."""
    return await asyncio.to_thread(_lay_out, Dataset.open(Path(input)), output, outputs, voice, seed, simulated)


def _lay_out(examples: Dataset, output: str, outputs: int, voice: int, seed: int, simulated: bool) -> int:
    places = RankingPlaces(output)
    candidates = candidates_in(output)
    ids = [example_id for example_id, replies in candidates.items() if len(replies) == outputs]
    if not ids:
        raise InputError(f"{places.generations}: no prompt has {outputs} replies; they are too long for the model")
    contexts = write_contexts(examples, SIDE, Path(places.contexts), ids=ids, voice=voice, seed=seed)
    for number in range(1, outputs + 1):
        texts, failures = sample_texts({one: candidates[one] for one in ids}, number)
        write_responses(
            contexts, texts, sample_name(number), Path(places.responses(number)), simulated=simulated,
            failures=failures,
        )  # fmt: skip
    return len(ids)


def round_to_judge(output: str, outputs: int) -> Round:
    """All replies, every two of a prompt."""
    places = RankingPlaces(output)
    answers = tuple(Dataset.open(Path(places.responses(number))) for number in range(1, outputs + 1))
    return Round(Dataset.open(Path(places.contexts)), answers, Drawing(models=outputs))


@task(
    task_run_name="pairs in {output}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def pairs_of(input: str, output: str, simulated: bool) -> dict[str, Any]:
    """Counts and remarks of the pairs that the judgments give, which are written, and the file of them."""

    def make() -> dict[str, Any]:
        places = RankingPlaces(output)
        contexts, judgments = (Dataset.open(Path(folder)) for folder in (places.contexts, places.judgments))
        ids = {one.conversation_id for one in contexts.rows()}
        written = candidates_in(output)
        candidates = {one: replies for one, replies in written.items() if one in ids}
        made = write_preferences(
            Dataset.open(Path(input)), candidates, judgments, Path(places.preferences), simulated=simulated
        )
        write_pairs(made, Path(places.pairs))
        counts: dict[str, Any] = made.manifest["counts"]
        tests = list(Dataset.open(Path(places.checks)).rows())
        warned = list(read_checks(tests, judgments.rows()).remarks) if tests else []
        told = [*remarks(counts, simulated=made.manifest["simulated"]), *warned]
        return {
            "counts": counts,
            "too_long": len(written) - len(candidates),
            "remarks": told,
            "simulated": made.manifest["simulated"],
        }

    return await asyncio.to_thread(make)


def trained_length(adapter: str) -> int:
    """Tokens that the adapter was trained with: of longer prompts it has seen none."""
    return notes_in(Path(adapter)).max_tokens if is_adapter(adapter) else GenerationSettings().max_tokens


async def told(output: str, found: dict[str, Any], replies: int, costs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The flow's result, which is shown too; `replies` counts the prompts that have some."""
    places, counts = RankingPlaces(output), found["counts"]
    rows = [{"what": name, "count": value} for name, value in _rows(counts, found["too_long"])]
    await show_table("chat-ranking", rows, "Replies compared, every two of a prompt")
    await show_table("judging-costs", list(costs), "Costs in US dollars")
    if found["remarks"]:
        await show_markdown(
            "chat-ranking-remarks", "\n".join(f"- {one}" for one in found["remarks"]), "To keep in mind"
        )
    simulated = " (simulated)" if found["simulated"] else ""
    said = f"{many(counts['pairs'], 'pair')} of {many(counts['compared'], 'comparison')} of replies to " \
           f"{many(replies, 'prompt')}, in {places.pairs}{simulated}"  # fmt: skip
    return {
        "said": said, "output": output, "preferences": places.preferences, "pairs": places.pairs, **found,
        "table": rows, "costs": list(costs),
    }  # fmt: skip


def _rows(counts: Mapping[str, Any], too_long: int) -> Iterator[tuple[str, Any]]:
    longer = counts["longer_won"]
    yield "prompts", counts["prompts"]
    yield "prompts too long, without replies", too_long
    yield "replies", counts["replies"]
    yield "replies that were cut", counts["cut"]
    yield "pairs of equal replies, not asked about", counts["equal"]
    yield "pairs compared, in both orders", counts["compared"]
    yield "with a winner in both orders", counts["pairs"]
    yield "of them against an empty reply, not asked about", counts["empty"]
    yield "a winner in one order, a tie in the other", counts["wavered"]
    yield "ties", counts["ties"]
    yield "judge changed its mind with the order", counts["changed_mind"]
    for reason, count in counts["unusable_by_reason"].items():
        yield f"no verdict, {reason_in_words(reason)}", count
    yield "prompts with a full order", counts["full_orders"]
    yield "prompts that go round in a circle", counts["cycles"]
    yield "share of changed minds", f"{counts['flip_rate']:.1%}"
    yield "p of no liking for a slot", f"{counts['position_p']:.3f}"
    if longer["share"] is not None:
        yield "the longer reply won", f"{longer['share']:.1%} ({longer['low']:.1%} to {longer['high']:.1%})"


def require_pairs(result: dict[str, Any], max_missing: float) -> None:
    """Raises PartialError, with the result, where more than that share of the comparisons have no verdict, or where
    there is no pair at all."""
    counts = result["counts"]
    why = ", ".join(f"{reason_in_words(reason)}: {count}" for reason, count in counts["unusable_by_reason"].items())
    if counts["unusable"] > max_missing * counts["compared"]:
        raise PartialError(
            f"{counts['unusable']} of {counts['compared']} comparisons have no verdict ({why}); a rerun asks again "
            "where a call failed by a fault that passes, refusals and cut answers stay",
            result,
        )
    if not counts["pairs"]:
        raise PartialError(
            "no reply is preferred to another in both orders, so that there is nothing to learn; write more replies to "
            "each prompt, at a higher temperature, or take another judge",
            result,
        )


async def ranking_ahead(
    examples: Dataset,
    judge: Judge,
    outputs: int,
    most: int | None,
    voice: int,
    seed: int,
    max_new_tokens: int,
    credentials: str | None,
    options: CallOptions,
) -> list[dict[str, Any]]:
    """What the judge will be asked, its tests included, and what it will cost. Nothing is written for it: each reply is
    taken to be as long as the person's own."""

    def compared() -> Iterator[list[Comparison]]:
        return _stand_ins(examples, _drawn(examples, most, seed), outputs, voice, seed)

    def requests() -> Iterator[Request]:
        for together in compared():
            yield from judging_requests(together, judge)
        yield from check_requests(first_answered(compared()), judge)

    found = await estimate(
        JUDGE_STAGE, requests(), credentials, options, reasks=MAX_REASKS, more_input=2 * max_new_tokens
    )  # fmt: skip
    return [{**found, "assumed": ["length of the replies", *found["assumed"]]}]


def _drawn(examples: Dataset, most: int | None, seed: int) -> list[str]:
    """The ids that would be ranked."""
    work = Home.of().work
    with storage_faults(work):
        work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=work) as folder:
            return write_prompts(examples, SIDE, Path(folder) / "prompts.jsonl", most, seed)


def _stand_ins(
    examples: Dataset, ids: Sequence[str], outputs: int, voice: int, seed: int
) -> Iterator[list[Comparison]]:  # fmt: skip
    lengths = {one.example_id: len(one.reply) for one in examples.rows() if one.side == SIDE}
    (meetings,) = Drawing(models=outputs).pairs(1)
    for context in contexts_of(examples, SIDE, ids=ids, voice=voice, seed=seed):
        key = context.conversation_id
        words = "word " * (lengths[key] // 5 + 1)
        replies = [
            Response(context_id=key, model=sample_name(number), text=f"{number} {words}")
            for number in range(1, outputs + 1)
        ]
        first, second = ([replies[side[at]] for side in meetings] for at in (0, 1))
        yield pair([context] * len(meetings), first, second)
