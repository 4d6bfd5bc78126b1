"""`redraft chat rank`: given replies become pairs; nothing private is sent, nothing unasked, and nothing paid twice."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.sandbox.process import SandboxProcess
from redraft.training.purged_models import PURGED

PROMPTS, OUTPUTS = 6, 3
# Both orders of each two replies, but for the prompt of which two are equal.
COMPARED = (PROMPTS - 1) * 3 + 1
# Planted answers and an answer against itself on five contexts, and verdicts asked for again.
TESTS, AGAIN, PROBE = 5 * 7, PROMPTS, 1
# Stands in every field but texts, in the folders' names, and in replies that nothing was trained on.
REAL = "Okafor"
# The command as it is, with replies that are given in place of an adapter's.
RUN = """
import json
from pathlib import Path
import flows.rank_replies as ranking
from redraft.cli.chat_rank import rank_command

async def given(folder, model, rows, settings, *, simulated, revision=None):
    texts = json.loads({texts!r})
    ids = [json.loads(line)["example_id"] for line in Path(rows).read_text().splitlines()]
    lines = [{{"row": number, "outputs": [{{"text": " " + text, "finish": end, "tokens": 9}}
             for text, end in zip(texts[one], ("stop", "length", "stop"))]}} for number, one in enumerate(ids, 1)]
    Path(folder).mkdir(exist_ok=True)
    (Path(folder) / "generations.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))

ranking.generate_replies = given
rank_command.main({words!r}, prog_name="redraft")
"""


@pytest.fixture
def proxy(start_sandbox: Callable[..., SandboxProcess]) -> Iterator[Any]:
    path = Path(__file__).with_name("recording_proxy.py")
    specification = importlib.util.spec_from_file_location("recording_proxy", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules["recording_proxy"] = module
    specification.loader.exec_module(module)
    sandbox = start_sandbox(seed=2, latency_ms=40)
    with module.RecordingProxy(sandbox.url) as recording:
        recording.sandbox = sandbox
        yield recording


def examples_in(folder: Path) -> Dataset:
    with DatasetWriter(folder, "chat_examples", 4) as writer:
        for number in range(12 + PROMPTS):
            time_of = (datetime(2024, 3, 1, 9, tzinfo=UTC) + timedelta(hours=3 * number)).isoformat()
            kept = number >= 12
            writer.add(
                ChatExample(
                    example_id=f"{REAL}-{number}", chat=f"{REAL} family", side="preference" if kept else "train",
                    context=(ChatTurn("A", f"Person2 wants the bicycle number {number}", (f"c{number}",)),),
                    reply=f"{REAL} said so" if kept else f"ja the bicycle {number}", time=time_of, strategy="window",
                )
            )  # fmt: skip
        return writer.finish({"simulated": False})


def test_replies_become_pairs(project: Any, forking: Any, proxy: Any) -> None:
    project.environment["TOGETHER_BASE_URL"] = proxy.url
    examples_in(project.folder / REAL / "window")
    texts = {
        f"{REAL}-{number}": [f"bicycle {number} later", "number nope", "wants" if number > 12 else "number nope"]
        for number in range(12, 12 + PROMPTS)
    }

    def code(*words: object) -> str:
        every = ["-i", f"{REAL}/window", "-a", "lora/model", "-o", "out", "-n", OUTPUTS, *words]
        return RUN.format(texts=json.dumps(texts), words=[str(word) for word in every])

    elsewhere = {"TOGETHER_BASE_URL": "http://127.0.0.1.example", "TOGETHER_API_KEY": ""}
    refused = forking.run(project, code=code(), status=2, **elsewhere)
    assert "say --allow-sending, or --dry-run" in refused.stderr.strip().splitlines()[-1]
    (marked := project.folder / "model" / PURGED).parent.mkdir()
    marked.touch()
    without = forking.run(project, code=code("-a", "model"), status=2).stderr.strip().splitlines()[-1]
    assert without.startswith(f"redraft: bad input: model: {PURGED}")
    ahead = forking.run(project, code=code("--dry-run")).stdout
    assert f" {PROMPTS * 3 * 2 + TESTS + AGAIN} " in ahead and "nothing was written or sent" in ahead
    assert not proxy.posted() and not (project.folder / "out").exists()

    # Not through the proxy, which minds a connection that is torn off.
    direct = {"TOGETHER_BASE_URL": proxy.sandbox.url}
    first = forking.beside(project, code=code("--delay", 0.01), **direct)
    until = time.monotonic() + 60
    while proxy.sandbox.stats()["paid_calls"] < 15:
        assert time.monotonic() < until, "it never came to judging"
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.ended(-signal.SIGKILL)
    time.sleep(0.3)  # what was on its way to the dead process is answered, and counted, too
    done = forking.run(project, code=code())
    stats = proxy.sandbox.stats()
    assert stats["distinct_contents"] == PROBE + 2 * COMPARED + TESTS
    assert 0 <= stats["paid_calls"] - stats["distinct_contents"] - AGAIN < 24, (
        "lost in the kill is all that is paid twice"
    )

    assert "(simulated)" in done.stdout and "* simulated: " in done.stdout
    assert f"{PROMPTS} of {PROMPTS * OUTPUTS} replies were cut" in done.stdout
    made = Dataset.open(project.folder / "out" / "preferences")
    counts = made.manifest["counts"]
    assert made.count == counts["pairs"] > 0 and (counts["compared"], counts["equal"]) == (COMPARED, 1)
    assert made.manifest["simulated"] and all(one.simulated for one in made.rows())
    lines = [json.loads(line) for line in (project.folder / "out" / "pairs.jsonl").read_text().splitlines()]
    assert len(lines) == made.count
    for line in lines:
        assert set(line) == {"prompt", "chosen", "rejected", "group"} and line["prompt"].endswith("<SEP><SYS>")
        assert all(line[one].endswith("<SEP>") == ("nope" not in line[one]) or "wants" in line[one] for one in
                   ("chosen", "rejected"))  # fmt: skip

    sent = b"\n".join(proxy.posted()).decode()
    assert "How the assistant writes" in sent and "Person2 wants the bicycle" in sent and "ja the bicycle" in sent
    assert REAL not in sent
    forking.run(project, code=code("--allow-sending"))
    assert proxy.sandbox.stats()["paid_calls"] == stats["paid_calls"]
