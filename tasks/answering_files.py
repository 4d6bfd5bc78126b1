"""The datasets of rewritten answers and refusals, the curriculum's files, and what people are shown of them.

Neighbours: `answering_rounds` makes the rows, `redraft.answering.curriculum` writes the files, and `variety` beside it
counts how much texts differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from redraft.answering.curriculum import in_words, require_curriculum, write_curriculum
from redraft.answering.grounding import require_grounded
from redraft.answering.rewriting import METHODS, PARTS, TEMPLATES, Part
from redraft.answering.tokenizing import Tokenizer, load_tokenizer
from redraft.answering.variety import Variety
from redraft.datasets.curriculum_files import HELD_OUT, PHASES, TRAINED, rows_of
from redraft.datasets.storage import MANIFEST, Dataset, DatasetWriter, assemble, require_target
from redraft.errors import ConfigurationError, InputError, PartialError
from redraft.records import Example
from tasks.persona_rounds import Rounds
from tasks.showing import show_table
from tasks.states import not_ours


def datasets_in(output: str) -> dict[Part, str]:
    """Part → the dataset that is made of it."""
    return {part: f"{output}/{part}" for part in PARTS}


def curriculum_in(output: str) -> Path:
    return Path(output) / "curriculum"


def questions_from(source: str) -> Dataset:
    """The dataset of questions at a path. InputError where there is none, or one of another kind."""
    found = Dataset.open(Path(source))
    if found.kind != "questions":
        raise InputError(f"{source}: a dataset of {found.kind}; redraft answers layers makes one of questions")
    return found


def require_output(output: str, questions: Dataset) -> None:
    """Raises InputError where one of the folders cannot be made there, before anything is paid for."""
    if (Path(output) / MANIFEST).is_file():
        raise InputError(f"{output}: a dataset itself; name another folder for the datasets of answers")
    for target in datasets_in(output).values():
        require_target(Path(target), "examples", questions.path)
    require_curriculum(curriculum_in(output))


@task(
    task_run_name="publish {target}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def publish_part(rounds: Rounds, part: Part, questions: str, target: str, chain: Sequence[str]) -> dict[str, Any]:
    """What stays of all rounds as the dataset `target`, with what does not beside it and what all of it cost; its
    manifest."""
    manifest = await asyncio.to_thread(_publish, rounds, part, Dataset.open(Path(questions)), Path(target), list(chain))
    return {name: value for name, value in manifest.items() if name != "shards"}


def _publish(rounds: Rounds, part: Part, questions: Dataset, target: Path, chain: list[str]) -> dict[str, Any]:
    require_target(target, "examples", questions.path)
    meta = {
        "parents": [{"path": str(questions.path.resolve()), "content_hash": questions.content_hash}],
        "method": METHODS[part],
        "templates": [TEMPLATES[part]],
        "models": chain,
        "rounds": len(rounds.made),
        "asked": rounds.todo.count,
        # Given up for now: a rerun asks again, as a fault that passes was part of it.
        "passing": sum(one.passing for one in rounds.rejections()),
        # Every reason that came up, rows that a later round made included.
        "refused": dict(sorted(rounds.reasons().items())),
        "variety": _variety(rounds.rows()),
        **rounds.paid(),
    }
    if (only := rounds.only) is not None:
        return assemble(target, only.path, only.shards, "examples", meta).manifest  # linked, not written anew
    with DatasetWriter(target, "examples") as writer:
        for row in rounds.rows():
            writer.add(row)
        for rejection in rounds.rejections():
            writer.reject(rejection)
        return writer.finish(meta).manifest


def _variety(rows: Iterator[Example]) -> dict[str, Any]:
    found = Variety()
    for row in rows:
        found.add(row.messages[-1].content)
    return found.figures()


@task(
    task_run_name="curriculum {output}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def write_files(questions: str, output: str) -> dict[str, Any]:
    """Writes the curriculum's folder of the datasets in `output`; its manifest. Raises InputError where the gate finds
    a row whose answer the model would not see."""
    return await asyncio.to_thread(_write_files, Dataset.open(Path(questions)), output)


def tokenizer_of(questions: Dataset) -> Tokenizer:
    """The tokenizer that the contexts were cut with. Raises ConfigurationError where it cannot be had any more, or is
    another one by now: the gate over the curriculum's files could not be passed."""
    told: dict[str, Any] = questions.manifest.get("tokenizer") or {}
    if not told.get("exact"):
        return load_tokenizer(None)
    found = load_tokenizer(told["name"])
    if told.get("digest", found.digest) != found.digest:
        raise ConfigurationError(
            f"{told['name']}: another tokenizer than the one that {questions.path} was cut with; make the layers anew"
        )
    return found


def _write_files(questions: Dataset, output: str) -> dict[str, Any]:
    made = {part: Dataset.open(Path(target)) for part, target in datasets_in(output).items()}
    told: dict[str, Any] = questions.manifest.get("tokenizer") or {}
    most = told.get("max_tokens", 512)
    tokenizer = tokenizer_of(questions)

    def gate(folder: Path) -> dict[str, Any]:
        rows = (
            row
            for phase in PHASES
            for file in (folder / TRAINED[phase], folder / HELD_OUT[phase])
            if file.exists()  # nothing may be held out
            for row in rows_of(file, phase)
        )
        found = require_grounded(rows, tokenizer, most)
        return {
            "positives": found.positives, "yes_no": found.yes_no, "negatives": found.negatives,
            "unknown": found.unknown, "violations": found.violations, "max_tokens": most,
        }  # fmt: skip

    return write_curriculum(curriculum_in(output), questions, made["positive"], made["negative"], gate)


async def show_rewritten(manifests: Mapping[str, Mapping[str, Any]]) -> None:
    """Counts, reasons, variety and costs in the run's Artifacts tab."""
    rows = [
        {
            "part": name, "asked": one["asked"], "examples": one["count"], "rejected": one["rejected"],
            "reasons": _counted(one["reasons"]), "asked again for": _counted(one["refused"]),
            "distinct texts": one["variety"]["distinct_ratio"],
            "most common text": one["variety"]["most_common"]["share"], "calls": one["calls"],
            "input tokens": one["input_tokens"], "output tokens": one["output_tokens"],
            "cost (US dollars)": one["cost"], "simulated": one["simulated"],
        }
        for name, one in manifests.items()
    ]  # fmt: skip
    await show_table("rewritten-answers", rows, "Rewritten answers and refusals")


def said_of(manifests: Mapping[str, Mapping[str, Any]], folder: str, curriculum: Mapping[str, Any] | None) -> str:
    """What became of the rows in a sentence; `(simulated)` where the sandbox answered."""
    simulated = " (simulated)" if any(one["simulated"] for one in manifests.values()) else ""
    counts = "; ".join(
        f"{name}: {one['count']} examples, {one['rejected']} rejected" for name, one in manifests.items()
    )
    files = f"; curriculum: {in_words(curriculum)}" if curriculum is not None else ""
    return f"{counts}, in {folder}{files}{simulated}"


def require_few_rejected(result: dict[str, Any], most: float) -> None:
    """Raises PartialError, with the result, where more than that share of a part's rows was rejected."""
    for name, one in result["manifests"].items():
        if one["rejected"] > most * one["asked"]:
            raise PartialError(
                f"{result['said']}; {name}: {one['rejected']} of {one['asked']} rejected ({_counted(one['reasons'])}), "
                f"above the {most:.0%} allowed; a rerun asks again where a fault was one that passes, with more "
                "--regenerate where an answer came and was refused, empty, cut or filtered",
                result,
            )


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())
