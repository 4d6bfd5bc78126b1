"""What the answering study decides between its stages: which model is trained, and what its parts are called.

The flows `build_layers`, `rewrite_answers` and `train_curriculum` are the stages, `answering_report` the end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.answering.candidates import Sources
from redraft.answering.curriculum import rows_ahead
from redraft.answering.shortfalls import shortfalls
from redraft.beside import Helper
from redraft.calling.notices import tell
from redraft.curriculum.looking_ahead import Memory, memory_of, steps_of
from redraft.curriculum.preparing import PreparedFile
from redraft.curriculum.rehearsing import build_rehearsal_model
from redraft.datasets.files import require_folder
from redraft.datasets.reading import resolve_input
from redraft.errors import ConfigurationError, InputError
from redraft.home import Home
from redraft.training.local.memory import require_memory
from redraft.training.local.models import find_base
from redraft.training.local.plan import TINY, read_plan
from redraft.training.local.prerequisites import launcher_words, require_extra, require_setup
from redraft.training.local.reading import MODEL, is_alive, state_in
from redraft.training.local.settings import CurriculumSettings
from tasks.made_inputs import digest_of
from tasks.sources import is_rehearsed
from tasks.states import not_ours

# What is trained where nobody names a model: the smallest T5 that knows English.
STUDIED = "google-t5/t5-small"
# How launchers begin whose processes have the memory that is measured here.
_ON_THIS_MACHINE = ("torchrun", "accelerate", "python")


class Places:
    """Where a study keeps its parts, below its output."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.layers, self.answers, self.training = f"{output}/layers", f"{output}/answers", f"{output}/training"
        self.curriculum = f"{self.answers}/curriculum"
        self.positives, self.negatives = f"{self.answers}/positive", f"{self.answers}/negative"

    @property
    def work(self) -> str:
        """What is spent on the study is filed under this, and counts towards its budget."""
        return f"answers:{Path(self.answers).resolve()}"


async def model_to_train(
    model: str, rewriter: str, squad: Sequence[str], hotpot: Sequence[str], pairs: Sequence[str], seed: int,
    credentials: str | None,
) -> str:  # fmt: skip
    """The model by its name or folder. Where none is named, and a sandbox rewrites, it is a tiny one with random
    weights: what a sandbox wrote is not worth a download. Raises ConfigurationError where the extra `local` is missing.
    """
    require_extra()
    if not any((squad, hotpot, pairs)):
        raise ConfigurationError("no file is named; give --squad, --hotpot or --pairs")
    if not model:
        model = TINY if await is_rehearsed(rewriter, credentials) else STUDIED
        tell(f"training {'a tiny T5 with random weights, as a sandbox rewrites' if model == TINY else model}")
    if model != TINY:
        return model
    return await tiny_model(list(squad), list(hotpot), list(pairs), seed)


