"""Trains an adapter that replies like one person, on this machine, in a process of its own that Prefect watches."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.calling.leaving import leaving_in_order
from redraft.datasets.storage import Dataset
from redraft.imitating.looking_ahead import look_ahead
from redraft.imitating.prompts import require_examples
from redraft.training.adapting.merging import MERGED
from redraft.training.adapting.settings import LoraSettings
from redraft.training.adapting.shown_row import read_shown_row
from redraft.training.local.plan import ADAPTING
from redraft.training.local.prerequisites import require_extra
from tasks.adapter_artifacts import held_out_loss
from tasks.adapter_wish import AdapterWish, adapter_wish
from tasks.local_training import train_on_this_machine
from tasks.showing import show_table, shown
from tasks.states import ends_in_words
from tasks.training_form import (
    LearningRate,
    LocalCount,
    LocalSeed,
    LoraDropout,
    LoraScale,
    MoreLoraSettings,
)
from tasks.training_job import answer_with

NOTHING_MORE = MoreLoraSettings()


@flow(name="train-imitator", flow_run_name="train {model} into {output}")
@ends_in_words
async def train_imitator(
    input: str = "data/chat_examples/window",
    model: str = "google/gemma-3-270m",
    output: str = "models/imitator",
    revision: str | None = None,
    epochs: LocalCount = 3,
    learning_rate: LearningRate = 2e-4,
    batch_size: LocalCount = 8,
    gradient_accumulation: LocalCount = 1,
    max_tokens: LocalCount = 1024,
    rank: LocalCount = 16,
    alpha: LoraScale = 32.0,
    dropout: LoraDropout = 0.05,
    target_modules: str = "all-linear",
    merge: bool = False,
    seed: LocalSeed = 0,
    more: MoreLoraSettings = NOTHING_MORE,
    launcher: str = "",
    policy: Literal["attach", "resubmit-failed", "always-new"] = "attach",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Train a low-rank adapter (LoRA) on one person's replies, and watch it to the end.

    Args:
        input: The dataset of examples of one strategy, as build-chat-examples made it; its side train is learned, and
            its side preference, where there is one, measures the loss. Nothing of its side test is read.
        model: Any causal model: an id at the Hugging Face Hub, a folder, or tiny (random weights).
        output: The folder of the run; the adapter lies in it, as model.
        revision: Commit, tag or branch of a model at the Hub; its main branch where empty.
        epochs: Passes over the examples.
        learning_rate: Peak learning rate.
        batch_size: Examples a step and process.
        gradient_accumulation: Batches whose gradients make one step.
        max_tokens: Tokens of context and reply; of a longer example the oldest messages are left out.
        rank: Rank of the adapter's matrices.
        alpha: Scale of the adapter; it counts alpha / rank times.
        dropout: Dropout before the adapter's matrices.
        target_modules: Modules that get an adapter, with commas; all-linear, all but the last layer.
        merge: Also save the model with the adapter merged into it, as merged.
        seed: Seed of shuffling, dropout and the adapter's first weights.
        more: Precision, early stopping, checkpoints, W&B and the rest.
        launcher: What stands in front of `-m redraft.training.adapting RUN`, such as torchrun --nproc_per_node 2.
        policy: What happens where an equal run is there already: attach to it, however it ended; go on with one that
            failed; or always a new one.
        dry_run: Only count rows, tokens and steps, estimate the memory, and show the trained tokens of the first row.
    """
    require_extra(ADAPTING)
    settings = LoraSettings(
        epochs=epochs, learning_rate=learning_rate, batch_size=batch_size, gradient_accumulation=gradient_accumulation,
        max_tokens=max_tokens, rank=rank, alpha=alpha, dropout=dropout, target_modules=target_modules, merge=merge,
        seed=seed, **more.model_dump(),
    )  # fmt: skip
    examples = Dataset.open(Path(input).absolute())
    require_examples(examples)
    # A model may be fetched: minutes in which Prefect is to hear of this run.
    wish = await asyncio.to_thread(
        adapter_wish, kind="lora", model=model, revision=revision, rows=examples.path, held_out=examples.path,
        output=output, settings=settings, dataset=examples, launcher=launcher, policy=policy,
        simulated=bool(examples.manifest.get("simulated")),
    )  # fmt: skip
    if dry_run:
        return await _looked_at(wish, settings)
    with leaving_in_order():
        async with shown(f"train {wish.name}", 1) as progress:
            job = await train_on_this_machine(wish)
            progress.advance()
    await answer_with(job)
    return _concluded(Path(job["training_path"]).parent, job)


async def _looked_at(wish: AdapterWish, settings: LoraSettings) -> dict[str, Any]:
    """What the training will take; nothing is trained."""
    ahead = await look_ahead(wish.found.path, wish.rows, wish.held_out, settings, wish.launcher)
    simulated = " (on simulated replies)" if wish.plan.simulated else ""
    table = ahead.row.table()
    await show_table(f"adapter-{wish.name}-tokens", table, f"The first row, and its trained tokens{simulated}")
    return {
        "said": f"looked ahead, nothing was trained: {ahead.steps:,} steps on {ahead.trained.used:,} rows{simulated}",
        "lines": ahead.in_words,
        "ahead": msgspec.to_builtins(ahead),
        "tokens": table,
        "simulated": wish.plan.simulated,
    }


def _concluded(run: Path, job: dict[str, Any]) -> dict[str, Any]:
    """The result: the adapter, its job, and what it loses on rows that it has not seen."""
    loss, row = held_out_loss(job), read_shown_row(run)
    simulated = " (simulated)" if job["simulated"] else ""
    said = "nothing was held out" if loss is None else f"held-out loss {loss['last']:.4f}"
    return {
        "said": f"{job['suffix']} is {job['state']}{simulated}: {said}; model {job['model_output_name']}",
        "job": job,
        "model": job["model_output_name"],
        "merged": str(run / MERGED) if (run / MERGED).is_dir() else None,
        "run": str(run),
        "held_out_loss": loss,
        "row": "" if row is None else row.in_words,
        "simulated": job["simulated"],
    }
