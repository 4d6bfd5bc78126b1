"""What the chat study decides between its stages: which model is adapted, who learns from what, what is ahead, and how
it ends.

The flows that `build_imitator` calls are the stages; `imitation_report` has the report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from redraft.calling.notices import tell
from redraft.datasets.storage import Dataset
from redraft.errors import BudgetReachedError, ConfigurationError, InputError, PartialError
from redraft.imitating.arms import Arm
from redraft.imitating.prompts import of_side
from redraft.judging.judges import Judge
from redraft.training.adapting.preference_methods import defaults_of, settings_of
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.local.models import find_base
from redraft.training.local.plan import ADAPTING, TINY
from redraft.training.local.prerequisites import require_extra
from tasks.align_form import AlignSettings
from tasks.aligning import Wanted, judging_ahead, rows_for
from tasks.chat_examples import dataset_in
from tasks.chat_ranking import ranking_ahead
from tasks.estimates import show_ahead
from tasks.imitation_ahead import imitation_ahead
from tasks.imitation_arms import ImitationPlan
from tasks.session import CallOptions
from tasks.sources import is_rehearsed

# What is adapted where nobody names a model: the smallest that writes sentences in many languages.
STUDIED = "google/gemma-3-270m"
# The adapters that are compared, the plain one first.
PLAIN, TRAINED_ON = "lora", ("dpo", "rl")


class StudyPlaces:
    """Where a study keeps its parts, below its output."""

    def __init__(self, output: str, strategy: str) -> None:
        self.examples, self.chosen = f"{output}/examples", dataset_in(f"{output}/examples", strategy)
        self.ranking, self.comparison = f"{output}/ranking", f"{output}/comparison"
        self.preferences = f"{self.ranking}/preferences"
        self._output = output

    @property
    def work(self) -> str:
        """What is spent on the study is filed under this, and counts towards its budget."""
        return f"imitator:{Path(self._output).resolve()}"

    def run(self, name: str) -> str:
        """The folder of a training's run."""
        return f"{self._output}/{name}"

    @property
    def arms(self) -> tuple[str, ...]:
        """The adapters as a comparison takes them."""
        return tuple(f"{name}={self.run(name)}/model" for name in (PLAIN, *TRAINED_ON))


async def model_to_adapt(
    model: str, revision: str | None, judge: Judge, credentials: str | None, *, dry_run: bool = False
) -> str:
    """The model by its name or folder. Where none is named, and a sandbox judges, it is a tiny one with random weights:
    what a sandbox says of replies is not worth a download.

    Raises ConfigurationError where the extra `local` is missing, or the model cannot be had: before anything is paid.
    With `dry_run` one that nobody named is left to `training_ahead`.
    """
    require_extra(ADAPTING)
    named = bool(model)
    if not named:
        model = TINY if await is_rehearsed(judge.model, credentials) else STUDIED
        tell(f"training {'a tiny model with random weights, as a sandbox judges' if model == TINY else model}")
    if model != TINY and (named or not dry_run):
        # Minutes in which Prefect is to hear of this run.
        await asyncio.to_thread(find_base, model, revision)
    return model


async def require_sides(examples: str) -> None:
    """Raises InputError, before anything is trained or paid, for examples of which too few are left to rank replies to
    or to compare on: preferences need prompts on either side of their own split."""

    def count() -> dict[str, int]:
        return dict(Dataset.open(Path(examples)).manifest["sides"])

    sides = await asyncio.to_thread(count)
    for side, least, option in (("preference", 2, "--preference-share"), ("test", 1, "--test-share")):
        if sides.get(side, 0) < least:
            raise InputError(
                f"{examples}: {sum(sides.values())} replies give {sides.get(side, 0)} of the side {side}, and a study "
                f"needs {least}: raise {option}, or read more of the chat"
            )


async def rl_settings(examples: str, given: AlignSettings) -> AlignSettings:
    """The settings of reinforcement learning, with no more prompts a step than there are: a short chat has few."""
    named = given.model_dump(exclude_none=True)
    prompts = await asyncio.to_thread(lambda: sum(1 for _ in of_side(Dataset.open(Path(examples)), "preference")))
    usual = defaults_of("rl")["batch_size"]
    if "batch_size" not in named and 0 < prompts < usual:
        tell(f"reinforcement learning takes {prompts} prompts a step, not {usual}: there are no more")
        named["batch_size"] = prompts
    return AlignSettings(**named)


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """What a look ahead needs: the flow's parameters of these names; `examples` and `training` are those flows, which
    lack only where they read and write. `rl` has the settings that are not at their defaults; `named` says whether
    somebody named the `model`."""

    output: str
    strategy: str
    outputs: int
    rank_most: int | None
    test_most: int | None
    voice: int
    seed: int
    writing: dict[str, Any]
    rl: AlignSettings
    judge: Judge
    model: str
    revision: str | None
    named: bool
    examples: Callable[..., Awaitable[dict[str, Any]]]
    training: Callable[..., Awaitable[dict[str, Any]]]


