"""The Hugging Face Hub, played on loopback: the answers that fetching a model takes.

Its client reads its environment when it is imported, so that it asks here in processes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"model_type": "t5"}', "model.safetensors": b"weights", "rust_model.ot": b"not wanted"}
OLD = {"config.json": b"{}", "pytorch_model.bin": b"old weights", "rust_model.ot": b"not wanted"}
PARTS = {"config.json": b"{}", "pytorch_model.bin": b"old weights", "2_Dense/model.safetensors": b"weights"}
_HELD = {"ours/tiny": FILES, "ours/old": OLD, "ours/parts": PARTS}


class Hub(BaseHTTPRequestHandler):
    """A few repositories; there is none called unknown, and of others it is silent."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path}")
        name = "/".join(path.removeprefix("/api/models").split("/")[1:3])
        files = _HELD.get(name, {})
        file = path.removeprefix(f"/{name}/resolve/").partition("/")[2]
        if files and path.startswith(f"/api/models/{name}/revision/"):
            siblings = [{"rfilename": one} for one in files]
            self._answer(json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())
        elif files and path == f"/api/models/{name}/tree/{COMMIT}":
            tree = [{"type": "file", "path": one, "size": len(files[one]), "oid": one} for one in files]
            self._answer(json.dumps(tree).encode())
        elif path.startswith(f"/{name}/resolve/") and file in files:
            self._answer(files[file], {"X-Repo-Commit": COMMIT, "ETag": f'"{file.replace("/", "-")}"'})
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


@contextmanager
def served_hub() -> Iterator[str]:
    """The address of a Hub that nobody has asked yet."""
    Hub.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def asking(hub: str, home: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """What a program says that fetches from this Hub, into a folder."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    words = (sys.executable, "-c", program, *words)
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
