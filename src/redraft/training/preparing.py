"""What is looked at before anything is paid: the job's files, what is cut from them, and what a training goes on from.

Neighbours: `validator` checks rows, `submitting` uploads, `pricing` counts what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError, InputError
from redraft.training.checking.files import Report
from redraft.training.checking.shapes import Format
from redraft.training.job_names import NoSuchJobError, job_named
from redraft.training.limits import longest_sequence, most_tokens
from redraft.training.own_files import checksum, require_method
from redraft.training.pricing import TrainingFiles
from redraft.training.registry import Registry, TrainingJob
from redraft.training.setting_types import label
from redraft.training.settings import DEFAULTS, TrainingSettings
from redraft.training.validator import require_good, require_valid

# What an adapter that is gone on with is by its nature, and how many alphas a rank stands for by default.
_ADAPTER = ("lora_rank", "lora_alpha", "lora_trainable_modules")
_ALPHAS = 2


def read_validation(settings: TrainingSettings) -> TrainingSettings:
    """The settings with the checksum of their validation file, by which it enters the job key. Raises InputError."""
    if settings.validation_file is None:
        return settings
    return msgspec.structs.replace(settings, validation_sha256=checksum(Path(settings.validation_file)))


def known_start(settings: TrainingSettings, registry: Registry) -> TrainingSettings:
    """The settings with the job that they go on from under its id, where it is known here by any of its names, and with
    what they leave out about adapters taken from it.

    What is not known here is the provider's to judge. Raises InputError where the name may be several jobs', or can be
    nobody's; ConfigurationError where the job has another base model, never came to the provider, or trains otherwise
    than the settings say.
    """
    if settings.from_checkpoint is None:
        return settings
    start, colon, step = settings.from_checkpoint.partition(":")
    job = _job_called(start, registry)
    if job is None:
        return settings
    if job.base_model != settings.base_model:
        raise ConfigurationError(
            f"from checkpoint {start}: it was trained from {job.base_model}, not from {settings.base_model}; name that "
            "as the model"
        )
    if job.job_id is None:
        raise ConfigurationError(f"from checkpoint {start}: that job was never submitted, so there is nothing to go on")
    changes = {"from_checkpoint": f"{job.job_id}{colon}{step}", **_inherited(settings, job)}
    return msgspec.structs.replace(settings, **changes)


def require_like_start(settings: TrainingSettings, limits: FinetuneModelLimits, registry: Registry) -> None:
    """ConfigurationError where the adapter would be another than that of the job which is gone on from, with the
    defaults of the model put in where nobody said anything."""
    job = _job_called(settings.start, registry) if settings.from_checkpoint else None
    if job is None or not settings.adapters:
        return
    default = limits.lora_training.default_rank
    ours, theirs = (_whole(given, default) for given in (msgspec.structs.asdict(settings), job.parameters))
    for name in _ADAPTER:
        if ours[name] != theirs[name]:
            raise _another(name, ours[name], theirs[name], settings.start)


def require_written(job: TrainingJob, settings: TrainingSettings) -> None:
    """Raises InputError where the file that redraft wrote from the job's dataset keeps to its own, stricter rule no
    longer: weights decide what is learned. Files of one's own, and those that are learned whole, have no such rule."""
    if settings.method == "sft" and settings.train_on_inputs == "auto" and job.dataset_path is not None:
        require_valid(Path(job.training_path))


def checked_files(
    training: Path, settings: TrainingSettings, limits: FinetuneModelLimits, *, lost_rows: bool = False
) -> TrainingFiles:
    """Both files with their rows and lengths, cut where the model cuts. InputError in one line where one is faulty, is
    not of the format that the method trains on, or, unless `lost_rows` are allowed, has rows that would be paid for and
    lose all that is trained."""
    longest = longest_sequence(settings, limits)
    first = require_good(training, Format.PREFERENCE if settings.method == "dpo" else None, max_length=longest)
    assert first.format is not None
    require_method(training, first.format, settings.method)
    if not lost_rows:
        require_kept(first, settings, limits)
    if settings.validation_file is None:
        return TrainingFiles(training=first)
    path = Path(settings.validation_file)
    return TrainingFiles(training=first, validation=require_good(path, first.format, max_length=longest))


