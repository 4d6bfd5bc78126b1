"""The training record for people: one JSON file a job, replaced whenever the job moves.

Neighbours: `registry` is the authority, this is its copy to keep beside the models.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from redraft.errors import StorageError
from redraft.training.registry import Registry, TrainingJob


def write_job_record(job: TrainingJob, models: Path, registry: Registry) -> TrainingJob:
    """Write `models/{name}_finetune_{timestamp}.json`, atomically, and return the job with that path recorded.

    The timestamp is the job's creation in UTC; the same attempt keeps the same file. Raises StorageError.
    """
    if job.record_path is None:
        job = registry.record(job, record_path=str(_free_path(job, models)))
    path = Path(job.record_path or "")
    text = msgspec.json.format(msgspec.json.encode(_content(job)), indent=2) + b"\n"
    try:
        if path.exists() and path.read_bytes() == text:
            return job
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write the training record {path}: {error.strerror or error}") from error
    return job


def _free_path(job: TrainingJob, models: Path) -> Path:
    created = datetime.fromisoformat(job.created_at).astimezone(UTC)
    path = models / f"{job.name}_finetune_{created:%Y%m%d_%H%M%S}.json"
    if path.exists():  # another job of that name was planned in the same second
        path = path.with_stem(f"{path.stem}_{job.suffix[-8:]}")
    return path.absolute()


def _content(job: TrainingJob) -> dict[str, object]:
    return {
        "status": job.state.value,
        "simulated": job.simulated,
        "provider": "local" if job.local else "together",
        "endpoint": job.endpoint,
        "job_id": job.job_id,
        "job_key": job.job_key,
        "attempt": job.attempt,
        "provider_status": job.provider_status,
        "base_model": job.base_model,
        "model_output_name": job.model_output_name,
        "suffix": job.suffix,
        "parameters": job.parameters,
        "training_file": {"path": job.training_path, "sha256": job.training_sha256, "id": job.file_id},
        "counts": job.counts,
        "dataset": {"path": job.dataset_path, "hash": job.dataset_hash},
        "price_estimate_usd": job.price,
        "progress": job.progress,
        "last_error": job.last_error,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }
