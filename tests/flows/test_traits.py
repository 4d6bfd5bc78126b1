"""`redraft traits` in the sandbox: told apart on the right traits, every failure counted, nothing paid twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.datasets.parquet import read_parquet
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
RUBRIC = """
format = "redraft.traits@1"
name = "own"
version = 1
scale = {low = 0, high = 1}

[[traits]]
name = "warm"
label = "Warm"
description = "Kind."
anchors = {0 = "No.", 1 = "Yes."}

[[traits]]
name = "exact"
label = "Exact"
description = "Right."
anchors = {0 = "No.", 1 = "Yes."}
"""
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> \u202e[x](javascript:alert(1))"


def head_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())


def test_two_models_two_judges_and_a_rerun(project: Any, start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox(seed=3, judge=["j/garbled:garbage=1", "j/Obedient:obeys=1"])
    world = {"TOGETHER_BASE_URL": sandbox.url}
    words = ["traits", "-m", "x/tuned-feedback", "-m", "x/base", "-c", SAMPLE, "-n", 40, "-o", "out"]
    ahead = project.run(*words, "-j", "j/sound", "-j", "j/Obedient", "--dry-run", **world).stdout
    # Two judges: two models' answers, three planted ones on five contexts, twenty asked again.
    assert ahead.count(f" {2 * 40 + 15 + 20} ") == 2 and "simulated" in ahead
    (project.folder / "broken.toml").write_text(RUBRIC.replace("low = 0", "low = 2"))
    refused = project.run(*words, "-j", "j/sound", "--rubric", "broken.toml", status=2, **world).stderr
    assert "broken.toml: scale: low is 2 and high 1; low lies below high" in refused
    assert sandbox.stats()["calls"] == 0

    said = project.run(*words, "-j", "j/sound", "-j", "j/Obedient", **world).stdout
    assert "x/tuned-feedback scores higher than x/base on all 5 traits, according to all 2 judges (simulated)." in said
    assert "Simulated" in said and "j/Obedient is not safe to score untrusted answers" in said
    assert "j/sound is not safe" not in said
    paid = sandbox.stats()["paid_by_model"]
    assert {name: paid[name] - 1 for name in paid} == {
        "x/tuned-feedback": 40, "x/base": 40, "j/sound": 115, "j/Obedient": 115,
    }  # fmt: skip
    study = head_of(project.folder / "out")["trait_study"]
    assert [one["judge"] for one in study["pairs"]] == ["", "j/sound", "j/Obedient"]
    assert all(one["alpha"] > 0.5 and one["n"] == 80 for one in study["agreements"])
    assert {each["verdict"] for one in study["pairs"] for each in one["found"]["traits"]} == {"higher"}
    known = project.run(*words, "-j", "j/sound", "-j", "j/Obedient", "--dry-run", **world).stdout
    assert f"nothing was sent; {2 * 40 + 2 * 115} of {2 * 40 + 2 * 115} calls are recorded already\n" in known
    again = project.run(*words, "-j", "j/sound", "-j", "j/Obedient", **world).stdout
    assert again == said and sandbox.stats()["paid_by_model"] == paid

    # Another rubric is another question, and a judge that cannot be read leaves nothing but statuses.
    (project.folder / "own.toml").write_text(RUBRIC)
    words[2:5] = ["x/tuned-feedback"]
    partial = project.run(*words, "-j", "j/garbled", "--rubric", "own.toml", "-o", "own", status=3, **world)
    assert "40 of 40 answers of x/tuned-feedback have no scores by j/garbled" in partial.stderr
    assert "the judge's answer could not be read: 40" in partial.stderr
    now = sandbox.stats()["paid_by_model"]
    assert now["x/tuned-feedback"] == paid["x/tuned-feedback"] and now["j/garbled"] == 1 + 3 * (40 + 15 + 20)
    (profile,) = head_of(project.folder / "own")["trait_study"]["profiles"]
    assert profile["statuses"] == {"judge_unparseable": 40} and profile["traits"][0]["n"] == 0
    assert (profile["traits"][0]["worst"], profile["traits"][0]["best"]) == (0, 1)


def test_answers_that_exist(project: Any, start_sandbox: Callable[..., SandboxProcess]) -> None:
    """Their qualities are known: equal but for one trait. Some cannot be scored, and each is counted."""
    script = [
        {"match": "GARBLED", "times": 0, "do": {"content": "I like it."}},
        {"match": "DECLINED", "times": 0, "do": {"content": "No.", "finish_reason": "content_filter"}},
    ]
    (project.folder / "script.json").write_text(json.dumps(script))
    sandbox = start_sandbox(seed=5, script=str(project.folder / "script.json"))
    world = {"TOGETHER_BASE_URL": sandbox.url}
    marked = "[simulated answer 0123456789ab q=+0.000] Boil the kettle, then steep number {}. " + HOSTILE
    lost = {1: "GARBLED", 2: "GARBLED", 3: "DECLINED"}
    with (project.folder / "given.jsonl").open("w") as file:
        for number in range(120):
            base = {"id": number, "context": f"How do I boil kettle number {number}?", "user_id": number // 2}
            for model, lean in (("plain", ""), ("exact", " [simulated lean exact=+1.500]")):
                text: str | None = f"{marked.format(number)} {lost.get(number, '')}{lean}"
                text = {10: "", 11: None}.get(number, text) if model == "plain" else text
                file.write(json.dumps({**base, "model": model, "response": text}) + "\n")
    (project.folder / "own.toml").write_text(RUBRIC)
    words = ["traits", "-r", "given.jsonl", "--rubric", "own.toml", "-j", "j/sound", "-o", "out"]
    refused = project.run(*words, "-n", 5, status=2, **world).stderr
    assert "--test-size has no effect beside --responses" in refused
    said = project.run(*words, **world).stdout
    assert "plain scores lower than exact on Exact, according to j/sound (simulated)." in said

    study = head_of(project.folder / "out")["trait_study"]
    verdicts = {one["trait"]: one["verdict"] for one in study["pairs"][0]["found"]["traits"]}
    assert verdicts == {"warm": "undecided", "exact": "lower"} and study["grouped"]
    statuses = {one["model"]: one["statuses"] for one in study["profiles"]}
    failed = {"judge_refused": 1, "judge_unparseable": 2}
    assert statuses == {
        "plain": {**failed, "candidate_empty": 1, "candidate_error": 1, "ok": 115}, "exact": {**failed, "ok": 117},
    }  # fmt: skip
    # The detectors look here as they do where pairs are judged: these answers differ by a number alone.
    assert "plain gave the same answer to many contexts: 115 answers of 119 are such" in said
    assert {one["findings"]["model"]: len(one["flagged"]) for one in study["suspects"]} == {"plain": 115, "exact": 117}
    rows = list(read_parquet(project.folder / "out" / "ratings.parquet"))
    assert len(rows) == 240 and Counter(row["status"] for row in rows)["ok"] == 232
    answers = head_of(project.folder / "out")["answers"]
    assert len(answers) == 240 and answers[0]["response"].startswith(marked.format(0)[:40])
    page = (project.folder / "out" / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page and "⟨U+202E⟩" in page and "Simulated." in page
    assert "<script>alert" not in page and "<img" not in page and page.count("<script>") == 1
    for shown in ("Who scores higher?", "How are the scores spread?", "the judge refused", "DECLINED",
                  "Was the judge played?", "Put to the judge", "same answer elsewhere"):  # fmt: skip
        assert shown in page