@task(task_run_name="a tiny model for a rehearsal", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def tiny_model(squad: list[str], hotpot: list[str], pairs: list[str], seed: int) -> str:
    """The folder of a tiny model with random weights, whose tokenizer knows these files."""
    given = {"squad": squad, "hotpot": hotpot, "pairs": pairs}
    named = {name: tuple(resolve_input(Path(file)) for file in files) for name, files in given.items()}
    digests = [f"{name}:{await digest_of(path)}" for name, paths in named.items() for path in paths]
    digest = hashlib.sha256("\n".join([str(seed), *digests]).encode()).hexdigest()[:8]
    helper = Helper()  # torch is not to stay in this process
    try:
        folder = Home.of().work / f"tiny-t5-{digest}"
        return await helper.run(build_rehearsal_model, Sources(**named), folder, seed)
    finally:
        await helper.close()


class TrainingAhead(msgspec.Struct, frozen=True, kw_only=True):
    """A training that can begin, as far as anybody can tell: what counts its tokens, and the memory that rows as long
    as they may be take. `begun`: it goes on, or has its model. `elsewhere`: a container's launcher decides which memory
    it has."""

    tokenizer: str
    memory: Memory
    begun: bool = False
    elsewhere: bool = False

    def require_memory(self, settings: CurriculumSettings) -> None:
        """Raises ConfigurationError, as the training would, where more is needed than is free. One that has begun has
        what it needs, and takes what is free here."""
        allowed = settings.allow_memory or self.begun or self.elsewhere
        require_memory(self.memory.needed, self.memory.free, allowed=allowed)


async def training_ahead(
    model: str, revision: str | None, settings: CurriculumSettings, launcher: str, output: str
) -> TrainingAhead:
    """What the training will ask for, before anything is paid. A model of the Hub is fetched, where it is not here yet.

    Raises ConfigurationError and InputError, in the training's own words, for settings, a launcher, a model or a folder
    that it could not begin with.
    """
    words = launcher_words(launcher)
    require_setup(settings, words)
    require_folder(Path(output).absolute())
    # Minutes in which Prefect is to hear of this run.
    base = await asyncio.to_thread(find_base, model, revision)
    memory = await memory_of(base.path, settings, settings.max_input_tokens, settings.max_output_tokens, words)
    return TrainingAhead(
        tokenizer=model if revision is None else str(base.path),
        memory=memory,
        begun=has_begun(Path(output), model, settings),
        elsewhere=bool(words) and not Path(words[0]).name.startswith(_ON_THIS_MACHINE),
    )


def has_begun(folder: Path, model: str, settings: CurriculumSettings) -> bool:
    """Whether a run of this model with these settings goes on in the folder, or has its model there."""
    try:
        plan = read_plan(folder)
    except InputError:
        return False
    if plan.settings != settings or plan.model not in (model, str(Path(model).absolute())):
        return False
    state = state_in(folder)
    return is_alive(folder) or (state is not None and state.state == "completed" and (folder / MODEL).is_dir())


def require_phases(layers: dict[str, Any], dataset: str) -> None:
    """Raises InputError where a phase would have nothing to train on, or to be measured by."""
    for what, side in (("train on", "train"), ("be measured by", "test")):
        for phase, rows in rows_ahead(layers, side).items():
            if not rows:
                raise InputError(f"{dataset}: no rows for the phase {phase} to {what}; give more files, or a larger -n")


def foreseen(
    layers: dict[str, Any], rewriting: dict[str, Any], ready: TrainingAhead, settings: CurriculumSettings
) -> dict[str, Any]:
    """The result of a study that only looked ahead: what rewriting would cost, and the training's rows, steps and
    memory, `lines` of words. Rows are the layers' questions: rewrites that are refused are trained on by nobody."""
    rows = rows_ahead(layers)
    steps = steps_of(
        [PreparedFile(name=name, what="trained", rows=count, cut=0, left_out=0) for name, count in rows.items()],
        settings,
    )
    lines = [f"{name}: about {rows[name]:,} rows to train on, {steps[name]:,} steps" for name in steps]
    lines.append("rows and steps are estimated from the layers: rewrites that are refused make them fewer")
    longest = f"rows of {settings.max_input_tokens} and {settings.max_output_tokens} tokens, as long as they may be"
    lines.append(f"{longest}: {ready.memory.in_words}")
    trained = f"then about {sum(steps.values()):,} steps of training in {len(steps)} phases"
    ahead = {"rows": rows, "steps": steps, "memory": msgspec.to_builtins(ready.memory), "lines": lines}
    return {**rewriting, "said": f"{counts_of(layers)}; {rewriting['said']}; {trained}", "training": ahead}


def counts_of(layers: dict[str, Any]) -> str:
    """How many questions there are to train on and to test with, in words."""
    train, test = (sum(n for n in counts.values() if isinstance(n, int)) for counts in layers["counts"].values())
    return "; ".join([f"{train:,} questions to train on, {test:,} to test with", *shortfalls(layers)])


def concluded(report: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """The result of the study: its verdicts, the matrix, and where all lies."""
    simulated = " (simulated)" if report["simulated"] else ""
    return {
        "said": f"{report['heading']}{simulated}; report {report['report']}, model {training['model']}",
        "model": training["model"],
        "job": training["job"],
        **{name: report[name] for name in ("report", "results", "sentences", "remarks", "matrix", "simulated")},
    }
