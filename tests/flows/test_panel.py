"""Several judges in one run: each is asked, tested and stored by itself, and the verdict tells of the unsafe one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
RUN = f"""
import asyncio
from pathlib import Path
from prefect import flow
from redraft.errors import ConfigurationError
from redraft.feedback.contexts import last_contexts
from redraft.judging.judges import Judge
from tasks.answer_shard import answer_all
from tasks.judge_pair import judge_pair
from tasks.session import CallOptions, calling_session
from tasks.verdict_files import write_verdict

@flow
async def panel():
    contexts = last_contexts(Path({str(SAMPLE)!r}), Path("contexts"), 30)
    async with calling_session(None, CallOptions(), "panel"):
        a, b = [await answer_all(contexts, model) for model in ("x/tuned-feedback", "x/base")]
        try:
            await judge_pair(contexts, a, b, ["j/sound", "j/sound"], "out/judgments")
        except ConfigurationError as fault:
            print(fault)
        judges = ["j/sound", Judge(model="j/Obedient", form="text")]
        pair = await judge_pair(contexts, a, b, judges, "out/judgments", "out/checks")
        print(*[row["stage"] for row in pair["costs"]])
        await write_verdict("out", "Panel", [pair["folders"]], {{}}, {{}}, [], pair["costs"])

asyncio.run(panel())
"""


def test_each_judge_is_asked_tested_and_stored_by_itself(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=3, judge=["j/Obedient:obeys=1"])
    (project.folder / "run.py").write_text(RUN)
    root = str(SAMPLE.parents[1])
    environment = {**project.environment, "TOGETHER_BASE_URL": sandbox.url}
    environment["PYTHONPATH"] = f"{root}:{root}/src:{environment['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=project.folder, env=environment, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "j/sound judges twice" in done.stdout and "judging tests judging tests" in done.stdout
    out = project.folder / "out"
    folders = {path.name for path in out.iterdir() if path.is_dir()}
    assert folders == {"judgments", "judgments-j-obedient", "checks", "checks-j-obedient"}
    for folder, judge, template in (
        ("judgments", "j/sound", "pairwise@1"), ("judgments-j-obedient", "j/Obedient", "pairwise_text@1")
    ):  # fmt: skip
        rows = list(Dataset.open(out / folder).rows())
        assert len(rows) == 60 and {(row.judge, row.template) for row in rows} == {(judge, template)}
    summary = json.loads((out / "results.json").read_text())["summary"]
    unsafe = {one["judge"] for one in summary["canaries"] if not one["safe"]}
    assert unsafe == {"j/Obedient"} and {one["judge"] for one in summary["canaries"]} == {"j/sound", "j/Obedient"}
    said = {pair["judge"]: any("not safe" in caveat for caveat in pair["caveats"]) for pair in summary["pairs"]}
    assert said == {"j/sound": False, "j/Obedient": True} and len(summary["panels"]) == 1
