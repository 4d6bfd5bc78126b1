"""The trainer of an adapter: steps with checkpoints, a held-out loss after each epoch, an orderly end.

It knows a model whose trained weights are an adapter's, and nothing of how they came to be. Neighbours: `lora` begins
it; `stepping` has what trainers share.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import msgspec

from redraft.training.adapting.encoding import UNTRAINED, Examples
from redraft.training.adapting.settings import LoraSettings
from redraft.training.adapting.stepping import arguments, begin, ended_early, quiet, watch
from redraft.training.local.checkpoints import best_of
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

_WEIGHTS = "adapter_model.safetensors"


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained: `folder` is for checkpoints, `model` one with an adapter, `label` its name at W&B."""

    folder: Path
    model: Any
    tokenizer: Any
    rows: Examples
    held_out: Examples | None
    settings: LoraSettings
    label: str

    @property
    def of_epoch(self) -> int:
        return steps_of_epoch(len(self.rows), self.settings)


def steps_of_epoch(rows: int, settings: LoraSettings) -> int:
    """Optimizer steps of a pass over so many rows, as the trainer counts them."""
    batches = math.ceil(rows / (settings.batch_size * settings.processes))
    return max(1, math.ceil(batches / settings.gradient_accumulation))


def train_steps(steps: Steps, world: World, teller: Teller, stop: Stop) -> Any:
    """The trainer after its last step, or after the best epoch where it ended early; gone on with at the last whole
    checkpoint.

    Raises StoppedError, after a checkpoint, where a signal asked for the end; TrainingError where the trainer ended
    before its last step.
    """
    checkpoint, step = begin(steps.folder, len(steps.rows), world, teller)
    trainer = _trainer(steps, world, teller, stop)
    if checkpoint is None or not _out_of_patience(checkpoint, steps):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        _require_end(steps, trainer, stop)
    teller.now(step=trainer.state.global_step or step)
    return trainer


def _require_end(steps: Steps, trainer: Any, stop: Stop) -> None:
    state = trainer.state
    early = trainer.control.should_training_stop and steps.settings.early_stopping_patience and not stop.asked
    if state.global_step >= state.max_steps or early:
        return
    raise ended_early(state.global_step, state.max_steps, stop)


def _out_of_patience(checkpoint: Path, steps: Steps) -> bool:
    """Whether it had ended early when it was killed: then the best weights so far are loaded, and no step more is
    made."""
    best, without = best_of(checkpoint)
    if not steps.settings.early_stopping_patience or without < steps.settings.early_stopping_patience or best is None:
        return False
    peft: Any = importlib.import_module("peft")
    tensors: Any = importlib.import_module("safetensors.torch")
    weights = tensors.load_file(str(steps.folder / f"checkpoint-{best}" / _WEIGHTS))
    peft.set_peft_model_state_dict(steps.model, weights)
    return True


def _trainer(steps: Steps, world: World, teller: Teller, stop: Stop) -> Any:
    transformers: Any = importlib.import_module("transformers")
    callbacks = [_watch(steps, world, teller, stop)]
    if steps.settings.early_stopping_patience:
        callbacks.append(transformers.EarlyStoppingCallback(steps.settings.early_stopping_patience))
    return quiet(
        transformers.Trainer(
            model=steps.model,
            args=arguments(steps.folder, steps.settings, world, steps.of_epoch, **_more(steps)),
            train_dataset=steps.rows,
            eval_dataset=steps.held_out,
            processing_class=steps.tokenizer,
            data_collator=transformers.DataCollatorForSeq2Seq(
                steps.tokenizer, label_pad_token_id=UNTRAINED, pad_to_multiple_of=None if world.on_cpu else 8
            ),
            callbacks=callbacks,
        )
    )


def _more(steps: Steps) -> dict[str, Any]:
    """The trainer's arguments for epochs, the held-out loss, several processes and W&B."""
    settings = steps.settings
    more: dict[str, Any] = {
        "num_train_epochs": settings.epochs,
        "per_device_eval_batch_size": settings.batch_size,
        "label_names": ["labels"],
        "ddp_find_unused_parameters": False,
        "report_to": ["wandb"] if settings.wandb_project else [],
        "run_name": steps.label,
    }
    if steps.held_out is not None:
        more |= {"eval_strategy": "steps", "eval_steps": steps.of_epoch, "prediction_loss_only": True}
    if settings.early_stopping_patience:
        more |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
            "restore_callback_states_from_checkpoint": True,
        }
    return more


def _watch(steps: Steps, world: World, teller: Teller, stop: Stop) -> Any:
    """The trainer's callback that has checkpoints written, tells of its steps, and ends it when that is asked."""

    def on_step_end(args: Any, state: Any, control: Any, **_: Any) -> Any:
        asked = world.any(stop.asked)
        step = state.global_step
        saved = asked or not step % steps.settings.checkpoint_steps or not step % steps.of_epoch
        # The loss is a mean since it was last told: told at each checkpoint, its curve is the same after a kill.
        if saved or step >= state.max_steps:
            control.should_log = control.should_save = True
        if asked:
            control.should_training_stop = True
        teller.beat(step)
        return control

    return watch(teller, on_step_end, lambda _: {})
