"""The stage in which all arms of a comparison of imitators reply to the test contexts: adapters, the best of several
outputs of the first, the person. Nothing is sent to anybody.

Neighbours: `generations` has adapters write, `redraft.imitating.arms` reads what they wrote, `imitation_report` shows
what came of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.beside import Helper
from redraft.chat.lineage import note_derived
from redraft.chat_records import ChatExample
from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset, require_target
from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.imitating.arms import (
    PERSON,
    Arm,
    Written,
    arms_of,
    best_name,
    choose,
    first_written,
    label_of,
    model_of,
    most_tokens,
    require_reward,
    written,
)
from redraft.imitating.contexts import require_side, write_contexts
from redraft.imitating.prompts import write_prompts
from redraft.imitating.responses import write_responses
from redraft.imitating.trained import rl_penalty, rl_run_of
from redraft.judging.labels.storage import FOLDER as LABELS
from redraft.judging.leaderboard.drawing import Drawing
from redraft.judging.publishing import FILES
from redraft.training.adapting.best_of import Best
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.preference_settings import RlSettings
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.purged_models import require_unmarked
from tasks.generations import generate_replies
from tasks.judge_board import Round

PROMPTS = "prompts.jsonl"
# What else stands in the output and has texts in it: tables of judgments and contexts, what people noted on labels.
_MADE = (PROMPTS, "contexts", "judgments", "checks", LABELS, *FILES)
_WEIGHTS = "adapter_model.safetensors"
# Taken off the reward of what did not end in time, as in reinforcement learning where nothing else is said.
UNENDED_PENALTY = RlSettings(beta=1.0).unended_penalty


class ImitationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Who replies to which examples, how; checked before anything is done. `reward` "" means no best of `outputs`,
    of which `unended_penalty` is taken off the reward of those that did not end in time: where an arm was trained by
    reinforcement learning, what that was done with."""

    examples: str
    output: str
    arms: tuple[Arm, ...]
    reward: str
    outputs: int
    with_person: bool
    person: str
    most: int | None
    voice: int
    seed: int
    settings: GenerationSettings
    unended_penalty: float = UNENDED_PENALTY

    @classmethod
    def of(
        cls, examples: str, output: str, arms: Sequence[str], reward: str | None, outputs: int, *, with_person: bool,
        most: int | None, voice: int, seed: int, rl_run: str | None = None, **settings: Any,
    ) -> ImitationPlan:  # fmt: skip
        """ConfigurationError where there is nothing to compare, or settings leave no room; InputError for examples
        without a test side, for folders without an adapter or a reward model, and for an output that is taken."""
        dataset, named = Dataset.open(Path(examples)), arms_of(arms)
        require_side(dataset, "test")
        for folder in filter(None, (*(one.folder for one in named), reward)):
            require_unmarked(folder)
        models = [one.notes for one in named] + ([require_reward(reward)] if reward else [])
        if len(named) + bool(reward) + with_person < 2:
            raise ConfigurationError("one adapter alone is compared with nobody; name another, or drop --no-person")
        for name in ("judgments", "checks"):
            require_target(Path(output) / name, "judgments")
        return cls(
            examples=examples, output=output, arms=tuple(named), reward=reward or "", outputs=outputs,
            with_person=with_person, person=str(dataset.manifest.get("person") or "the person"), most=most, voice=voice,
            seed=seed, settings=GenerationSettings(outputs=1, seed=seed, max_tokens=most_tokens(models), **settings),
            unended_penalty=_penalty(Path(rl_run) if rl_run else rl_run_of([one.folder for one in named])),
        )  # fmt: skip

    @property
    def plain(self) -> str:
        return self.arms[0].name

    @property
    def best(self) -> str:
        """What the best of several outputs is called; "" without."""
        return best_name(self.outputs) if self.reward else ""

    @property
    def names(self) -> list[str]:
        """All that are compared, the plain one last: so each verdict is told from the other's side."""
        others = [one.name for one in self.arms[1:]] + ([self.best] if self.best else [])
        return [*others, *([PERSON] if self.with_person else []), self.plain]

    @property
    def models(self) -> list[str]:
        return [model_of(name) for name in self.names]

    @property
    def labels(self) -> dict[str, str]:
        return {name: label_of(name, self.person, self.plain) for name in self.names}

    @property
    def drawing(self) -> Drawing:
        return Drawing(models=len(self.names), baseline=len(self.names) - 1)

    @property
    def simulated(self) -> bool:
        """Whether a sandbox wrote what some model here was trained on."""
        reward = [require_reward(self.reward)] if self.reward else []
        return any(notes.simulated for notes in (*(one.notes for one in self.arms), *reward))

    def folder(self, kind: str, name: str) -> str:
        return f"{self.output}/{kind}-{name}"

    @property
    def made(self) -> list[Path]:
        """All that will hold messages, or what was written after them."""
        several = [self.folder("generations", one.name) for one in self.arms]
        several += [self.folder("responses", name) for name in self.names]
        beside = [Path(self.output) / name for name in _MADE]
        return [*map(Path, several), *beside, *([self.chosen] if self.best else [])]

    @property
    def chosen(self) -> Path:
        """Which of several outputs the reward model takes."""
        return Path(self.output) / f"{self.best}.json"


