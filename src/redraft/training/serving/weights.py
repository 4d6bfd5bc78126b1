"""Trained weights on their way here: in one file that appears only when it is whole, resumed where it broke off.

Neighbours: `control_plane` asks; the guide says how to serve what was downloaded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from together import APIStatusError

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.errors import ConfigurationError, ProviderError, StorageError, TrainingError
from redraft.training.control_plane import (
    FAULTS,
    ControlPlane,
    explained,
    passing,
    retry_after,
    status_of,
    without_password,
)
from redraft.training.registry import Registry, TrainingJob

Checkpoint = Literal["merged", "adapter"]
Progress = Callable[[int, int | None], None]

_SHA256 = re.compile(r"sha-256=:?([A-Za-z0-9+/=]+):?")
_BLOCK = 2**20
# Under the checksum of a file, as a comment.
_TOLD, _UNTOLD = "# the provider names the same", "# the provider names none"


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A file of weights. `verified`: the provider told a checksum, and it agrees, now or when the file was fetched;
    without one only the size was held against what it said. `fetched`: bytes that came over the network now."""

    path: Path
    size: int
    sha256: str
    verified: bool
    fetched: int


class _Part(msgspec.Struct, kw_only=True):
    """What a broken-off download is a part of, beside it."""

    etag: str = ""
    sha256: str = ""


class _Source:
    """The provider's file."""

    def __init__(self, plane: ControlPlane, job: TrainingJob, kind: str) -> None:
        self.plane, self.job, self.kind = plane, job, kind
        self.what = f"download the weights of {job.job_id}"

    @contextmanager
    def open(self, start: int, etag: str) -> Generator[Any]:
        """The SDK's streamed response from byte `start` on, if the file is still the one with that ETag."""
        headers = {"Accept-Encoding": "identity"}
        if start and etag:
            headers |= {"Range": f"bytes={start}-", "If-Range": etag}
        kind: Any = self.kind
        with self.plane.client.fine_tuning.with_streaming_response.content(
            ft_id=str(self.job.job_id), checkpoint=kind, extra_headers=headers
        ) as response:
            yield response


def download_weights(
    plane: ControlPlane,
    registry: Registry,
    job: TrainingJob,
    folder: Path,
    checkpoint: Checkpoint = "merged",
    progress: Progress | None = None,
) -> Download:
    """The job's weights as `folder`/MODEL-CHECKPOINT.tar.zst. Blocking; `progress` is told bytes and their total.

    One that was broken off goes on where it stopped; one that is there and was whole is not fetched again. Raises
    TrainingError where the job has no such weights, ConfigurationError where it is elsewhere, ProviderError where they
    cannot be had or are damaged, StorageError.
    """
    kind = _kind(job, checkpoint)
    if job.endpoint != (here := without_password(plane.endpoint.name)):
        raise ConfigurationError(f"the job {job.job_id} is at {job.endpoint}, and these credentials are for {here}")
    path = folder / f"{str(job.model_output_name).rsplit('/', 1)[-1]}-{checkpoint}.tar.zst"
    with storage_faults(path):
        folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    with registry.locked(f"download-{name}", 0):
        done = _done(path)
        if done is not None:
            return done
        return _Fetch(_Source(plane, job, kind), path, progress).run()


def _kind(job: TrainingJob, checkpoint: Checkpoint) -> str:
    """The provider's word for what is wanted. Raises TrainingError."""
    if job.job_id is None or not job.model_output_name or job.state != "completed":
        raise TrainingError(f"the job {job.job_id or job.suffix} is {job.state}: only a completed one has weights")
    if job.parameters.get("lora") is not False:  # None: as what it went on from, which may be unknown here
        return checkpoint
    if checkpoint == "adapter":
        raise TrainingError(f"the job {job.job_id} trained all weights, so there is no adapter; leave --checkpoint out")
    return "model_output_path"


