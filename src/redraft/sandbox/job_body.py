"""A training job as Together shows it, and the ids of what it makes.

Neighbours: `course` and `schedule` say how far it is, `fine_tunes` answers with this.
"""

from __future__ import annotations

import time

from redraft.sandbox import jobs
from redraft.sandbox.course import FAILS_AT, TERMINAL, Course
from redraft.sandbox.settings_check import limits_of
from redraft.sandbox.state import JobRecord


def show(job: JobRecord) -> dict[str, object]:
    """The job as Together shows it; `adapter_output_name` and the file sizes as its older client wants them."""
    course, now = Course(job), time.time()
    schedule, status = course.schedule, course.status(now)
    done, completed, lora = course.steps_done(now), status == "completed", schedule.settings.lora
    merged = not lora or limits_of(job.base).merge_output_lora
    ends = now if status not in TERMINAL else course.at(FAILS_AT if course.breaks else 1.0)
    tokenized = course.until(now) >= jobs.tokenized_at(course)
    best = schedule.best if schedule.best and done >= schedule.best.stop else None
    start = course.at(0.15)
    rank = limits_of(job.base).lora_training.default_rank
    shown: dict[str, object] = job.settings | {
        "id": job.id,
        "job_id": job.id,
        "user_id": "user-sandbox",
        "owner_address": "sandbox",
        "object": "fine-tune",
        "status": status,
        "created_at": jobs.stamp(job.created_at),
        "updated_at": jobs.stamp(max(job.created_at, min(now, ends))),
        "started_at": jobs.stamp(start) if start <= course.until(now) else None,
        "model": job.base,
        "suffix": job.suffix or None,
        "model_output_name": job.output_name,
        "adapter_output_name": f"{job.output_name}-adapter" if lora else None,
        **objects(job, "model", "model_object", completed and merged),
        **objects(job, "adapter", "adapter_object", completed and lora),
        "batch_size": schedule.batch_size,
        "training_type": job.settings.get("training_type") or {"type": "Lora", "lora_r": rank, "lora_alpha": 2 * rank},
        "token_count": job.tokens,
        "param_count": 0,
        "total_price": round(job.price * 1e9),
        "total_steps": schedule.steps,
        "steps_completed": done,
        "epochs_completed": sum(step <= done for step in schedule.epoch_steps()),
        "evals_completed": sum(step <= done for step in schedule.eval_steps),
        "early_stopped": best is not None if schedule.settings.early_stopping_enabled else None,
        "early_stopping_best_step": best.step if best else None,
        "early_stopping_best_metric": best.loss if best else None,
        "tokenized_dataset_path": f"{job.id}/tokenized-dataset" if tokenized else None,
        "tokenized_dataset_uploaded_at": jobs.stamp(jobs.tokenized_at(course)) if tokenized else None,
        "queue_depth": 0,
        "TrainingFileNumLines": job.lines,
        "TrainingFileSize": job.size,
        "trainingfile_numlines": job.lines,
        "trainingfile_size": job.size,
        "progress": {
            "estimate_available": status not in TERMINAL and not course.stalled(now),
            "seconds_remaining": course.seconds_remaining(now),
        },
    }
    # What is not known is left out; only the older client insists on an adapter's name, be it null.
    return {name: value for name, value in shown.items() if value is not None or name == "adapter_output_name"}


def object_ids(job: JobRecord, adapter: bool) -> tuple[str, str]:
    """The model's and its revision's ids in Together's registry."""
    number = f"{job.id[3:11]}{job.id[12:16]}" + ("a" if adapter else "")
    return f"ml_{number}", f"rv_{number}"


def objects(job: JobRecord, kind: str, prefix: str, there: bool = True) -> dict[str, object]:
    model, revision = object_ids(job, kind == "adapter")
    name = job.output_name.replace("sandbox/", "sandbox-project/") + ("-adapter" if kind == "adapter" else "")
    values = (model, name, revision) if there else (None, None, None)
    return dict(zip((f"{prefix}_id", f"{prefix}_name", f"{prefix}_revision_id"), values, strict=True))
