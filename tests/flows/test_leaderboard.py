"""`redraft leaderboard`: every model asked once, every pair in both orders, one table, and nothing paid twice."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.judging.rescoring import publish_again
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
JUDGE = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
STRENGTHS = {"x/m1": 0.0, "x/m2": 1.8, "x/m3": -0.9, "x/m4": 0.9}
BEST_FIRST = ["x/m2", "x/m4", "x/m1", "x/m3"]
# Planted answers, an answer against itself, verdicts asked for again; and one short call whether a model is served.
TESTS, PROBE = 55, 1


def paid(sandbox: SandboxProcess) -> dict[str, int]:
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/stats") as answer:
        return json.load(answer)["paid_by_model"]


def board_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())["leaderboard"]


def test_models_are_ranked_by_what_they_are_worth(project: Any, start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox(seed=3, strength=[f"{m}={s}" for m, s in STRENGTHS.items()], judge=["j/shy:refusals=0.3"])
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("leaderboard", *(word for model in STRENGTHS for word in ("-m", model)), "-c", SAMPLE, "-n", 40)
    ahead = project.run(*words, "--dry-run")
    (judging,) = [line for line in ahead.stdout.splitlines() if "judge" in line and JUDGE in line]
    # An answer against itself reads the same in both orders, and is paid once.
    assert f" {40 * 6 * 2 + TESTS} " in judging and not paid(sandbox)
    assert f"; 0 of {4 * 40 + 40 * 6 * 2 + TESTS} calls are recorded already; 240 comparisons wait for" in ahead.stdout

    said = project.run(*words, "-o", "board", "--elo").stdout
    assert f"x/m2 is first of 4 models, according to {JUDGE} (simulated)." in said
    assert [line.split()[1] for line in said.splitlines() if "% to " in line] == BEST_FIRST
    assert "240 comparisons on 40 contexts" in said and "* Simulated: " in said
    folder = project.folder / "board"
    (table,) = board_of(folder)["tables"]
    assert {one["model"]: (one["rank_low"], one["rank_high"]) for one in table["standings"]} == {
        model: (place, place) for place, model in enumerate(BEST_FIRST, 1)
    }
    asked = paid(sandbox)
    assert asked == {**dict.fromkeys(STRENGTHS, 40 + PROBE), JUDGE: 40 * 6 * 2 + TESTS + PROBE}
    met = Counter((row.model_a, row.model_b) for row in Dataset.open(folder / "judgments").rows())
    assert set(met.values()) == {80} and len(met) == 6
    page = (folder / "report.html").read_text()
    for heading in ("Which places are possible?", "Who won against whom?", "Elo over time", "Was the judge played?"):
        assert heading in page

    # What lies in the folder is enough to make the board again.
    publish_again(folder, project.folder / "again", "later")
    assert board_of(project.folder / "again") == board_of(folder)
    assert "Elo over time" in (project.folder / "again" / "report.html").read_text()
    project.run(*words, "-o", "board")
    # What is recorded is known ahead, too, and what nobody has answered yet.
    every = 4 * 40 + 40 * 6 * 2 + TESTS
    known = project.run(*words, "--dry-run").stdout
    assert f"nothing was sent; {every} of {every} calls are recorded already\n" in known
    assert "expected: $0.0000" in known
    more = project.run(*words[:-1], 42, "--dry-run").stdout
    assert f"calls are recorded already; {2 * 6} comparisons wait for answers that are not there yet" in more
    (judging,) = [line.split() for line in more.splitlines() if line.split()[:2] == ["judge", JUDGE]]
    assert int(judging[3]) >= 40 * 6 * 2 and 2 * 6 * 2 <= int(judging[2]) <= 2 * 6 * 2 + TESTS
    assert paid(sandbox) == asked

    # A second judge that often refuses: a comparison then has no verdict of both, and the run is partial.
    short = project.run(*words, "-o", "two", "-j", JUDGE, "-j", "j/shy", status=3)
    assert "redraft: partial: " in short.stderr and "the judge refused: " in short.stderr
    assert paid(sandbox) == {**asked, "j/shy": paid(sandbox)["j/shy"]}
    both = board_of(project.folder / "two")
    assert both["judges"] == [JUDGE, "j/shy"] and len(both["by_judge"]) == 2
    lost = sum(one["missing"] for one in both["tables"][0]["standings"])
    refused = {row.context_id + row.model_a + row.model_b
               for row in Dataset.open(project.folder / "two" / "judgments-j-shy").rows()
               if row.status == "judge_refused"}  # fmt: skip
    assert lost == 2 * len(refused) > 0 and "Krippendorff's alpha" in short.stdout


def test_many_models_meet_in_balanced_draws_or_one_baseline(project: Any, sandbox: SandboxProcess) -> None:
    twice = project.run("leaderboard", "-m", "x/m1", "-m", "together:x/m1", "-c", SAMPLE, "-o", "board", status=2)
    assert "redraft: bad input: x/m1 stands twice; name each model once" in twice.stderr
    assert not paid(sandbox) and not (project.folder / "board").exists()
    models = [f"x/m{number}" for number in range(8)]
    words = ("leaderboard", *(word for model in models for word in ("-m", model)), "-c", SAMPLE, "-n", 14)
    project.run(*words, "-o", "drawn", "--seed", 7)
    rows = list(Dataset.open(project.folder / "drawn" / "judgments").rows())
    met = Counter((row.model_a, row.model_b) for row in rows if row.order == "AB")
    assert len(met) == 28 and set(met.values()) == {4} and len(rows) == 14 * 8 * 2
    results = json.loads((project.folder / "drawn" / "results.json").read_text())
    assert results["parameters"]["seed"] == 7 and results["parameters"]["comparisons"] == 14 * 8
    star = project.run(*words[:5], "--baseline", "x/m3", "-c", SAMPLE, "-n", 14, "-o", "star").stdout
    assert "28 comparisons on 14 contexts" in star and "of 3 models" in star
    against = {(row.model_a, row.model_b) for row in Dataset.open(project.folder / "star" / "judgments").rows()}
    assert against == {("x/m0", "x/m3"), ("x/m1", "x/m3")}
    # The baseline had met both on some of the contexts already: those verdicts are not paid again.
    assert paid(sandbox)["x/m3"] == 14 + PROBE
