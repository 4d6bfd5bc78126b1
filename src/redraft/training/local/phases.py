"""One phase of a curriculum: a trainer of its own, with fresh optimizer and schedule, that begins with the weights of
the phase before and is gone on with at its last whole checkpoint.

Neighbours: `training` runs the phases in their order, `checkpoints` finds where to go on.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from redraft.datasets.files import storage_faults, sync_folder
from redraft.errors import ConfigurationError, TrainingError
from redraft.records import Phase
from redraft.training.local.checkpoints import best_of, last_valid
from redraft.training.local.encoding import Chosen
from redraft.training.local.models import load_model
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.stopping import Stop, StoppedError
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

FINAL = "final"
# The newest and, for early stopping, the best; with one alone a kill while it is written would leave none.
_KEPT = 2
_CURVES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
    "eval_loss": "eval/loss",
}


class Numbers(Protocol):
    """Settings that say what numbers are computed with."""

    @property
    def precision(self) -> str: ...


class PhaseRun(msgspec.Struct, frozen=True, kw_only=True):
    """What one phase is trained with. `folder` is its own, `start` the folder of the weights that it begins with;
    `held_out` are rows for early stopping; `offset` the steps of the phases before it, `label` its name at W&B."""

    phase: Phase
    folder: Path
    start: Path
    rows: Chosen
    held_out: Chosen | None
    tokenizer: Any
    settings: CurriculumSettings
    offset: int
    label: str

    @property
    def seed(self) -> int:
        """Of shuffling and dropout: another for each phase."""
        digest = hashlib.sha256(f"{self.settings.seed}/{self.phase}".encode()).digest()
        return int.from_bytes(digest[:4], "big")


def planned_steps(rows: int, settings: CurriculumSettings) -> int:
    """Optimizer steps of a phase with so many rows, as the trainer counts them."""
    batches = math.ceil(rows / (settings.batch_size * settings.processes))
    return settings.epochs * max(1, math.ceil(batches / settings.gradient_accumulation))


def train_phase(run: PhaseRun, world: World, teller: Teller, stop: Stop) -> Path:
    """Trains the phase and returns the folder with its final weights, which appears whole; checkpoints are gone then.

    Raises StoppedError, after a checkpoint, where a signal asked for the end; TrainingError where the trainer ended
    before its last step.
    """
    final = run.folder / FINAL
    checkpoint: Path | None = world.agreed(last_valid(run.folder, world.size) if world.first else None)
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    teller.forget_after(run.offset + step)
    begun = f"goes on at step {step} of its own" if checkpoint else f"begins: {len(run.rows):,} rows"
    teller.event("phase_resumed" if checkpoint else "phase_started", f"{run.phase} {begun}", step=run.offset + step)
    trainer = _trainer(run, world, teller, stop)
    if checkpoint is None or not _out_of_patience(checkpoint, run, trainer):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        _require_end(run, trainer, stop)
    with storage_faults(final):
        _save(trainer, run.folder, world)
    return final


def _require_end(run: PhaseRun, trainer: Any, stop: Stop) -> None:
    state = trainer.state
    early = trainer.control.should_training_stop and run.settings.early_stopping_patience and not stop.asked
    if state.global_step >= state.max_steps or early:
        return
    where = f"{run.phase} stopped at step {state.global_step} of {state.max_steps}"
    if stop.asked:
        raise StoppedError(f"{where}, with a checkpoint; run it again to go on")
    raise TrainingError(f"{where} for no reason that the trainer gives; run it again to go on at its last checkpoint")


def _out_of_patience(checkpoint: Path, run: PhaseRun, trainer: Any) -> bool:
    """Whether the phase had ended early when it was killed: then the best weights so far are loaded, and no step more
    is made."""
    best, without = best_of(checkpoint)
    if not run.settings.early_stopping_patience or without < run.settings.early_stopping_patience or best is None:
        return False
    trainer.model.load_state_dict(load_model(run.folder / f"checkpoint-{best}").state_dict())
    return True


def drop_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a phase whose final weights are there."""
    with storage_faults(folder):
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)


def _save(trainer: Any, folder: Path, world: World) -> None:
    aside = folder / f".{FINAL}"
    if world.first:
        shutil.rmtree(aside, ignore_errors=True)
    world.wait()
    trainer.save_model(str(aside))
    world.wait()
    if world.first:
        (aside / "training_args.bin").unlink(missing_ok=True)
        aside.rename(folder / FINAL)
        sync_folder(folder)
        drop_checkpoints(folder)
    world.wait()


