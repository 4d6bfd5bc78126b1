"""What Together tells of a training job at a given time: events, checkpoints and metrics.

Neighbours: `course` knows the times, `schedule` the numbers, `fine_tunes` shows all of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from redraft.sandbox.course import FAILS_AT, RESTART, TRAINING, Course
from redraft.sandbox.settings_check import limits_of

EVENT: dict[str, object] = {
    "object": "fine-tune-event",
    "level": "info",
    "step": 0,
    "param_count": 0,
    "wandb_url": "",
    "checkpoint_path": "",
    "model_path": "",
    "training_offset": 0,
    "hash": "",
}


class Happening(NamedTuple):
    """One event; `at` is in Unix seconds, `more` are the fields that only events of its type have."""

    type: str
    at: float
    message: str
    more: dict[str, object]


def events(course: Course, now: float) -> list[dict[str, object]]:
    """The events so far, oldest first."""
    totals = {"total_steps": course.schedule.steps, "token_count": course.job.tokens}
    return [
        EVENT | totals | {"type": one.type, "created_at": stamp(one.at), "message": one.message} | one.more
        for one in _happened(course, now)
    ]


def metrics(course: Course, now: float, window: Window) -> list[dict[str, float]]:
    """What was measured by `now` in chronological order; `window` says which of it is wanted."""
    done, schedule = course.steps_done(now), course.schedule
    wanted = [step for step in range(1, done + 1) if window.holds(step, course.step_at(step))]
    if window.resolution is not None and len(wanted) > window.resolution:
        last = len(wanted) - 1
        count = max(1, window.resolution - 1)
        wanted = [wanted[round(last * number / count)] for number in range(window.resolution)]
    rows = [(step, 0, schedule.train_metrics(step)) for step in wanted]
    rows += [
        (step, 1, schedule.eval_metrics(step))
        for step in schedule.eval_steps
        if step <= done and window.holds(step, course.step_at(step))
    ]
    return [row for _, _, row in sorted(rows, key=lambda row: row[:2])]


class Window(NamedTuple):
    """The part of the metrics that is asked for: steps and Unix seconds, both ends included."""

    step_from: int | None = None
    step_to: int | None = None
    time_from: float | None = None
    time_to: float | None = None
    resolution: int | None = None

    def holds(self, step: int, at: float) -> bool:
        return (
            (self.step_from is None or step >= self.step_from)
            and (self.step_to is None or step <= self.step_to)
            and (self.time_from is None or at >= self.time_from)
            and (self.time_to is None or at <= self.time_to)
        )


def checkpoints(course: Course, now: float) -> list[dict[str, object]]:
    """Intermediate checkpoints as they are saved, the final model and adapter once the job is complete."""
    job, schedule = course.job, course.schedule
    lora, artifact = schedule.settings.lora, "adapter" if schedule.settings.lora else "model"
    saved = [
        _checkpoint(job.id, course.step_at(step), step, f"Intermediate (step {step})", f"checkpoint-{step}", artifact)
        for step in schedule.checkpoint_steps
        if step <= course.steps_done(now)
    ]
    if course.status(now) == "completed":
        end, step = course.at(1.0), schedule.best.step if schedule.best else schedule.steps
        if not lora or limits_of(job.base).merge_output_lora:
            label = "Final merged" if lora else "Final model"
            saved.append(_checkpoint(job.id, end, step, f"{label} (step {step})", "model", "model"))
        if lora:
            saved.append(_checkpoint(job.id, end, step, f"Final adapter (step {step})", "adapter", "adapter"))
    return saved


def stamp(seconds: float) -> str:
    """RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tokenized_at(course: Course) -> float:
    """When the tokenised data set can be downloaded."""
    return course.at(0.235)


def _checkpoint(job_id: str, at: float, step: int, label: str, path: str, artifact: str) -> dict[str, object]:
    where: dict[str, object] = {"path": f"{job_id}/{path}", "checkpoint": artifact}
    return {"step": step, "created_at": stamp(at), "checkpoint_type": label} | where


def _happened(course: Course, now: float) -> list[Happening]:
    until = course.until(now)
    plan = [*_preparing(course), *_training(course), *_finishing(course)]
    shown = sorted((one for one in plan if one.at <= until), key=lambda one: one.at)
    return shown + _ending(course, now)