async def foreseen(ahead: Ahead, credentials: str | None, options: CallOptions) -> dict[str, Any]:
    """The result of a study that only looked ahead: the examples, what the first training takes, and what judges will
    be asked in ranking, beside reinforcement learning, and at the end.

    Contexts that a model is to pick are asked for only when the study begins: windows stand for them here.
    """
    asks = ahead.strategy == "llm"
    places = StudyPlaces(ahead.output, "window" if asks else ahead.strategy)
    made = await ahead.examples(output=places.examples, strategies=("window" if asks else ahead.strategy,))
    found: list[dict[str, Any]] = []
    if asks:
        found += (await ahead.examples(output=places.examples, strategies=("llm",), dry_run=True))["estimates"]
    looked = await training_ahead(ahead, places)
    examples, rl = Dataset.open(Path(places.chosen)), await rl_settings(places.chosen, ahead.rl)
    settings = settings_of("rl", rl.model_dump(exclude_none=True))
    wanted = Wanted(
        method="rl", adapter="", preferences="", examples=places.chosen, reward=f"{places.run('reward')}/model",
        output=places.run("rl"), settings=settings,
    )  # fmt: skip
    found += await ranking_ahead(
        examples, ahead.judge, ahead.outputs, ahead.rank_most, ahead.voice, ahead.seed,
        int(ahead.writing["max_new_tokens"]), credentials, options,
    )  # fmt: skip
    with rows_for(wanted) as rows:
        found.append(await judging_ahead(wanted, rows, ahead.judge, ahead.voice, credentials, options))
    found += await imitation_ahead(_comparison(places, ahead, examples), [ahead.judge], credentials, options)
    then = f"then DPO, a reward model and {settings.steps:,} steps of reinforcement learning"
    lines = [made["said"], *looked["lines"], f"{then}, on the pairs that come of the ranking"]
    said = f"{made['said']}; {looked['said']}; {then}; estimated, nothing was trained or sent"
    return await show_ahead(said, found, lines=lines, training=looked)


async def training_ahead(ahead: Ahead, places: StudyPlaces) -> dict[str, Any]:
    """What the first training takes; where nobody named the model, and it cannot be had, why that is not known."""
    if not ahead.named and ahead.model != TINY:
        try:
            await asyncio.to_thread(find_base, ahead.model, ahead.revision)
        except ConfigurationError as fault:
            said = f"the training could not be looked at: {fault}"
            return {"said": said, "lines": [said]}
    return await ahead.training(input=places.chosen, output=places.run(PLAIN), dry_run=True)


def _comparison(places: StudyPlaces, ahead: Ahead, examples: Dataset) -> ImitationPlan:
    """As it will be: the adapters are not there yet."""
    return ImitationPlan(
        examples=places.chosen, output=places.comparison, arms=tuple(Arm(one, "") for one in (PLAIN, *TRAINED_ON)),
        reward="to be trained", outputs=ahead.outputs, with_person=True, person=str(examples.manifest.get("person")),
        most=ahead.test_most, voice=ahead.voice, seed=ahead.seed,
        settings=GenerationSettings(outputs=1, seed=ahead.seed, **ahead.writing),
    )  # fmt: skip


async def concluded(comparing: Awaitable[dict[str, Any]], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The result of the study: that of its comparison, with what each part before it said, and where its model is.

    Raises PartialError, with the result, where the comparison ended so.
    """
    try:
        return _whole(await comparing, parts)
    except BudgetReachedError:
        raise
    except PartialError as fault:
        result: dict[str, Any] | None = fault.result
        raise PartialError(str(fault), None if result is None else _whole(result, parts)) from None


def _whole(found: dict[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    models = {name: part["model"] for name, part in parts.items() if "model" in part}
    simulated = bool(found.get("simulated")) or any(bool(part.get("simulated")) for part in parts.values())
    return {
        **found,
        "parts": {name: str(part["said"]) for name, part in parts.items()},
        "models": models,
        "simulated": simulated,
    }
