"""Models are found by folder or at the Hub, which is played here on loopback: fetched once, and named by commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from redraft.errors import ConfigurationError
from redraft.training.local.models import BUILT, built_name, find_base, folder_revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"model_type": "t5"}', "model.safetensors": b"weights", "rust_model.ot": b"not wanted"}


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    before = find_base(str(tmp_path), None)
    assert before.revision == folder_revision(tmp_path) and before.revision.startswith("sha256:")
    (tmp_path / "rust_model.ot").write_bytes(b"changed")
    assert folder_revision(tmp_path) == before.revision
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert folder_revision(tmp_path) != before.revision
    with pytest.raises(ConfigurationError, match="a folder has no revision"):
        find_base(str(tmp_path), "main")


def test_a_model_that_was_built_on_the_spot_is_called_by_what_it_is(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert find_base(str(tmp_path), None).name == str(tmp_path)
    (tmp_path / BUILT).write_text('{"name": "tiny-t5 (random weights)"}')
    assert find_base(str(tmp_path), None).name == built_name(tmp_path) == "tiny-t5 (random weights)"


def test_what_is_no_model(tmp_path: Path) -> None:
    for empty in ("", " "):
        with pytest.raises(ConfigurationError, match="no model is named; give a folder"):
            find_base(empty, None)
    with pytest.raises(ConfigurationError, match=r"no config\.json, so no model"):
        find_base(str(tmp_path), None)
    with pytest.raises(ConfigurationError, match="no such folder"):
        find_base(str(tmp_path / "nothing"), None)


class Hub(BaseHTTPRequestHandler):
    """The four answers that fetching a model takes."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path}")
        name = path.rpartition("/")[2]
        if path.startswith("/api/models/ours/tiny/revision/"):
            siblings = [{"rfilename": name} for name in FILES]
            self._answer(json.dumps({"id": "ours/tiny", "sha": COMMIT, "siblings": siblings}).encode())
        elif path == f"/api/models/ours/tiny/tree/{COMMIT}":
            tree = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": name} for name in FILES]
            self._answer(json.dumps(tree).encode())
        elif path.startswith("/ours/tiny/resolve/") and name in FILES:
            self._answer(FILES[name], {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"'})
        elif path.startswith("/api/models/ours/unknown/"):
            self._answer(b"{}", {"X-Error-Code": "RepoNotFound"}, status=404)
        else:
            self.send_error(404)

    def _answer(self, content: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    pytest.importorskip("huggingface_hub", reason="needs the extra local: pip install 'redraft[local]'")
    Hub.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


# The Hub's client reads its environment when it is imported.
FIND = """
import sys
from redraft.errors import RedraftError
from redraft.training.local.models import find_base
for model in sys.argv[1:]:
    try:
        base = find_base(model, None)
        print(base.revision, sorted(path.name for path in base.path.iterdir()))
    except RedraftError as error:
        print(error)
"""


def test_a_model_of_the_hub_is_fetched_once(hub: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    words = [sys.executable, "-c", FIND, "ours/tiny", "ours/tiny", "ours/unknown", "ours/silent"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert lines[0] == lines[1] == f"{COMMIT} ['config.json', 'model.safetensors']", done.stderr
    assert "ours/unknown: no model could be fetched, as the Hub has none of that name" in lines[2]
    assert "ours/silent: no model could be fetched, as the Hub does not answer" in lines[3]
    assert all(len(line) < 200 and "http" not in line for line in lines[2:])
    assert sum(line == f"GET /ours/tiny/resolve/{COMMIT}/model.safetensors" for line in Hub.asked) == 1
