"""What trainers of adapters share: where they go on after a kill, their arguments, what they tell of their steps, and
how they end.

Neighbours: `steps` trains on completions, `preference_steps` on preferences.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from redraft.errors import TrainingError
from redraft.training.adapting.preference_settings import PreferenceSettings
from redraft.training.adapting.settings import LoraSettings
from redraft.training.local.checkpoints import last_valid
from redraft.training.local.phases import precision
from redraft.training.local.stopping import Stop, StoppedError
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

# The newest and, for early stopping, the best; with one alone a kill while it is written would leave none.
KEPT = 2
CURVES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
    "eval_loss": "eval/loss",
}


def begin(folder: Path, rows: int, world: World, teller: Teller) -> tuple[Path | None, int]:
    """The last whole checkpoint in a folder, None where there is none, and its step; said is with what it begins."""
    checkpoint: Path | None = world.agreed(last_valid(folder, world.size) if world.first else None)
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    teller.forget_after(step)
    if checkpoint:
        teller.event("phase_resumed", f"goes on at step {step}", step=step)
    else:
        teller.event("phase_started", f"begins: {rows:,} rows", step=0)
    return checkpoint, step


def ended_early(step: int, total: int, stop: Stop) -> StoppedError | TrainingError:
    """What is raised where a trainer ended before its last step."""
    where = f"stopped at step {step} of {total}"
    if stop.asked:
        return StoppedError(f"{where}, with a checkpoint; run it again to go on")
    return TrainingError(f"{where} for no reason that the trainer gives; run it again to go on at its last checkpoint")


def arguments(
    folder: Path, settings: LoraSettings | PreferenceSettings, world: World, of_epoch: int, **more: Any
) -> Any:
    """The trainer's arguments, with a checkpoint after each `of_epoch` steps; `more` are those of one trainer alone."""
    transformers: Any = importlib.import_module("transformers")
    made = transformers.TrainingArguments(
        output_dir=str(folder),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup_ratio,  # a number below 1 is a share
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_steps=settings.logging_steps,
        # Epochs by their steps: the trainer's own would also count one that a signal cut short.
        save_strategy="steps",
        save_steps=of_epoch,
        use_cpu=world.on_cpu,
        dataloader_pin_memory=not world.on_cpu,
        remove_unused_columns=False,
        disable_tqdm=True,
        **precision(settings, on_cpu=world.on_cpu),
        **{"save_total_limit": KEPT, "report_to": [], **more},
    )
    if made.n_gpu > 1:
        # Without torchrun the trainer would spread batches over all GPUs, and they would be larger than planned.
        made._n_gpu = 1
    return made


def watch(
    teller: Teller, on_step_end: Callable[..., Any], more: Callable[[Mapping[str, float]], Mapping[str, float]]
) -> Any:
    """The trainer's callback that tells of its curves and checkpoints; `more` gives points beside what it logs."""

    def on_log(args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        values = {CURVES[name]: value for name, value in logs.items() if name in CURVES}
        teller.metrics(state.global_step, {**values, **more(logs)})

    def on_save(args: Any, state: Any, control: Any, **_: Any) -> None:
        teller.event("checkpoint", f"checkpoint-{state.global_step}", step=state.global_step)

    transformers: Any = importlib.import_module("transformers")
    events = {"on_step_end": on_step_end, "on_log": on_log, "on_save": on_save}
    return type("Watch", (transformers.TrainerCallback,), {name: staticmethod(one) for name, one in events.items()})()


def quiet(trainer: Any) -> Any:
    """The trainer, which prints nothing: what it logs stands in the run's files."""
    transformers: Any = importlib.import_module("transformers")
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer
