"""`redraft chat align` as a user meets it: looked ahead, nothing sent unasked, and judged while a process trains.

That process stands in for the one that trains: it asks and tells by the same files, without a model. What the real one
does is tested beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.chat.rendering import prompt_of
from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import DatasetWriter
from redraft.imitating.tokens import TOKENS
from redraft.sandbox.process import SandboxProcess
from redraft.training.adapting.bases import AdapterNotes, write_notes

PROMPTS, STEPS = 6, 4
# The command as it is, with replies that are given in place of the adapter's.
RUN = """
import json
from pathlib import Path
import tasks.aligning
from redraft.cli.chat_align import align_group
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.writing import Output

async def given(folder, model, rows, settings, *, simulated, revision=None):
    assert (settings.outputs, settings.temperature, settings.top_p) == (1, 1.0, 1.0)
    count = len(Path(rows).read_text().splitlines())
    Path(folder).mkdir()
    output = Output(text=" as ever<SEP>", finish="stop", tokens=3)
    return [Generation(row=number, outputs=(output,)) for number in range(1, count + 1)]

tasks.aligning.generate_replies = given
align_group.main({words!r}, prog_name="redraft chat align")
"""
TRAINER = """
import sys
from pathlib import Path
import msgspec
from redraft.training.adapting.exchange import Exchange
from redraft.training.adapting.plans import read_plan
from redraft.training.adapting.preferences import PreferencePlan
from redraft.training.adapting.running import Run
from redraft.training.local.holding import alone
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller

folder = Path(sys.argv[-1])
plan = read_plan(folder, PreferencePlan)
prompts = [msgspec.json.decode(line)["prompt"] for line in (folder / plan.rows.file).read_bytes().splitlines()]
with alone(folder):
    teller = Teller(folder)
    teller.now(state="running", stage="training", phase="rl", total_steps=plan.settings.steps, plan_sha256=plan.digest)
    judge = Exchange(Run(folder, teller, Stop(), folder), plan.settings.judge_patience_s)
    for step in range(1, plan.settings.steps + 1):
        values = {"train/reward": step / 2, "train/kl": 0.1}
        if plan.judged:
            ratings = judge(step, prompts[:2], [" ja<SEP>", " as ever<SEP>"])
            values["train/judge"] = sum(ratings) / 2
        teller.metrics(step, values)
        teller.now(step=step)
    (folder / "model").mkdir()
    teller.now(state="completed", done=("rl",))
"""


def example(number: int, side: Any) -> ChatExample:
    return ChatExample(
        example_id=f"{side}-{number}", chat="chat1", side=side, reply=f"ja {number}", strategy="window",
        context=(ChatTurn("A", f"Person2 asks {side} {number}"),), time=f"2026-01-01T10:{number:02}:00+00:00",
    )  # fmt: skip


def adapter(folder: Path, *more: str) -> Path:
    """The folder of one, as far as anybody looks who does not load it."""
    folder.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors", *more):
        (folder / name).write_text("{}")
    notes = AdapterNotes(
        base_model="tiny", revision="r", found="tiny", prepared="none", prepared_sha256="", tokens=TOKENS,
        max_tokens=96, plan_sha256="", simulated=False,
    )  # fmt: skip
    write_notes(folder, notes)
    return folder


@pytest.fixture
def given(project: Any) -> Path:
    """A folder with examples, an adapter and a reward model."""
    with DatasetWriter(project.folder / "toy", "chat_examples") as writer:
        for side, count in (("train", 4), ("preference", PROMPTS)):
            for number in range(count):
                writer.add(example(number, side))
        writer.finish()
    adapter(project.folder / "lora")
    adapter(project.folder / "rewarding", "reward.json")
    (project.folder / "trainer.py").write_text(TRAINER)
    return project.folder


def test_a_judge_answers_while_the_training_goes_on(
    project: Any, forking: Any, given: Path, sandbox: SandboxProcess
) -> None:
    pytest.importorskip("peft", reason="needs the extra local: pip install 'redraft[local]'")

    def rl(*more: object, status: int = 0, **environment: str) -> Any:
        words = [
            "rl", "-a", "lora", "-r", "rewarding", "-e", "toy", "-o", "run", "--steps", STEPS, "--batch-size", 2,
            "--judge-steps", 1, "--max-tokens", 96, "--max-new-tokens", 8, "--launcher",
            f"{sys.executable} {given / 'trainer.py'}", *more,
        ]  # fmt: skip
        code = RUN.format(words=[str(one) for one in words])
        return forking.run(project, code=code, status=status, **environment)

    ahead = rl("--dry-run").stdout
    assert f"rl: {STEPS} steps, each of 2 prompts of {PROMPTS}, 4 outputs to each" in ahead
    assert f" {2 * 2 * STEPS} " in ahead and "nothing was trained or sent" in ahead
    refused = rl(status=2, TOGETHER_BASE_URL="http://127.0.0.1.example").stderr.strip().splitlines()[-1]
    assert "--allow-sending" in refused and "--judge none" in refused
    assert not sandbox.stats()["paid_calls"] and not (given / "run").exists()

    done = rl()
    assert f"judge: {2 * STEPS} of {2 * STEPS} replies rated" in done.stdout and "(simulated)" in done.stdout
    asked = json.loads((given / "run/judging/asked-1.json").read_bytes())
    prompts = {prompt_of(example(number, "preference").context) for number in range(PROMPTS)}
    assert {row["prompt"] for row in asked["rows"]} <= prompts
    # The same output to the same prompt is asked about once, in both orders; that the judge is there, once.
    assert sandbox.stats()["distinct_contents"] == 2 + 1
    before = sandbox.stats()["paid_calls"]
    # What is finished sends nothing any more; what was written for the judge alone is gone.
    assert rl().stdout == done.stdout and sandbox.stats()["paid_calls"] == before
    assert not (given / "run-before").exists()


def test_no_judge_of_a_panel_is_sent_anything_unasked(project: Any, given: Path, sandbox: SandboxProcess) -> None:
    """Nor the one who is a sandbox here, before it is clear that another is not."""
    with DatasetWriter(given / "tested", "chat_examples") as writer:
        for side in ("train", "test"):
            writer.add(example(1, side))
        writer.finish()
    project.environment |= {"OPENAI_BASE_URL": "http://127.0.0.1.example/v1", "OPENAI_API_KEY": "k"}
    compare = ["chat", "compare", "--arm", "lora=lora", "--arm", "other=rewarding", "-i", "tested", "-o", "out",
               "--max-new-tokens", 8]  # fmt: skip
    refused = project.run(*compare, "-j", "m/judge", "-j", "openai:m", status=2).stderr.strip().splitlines()[-1]
    assert "comparing sends messages, under pseudonyms, to openai:m: say --allow-sending, or --dry-run" in refused
    assert not sandbox.stats()["paid_calls"] and not (given / "out").exists()
