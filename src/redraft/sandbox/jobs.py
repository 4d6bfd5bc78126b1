"""What a training job is doing at a given time: its state, progress, events and checkpoints.

All of it is computed from the record and the clock, so a job goes on while the sandbox is down.
Neighbours: `fine_tunes` shows it, `models` serves what is complete.
"""

from __future__ import annotations

from datetime import UTC, datetime

from redraft.sandbox.state import JobRecord

# state → share of the job's time at which it ends
STAGES = (("pending", 0.05), ("queued", 0.15), ("running", 0.8), ("compressing", 0.9), ("uploading", 1.0))
FAILS_AT = 0.5
TERMINAL = frozenset({"completed", "cancelled", "error"})


def status_of(job: JobRecord, now: float) -> str:
    """Together's word for the state of the job at the time `now` (Unix seconds)."""
    if job.cancelled_at is not None and now >= job.cancelled_at:
        return "cancelled" if now >= job.cancelled_at + _winding_down(job) else "cancel_requested"
    share = _share(job, now)
    if job.fails and share >= FAILS_AT:
        return "error"
    return next((name for name, end in STAGES if share < end), "completed")


def seconds_remaining(job: JobRecord, now: float) -> int:
    """Whole seconds until the next state; 0 where there is none."""
    share = _share(job, now)
    end = next((end for _, end in STAGES if share < end), None)
    if end is None or status_of(job, now) in TERMINAL:
        return 0
    return max(1, round((end - share) * job.seconds))


def started_at(job: JobRecord, now: float) -> float | None:
    start = job.created_at + 0.15 * job.seconds
    return start if start <= _stopped(job, now) else None


def epochs_completed(job: JobRecord, now: float) -> int:
    return sum(1 for kind, _, _ in _happened(job, now) if kind == "epoch_complete")


def steps(job: JobRecord) -> int:
    """Optimiser steps of the whole job."""
    return epochs(job) * steps_per_epoch(job)


def steps_per_epoch(job: JobRecord) -> int:
    return max(1, -(-job.lines // batch_size(job)))


def epochs(job: JobRecord) -> int:
    value = job.settings.get("n_epochs", 1)
    return value if isinstance(value, int) else 1


def batch_size(job: JobRecord) -> int:
    """`max` is resolved to what the limits allow, as the real service does."""
    value = job.settings.get("batch_size", "max")
    return value if isinstance(value, int) else 64


def events(job: JobRecord, now: float) -> list[dict[str, object]]:
    """The events so far, oldest first."""
    shown: list[dict[str, object]] = []
    for kind, at, message in _happened(job, now):
        epoch = int(message.split()[1]) if kind in {"epoch_complete", "checkpoint_save"} else 0
        shown.append(
            {
                "object": "fine-tune-event",
                "created_at": stamp(at),
                "type": kind,
                "message": message,
                "level": "error" if kind == "job_error" else "info",
                "step": epoch * steps_per_epoch(job),
                "total_steps": steps(job),
                "token_count": job.tokens,
                "param_count": 0,
                "wandb_url": "",
                "checkpoint_path": f"{job.id}/checkpoint-{epoch}" if kind == "checkpoint_save" else "",
                "model_path": f"{job.id}/model" if kind == "model_upload_complete" else "",
                "training_offset": 0,
                "hash": "",
            }
        )
    return shown


def checkpoints(job: JobRecord, now: float) -> list[dict[str, object]]:
    """Intermediate checkpoints as they are saved, the final model and adapter once the job is complete."""
    saved: list[dict[str, object]] = []
    for kind, at, message in _happened(job, now):
        if kind == "checkpoint_save":
            epoch = int(message.split()[1])
            step = epoch * steps_per_epoch(job)
            saved.append(_checkpoint(job, at, step, f"Intermediate (step {step})", f"checkpoint-{epoch}", "adapter"))
    if status_of(job, now) == "completed":
        end = job.created_at + job.seconds
        saved.append(_checkpoint(job, end, steps(job), "Final merged", "model", "model"))
        if is_lora(job):
            saved.append(_checkpoint(job, end, steps(job), "Final adapter", "adapter", "adapter"))
    return saved


def is_lora(job: JobRecord) -> bool:
    kind = job.settings.get("training_type")
    return not (isinstance(kind, dict) and kind.get("type") == "Full")  # pyright: ignore[reportUnknownMemberType]


def stamp(seconds: float) -> str:
    """RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _checkpoint(job: JobRecord, at: float, step: int, label: str, path: str, artifact: str) -> dict[str, object]:
    return {
        "step": step,
        "created_at": stamp(at),
        "path": f"{job.id}/{path}",
        "checkpoint_type": label,
        "checkpoint": artifact,
    }


def _share(job: JobRecord, now: float) -> float:
    return 1.0 if job.seconds <= 0 else max(0.0, now - job.created_at) / job.seconds


def _winding_down(job: JobRecord) -> float:
    return min(1.0, 0.1 * job.seconds)


def _stopped(job: JobRecord, now: float) -> float:
    """Until when the job went on."""
    ends = [now]
    if job.cancelled_at is not None:
        ends.append(job.cancelled_at)
    if job.fails:
        ends.append(job.created_at + FAILS_AT * job.seconds)
    return min(ends)


def _happened(job: JobRecord, now: float) -> list[tuple[str, float, str]]:
    """(type, Unix seconds, message) of all that has happened by `now`."""
    count = epochs(job)
    plan = [
        ("job_pending", 0.0, "Fine-tune request created"),
        ("job_start", 0.15, "Job started"),
        ("training_data_downloading", 0.16, "Training data downloading"),
        ("training_data_download_complete", 0.18, "Training data downloaded"),
        ("model_downloading", 0.19, f"Model {job.base} downloading"),
        ("model_download_complete", 0.22, f"Model {job.base} downloaded"),
        ("training_start", 0.25, "Training started"),
    ]
    saved = job.settings.get("n_checkpoints", 1)
    kept = min(count, saved) if isinstance(saved, int) and saved > 0 else 1
    for epoch in range(1, count + 1):
        at = 0.25 + 0.53 * epoch / count
        plan.append(("epoch_complete", at, f"Epoch {epoch} of {count} completed"))
        if epoch * kept // count > (epoch - 1) * kept // count:
            plan.append(("checkpoint_save", at, f"Epoch {epoch} checkpoint saved"))
    plan += [
        ("training_complete", 0.8, "Training completed"),
        ("model_compressing", 0.8, "Model compressing"),
        ("model_compression_complete", 0.9, "Model compressed"),
        ("model_uploading", 0.9, "Model uploading"),
        ("model_upload_complete", 1.0, f"Model {job.output_name} uploaded"),
        ("job_complete", 1.0, "Job completed"),
    ]
    stop = _stopped(job, now)
    past = [(kind, job.created_at + share * job.seconds, message) for kind, share, message in plan]
    shown = [event for event in past if event[1] <= stop]
    status = status_of(job, now)
    if status == "error":
        shown.append(("job_error", job.created_at + FAILS_AT * job.seconds, "Simulated failure of the training job"))
    elif job.cancelled_at is not None and status in {"cancelled", "cancel_requested"}:
        shown.append(("cancel_requested", job.cancelled_at, "Cancellation requested"))
        if status == "cancelled":
            shown.append(("job_stopped", job.cancelled_at + _winding_down(job), "Job stopped"))
    return shown
