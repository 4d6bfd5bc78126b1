"""Who may speak to the page's server, and what it answers to what it does not understand."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from redraft.errors import ConfigurationError
from redraft.judging.labels.storage import read_sheets
from redraft.labelling.server import LabelServer

MakeRun = Callable[..., Path]


@pytest.fixture
def run(make_run: MakeRun) -> Path:
    return make_run([(f"alpha {number}", f"beta {number}") for number in range(3)])


@pytest.fixture
def address(serve: Callable[..., Any], run: Path) -> Iterator[str]:
    with serve(run) as here:
        yield here


def ask(url: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON or text, headers."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        named = {"content-type": "application/json"} | named
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=10) as answer:
            status, content, found = answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as fault:
        status, content, found = fault.code, fault.read(), dict(fault.headers)
    return status, json.loads(content) if found["Content-Type"].startswith("application/json") else content, found


def test_only_this_machine_with_the_token_from_the_page_itself(address: str, run: Path) -> None:
    port = urlsplit(address).port
    assert urlsplit(address).hostname == "127.0.0.1" and len(urlsplit(address).path) > 30
    assert ask(f"{address}state")[0] == 200
    assert ask(f"{address}state", Host=f"localhost:{port}")[0] == 200
    act = {"version": 1, "act": "left"}
    refused = [
        ask(f"http://127.0.0.1:{port}/"),
        ask(f"http://127.0.0.1:{port}/state"),
        ask(f"{address[:-2]}/state"),
        ask(f"http://127.0.0.1:{port}/%ff/state"),
        ask(f"{address}state", Host=f"rebound.example:{port}"),
        ask(f"{address}act", act, Origin="http://evil.example"),
        ask(f"{address}act", act, Origin=f"http://127.0.0.1:{(port or 0) + 1}"),
        ask(f"{address}act", act, Origin="null"),
    ]
    assert [(status, body) for status, body, _ in refused] == [(404, {"fault": "not found"})] * len(refused)
    assert ask(f"{address}act", act, Content_Type="text/plain")[0] == 415
    assert not any(one.standing.labels for one in read_sheets(run))
    status, body, _ = ask(f"{address}act", act, Origin=f"http://127.0.0.1:{port}")
    assert status == 200 and body["labelled"] == 1


def test_every_answer_is_hardened(address: str) -> None:
    for path in ("", "label.js", "label.css", "state", "told", "missing", "../state"):
        _, _, headers = ask(f"{address}{path}")
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"


def test_what_is_no_act_changes_nothing(address: str, run: Path) -> None:
    before = ask(f"{address}state")[1]
    for body in (
        b"", b"{", b"\xff", [], {"act": "left"}, {"version": 1}, {"version": 1, "act": "win"},
        {"version": "1", "act": "left"}, {"version": 1, "act": "left", "by": "eve"}, {"version": 1, "act": "undo"},
        {"version": 1, "act": "revisit"}, {"version": 1, "act": "note", "note": "x" * 4001},
    ):  # fmt: skip
        status, answer, _ = ask(f"{address}act", body)
        assert status == 400 and answer["fault"], body
    assert ask(f"{address}act", b'{"version":1,"act":"note","note":"%s"}' % (b"x" * 70_000))[0] == 413
    assert ask(f"{address}act", {"version": 0, "act": "left"})[:2] == (409, before), "an older state"
    assert ask(f"{address}state")[1] == before


def test_a_label_is_on_the_disk_before_the_answer(address: str, run: Path) -> None:
    version = ask(f"{address}state")[1]["version"]
    for done, choice in enumerate(("left", "tie", "right"), start=1):
        status, view, _ = ask(f"{address}act", {"version": version, "act": choice, "note": f"note {done}"})
        version = view["version"]
        (sheet,) = read_sheets(run)
        assert status == 200 and len(sheet.standing.labels) == done == len(sheet.standing.notes)
        assert (view["pair"] is None) == (done == 3)
    assert ask(f"{address}act", {"version": version, "act": "left"})[0] == 400


def test_a_full_disk_is_told_and_nothing_moves(address: str, run: Path) -> None:
    (run / "labels").rename(run / "elsewhere")
    (run / "labels").write_text("a file where the folder was")
    before = ask(f"{address}state")[1]
    status, answer, _ = ask(f"{address}act", {"version": before["version"], "act": "left"})
    assert status == 507 and "a part of this path is a file" in answer["fault"]
    assert ask(f"{address}state")[1] == before
    (run / "labels").unlink()
    (run / "elsewhere").rename(run / "labels")
    assert ask(f"{address}act", {"version": before["version"], "act": "left"})[0] == 200


def test_a_taken_port_is_one_line() -> None:
    import asyncio

    async def start(port: int) -> None:
        async with LabelServer(None, None, port):  # type: ignore[arg-type]
            pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1:\d+: \w") as fault:
            asyncio.run(start(taken.getsockname()[1]))
    assert "\n" not in str(fault.value)