def require_kept(report: Report, settings: TrainingSettings, limits: FinetuneModelLimits, first_lost: str = "") -> None:
    """InputError in one line where rows would be paid for and lose all that is trained; `first_lost` is what people
    call the first of them, besides its number."""
    if report.lengths.lost:
        raise InputError(
            f"{report.path}: {_lost(report, first_lost)}, and would be paid for nothing; shorten what stands before it"
            f"{_longer(settings, limits)}, or --allow-lost-rows submits them all the same"
        )


def cut_lines(files: TrainingFiles) -> Iterator[str]:
    """For people, a line for each file of which something is cut off: how many rows, and how many lose all that is
    trained."""
    for report in (files.training, files.validation):
        if report is not None and report.lengths.cut:
            lengths = report.lengths
            are = "is" if lengths.cut == 1 else "are"
            line = (
                f"{report.path.name}: {_about(report)}{lengths.cut:,} of {report.rows:,} rows {are} longer than "
                f"{lengths.limit:,} tokens and {are} cut (first: row {lengths.first_cut})"
            )
            yield f"{line}; {_lost(report)}" if lengths.lost else line


def _lost(report: Report, first: str = "") -> str:
    lengths = report.lengths
    loses = "loses" if lengths.lost == 1 else "lose"
    row = f"row {lengths.first_lost}, {first}" if first else f"row {lengths.first_lost}"
    return (
        f"{_about(report)}{lengths.lost:,} of {report.rows:,} rows {loses} all that is trained beyond "
        f"{lengths.limit:,} tokens (first: {row})"
    )


def _about(report: Report) -> str:
    return "" if report.lengths.exact else "about "


def _longer(settings: TrainingSettings, limits: FinetuneModelLimits) -> str:
    given, most = longest_sequence(settings, limits), most_tokens(settings, limits)
    return f", raise --max-sequence-length (up to {most:,})" if given < most else ""


def _job_called(start: str, registry: Registry) -> TrainingJob | None:
    """The job of that name in the registry; None for one that only the provider may know."""
    try:
        return job_named(registry, start)
    except NoSuchJobError as fault:
        if start.startswith("ft-") or "/" in start:
            return None
        raise InputError(
            f"from checkpoint {start}: {fault}; one that was trained elsewhere is named by its id (ft-...) or its "
            "model (.../...)"
        ) from None


def _inherited(settings: TrainingSettings, job: TrainingJob) -> dict[str, Any]:
    """What the settings leave out about adapters, as the job has it. ConfigurationError where they contradict it."""
    theirs = {"lora": True, **job.parameters}["lora"]
    if theirs is None:  # it took that itself from what it went on from, which nobody here knows
        return {}
    if settings.adapters is not None and settings.adapters is not theirs:
        kinds = {True: "adapters (--lora)", False: "all weights (--full)"}
        raise ConfigurationError(
            f"from checkpoint {job.job_id}: it trained {kinds[theirs]}, and what goes on from it trains the same, not "
            f"{kinds[settings.adapters]}; leave that out"
        )
    if not theirs:
        return {"lora": False}
    given = msgspec.structs.asdict(settings)
    left_out = [name for name in (*_ADAPTER, "lora_dropout") if given[name] == DEFAULTS[name]]
    for name in _ADAPTER:
        known = job.parameters.get(name, DEFAULTS[name])
        # Of a default that only the model's limits tell, `require_like_start` knows.
        if name not in left_out and known is not None and _plain(known) != _plain(given[name]):
            raise _another(name, given[name], known, str(job.job_id))
    return {"lora": True, **{name: job.parameters.get(name, DEFAULTS[name]) for name in left_out}}


def _whole(given: Any, default_rank: int) -> dict[str, Any]:
    """The adapter's settings with the defaults put in."""
    rank = given.get("lora_rank") or default_rank
    modules = str(given.get("lora_trainable_modules") or DEFAULTS["lora_trainable_modules"])
    return {
        "lora_rank": rank,
        "lora_alpha": given.get("lora_alpha") or _ALPHAS * rank,
        "lora_trainable_modules": _plain(modules),
    }


def _plain(value: Any) -> Any:
    """Modules in one order; whatever else as it is."""
    return ",".join(sorted(value.split(","))) if isinstance(value, str) else value


def _another(name: str, ours: object, theirs: object, start: str) -> ConfigurationError:
    option = f"--{name.replace('_', '-')}"
    return ConfigurationError(
        f"{label(name)} {ours}: what {start} trained has {theirs}, and a training that goes on from it keeps that; "
        f"leave {option} out"
    )
