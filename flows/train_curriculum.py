"""Trains a curriculum on this machine, phase by phase, in a process of its own that Prefect watches."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.answering.forgetting import forgetting_of
from redraft.answering.predictions import read_scores
from redraft.calling.leaving import leaving_in_order
from redraft.training.local.prerequisites import require_extra
from tasks.curriculum_artifacts import matrix_rows, show_evaluations
from tasks.curriculum_wish import looked_at, own_files, settings_of, wish_for
from tasks.local_training import train_on_this_machine
from tasks.showing import show_table, shown
from tasks.states import ends_in_words
from tasks.training_form import LearningRate, LocalCount, LocalReplay, LocalSeed, MoreLocalSettings
from tasks.training_job import answer_with

NOTHING_MORE = MoreLocalSettings()


@flow(name="train-curriculum", flow_run_name="train {model} into {output}")
@ends_in_words
async def train_curriculum(
    curriculum: str = "",
    model: str = "google-t5/t5-small",
    output: str = "models/answers",
    revision: str | None = None,
    extraction: str = "",
    conversation: str = "",
    refusal: str = "",
    epochs: LocalCount = 1,
    learning_rate: LearningRate = 3e-4,
    batch_size: LocalCount = 8,
    replay_fraction: LocalReplay = 0.0,
    max_input_tokens: LocalCount = 512,
    max_output_tokens: LocalCount = 128,
    seed: LocalSeed = 0,
    more: MoreLocalSettings = NOTHING_MORE,
    launcher: str = "",
    policy: Literal["attach", "resubmit-failed", "always-new"] = "attach",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Train a sequence-to-sequence model in three phases, evaluate all of them after each, and watch it to the end.

    Args:
        curriculum: The folder that rewrite-answers made; empty for files of your own.
        model: Any sequence-to-sequence model: an id at the Hugging Face Hub, a folder, or tiny (random weights).
        output: The folder of the run; the trained model lies in it, as model.
        revision: Commit, tag or branch of a model at the Hub; its main branch where empty.
        extraction: Rows of your own for the first phase (JSON Lines with input and output).
        conversation: Rows of your own for the second phase.
        refusal: Rows of your own for the third phase.
        epochs: How often the rows of each phase are gone through.
        learning_rate: Peak learning rate of each phase.
        batch_size: Rows a step.
        replay_fraction: Rows of earlier phases that a later one rehearses, as a share of its own; 0 is strict order.
        max_input_tokens: Tokens that an input may have; a longer one is cut around its answer.
        max_output_tokens: Tokens that an answer may have; a longer row is refused.
        seed: Seed of shuffling, dropout and replay.
        more: Precision, gradient accumulation, early stopping, checkpoints, W&B and the rest.
        launcher: What stands in front of `-m redraft.curriculum RUN`, such as torchrun --nproc_per_node 2.
        policy: What happens where an equal run is there already: attach to it, however it ended; go on with one that
            failed; or always a new one.
        dry_run: Only count rows and steps and estimate the memory; nothing is trained.
    """
    require_extra()
    given = {
        "epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size,
        "replay_fraction": replay_fraction, "max_input_tokens": max_input_tokens,
        "max_output_tokens": max_output_tokens, "seed": seed, **more.model_dump(),
    }  # fmt: skip
    settings = settings_of(given)
    own = own_files(extraction, conversation, refusal)
    # A model may be fetched: minutes in which Prefect is to hear of this run.
    wish = await asyncio.to_thread(
        wish_for, curriculum, own, model, revision, output, settings, launcher, policy
    )  # fmt: skip
    if dry_run:
        return await looked_at(wish)
    with leaving_in_order():
        async with shown(f"train {wish.name}", 1) as progress:
            job = await train_on_this_machine(wish)
            progress.advance()
    run = Path(job["training_path"]).parent
    await show_evaluations(run, wish.name, simulated=job["simulated"])
    await answer_with(job)
    return await _concluded(run, job, replay_fraction)


async def _concluded(run: Path, job: dict[str, Any], replay_fraction: float) -> dict[str, Any]:
    """The result: the model, every score, the matrix, and what a later phase took from an earlier one."""
    matrix, scores = matrix_rows(run), read_scores(run)
    remarks = forgetting_of(scores, replay_fraction)
    last = ", ".join(f"{name} {value}" for name, value in matrix[-1].items() if name) if matrix else "not evaluated"
    simulated = " (simulated)" if job["simulated"] else ""
    await show_table("curriculum", matrix, f"Every evaluation after every phase{simulated}")
    return {
        "said": f"{job['suffix']} is {job['state']}{simulated}: {last}; model {job['model_output_name']}",
        "job": job,
        "model": job["model_output_name"],
        "run": str(run),
        "scores": [{"after": one.after, "evaluation": one.evaluation, "scores": one.scores} for one in scores],
        "matrix": matrix,
        "remarks": remarks,
    }