def _trainer(run: PhaseRun, world: World, teller: Teller, stop: Stop) -> Any:
    transformers: Any = importlib.import_module("transformers")
    model = load_model(run.start)
    arguments = transformers.Seq2SeqTrainingArguments(**_arguments(run, world))
    if arguments.n_gpu > 1:
        # Without torchrun the trainer would spread batches over all GPUs, and they would be larger than planned.
        arguments._n_gpu = 1
    callbacks = [_watch(run, world, teller, stop)]
    if run.settings.early_stopping_patience:
        callbacks.append(transformers.EarlyStoppingCallback(run.settings.early_stopping_patience))
    trainer = transformers.Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=run.rows,
        eval_dataset=run.held_out,
        processing_class=run.tokenizer,
        data_collator=transformers.DataCollatorForSeq2Seq(
            run.tokenizer, model=model, pad_to_multiple_of=None if world.on_cpu else 8
        ),
        callbacks=callbacks,
    )
    # What it logs stands in the run's files.
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _arguments(run: PhaseRun, world: World) -> dict[str, Any]:
    settings = run.settings
    arguments: dict[str, Any] = {
        "output_dir": str(run.folder),
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "warmup_steps": settings.warmup_ratio,  # a number below 1 is a share
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "seed": run.seed,
        "data_seed": run.seed,
        "logging_steps": settings.logging_steps,
        "save_strategy": "steps",
        "save_steps": settings.checkpoint_steps,
        "save_total_limit": _KEPT,
        "use_cpu": world.on_cpu,
        "dataloader_pin_memory": not world.on_cpu,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "ddp_find_unused_parameters": False,
        "report_to": ["wandb"] if settings.wandb_project else [],
        "run_name": run.label,
        **precision(settings, on_cpu=world.on_cpu),
    }
    if settings.early_stopping_patience:
        arguments |= {
            "eval_strategy": "steps",
            "eval_steps": settings.checkpoint_steps,
            "prediction_loss_only": True,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
            "restore_callback_states_from_checkpoint": True,
        }
    return arguments


def precision(settings: Numbers, *, on_cpu: bool) -> dict[str, bool]:
    """The trainer's arguments for the numbers that are computed with."""
    chosen: str = settings.precision
    if chosen == "auto":
        torch: Any = importlib.import_module("torch")
        chosen = "bf16" if not on_cpu and torch.cuda.is_bf16_supported() else "fp32"
    if chosen == "fp16" and on_cpu:
        raise ConfigurationError("precision fp16 needs a GPU, and there is none; take fp32 or bf16")
    if chosen == "bf16" and not on_cpu and not importlib.import_module("torch").cuda.is_bf16_supported():
        raise ConfigurationError("precision bf16: this GPU does not compute with it; take fp32")
    return {"bf16": chosen == "bf16", "fp16": chosen == "fp16"}


def _watch(run: PhaseRun, world: World, teller: Teller, stop: Stop) -> Any:
    """The trainer's callback that tells of its steps, and ends it when that is asked."""

    def on_step_end(args: Any, state: Any, control: Any, **_: Any) -> Any:
        asked = world.any(stop.asked)
        # The loss is a mean since it was last told: told at each checkpoint, its curve is the same after a kill.
        if asked or state.global_step % args.save_steps == 0 or state.global_step >= state.max_steps:
            control.should_log = True
        if asked:
            control.should_save = control.should_training_stop = True
        teller.beat(run.offset + state.global_step)
        return control

    def on_log(args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        values = {_CURVES[name]: value for name, value in logs.items() if name in _CURVES}
        teller.metrics(run.offset + state.global_step, values)

    def on_save(args: Any, state: Any, control: Any, **_: Any) -> None:
        teller.event("checkpoint", f"{run.phase}: checkpoint-{state.global_step}", step=run.offset + state.global_step)

    def on_batch(args: Any, state: Any, control: Any, **_: Any) -> None:
        teller.beat()

    return _callback(
        on_step_end=on_step_end, on_log=on_log, on_save=on_save, on_substep_end=on_batch, on_prediction_step=on_batch
    )


def _callback(**events: Callable[..., Any]) -> Any:
    transformers: Any = importlib.import_module("transformers")
    kind = type("Watch", (transformers.TrainerCallback,), {name: staticmethod(one) for name, one in events.items()})
    return kind()
