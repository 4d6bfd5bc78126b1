"""The sandbox as a process: it says where it listens, ends when told, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from redraft.sandbox.command import sandbox_command
from redraft.sandbox.process import SandboxProcess, command_words

PARENT = """
import sys, time
from redraft.sandbox.process import SandboxProcess
one = SandboxProcess.start()
print(one.process.pid, one.url, flush=True)
time.sleep(60)
"""

PARENT_WITHOUT_PIPE = """
import subprocess, sys, time
words = [sys.executable, "-m", "redraft.sandbox", "--exit-with-parent"]
one = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
print(one.pid, one.stdout.readline(), flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As users start it: elsewhere tests have it forked."""
    monkeypatch.setattr(SandboxProcess, "launch", subprocess.Popen)


def gone(pid: int) -> bool:
    """Whether no such process runs; one that ended and was not waited for counts as gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return stat.rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def within(seconds: float, condition) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_it_ends_cleanly_when_told(start):
    for number in (signal.SIGTERM, signal.SIGINT):
        one = start()
        one.process.send_signal(number)
        assert one.process.wait(timeout=5) == 0


@pytest.mark.parametrize("program", [PARENT, PARENT_WITHOUT_PIPE])
def test_it_ends_with_a_killed_parent(program):
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline().split()[0])
    assert not gone(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert within(30, lambda: gone(pid))


def test_it_ends_when_its_input_closes(start):
    one = start()
    one.process.stdin.close()
    assert one.process.wait(timeout=5) == 0


def test_without_a_pipe_as_input_it_stays_until_told():
    words = [sys.executable, "-m", "redraft.sandbox", "--exit-with-parent"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("sandbox: http://127.0.0.1:")
        assert not within(1, lambda: process.poll() is not None)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_a_sandbox_that_cannot_start_says_why(tmp_path):
    (tmp_path / "script.json").write_text('[{"match": 3}]')
    with pytest.raises(RuntimeError, match=r"script\.json: Expected `str`"):
        SandboxProcess.start({"script": str(tmp_path / "script.json")})
    with pytest.raises(RuntimeError, match=r"cannot use --state .*script\.json"):
        SandboxProcess.start({"state": str(tmp_path / "script.json")})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError, match="cannot listen on 127"):
            SandboxProcess.start({"port": taken.getsockname()[1]})
    with pytest.raises(RuntimeError, match="No such option"):
        SandboxProcess.start(["--nonsense"])


def test_options_of_the_command():
    options = {"seed": 2, "strength": ["a=1", "b=2"], "access_log": True, "script": None, "exit_with_parent": False}
    assert command_words(options) == ["--seed", "2", "--strength", "a=1", "--strength", "b=2", "--access-log"]
    result = CliRunner().invoke(sandbox_command, ["--strength", "nonsense"])
    assert result.exit_code == 2 and "PATTERN=NUMBER" in result.output
    assert CliRunner().invoke(sandbox_command, ["--error-rate", "1.5"]).exit_code == 2
    assert CliRunner().invoke(sandbox_command, ["--help"]).exit_code == 0


def test_strengths_and_bad_keys_reach_the_world(start, http_call):
    one = start(seed=5, strength=["meta/*=2", "*=-2"], quality_sd=0, bad_key=["spent"], model=["meta/*"])
    told = one.get("/sandbox/truth?a=meta/x&b=other")
    assert (told["a"]["strength"], told["b"]["strength"]) == (2.0, -2.0) and told["win_rate"] > 0.99
    asked = {"model": "meta/x", "messages": [{"role": "user", "content": "hi"}]}
    assert http_call(one.url, "/v1/chat/completions", asked, key="spent").status == 401
    assert "q=+2.000]" in http_call(one.url, "/v1/chat/completions", asked).body["choices"][0]["message"]["content"]
    assert http_call(one.url, "/v1/chat/completions", asked | {"model": "other"}).status == 404
