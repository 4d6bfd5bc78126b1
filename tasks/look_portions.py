"""The portions of contexts that planned looks are taken after, as datasets; and the plan, which is not changed midway.

Neighbours: `redraft.judging.portions` draws them, `judging_looks` goes through them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from prefect import task

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.datasets.work import Work
from redraft.errors import ConfigurationError, InputError
from redraft.home import Home
from redraft.judging.judges import Judge
from redraft.judging.planning import Aim, power_of
from redraft.judging.portions import look_plan, portions
from redraft.judging.stopping import LookPlan
from redraft.records import Response
from tasks.made_inputs import intact
from tasks.shards import publish_dataset

FORMAT = "redraft.looks@1"
# Ties that a run is taken to have before it has any, and the power below which a person is told.
_TIES, _WEAK = 0.3, 0.5


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """The looks of a run: where they are due, and which order of the contexts they go through.

    `question` names the models and the judge as it is asked; `contexts` is the content hash of all of them.
    """

    plan: LookPlan
    seed: int
    question: list[str]
    contexts: str

    @property
    def due(self) -> list[int]:
        """Contexts attempted at each look."""
        return list(self.plan.due())

    @property
    def ahead(self) -> str:
        """What a dry run adds to an estimate of all contexts."""
        said = f"; with looks after {_listed(self.due)} contexts it may stop at any of them, and then costs less"
        return f"{said}; {self.weak}" if self.weak else said

    @property
    def weak(self) -> str:
        """A caution where the whole run would more often miss the planned rate than find it, else ""."""
        aim = Aim(rate=self.plan.rate, tie_rate=min(_TIES, 2 * (1 - self.plan.rate)))
        power = power_of(aim, self.plan.contexts, self.plan.rate)
        if power >= _WEAK:
            return ""
        return (
            f"{self.plan.contexts:,} contexts would find a win rate of {self.plan.rate:.0%} in about {100 * power:.0f} "
            "of 100 runs only, so a look may stop early because a winner is out of reach; take more contexts "
            "(redraft plan says how many), or --futility 0"
        )

    @property
    def kept(self) -> Kept:
        """What is not to be changed on the way; futility may, as the boundaries do not count on it."""
        return Kept(format=FORMAT, question=self.question, contexts=self.contexts, due=self.due, seed=self.seed)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The plan as the run's folder keeps it."""

    format: str
    question: list[str]
    contexts: str
    due: list[int]
    seed: int


def planned_looks(
    looks: int | Sequence[float] | None,
    contexts: Dataset,
    models: Sequence[str],
    panel: Sequence[Judge],
    output: Path,
    *,
    rate: float,
    futility: float,
    seed: int,
) -> Looking | None:
    """The looks as asked for, None where none are.

    ConfigurationError for looks that cannot be, for several judges, and where the same question was begun in `output`
    with another plan: one that is changed after a look promises nothing any more.
    """
    looking = None
    if looks is not None:
        if len(panel) > 1:
            named = " and ".join(one.model for one in panel)
            raise ConfigurationError(
                f"looks are for one judge, whose wins and losses their boundaries hold for, but there are {named}; "
                "name one judge, or leave the looks out"
            )
        plan = look_plan(looks, contexts.count, rate=rate, futility=futility)
        looking = Looking(plan=plan, seed=seed, question=_question(models, panel[0]), contexts=contexts.content_hash)
    _require_same(output, _question(models, panel[0]), looking)
    return looking


def _question(models: Sequence[str], judge: Judge) -> list[str]:
    """What is asked: the same models and judge in another way are another test."""
    return [*models, judge.model, judge.template, judge.form, judge.effort or ""]


def keep_looks(output: Path, looking: Looking) -> None:
    """Writes the plan down, before anything is judged by it."""
    file = _file(output)
    with storage_faults(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, msgspec.json.encode(looking.kept) + b"\n")


def _require_same(output: Path, question: list[str], looking: Looking | None) -> None:
    kept = _kept(_file(output))
    if kept is None or kept.question != question or (looking and kept == looking.kept):
        return
    now = "without looks" if looking is None else f"after {_listed(looking.due)}, seed {looking.seed}"
    if looking and (looking.due, looking.seed) == (kept.due, kept.seed):
        now = "on other contexts"
    raise ConfigurationError(
        f"{output}: begun with looks after {_listed(kept.due)} contexts, seed {kept.seed}, and now {now}; a plan is "
        "not changed on the way: repeat the command as it was, or name another output"
    )


def _file(output: Path) -> Path:
    return output / "looks" / "plan.json"


def _kept(file: Path) -> Kept | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as fault:
        raise InputError(f"{file}: damaged ({fault}); remove it with its folder, or name another output") from None


def _listed(due: Sequence[int]) -> str:
    return ", ".join(f"{count:,}" for count in due)


@task(task_run_name="portions of {contexts}")
async def make_portions(contexts: str, due: list[int], seed: int) -> list[str]:
    """Folders of the contexts that each look adds."""
    return await asyncio.to_thread(_make, Dataset.open(Path(contexts)), due, seed)


def _make(contexts: Dataset, due: list[int], seed: int) -> list[str]:
    folder = Home.of().work
    named = f"portion-{contexts.content_hash[:16]}-{seed}"
    targets = [folder / f"{named}-{start}-{end}" for start, end in zip((0, *due), due, strict=False)]
    missing = [target for target in targets if not intact(target)]
    if missing:
        for target, portion in zip(targets, portions(contexts.rows(), due, seed), strict=True):
            if target not in missing:
                continue
            with DatasetWriter(target, "conversations") as writer:
                for context in portion:
                    writer.add(context)
                writer.finish({"source": contexts.manifest["source"], "contexts": True, "seed": seed})
    return [str(target) for target in targets]


async def part_of_answers(whole: Dataset, portion: Dataset) -> Dataset:
    """The responses in `whole` to the contexts of a portion, shard by shard as that has them."""
    plan = {"responses_hash": whole.content_hash, "portion_hash": portion.content_hash}
    work = Work.open(Home.of().work, "portion-responses", plan)
    await asyncio.to_thread(_cut, work, whole, portion)
    target, model = work.path.with_name(f"{work.path.name}-dataset"), whole.manifest["models"][0]
    parents = [{"path": str(one.path), "content_hash": one.content_hash} for one in (whole, portion)]
    await publish_dataset(
        str(target), str(work.path), len(portion.shards), "responses", {"parents": parents, "models": [model]},
        f"a portion of the responses of {model}",
    )  # fmt: skip
    return Dataset.open(target)


def _cut(work: Work, whole: Dataset, portion: Dataset) -> None:
    if all(work.finished(index) for index in range(len(portion.shards))):
        return
    wanted = {context.conversation_id for context in portion.rows()}
    responses: dict[str, Response] = {one.context_id: one for one in whole.rows() if one.context_id in wanted}
    for index in range(len(portion.shards)):
        rows = [responses[context.conversation_id] for context in portion.read_shard(index)]
        work.write(index, "responses", rows, [], 0)
