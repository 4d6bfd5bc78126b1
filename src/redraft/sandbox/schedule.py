"""What the settings of a job come to: its steps, epochs, evaluations and checkpoints, its losses and learning rates.

Nothing here knows the time. Neighbours: `course` says when each step is done, `jobs` shows events and metrics.
"""

from __future__ import annotations

import math

import msgspec

from redraft.sandbox.draws import Draws
from redraft.sandbox.settings_check import Curve, Scheduler, Settings, limits_of
from redraft.sandbox.state import JobRecord

_FLOOR, _SPAN, _DECAY = 0.9, 1.4, 3.0  # the loss falls from about 2.3 to 0.97
_OVERFIT = 1.2  # how fast the validation loss rises in the second half
_MEASURES = {"sft": (), "dpo": ("rewards/accuracies", "rewards/margins")}


class Best(msgspec.Struct, frozen=True):
    """Where early stopping ended the training: after `stop` steps; the best evaluation was after `step`."""

    stop: int
    step: int
    loss: float


class Schedule:
    """The steps of one job; steps are counted from 1."""

    def __init__(self, job: JobRecord) -> None:
        self.job, self.settings = job, msgspec.convert(job.settings, Settings)
        self.batch_size = batch_size(job.base, self.settings)
        accumulated = max(1, self.settings.gradient_accumulation_steps or 1)
        self.per_epoch = max(1, -(-job.lines // (self.batch_size * accumulated)))
        self.epochs = self.settings.n_epochs
        self.steps = self.epochs * self.per_epoch
        evals = min(self.steps, self.settings.n_evals or 0) if self.settings.validation_file else 0
        self.eval_steps = _spread(self.steps, evals)
        self.checkpoint_steps = _spread(self.steps, min(self.steps, self.settings.n_checkpoints or 1))
        self.best = self._early_stop()
        self.last = self.best.stop if self.best else self.steps

    def epoch_steps(self) -> list[int]:
        return [epoch * self.per_epoch for epoch in range(1, self.epochs + 1)]

    def train_metrics(self, step: int) -> dict[str, float]:
        draws = Draws("metric", self.job.id, step)
        measured = {
            "train/global_step": float(step),
            "train/epoch": round(step / self.per_epoch, 6),
            "train/loss": round(self._loss(step) * (1 + 0.04 * draws.normal(0)), 6),
            "train/learning_rate": self.learning_rate(step),
            "train/grad_norm": round(0.4 + 1.6 * math.exp(-_DECAY * step / self.steps) * draws.uniform(1), 6),
        }
        gained = 1 - math.exp(-_DECAY * step / self.steps)
        for number, name in enumerate(_MEASURES[self.settings.method.method]):
            measured[f"train/{name}"] = round((0.5 + 0.4 * gained) if number == 0 else 1.5 * gained, 6)
        return measured

    def eval_metrics(self, step: int) -> dict[str, float]:
        return {"eval/global_step": float(step), "eval/loss": self.eval_loss(step)}

    def eval_loss(self, step: int) -> float:
        """A little above the training loss, and rising again once half of the training is done."""
        late = max(0.0, step / self.steps - 0.5)
        noise = 0.002 * Draws("evaluation", self.job.id, step).normal(0)
        return round(self._loss(step) + 0.08 + _OVERFIT * late**1.5 + noise, 6)

    def learning_rate(self, step: int) -> float:
        """By the schedule: linear warm-up, then linear or cosine down to `min_lr_ratio` of the peak."""
        peak = self.settings.learning_rate or 1e-5
        warming = int((self.settings.warmup_ratio or 0) * self.steps)
        if step <= warming:
            return peak * step / warming
        scheduler = self.settings.lr_scheduler or Scheduler()
        curve = scheduler.lr_scheduler_args or Curve()
        done = (step - warming) / max(1, self.steps - warming)
        left = 1 - done
        if scheduler.lr_scheduler_type == "cosine":
            cycles = 0.5 if curve.num_cycles is None else curve.num_cycles
            left = max(0.0, 0.5 * (1 + math.cos(2 * math.pi * cycles * done)))
        least = curve.min_lr_ratio or 0.0
        return peak * (least + (1 - least) * left)

    def _loss(self, step: int) -> float:
        start = 0.7 if self.settings.dpo else _FLOOR + _SPAN  # a DPO loss starts at log 2
        end = 0.45 if self.settings.dpo else _FLOOR
        return end + (start - end) * math.exp(-_DECAY * step / self.steps)

    def _early_stop(self) -> Best | None:
        """The provider's rule: `patience` evaluations in a row that are not better by more than `min_delta`."""
        if not self.settings.early_stopping_enabled:
            return None
        least, step, waited = math.inf, 0, 0
        for number, at in enumerate(self.eval_steps):
            loss = self.eval_loss(at)
            if loss < least - (self.settings.early_stopping_min_delta or 0.0):
                least, step, waited = loss, at, 0
            elif number >= self.settings.warmup_evals:
                waited += 1
            if waited >= self.settings.patience:
                return Best(at, step, least)
        return None


def batch_size(base: str, settings: Settings) -> int:
    """`max` is resolved to what the limits allow, as the real service does."""
    if isinstance(settings.batch_size, int):
        return settings.batch_size
    limits = limits_of(base).lora_training
    return limits.max_batch_size_dpo if settings.dpo else limits.max_batch_size


def _spread(steps: int, count: int) -> list[int]:
    """`count` steps at equal distances, the last at the end."""
    return [round(steps * number / count) for number in range(1, count + 1)]
