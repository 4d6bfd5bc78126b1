"""Several judges of one comparison, told in a user's own words: each is asked, tested, priced and stored by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.judging.judges import make_judge
from redraft.sandbox.process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample_conversations.json"
BUNDLED = ROOT / "src" / "redraft" / "judging" / "templates" / "pairwise-1.toml"
CRITERIA = 'format = "redraft.criteria@1"\nname = "mine"\nversion = 1\ncriteria = ["It keeps to the point, at 7.5."]\n'
SOUND, OBEDIENT = "j/sound", "anthropic:claude-obedient-latest"
ASKED = (
    "evaluate",
    "-m1",
    "x/tuned-feedback",
    "-m2",
    "openrouter:anthropic/claude-base",
    "-c",
    SAMPLE,
    "-n",
    30,
    "-o",
    "out",
)


def test_each_judge_is_asked_tested_and_stored_by_itself(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=3, judge=["*obedient*:obeys=1"])
    for provider, path in (("TOGETHER", ""), ("ANTHROPIC", ""), ("OPENROUTER", "/openrouter/v1")):
        project.environment |= {f"{provider}_BASE_URL": sandbox.url + path, f"{provider}_API_KEY": "sandbox"}
    (project.folder / "mine.toml").write_text(CRITERIA)
    own = BUNDLED.read_text().replace("You compare two answers", "As a referee you compare two answers")
    (project.folder / "asked.toml").write_text(own.replace('name = "pairwise"', 'name = "referee"'))
    words = (*ASKED, "-j", SOUND, "-j", OBEDIENT, "--judge-prompt", "asked.toml", "--criteria", "mine.toml")
    words = (*words, "--judge-effort", "low")

    ahead = project.run(*words, "--dry-run").stdout
    priced = [line.split() for line in ahead.splitlines() if line.startswith(" judge ")]
    assert [(row[1], row[2]) for row in priced] == [(SOUND, "115"), (OBEDIENT, "115")]
    assert sandbox.stats()["calls"] == 0

    sent = "(?s)(?=.*As a referee)(?=.*keeps to the point)(?=.*reasoning_effort.{1,4}low)"
    sandbox.post("/sandbox/script", [{"match": sent, "times": 1, "do": {"content": "I cannot say."}}])
    done = project.run(*words)
    for warned in ("its provider moves from model to model", "takes no temperature", "the same family as openrouter"):
        assert warned in done.stderr, "before anything is paid"
    assert "according to" in done.stdout and done.stdout.count("report: ") == 1
    out = project.folder / "out"
    judge = make_judge(SOUND, prompt=project.folder / "asked.toml", criteria=project.folder / "mine.toml")
    beside = "anthropic-claude-obedient-latest"
    folders = {path.name for path in out.iterdir() if path.is_dir()}
    assert folders == {"judgments", f"judgments-{beside}", "checks", f"checks-{beside}"}
    for folder, name in (("judgments", SOUND), (f"judgments-{beside}", OBEDIENT)):
        rows = list(Dataset.open(out / folder).rows())
        assert len(rows) == 60 and {(row.judge, row.template) for row in rows} == {(name, judge.template)}

    results = json.loads((out / "results.json").read_text())
    summary, told = results["summary"], results["parameters"]
    again = [one["earlier"] for one in results["judgments"] if one["earlier"]]
    assert again == [["I cannot say."]], "the judge was asked with the user's prompt, criteria and effort"
    unsafe = {one["judge"] for one in summary["canaries"] if not one["safe"]}
    assert unsafe == {OBEDIENT} and len({one["judge"] for one in summary["canaries"]}) == 2
    assert len(summary["panels"]) == 1 and summary["panels"][0]["sentence"] in done.stdout
    assert [one["stage"] for one in results["costs"]] == ["answers", "answers", *["judging", "tests"] * 2]
    assert told["judge"] == [SOUND, OBEDIENT] and len(told["judge_remarks"]) == 3
    assert (told["judge_template"], told["judge_criteria"]) == (judge.template, judge.criteria.id)
    assert told["temperature"] == {
        "x/tuned-feedback": 0.0, "openrouter:anthropic/claude-base": 0.0, SOUND: 0.0, OBEDIENT: None
    }  # fmt: skip
    assert "takes no temperature" in (out / "report.html").read_text()

    calls = sandbox.stats()["calls"]
    assert "judges twice" in project.run(*ASKED, "-j", SOUND, "-j", f"together:{SOUND}", status=2).stderr
    (project.folder / "asked.toml").write_text(own.replace("{{answer_2}}", ""))
    assert "asked.toml: user lacks the gap {{answer_2}}" in project.run(*words, status=2).stderr
    assert sandbox.stats()["calls"] == calls
