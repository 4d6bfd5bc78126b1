"""Weights come whole, resumed and checked, or not at all."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from redraft.errors import ProviderError, StorageError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.registry import Registry, TrainingJob
from redraft.training.serving.life import Life
from redraft.training.serving.offers import Offer
from redraft.training.serving.weights import Download, download_weights

SIZE = 3_000_000


@pytest.fixture(scope="module")
def serving_process(request: pytest.FixtureRequest) -> Iterator[Any]:
    from redraft.sandbox.process import SandboxProcess

    kind: Any = request.getfixturevalue("sandbox_kind")
    assert issubclass(kind, SandboxProcess)
    with kind.start({"job_seconds": 0.1, "file_seconds": 0.05, "weights_bytes": SIZE}) as process:
        yield process


@pytest.fixture
def job(offered: Offer, registry: Registry) -> TrainingJob:
    found = registry.by_model(offered.model)
    assert found is not None
    return found


@pytest.fixture
def fetch(life: Life, registry: Registry, job: TrainingJob, tmp_path: Path) -> Callable[..., Download]:
    return lambda *more, **named: download_weights(life.plane, registry, job, tmp_path / "out", *more, **named)


def test_whole_checked_and_fetched_once(fetch: Callable[..., Download], tmp_path: Path, sandbox: Any) -> None:
    seen: list[tuple[int, int | None]] = []
    got = fetch(progress=lambda done, total: seen.append((done, total)))
    assert got.verified and got.fetched == got.size > SIZE and seen[-1] == (got.size, got.size)
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [got.path.name, f"{got.path.name}.sha256"]
    checked = subprocess.run(["sha256sum", "-c", f"{got.path.name}.sha256"], cwd=got.path.parent, check=True)
    assert checked.returncode == 0
    again = fetch()
    assert (again.fetched, again.sha256) == (0, got.sha256)
    assert fetch("adapter").sha256 != got.sha256
    got.path.write_bytes(b"other")
    with pytest.raises(StorageError, match="changed since it was downloaded"):
        fetch()


@pytest.mark.parametrize("lora", [None, False])
def test_only_a_job_that_trained_all_weights_has_no_adapter(
    life: Life, registry: Registry, job: TrainingJob, tmp_path: Path, sandbox: Any, lora: bool | None
) -> None:
    """None: as what it went on from, which this registry may not know."""
    told = msgspec.structs.replace(job, parameters={**job.parameters, "lora": lora})
    if lora is False:
        with pytest.raises(TrainingError, match="trained all weights, so there is no adapter"):
            download_weights(life.plane, registry, told, tmp_path / "out", "adapter")
    else:
        assert download_weights(life.plane, registry, told, tmp_path / "out", "adapter").verified


@pytest.mark.parametrize("fault", ["cut", "reset_body", "error_503"])
def test_a_broken_connection_is_resumed(
    fault: str, fetch: Callable[..., Download], sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    whole = fetch("adapter")
    before = {"ranges": 0}
    send = httpx.Client.send

    def counted(self: Any, request: httpx.Request, **named: Any) -> Any:
        before["ranges"] += "range" in request.headers
        return send(self, request, **named)

    monkeypatch.setattr(httpx.Client, "send", counted)
    if fault == "cut":
        broken = iter([True])

        def stop(done: int, total: int | None) -> None:
            if done < (total or 0) and next(broken, False):
                raise httpx.ReadError("cut")

        got = fetch(progress=stop)
        assert before["ranges"] == 1 and got.fetched == got.size, "no byte came twice"
    else:
        sandbox.script("GET /v1/finetune/download", fault=fault)
        got = fetch()
    assert got.verified and got.sha256 != whole.sha256


def test_what_a_killed_download_left_goes_on_and_another_files_part_does_not(
    fetch: Callable[..., Download], tmp_path: Path
) -> None:
    got = fetch()
    content, part = got.path.read_bytes(), Path(f"{got.path}.part")
    note = Path(f"{got.path}.part.json")
    for etag, kept, fetched in ((got.sha256, SIZE // 2, got.size - SIZE // 2), ("older", SIZE // 2, got.size)):
        got.path.rename(part)
        part.write_bytes(content[:kept])
        note.write_text(f'{{"etag": "\\"{etag}\\"", "sha256": "{got.sha256}"}}')
        again = fetch()
        assert (again.fetched, again.path.read_bytes()) == (fetched, content)
        assert not part.exists() and not note.exists()
    got.path.rename(part)
    part.write_bytes(b"x" * len(content))
    note.write_text(f'{{"etag": "\\"{got.sha256}\\"", "sha256": "{got.sha256}"}}')
    with pytest.raises(ProviderError, match="the checksum is not the provider's"):
        fetch()
    assert not got.path.exists() and not part.exists(), "damaged bytes are not resumed from"
    assert fetch().path.read_bytes() == content


def test_what_there_is_not(
    fetch: Callable[..., Download], job: TrainingJob, life: Life, registry: Registry, tmp_path: Path,
    train_at: Callable[..., Offer], endpoint: Endpoint, sandbox: Any,
) -> None:  # fmt: skip
    full = registry.by_model(train_at(endpoint, lora=False).model)
    assert full is not None
    with pytest.raises(TrainingError, match="there is no adapter"):
        download_weights(life.plane, registry, full, tmp_path, "adapter")
    assert download_weights(life.plane, registry, full, tmp_path).verified
    sandbox.script("GET /v1/finetune/download", status=404, body={"error": {"message": "no such checkpoint"}})
    with pytest.raises(TrainingError, match=r"404.*no such checkpoint"):
        fetch()


class Server(ThreadingHTTPServer):
    """A download that breaks off in the middle. `say` gives the ETag and the first byte of the answer to a request
    from byte `start`, None where it asks for all."""

    def __init__(self, content: bytes, say: Callable[[int | None], tuple[str, int]]) -> None:
        self.ranges: list[int | None] = []
        server = self

        class Answer(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                start = None if asked is None else int(asked.removeprefix("bytes=").rstrip("-"))
                server.ranges.append(start)
                if len(server.ranges) > 20:  # it would never end
                    self.send_error(404)
                    return
                etag, first = say(start)
                self.send_response(200 if start is None else 206)
                if etag:
                    self.send_header("ETag", f'"{etag}"')
                if start is not None:
                    self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - first))
                self.end_headers()
                self.wfile.write(content[first:] if start is not None else content[: len(content) // 2])

        super().__init__(("127.0.0.1", 0), Answer)


@pytest.mark.parametrize(
    ("why", "say"),
    [
        ("another one by now", lambda start: ("a" if start is None else "b", start or 0)),
        ("does not go on from byte 1,048,576", lambda start: ("a", 0)),
        ("cannot be reached", lambda start: ("", 0)),
    ],
    ids=["another file", "another part", "no ETag"],
)
def test_parts_that_do_not_fit_are_never_put_together_and_tries_are_bounded(
    why: str, say: Callable[[int | None], tuple[str, int]], job: TrainingJob, registry: Registry, tmp_path: Path
) -> None:
    with Server(bytes(3 * 2**20), say) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        there = Endpoint(provider="together", base_url=address, api_key="k", identity=job.endpoint)
        plane = ControlPlane(there, Retries(tries=4, first=0.001, sleep=lambda _: None, random=Random(1)))  # noqa: S311
        with pytest.raises(ProviderError, match=why):
            download_weights(plane, registry, job, tmp_path / "out")
        plane.close()
        server.shutdown()
        thread.join()
    assert len(server.ranges) <= 6 and not list((tmp_path / "out").glob("*.tar.zst"))


def test_a_provider_that_names_no_checksum_is_not_said_to_have_named_one(
    fetch: Callable[..., Download], tmp_path: Path
) -> None:
    got = fetch()
    note = Path(f"{got.path}.sha256")
    assert got.verified and fetch().verified
    note.write_text(note.read_text().replace("names the same", "names none"))
    assert not fetch().verified