def _preparing(course: Course) -> list[Happening]:
    job, settings = course.job, course.schedule.settings
    plan = [
        (0.0, "job_pending", "Fine-tune request created"),
        (0.15, "job_start", "Job started"),
        (0.16, "training_data_downloading", "Training data downloading"),
        (0.18, "training_data_download_complete", "Training data downloaded"),
        (0.19, "model_downloading", f"Model {job.base} downloading"),
        (0.22, "model_download_complete", f"Model {job.base} downloaded"),
    ]
    if settings.validation_file:
        plan.append((0.181, "validation_data_downloading", "Validation data downloading"))
        plan.append((0.185, "validation_data_download_complete", "Validation data downloaded"))
    found = [Happening(kind, course.at(share), message, {}) for share, kind, message in plan]
    path: dict[str, object] = {"tokenized_dataset_path": f"{job.id}/tokenized-dataset"}
    message = "Tokenized dataset uploaded"
    found.append(Happening("tokenized_dataset_upload_complete", tokenized_at(course), message, path))
    if job.wandb:
        url = f"https://wandb.ai/{settings.wandb_entity or 'sandbox'}/{settings.wandb_project_name or 'together'}"
        found.append(Happening("wandb_init", course.at(0.24), "WandB run initialised", {"wandb_url": url}))
    wanted, kept = settings.n_checkpoints or 1, len(course.schedule.checkpoint_steps)
    if wanted > kept:
        message = f"n_checkpoints was reduced from {wanted} to {kept}: there are no more steps"
        found.append(Happening("warning", course.at(0.151), message, {"level": "warning"}))
    return found


def _training(course: Course) -> list[Happening]:
    job, schedule = course.job, course.schedule
    found = [Happening("training_start", course.at(TRAINING[0]), "Training started", {})]
    if "restarts" in job.turns:
        message = "The machine was lost; the job is started anew"
        found.append(Happening("job_restarted", course.at(RESTART[0]), message, {"level": "warning"}))
        found.append(Happening("training_start", course.at(RESTART[1]), "Training started", {}))
    if job.odd_event:
        found.append(Happening(job.odd_event, course.at(0.251), "An event of a kind that is new", {}))
    for epoch, step in enumerate(schedule.epoch_steps(), 1):
        if step <= schedule.last:
            message = f"Epoch {epoch} of {schedule.epochs} completed"
            found.append(Happening("epoch_complete", course.step_at(step), message, {"step": step}))
    for step in schedule.checkpoint_steps:
        if step <= schedule.last:
            more: dict[str, object] = {"step": step, "checkpoint_path": f"{job.id}/checkpoint-{step}"}
            found.append(Happening("checkpoint_save", course.step_at(step), f"Checkpoint saved at step {step}", more))
    if best := schedule.best:
        message = f"Stopped early at step {best.stop}: the validation loss was best at step {best.step}"
        more = {"early_stopping_best_step": best.step, "early_stopping_best_metric_value": best.loss}
        found.append(Happening("early_stopped", course.step_at(best.stop), message, {"step": best.stop} | more))
    return found


def _finishing(course: Course) -> list[Happening]:
    job, last = course.job, course.schedule.last
    plan = [
        (0.8, "training_complete", "Training completed"),
        (0.8, "model_compressing", "Model compressing"),
        (0.9, "model_compression_complete", "Model compressed"),
        (0.9, "model_uploading", "Model uploading"),
        (1.0, "model_upload_complete", f"Model {job.output_name} uploaded"),
        (1.0, "job_complete", "Job completed"),
    ]
    found = [Happening(kind, course.at(share), message, {"step": last}) for share, kind, message in plan]
    found[4].more["model_path"] = f"{job.id}/model"
    return found


def _ending(course: Course, now: float) -> list[Happening]:
    """What a job says that does not come to its planned end."""
    job, status, broken = course.job, course.status(now), course.at(FAILS_AT)
    grave: dict[str, object] = {"level": "error", "step": course.steps_done(now)}
    if job.cancelled_at is not None and status in {"cancelled", "cancel_requested"}:
        asked = Happening("cancel_requested", job.cancelled_at, "Cancellation requested", {})
        stopped = Happening("job_stopped", job.cancelled_at + course.winding_down, "Job stopped", {})
        return [asked, stopped] if status == "cancelled" else [asked]
    if status == "error":
        failed = Happening("job_error", broken, "Simulated failure of the training job", grave)
        return [failed, Happening("refund", broken, f"{job.price:.2f} US dollars were refunded", {})]
    if status == "cancelled":
        limit = Happening("billing_limit", broken, "The billing limit is reached", grave)
        return [limit, Happening("job_stopped", broken, "Job stopped", {})]
    return []
