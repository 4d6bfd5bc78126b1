"""What the answering study decides between its stages: which model is trained, and what its parts are called.

The flows `build_layers`, `rewrite_answers` and `train_curriculum` are the stages, `answering_report` the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import task

from redraft.answering.candidates import Sources
from redraft.beside import Helper
from redraft.calling.notices import tell
from redraft.curriculum.looking_ahead import require_extra
from redraft.curriculum.rehearsing import build_rehearsal_model
from redraft.datasets.reading import resolve_input
from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.providers.endpoints import canonical
from redraft.training.local.plan import TINY
from tasks.made_inputs import digest_of
from tasks.sources import sources as known_sources
from tasks.states import not_ours

# What is trained where nobody names a model: the smallest T5 that knows English.
MODEL = "google-t5/t5-small"


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
        model = TINY if await _rehearsed(rewriter, credentials) else MODEL
        tell(f"training {'a tiny T5 with random weights, as a sandbox rewrites' if model == TINY else model}")
    if model != TINY:
        return model
    return await tiny_model(list(squad), list(hotpot), list(pairs), seed)


async def _rehearsed(rewriter: str, credentials: str | None) -> bool:
    async with known_sources(credentials) as (_, endpoint):
        return (await endpoint(canonical(rewriter))).simulated


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


def counts_of(layers: dict[str, Any]) -> str:
    """How many questions there are to train on and to test with, in words."""
    train, test = (sum(n for n in counts.values() if isinstance(n, int)) for counts in layers["counts"].values())
    return f"{train:,} questions to train on, {test:,} to test with"


def concluded(report: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """The result of the study: its verdicts, the matrix, and where all lies."""
    simulated = " (simulated)" if report["simulated"] else ""
    return {
        "said": f"{report['heading']}{simulated}; report {report['report']}, model {training['model']}",
        "model": training["model"],
        "job": training["job"],
        **{name: report[name] for name in ("report", "results", "sentences", "remarks", "matrix", "simulated")},
    }
