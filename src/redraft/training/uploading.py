"""A training file on its way to the provider, until the provider says that it can be trained on.

Files are known by their bytes, here (the registry's files) as at the provider (its checksums): equal bytes are sent
once and keep their id. Neighbours: `control_plane`, `submitting`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

from together import NotFoundError
from together.lib.resources.files import FileAlreadyExistsError

from redraft.errors import InputError, TrainingError
from redraft.training.control_plane import ControlPlane, UnknownShapeError, fields, redacted
from redraft.training.registry import Registry

# A file in one of these states was never finished: its upload was cut off, or its check broke down.
UNFINISHED = {"PENDING", "FAILED"}
LONGEST_CHECK = 3600.0
LONGEST_PAUSE = 5.0


def upload_once(plane: ControlPlane, registry: Registry, path: Path, sha256: str, endpoint: str) -> str:
    """As `upload_training_file`, with an id that is known here looked up first and the id kept for the next time; by
    one process at a time. `endpoint` is the provider's identity in the registry."""
    with registry.locked(f"file-{sha256[:16]}"):
        known = registry.file_of(sha256, endpoint)
        file_id = upload_training_file(plane, path, sha256, known.file_id if known else None)
        return registry.record_file(sha256, endpoint, file_id, path.stat().st_size).file_id


def upload_training_file(plane: ControlPlane, path: Path, sha256: str, known: str | None = None) -> str:
    """The provider's id of the uploaded and checked file; `known` is the id that these bytes had before.

    Safe to repeat after a crash at any point: the provider is told the checksum before any bytes, so that a lost answer
    leads to the file that it was about. The caller keeps others from uploading the same bytes meanwhile.
    Raises InputError where the file is not the one that was checked, TrainingError where the provider rejects it.
    """
    _require_unchanged(path, sha256)
    file, stood_before = (_looked_up(plane, known) if known else None), True
    if file is None:
        file, stood_before = _upload(plane, path)
    if stood_before and file.get("processing_status") in UNFINISHED:
        # Equal bytes keep the old id for ever, so what was cut off has to go first.
        _delete(plane, str(file["id"]))
        file, _ = _upload(plane, path)
    return _checked(plane, file)


def _looked_up(plane: ControlPlane, file_id: str) -> dict[str, Any] | None:
    """The file as the provider shows it, None where it has none of that id: deleted there, or another account's."""

    def call() -> dict[str, Any] | None:
        try:
            return fields(plane.client.files.retrieve(file_id))
        except NotFoundError:
            return None

    return plane.ask(call, f"look up the file {file_id}")


def _upload(plane: ControlPlane, path: Path) -> tuple[dict[str, Any], bool]:
    """(the file, whether it stood there before)."""
    what = f"upload {path.name}"
    try:
        # The SDK's own check is off: `validator` is stricter and has passed.
        return plane.ask(lambda: _sent(plane, path), what), False
    except FileAlreadyExistsError as error:
        known = str(error.file_id)
    return plane.ask_fields(lambda: plane.client.files.retrieve(known), f"look up the file {known}"), True


def _delete(plane: ControlPlane, file_id: str) -> None:
    def call() -> None:
        try:
            plane.client.files.delete(file_id)
        except NotFoundError:  # gone already, which is what was wanted
            return

    plane.ask(call, f"delete the unfinished file {file_id}")


def _sent(plane: ControlPlane, path: Path) -> dict[str, Any]:
    try:
        return fields(plane.client.files.upload(path, check=False, raise_if_already_exists=True))
    except KeyError as error:  # a 409 that names no file
        raise UnknownShapeError from error
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error


def _checked(plane: ControlPlane, file: dict[str, Any]) -> str:
    """The file's id, once the provider has checked it."""
    file_id = str(file["id"])
    waited, pause = 0.0, 0.2
    while True:
        status = file.get("processing_status")
        # None: the provider does not check this file; then `create` is where it would speak up.
        if status in {"COMPLETED", None}:
            return file_id
        if status in {"INVALID_FORMAT", "FAILED"}:
            report = cast("dict[str, Any]", file.get("validation_report") or {})
            said = redacted(str(report.get("error") or "it gives no reason"), plane.endpoint)
            raise TrainingError(f"the provider rejects the training file {file_id} ({status}): {said}")
        if waited >= LONGEST_CHECK:
            raise TrainingError(f"the training file {file_id} is still {status} after {waited / 60:.0f} minutes")
        plane.retries.sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, LONGEST_PAUSE)
        file = plane.ask_fields(lambda: plane.client.files.retrieve(file_id), f"look up the file {file_id}")


def _require_unchanged(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error
    if actual != sha256:
        raise InputError(f"{path} has changed since it was written; write the training file again")