def _penalty(run: Path | None) -> float:
    learned = None if run is None else rl_penalty(run)
    return UNENDED_PENALTY if learned is None else learned


class Tested(msgspec.Struct, frozen=True):
    """The test contexts as judges are shown them, the examples that they are of, and the file of prompts."""

    contexts: Dataset
    ids: tuple[str, ...]
    prompts: str


async def test_contexts_of(plan: ImitationPlan) -> Tested:
    """The contexts and prompts of the examples that are tested on, always the same of a plan."""
    return await asyncio.to_thread(_test_contexts, plan)


def _test_contexts(plan: ImitationPlan) -> Tested:
    examples, prompts = Dataset.open(Path(plan.examples)), Path(plan.output) / PROMPTS
    note_derived(examples, plan.made)
    with storage_faults(prompts):
        prompts.parent.mkdir(parents=True, exist_ok=True)
    ids = write_prompts(examples, "test", prompts, plan.most, plan.seed)
    contexts = write_contexts(
        examples, "test", Path(plan.output) / "contexts", ids=ids, voice=plan.voice, seed=plan.seed
    )  # fmt: skip
    return Tested(contexts, tuple(ids), str(prompts))


async def replies_of(plan: ImitationPlan, tested: Tested) -> dict[str, Written]:
    """What each arm replies, by its name; what was written before is not written again.

    The plain adapter writes `outputs` to each prompt where the best of them is compared, too; its own is the first.
    """
    found: dict[str, Written] = {}
    for arm in plan.arms:
        several = plan.outputs if plan.best and arm.name == plan.plain else 1
        settings = msgspec.structs.replace(plan.settings, outputs=several)
        generations = await generate_replies(
            plan.folder("generations", arm.name), arm.folder, tested.prompts, settings, simulated=arm.notes.simulated
        )
        found[arm.name] = first_written(generations, tested.ids)
        if several > 1:
            best = await _best(plan, generations, tested)
            found[plan.best] = written(generations, tested.ids, [one.place for one in best])
    if plan.with_person:
        found[PERSON] = await asyncio.to_thread(_real, plan, tested)
    return {name: found[name] for name in plan.names}


def _real(plan: ImitationPlan, tested: Tested) -> Written:
    rows, wanted = cast("Iterator[ChatExample]", Dataset.open(Path(plan.examples)).rows()), frozenset(tested.ids)
    return Written({one.example_id: one.reply for one in rows if one.example_id in wanted}, {})


class _Chosen(msgspec.Struct, frozen=True):
    """What was chosen, of outputs, by a reward model with this checksum together."""

    of: str
    best: tuple[Best, ...]


async def _best(plan: ImitationPlan, generations: Sequence[Generation], tested: Tested) -> list[Best]:
    """The best output to each prompt, chosen once."""
    path, checksum = plan.chosen, await asyncio.to_thread(_checksum, plan, generations)
    if (known := _chosen_in(path, checksum)) is not None:
        return known
    lines = await asyncio.to_thread(Path(tested.prompts).read_bytes)
    prompts = [str(msgspec.json.decode(line)["prompt"]) for line in lines.splitlines()]
    helper = Helper()
    try:
        best = await helper.run(choose, plan.reward, str(Home.of().work), generations, prompts, plan.unended_penalty)
    finally:
        await helper.close()
    with storage_faults(path):
        write_whole(path, msgspec.json.encode(_Chosen(checksum, tuple(best))))
    return best


def _chosen_in(path: Path, checksum: str) -> list[Best] | None:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Chosen)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return list(found.best) if found.of == checksum else None


def _checksum(plan: ImitationPlan, generations: Sequence[Generation]) -> str:
    made = hashlib.sha256(msgspec.json.encode([generations, plan.unended_penalty]))
    weights = Path(plan.reward) / _WEIGHTS
    with storage_faults(weights), weights.open("rb") as file:
        made.update(hashlib.file_digest(file, "sha256").digest())
    return made.hexdigest()


async def round_of_replies(plan: ImitationPlan, tested: Tested, replies: dict[str, Written]) -> Round:
    """The replies as judges compare them: each arm's with the plain one's."""
    simulated = {one.name: one.notes.simulated for one in plan.arms}
    simulated |= {plan.best: simulated[plan.plain] or plan.simulated, PERSON: False}
    answers = [
        await asyncio.to_thread(_responses, plan, tested.contexts, name, one, simulated=simulated[name])
        for name, one in replies.items()
    ]
    return Round(tested.contexts, tuple(answers), plan.drawing)


def _responses(plan: ImitationPlan, contexts: Dataset, name: str, one: Written, *, simulated: bool) -> Dataset:
    target = Path(plan.folder("responses", name))
    return write_responses(contexts, one.texts, model_of(name), target, simulated=simulated, failures=one.failures)
