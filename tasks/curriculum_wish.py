"""What a flow wants trained on this machine, looked through before anything is done: rows, model, settings, place.

Neighbours: `local_training` has it trained; `redraft.curriculum` reads and prepares the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from prefect.runtime import flow_run

from redraft.answering.tokenizing import Tokenizer, load_tokenizer
from redraft.curriculum.looking_ahead import memory_of, steps_of
from redraft.curriculum.preparing import Fitting, in_words, looked_ahead, prepare
from redraft.curriculum.sources import Source, read_files, read_folder
from redraft.datasets.files import require_folder
from redraft.errors import ConfigurationError
from redraft.records import Phase
from redraft.training.local.models import built_name, find_base
from redraft.training.local.orders import LocalOrder, LocalSettings
from redraft.training.local.plan import TINY
from redraft.training.local.prerequisites import launcher_words, require_setup
from redraft.training.local.reading import name_of
from redraft.training.local.settings import CurriculumSettings
from redraft.training.policies import policy_named
from redraft.training.registry import Registry
from tasks.curriculum_artifacts import CurriculumArtifacts

# What is rewritten is kept in folders of these names: they tell nobody which one it is.
_OF_ANY = frozenset({"answers", "curriculum"})


class CurriculumWish(msgspec.Struct, frozen=True, kw_only=True):
    """A curriculum to train into the folder `output`. `base` is where the model lies on this machine (None: it is
    built on the spot), `model` and `revision` name it in the plan, `identity` is what it is, whatever it is called;
    `title` is what people call it, and `trained_on` what they call the rows."""

    source: Source
    trained_on: str
    settings: CurriculumSettings
    model: str
    revision: str | None
    identity: str
    title: str
    base: Path | None
    output: Path
    launcher: tuple[str, ...] = ()
    policy: str = "attach"

    @property
    def name(self) -> str:
        """Of the run. A study has its own in its folder, as `training`: there its name is the study's."""
        return name_of(self.output)

    def tokenizer(self) -> Tokenizer:
        """The model's own; of one that is built on the spot nobody knows it yet, so lengths are estimated."""
        return load_tokenizer(None if self.base is None else str(self.base))

    def order(self) -> LocalOrder:
        settings = LocalSettings(
            base_model=self.title, revision=self.identity, suffix=self.name, settings=self.settings
        )
        return LocalOrder(
            folder=self.output,
            content_sha256=self.source.sha256,
            rows=sum(self.source.counts.values()),
            counts=self.source.counts,
            settings=settings,
            launcher=self.launcher,
            policy=policy_named(self.policy),
            simulated=self.source.simulated,
            dataset_path=self.source.dataset,
            dataset_hash=self.source.dataset_hash,
            run=str(flow_run.id) if flow_run.id else None,
            name=self.trained_on,
        )

    def prepare(self, folder: Path, check: Callable[[], object], tell: Callable[[str], object]) -> None:
        """Writes the rows and the plan into the run's folder, and tells what was cut."""
        fitting = Fitting(self.tokenizer(), self.settings, check)
        for line in in_words(prepare(folder, self.source, fitting, self.model, self.revision)):
            tell(line)

    def artifacts(self, registry: Registry) -> CurriculumArtifacts:
        """Who shows it while it goes on."""
        return CurriculumArtifacts(registry, self.name)


def wish_for(
    curriculum: str, own: Mapping[Phase, str], model: str, revision: str | None, output: str,
    settings: CurriculumSettings, launcher: str = "", policy: str = "attach",
) -> CurriculumWish:  # fmt: skip
    """Everything looked through; a model of the Hub is fetched, where it is not here yet.

    Raises InputError and ConfigurationError, in one line, for rows, a model, a launcher or a place that cannot be used.
    """
    words = launcher_words(launcher)
    require_setup(settings, words)
    target = Path(output).absolute()
    require_folder(target)
    named: dict[Phase, Path] = {phase: Path(file).absolute() for phase, file in own.items() if file}
    if bool(curriculum) == bool(named):
        raise ConfigurationError("name either a curriculum's folder or files of your own, and not both")
    source = read_folder(Path(curriculum).absolute()) if curriculum else read_files(named)
    if model == TINY:
        found = {"model": TINY, "revision": None, "identity": TINY, "base": None, "title": TINY}
    else:
        base = find_base(model, revision)
        folder = Path(model).is_dir()
        found: dict[str, Any] = {
            "model": str(base.path.absolute()) if folder else model,
            "revision": None if folder else base.revision,
            "identity": base.revision,
            "base": base.path,
            "title": (built_name(base.path) or str(base.path.absolute())) if folder else model,
        }
    return CurriculumWish(
        source=source, settings=settings, output=target, launcher=words, policy=policy,
        trained_on=_called(Path(curriculum)) if curriculum else "-".join(file.stem for file in named.values()), **found,
    )  # fmt: skip


async def looked_at(wish: CurriculumWish) -> dict[str, Any]:
    """What the training will take: rows, what would be cut, steps, memory; nothing is trained."""
    fitting = Fitting(wish.tokenizer(), wish.settings)
    rows = looked_ahead(wish.source, fitting)
    steps = steps_of(rows, wish.settings)
    lines = [
        *(
            f"{one.name}: {one.rows:,} rows to train on, {steps[one.name]:,} steps"
            for one in rows
            if one.what == "trained"
        ),
        *(f"{one.name}: {one.rows:,} rows held out" for one in rows if one.what == "held out"),
        *in_words(rows),
    ]
    memory = None
    if wish.base is not None:
        longest = fitting.longest
        memory = await memory_of(wish.base, wish.settings, longest["input"], longest["output"], wish.launcher)
        lines.append(memory.in_words)
    return {
        "said": f"looked ahead, nothing was trained: {sum(steps.values()):,} steps in {len(steps)} phases"
        f"{' (on simulated answers)' if wish.source.simulated else ''}",
        "lines": lines,
        "rows": msgspec.to_builtins(rows),
        "steps": steps,
        "memory": None if memory is None else msgspec.to_builtins(memory),
        "simulated": wish.source.simulated,
    }


def settings_of(given: Mapping[str, Any]) -> CurriculumSettings:
    """Raises ConfigurationError for a value out of its bounds."""
    return CurriculumSettings(**given)


def own_files(extraction: str, conversation: str, refusal: str) -> dict[Phase, str]:
    return cast("dict[Phase, str]", {"extraction": extraction, "conversation": conversation, "refusal": refusal})


def _called(folder: Path) -> str:
    """The name of a curriculum's folder, with those above it until one says which it is: `study-answers-curriculum`."""
    name, above = folder.absolute().name, list(folder.absolute().parents)
    parts = [name]
    while parts[0] in _OF_ANY and above and above[0].name:
        parts.insert(0, above.pop(0).name)
    return "-".join(parts)
