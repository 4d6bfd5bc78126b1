"""Rounds: what a stage refuses is made anew, so often as is agreed, and then counts as rejected with every reason.

A gate of one row speaks within the stage; gates that look across rows (repetitions, overlap with what is tested) are
`sieves` and speak after each round. Neighbours: `persona_shards` makes the rows of a round, `generation` names the
stages.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import task

from redraft.calling.notices import tell
from redraft.datasets.privacy import redact, redact_values
from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents import scenarios
from redraft.documents.gates.reasons import MENDABLE, REASONS, WORTH_ANOTHER
from redraft.records import Document, Example, Rejection, Scenario
from tasks.sifting import Sifting
from tasks.states import not_ours

# The rows of a dataset made, in a round; who is to be told of each shard of them; whether it is the last round.
Make = Callable[[Dataset, int, Callable[[Path, Shard], None], bool], Awaitable[Dataset]]
# The rows asked for, which of them are to be made anew and why, the dataset of these to write.
Anew = Callable[[Dataset, Mapping[str, Rejection], str], Awaitable[Dataset]]
# Their detail may be the engine's, which names models and statuses: the next model is told the reason alone.
_ENGINES_OWN = frozenset({"truncated_document", "truncated_target", "empty_document", "empty_target", "refusal"})
_ID: dict[str, str] = {
    "scenarios": "scenario_id", "documents": "document_id", "questions": "question_id",
    "examples": "conversation_id",
}  # fmt: skip


class Rounds(msgspec.Struct):
    """What the rounds of a stage made: a dataset each, and which of their rows the sieves took out again."""

    todo: Dataset
    made: list[Dataset]
    sifted: list[dict[str, Rejection]]

    @property
    def only(self) -> Dataset | None:
        """The dataset that is all there is to tell, where one round was enough."""
        return self.made[0] if len(self.made) == 1 and not self.sifted[0] else None

    def rows(self) -> Iterator[Any]:
        """What stays, in the order of what was asked for."""
        return (row for row, _ in self._settled() if not isinstance(row, Rejection))

    def rejections(self) -> Iterator[Rejection]:
        """What was never made, each once, in that order; the detail has the reason of every round."""
        return (row for row, _ in self._settled() if isinstance(row, Rejection))

    def on_the_way(self) -> Iterator[tuple[int, Rejection]]:
        """What was refused and made anew, with the number of its round from 0 on, in that order."""
        return (one for _, earlier in self._settled() for one in earlier)

    def reasons(self) -> Counter[str]:
        """How often each reason came up, rows that a later round made included."""
        found: Counter[str] = Counter()
        for made, sifted in zip(self.made, self.sifted, strict=True):
            found.update(made.manifest["reasons"])
            found.update(one.reason for one in sifted.values())
        return found

    def paid(self, wordings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Calls, tokens and cost of all rounds, and of `wordings` of the prompt. Where a judge scored the rows, its
        part is in these and under `scores`, that of the wordings under `paraphrases`; each with its model."""
        manifests = [one.manifest for one in self.made]
        parts: dict[str, dict[str, Any]] = {}
        if scores := [one["scores"] for one in manifests if "scores" in one]:
            parts["scores"] = {"model": manifests[0]["judge"], **_summed(scores)}
        if wordings:
            parts["paraphrases"] = dict(wordings)
        return {**_summed([*manifests, *parts.values()]), **parts}

    def refused(self, round: int) -> dict[str, Rejection]:
        """What this round did not make, by id."""
        rejections = {one.row_id or "": one for one in self.made[round].rejections()}
        return {**rejections, **self.sifted[round]}

    def _settled(self) -> Iterator[tuple[Any, list[tuple[int, Rejection]]]]:
        """For each row that was asked for what came of it in the end, and what was refused before that."""
        last = [self.refused(round) for round in range(len(self.made))]
        rows = [_Pointer(one.rows(), _ID[one.kind]) for one in self.made]
        for asked in self.todo.rows():
            row_id = getattr(asked, _ID[self.todo.kind])
            found = [pointer.take(row_id) for pointer in rows]
            kept = [
                row for row, sifted in zip(found, self.sifted, strict=True) if row is not None and row_id not in sifted
            ]
            refused = [
                (round, _with_text(each[row_id], [found[round]])) for round, each in enumerate(last) if row_id in each
            ]
            if kept:
                yield kept[-1], refused
            else:
                yield _with_text(_of_all_rounds(row_id, last), found), refused[:-1]


