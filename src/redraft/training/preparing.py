"""What is looked at before anything is sent: the job's files, and what a training goes on from.

Neighbours: `validator` checks rows, `hosted` uploads, `pricing` counts what was found.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError, InputError
from redraft.training.checking.shapes import Format
from redraft.training.job_names import NoSuchJobError, job_named
from redraft.training.limits import longest_sequence
from redraft.training.pricing import TrainingFiles
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.validator import require_good


def read_validation(settings: TrainingSettings) -> TrainingSettings:
    """The settings with the checksum of their validation file, by which it enters the job key. Raises InputError."""
    if settings.validation_file is None:
        return settings
    path = Path(settings.validation_file)
    try:
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the validation file {path}: {error.strerror or error}") from error
    return msgspec.structs.replace(settings, validation_sha256=checksum)


def known_start(settings: TrainingSettings, registry: Registry) -> TrainingSettings:
    """The settings with the job that they go on from under its id, where it is known here by any of its names.

    What is not known here is the provider's to judge. Raises InputError where the name may be several jobs',
    ConfigurationError where the job has another base model, or never came to the provider.
    """
    if settings.from_checkpoint is None:
        return settings
    start, colon, step = settings.from_checkpoint.partition(":")
    try:
        job = job_named(registry, start)
    except NoSuchJobError:
        return settings
    if job.base_model != settings.base_model:
        raise ConfigurationError(
            f"from checkpoint {start}: it was trained from {job.base_model}, not from {settings.base_model}; name that "
            "as the model"
        )
    if job.job_id is None:
        raise ConfigurationError(f"from checkpoint {start}: that job was never submitted, so there is nothing to go on")
    return msgspec.structs.replace(settings, from_checkpoint=f"{job.job_id}{colon}{step}")


def checked_files(training: Path, settings: TrainingSettings, limits: FinetuneModelLimits) -> TrainingFiles:
    """Both files with their rows and lengths, cut where the model cuts. InputError in one line where one is faulty, or
    is not of the format that the method trains on."""
    longest = longest_sequence(settings, limits)
    wanted = Format.PREFERENCE if settings.method == "dpo" else None
    first = require_good(training, wanted, max_length=longest)
    if wanted is None and first.format is Format.PREFERENCE:
        raise InputError(f"{training} holds preference pairs, which supervised training cannot use; use the method dpo")
    if settings.validation_file is None:
        return TrainingFiles(training=first)
    path = Path(settings.validation_file)
    return TrainingFiles(training=first, validation=require_good(path, first.format, max_length=longest))
