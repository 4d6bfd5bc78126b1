"""The trainer of what learns from preferences: steps with checkpoints, what is measured of held-out pairs after each
epoch, an orderly end.

It is the plain trainer of transformers with losses of our own, as in `lora`: TRL 1.16's DPO and RLOO cannot train an
adapter with rows of the embeddings, its reward trainer drops rows that are too long without a word.
Neighbours: `reward`, `dpo` and `rl` give the loss; `steps` is the like for completions, `stepping` what they share.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.training.adapting.preference_settings import PreferenceSettings
from redraft.training.adapting.stepping import KEPT, arguments, begin, ended_early, quiet, watch
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

Values = Mapping[str, Any]
# (model, batch, steps done) -> (the loss, other values of the batch, each a number in a tensor)
Loss = Callable[[Any, dict[str, Any], int], tuple[Any, Values]]


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained: `folder` is for checkpoints, `model` one with an adapter, `count` the rows, of which `batch`
    makes tensors by their places. `measured` gives values of held-out rows, told after each epoch of `of_epoch` steps;
    `ended` says, after each step, why to end before the last one."""

    folder: Path
    model: Any
    tokenizer: Any
    count: int
    batch: Callable[[list[int]], dict[str, Any]]
    loss: Loss
    settings: PreferenceSettings
    of_epoch: int
    total: int
    measured: Callable[[], dict[str, float]] = dict[str, float]
    ended: Callable[[int], object | None] = lambda _: None
    kept: int = KEPT


def steps_of_epoch(pairs: int, settings: PreferenceSettings) -> int:
    """Optimizer steps of a pass over so many pairs, as the trainer counts them."""
    return max(1, math.ceil(math.ceil(pairs / settings.batch_size) / settings.gradient_accumulation))


def train(learning: Learning, world: World, teller: Teller, stop: Stop) -> Any:
    """The trainer after its last step, or after the one at which `ended` gave a reason; gone on with at the last whole
    checkpoint.

    Raises StoppedError, after a checkpoint, where a signal asked for the end; TrainingError where the trainer ended
    before its last step.
    """
    checkpoint, step = begin(learning.folder, learning.count, world, teller)
    trainer = _trainer(learning, world, teller, stop)
    if not learning.ended(step):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        step = trainer.state.global_step
    if step < learning.total and not learning.ended(step):
        raise ended_early(step, learning.total, stop)
    teller.now(step=step)
    return trainer


class _Places(Sequence[int]):
    """What the trainer shuffles: the places of the rows."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        return place


def _trainer(learning: Learning, world: World, teller: Teller, stop: Stop) -> Any:
    transformers: Any = importlib.import_module("transformers")
    seen = dict[str, list[Any]]()

    def compute_loss(trainer: Any, model: Any, inputs: dict[str, Any], *__: Any, **___: Any) -> Any:
        loss, values = learning.loss(model, inputs, trainer.state.global_step)
        for name, value in values.items():
            seen.setdefault(name, []).append(value.detach())
        return loss

    kind = type("PreferenceTrainer", (transformers.Trainer,), {"compute_loss": compute_loss})
    trainer: Any = kind(
        model=learning.model,
        args=arguments(
            learning.folder,
            learning.settings,
            world,
            learning.of_epoch,
            max_steps=learning.total,
            save_total_limit=learning.kept,
        ),
        train_dataset=_Places(learning.count),
        processing_class=learning.tokenizer,
        data_collator=learning.batch,
        callbacks=[_watch(learning, teller, stop, seen)],
    )
    # The loss is a mean over rows: that of several batches is the mean of theirs.
    trainer.model_accepts_loss_kwargs = False
    return quiet(trainer)


def _watch(learning: Learning, teller: Teller, stop: Stop, seen: dict[str, list[Any]]) -> Any:
    """The trainer's callback that has checkpoints written, tells of its steps, and ends it when that is asked."""

    def on_step_end(args: Any, state: Any, control: Any, **_: Any) -> Any:
        step = state.global_step
        asked = stop.asked or learning.ended(step) is not None
        ends_epoch = not step % learning.of_epoch or step >= state.max_steps
        # Values are means since they were last told: told at each checkpoint, their curves are the same after a kill.
        if asked or ends_epoch or not step % learning.settings.checkpoint_steps:
            control.should_log = control.should_save = True
        if ends_epoch:
            teller.metrics(step, {f"eval/{name}": value for name, value in learning.measured().items()})
        if asked:
            control.should_training_stop = True
        teller.beat(step)
        return control

    def more(logs: Mapping[str, float]) -> dict[str, float]:
        if "loss" not in logs:
            return {}
        values = {f"train/{name}": float(sum(some) / len(some)) for name, some in seen.items()}
        seen.clear()
        return values

    return watch(teller, on_step_end, more)