def _with_text(rejection: Rejection, found: Sequence[Any]) -> Rejection:
    """A row that a sieve took out was there: its text stays with the rejection."""
    row = next((one for one in reversed(found) if one is not None), None)
    if row is None or rejection.row:
        return rejection
    if isinstance(row, Example):
        return msgspec.structs.replace(rejection, row=redact(row.messages[-1].content))
    text = {"title": row.title, "text": row.text if isinstance(row, Document) else row.situation}
    return msgspec.structs.replace(rejection, row=msgspec.json.encode(redact_values(text)).decode())


def _summed(paid: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("calls", "input_tokens", "output_tokens", "cost", "unpriced")
    found: dict[str, Any] = {name: sum(one[name] for one in paid) for name in names}
    return {**found, "cost": round(found["cost"], 6), "simulated": any(one["simulated"] for one in paid)}


class _Pointer:
    """Rows of one round, which are some of those that were asked for, in their order."""

    def __init__(self, rows: Iterator[Any], name: str) -> None:
        self._rows, self._name = rows, name
        self._next: Any = next(rows, None)

    def take(self, row_id: str) -> Any:
        if self._next is None or getattr(self._next, self._name) != row_id:
            return None
        found, self._next = self._next, next(self._rows, None)
        return found


def _of_all_rounds(row_id: str, rounds: list[dict[str, Rejection]]) -> Rejection:
    found = [refused[row_id] for refused in rounds if row_id in refused]
    if len(found) == 1:
        return found[0]
    said = "; ".join(f"round {number}: {one.reason} ({one.detail})" for number, one in enumerate(found, 1))
    return msgspec.structs.replace(found[-1], detail=said)


async def _complained(asked: Dataset, refused: Mapping[str, Rejection], target: str) -> Dataset:
    complaints = {row_id: complaint_of(one) for row_id, one in refused.items()}
    return Dataset.open(Path(await write_todo(str(asked.path), complaints, target)))


async def in_rounds(
    todo: Dataset, make: Make, sifting: Sifting, most: int, worth: Collection[str] = WORTH_ANOTHER,
    anew: Anew = _complained,
) -> Rounds:  # fmt: skip
    """The rows of `todo` made, and those that a gate refused for a reason `worth` another try made anew up to `most`
    times, of what `anew` writes down to be asked then.

    What a provider's fault kept from being made is not asked again here: a rerun does.
    """
    rounds = Rounds(todo, [], [])
    asked = todo
    try:
        for number in range(most + 1):
            made = await make(asked, number, sifting.ready, number == most)
            rounds.made.append(made)
            rounds.sifted.append(await sifting.refused(made))
            refused = {row_id: one for row_id, one in rounds.refused(number).items() if one.reason in worth}
            if number == most or not refused:
                break
            tell(f"{len(refused)} of {asked.count} are made anew: {_in_words(refused.values())}")
            asked = await anew(asked, refused, f"{made.path}-again")
    finally:
        await sifting.close()
    return rounds


def complaint_of(rejection: Rejection) -> str:
    """What a model is told of the try before; nothing where that would not help it. It holds nothing that changes with
    the number of rows: what was made anew in a shorter run is found again by a longer one."""
    if rejection.place.startswith(f"{scenarios.STAGE} "):
        # It stands among ideas that are not to be had again: an answer without one is none of these.
        return rejection.detail if rejection.reason == "duplicate_scenario" else ""
    if rejection.reason in _ENGINES_OWN:
        return REASONS[rejection.reason].rstrip(".")
    # What the judge could not say of a response is none of its faults.
    return rejection.detail if rejection.reason in MENDABLE - {"unparseable_score"} else ""


@task(task_run_name="what is made anew", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def write_todo(source: str, complaints: dict[str, str], target: str) -> str:
    """The rows of `source` that are to be made anew, each with what was wrong, as the dataset `target`."""
    await asyncio.to_thread(_write_todo, Dataset.open(Path(source)), complaints, Path(target))
    return target


def _write_todo(source: Dataset, complaints: Mapping[str, str], target: Path) -> None:
    kind: Literal["scenarios", "documents"] = "documents" if source.kind == "documents" else "scenarios"
    with DatasetWriter(target, kind) as writer:
        for row in source.rows():
            if (complaint := complaints.get(getattr(row, _ID[kind]))) is not None:
                writer.add(_complaining(row, complaint))
        writer.finish({"parents": [{"path": str(source.path), "content_hash": source.content_hash}]})


def _complaining(row: Scenario | Document, complaint: str) -> Scenario | Document:
    return msgspec.structs.replace(row, complaint=complaint)


def _in_words(refused: Iterable[Rejection]) -> str:
    counts = Counter(one.reason for one in refused)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
