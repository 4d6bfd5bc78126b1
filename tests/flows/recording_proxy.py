"""A proxy on loopback that keeps every request that goes through it."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class RecordingProxy:
    """Use as a context manager; `requests` holds what was sent, line, headers and body, as bytes."""

    def __init__(self, target: str) -> None:
        self.requests: list[bytes] = []
        recorded, address = self.requests, urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorded.append(f"{self.command} {self.path}\n{self.headers}".encode() + body)
                there = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                there.request(self.command, self.path, body, headers)
                answer = there.getresponse()
                said = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
                there.close()

            do_GET = do_POST  # noqa: N815  the server looks for this name

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def posted(self) -> list[bytes]:
        """What was sent, not only asked for."""
        return [request for request in self.requests if request.startswith(b"POST ")]

    def __enter__(self) -> RecordingProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._server.shutdown()
        self._server.server_close()