def _done(path: Path) -> Download | None:
    """What an earlier download left, where its bytes are still those."""
    note = _beside(path, "sha256")
    if not (path.exists() and note.exists()):
        return None
    with storage_faults(note):
        said = note.read_text(encoding="utf-8", errors="replace")
    with storage_faults(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if said.partition(" ")[0] != found:
        raise StorageError(f"{path}: changed since it was downloaded; move it away, then run it again")
    return Download(path=path, size=path.stat().st_size, sha256=found, verified=_TOLD in said, fetched=0)


class _ChangedError(TrainingError):
    """The bytes on offer do not continue those that are here."""


class _Fetch:
    """One download, through as many broken connections as it takes, as long as each brings bytes never had before."""

    def __init__(self, source: _Source, path: Path, progress: Progress | None) -> None:
        self._source, self._path, self._progress = source, path, progress
        self._partial, self._note = _beside(path, "part"), _beside(path, "part.json")
        self._part = _read(self._note) if self._partial.exists() else _Part()
        self._total: int | None = None
        self._fetched = 0
        # How far any connection came.
        self._reached = self._size() if self._part.etag else 0

    def run(self) -> Download:
        retries = self._source.plane.retries
        tries = 0
        while True:
            before = self._reached
            try:
                self._stream()
                if self._total is None or self._size() == self._total:
                    return self._finished()
                ended = "early" if self._size() < self._total else "late"
                fault: Exception = TrainingError(f"the connection ended {ended}, after {self._size():,} bytes")
                if ended == "late":
                    self._part = _Part()
            except _ChangedError as error:
                fault, self._part = error, _Part()
            except FAULTS as error:
                fault = error
                if not passing(fault):
                    raise self._sorry(fault) from fault
            tries = 1 if self._reached > before else tries + 1
            if tries >= retries.tries:
                raise self._sorry(fault) from fault
            retries.sleep(retries.wait(tries, retry_after(fault)))

    def _stream(self) -> None:
        start = self._size() if self._part.etag else 0
        try:
            with self._source.open(start, self._part.etag) as response:
                start = self._continued(response.headers, start) if response.status_code == 206 else 0
                self._expect(response.headers, start)
                with storage_faults(self._path), self._partial.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    file.truncate()
                    for block in response.iter_bytes(_BLOCK):
                        file.write(block)
                        self._fetched += len(block)
                        self._reached = max(self._reached, file.tell())
                        if self._progress is not None:
                            self._progress(file.tell(), self._total)
        except APIStatusError as fault:
            if status_of(fault) != 416:
                raise
            # Nothing from there on: all of it is here, if it is as long as what is here.
            self._total = _whole(fault.response.headers)
            if self._total != self._size():
                raise _ChangedError("the file there is not as long as what is here") from fault

    def _continued(self, headers: Mapping[str, str], start: int) -> int:
        """`start`, where a part of the same file comes that begins there: some servers ignore the condition.

        Raises _ChangedError.
        """
        if headers.get("etag") != self._part.etag:
            raise _ChangedError("the file there is another one by now")
        if headers.get("content-range", "").partition("-")[0] != f"bytes {start}":
            raise _ChangedError(f"it does not go on from byte {start:,}")
        return start

    def _expect(self, headers: Mapping[str, str], start: int) -> None:
        """Remembers which file it is, before the first byte of it is kept."""
        length = headers.get("content-length", "")
        self._total = _whole(headers) or (start + int(length) if length.isdigit() else None)
        etag = headers.get("etag", "")
        told = _told(headers)
        self._part = _Part(etag="" if etag.startswith("W/") else etag, sha256=told or self._part.sha256 * bool(start))
        write_whole(self._note, msgspec.json.encode(self._part))

    def _finished(self) -> Download:
        with storage_faults(self._path), self._partial.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if self._part.sha256 and found != self._part.sha256:
            self._partial.unlink()
            self._note.unlink(missing_ok=True)
            raise ProviderError(
                f"{self._path}: {self._source.what}: the checksum is not the provider's; run it again from the start"
            )
        size = self._size()
        with storage_faults(self._path):
            with self._partial.open("rb+") as file:
                os.fsync(file.fileno())
            self._partial.replace(self._path)
            self._note.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        verified = bool(self._part.sha256)
        # The form of sha256sum, which can check it by this.
        said = f"{found}  {self._path.name}\n{_TOLD if verified else _UNTOLD}\n"
        write_whole(_beside(self._path, "sha256"), said.encode())
        return Download(path=self._path, size=size, sha256=found, verified=verified, fetched=self._fetched)

    def _size(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _sorry(self, fault: Exception) -> Exception:
        if isinstance(fault, TrainingError):
            return ProviderError(f"cannot {self._source.what}: {fault}; run it again, it goes on where it stopped")
        return explained(fault, self._source.what, self._source.plane.endpoint)


def _whole(headers: Mapping[str, str]) -> int | None:
    """The size of the whole file by `Content-Range: bytes 10-99/100`."""
    whole = headers.get("content-range", "").rpartition("/")[2]
    return int(whole) if whole.isdigit() else None


def _told(headers: Mapping[str, str]) -> str:
    """The checksum of the whole file (hex), where the provider tells one."""
    found = _SHA256.search(headers.get("repr-digest", "") or headers.get("digest", "").replace("SHA-256", "sha-256"))
    coded = found[1] if found else headers.get("x-amz-checksum-sha256", "")
    try:
        raw = base64.b64decode(coded, validate=True)
    except binascii.Error:
        return ""
    return raw.hex() if len(raw) == 32 else ""


def _read(path: Path) -> _Part:
    """Nothing where it is not readable: the download then begins anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Part)
    except (OSError, msgspec.DecodeError):
        return _Part()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
