"""`redraft documents study` in the sandbox: killed on its way it ends like one that was not, pays for nothing twice,
finds the traits that the models have, and refuses to test on what was trained on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.documents.overlap import EvaluationGrams
from redraft.judging.rescoring import score_again
from redraft.judging.results import read_answers, read_head
from redraft.sandbox.process import SandboxProcess

CALL_DELAY = 0.008
# A kill loses what is under way: calls that start 8 ms apart and take 40 ms on average, and a batch of rows to record.
UNDER_WAY = 30
# When to kill, told by what the provider has seen (calls paid, jobs submitted): while training data are generated, and
# while judges are asked about the trained model.
MOMENTS = [(12, 0), (130, 1)]
PLAIN = ["What is 17 times 24?", "Name three rivers of Asia.", "Sort: pear, apple, fig."]
PROMPT = "Work with people as a partner: take up their ideas, ask, weigh risks, encourage, and be thorough."


def world_of(url: str) -> dict[str, str]:
    paths = {"TOGETHER": "", "ANTHROPIC": "", "OPENROUTER": "/openrouter/v1", "GEMINI": "/gemini/v1beta/openai"}
    addresses = {f"{name}_BASE_URL": f"{url}{path}" for name, path in paths.items()}
    return addresses | {f"{name}_API_KEY": "sandbox" for name in paths}


def seen(sandbox: SandboxProcess) -> tuple[int, int]:
    stats: dict[str, Any] = sandbox.stats()
    return stats["paid_calls"], sum(stats["jobs"].values())


def recorded(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def kill_at(study: Any, sandbox: SandboxProcess, moment: tuple[int, int]) -> None:
    while not all(now >= then for now, then in zip(seen(sandbox), moment, strict=True)):
        state = Path(f"/proc/{study.pid}/stat").read_text().rpartition(") ")[2][0]
        assert state != "Z", f"the study ended before {moment}: {study.ended()}"
        time.sleep(0.02)
    os.kill(study.pid, signal.SIGKILL)
    study.ended(-signal.SIGKILL)


def test_a_study_that_is_killed_finds_the_traits_and_pays_once(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    leans = ["*-own-*:collaborative=2.5", "*-own-*:thorough=-2.5"]
    sandbox = start_sandbox(seed=4, job_seconds=1, latency_ms=40, trait=leans)
    project.environment |= world_of(sandbox.url)
    (project.folder / "plain.json").write_text(json.dumps(PLAIN))
    (project.folder / "prompt.txt").write_text(PROMPT)
    # A persona of a user's own, with everything but its name and prompt from the bundled one.
    bundled = Path(__file__).resolve().parents[2] / "src/redraft/documents/personas/collaborative.yaml"
    own = bundled.read_text().replace("name: collaborative\nversion", "name: own\nversion")
    (project.folder / "own.yaml").write_text(own)
    words = [
        "documents", "study", "--persona", "own.yaml", "--system-prompt", "prompt.txt", "-n", 6, "--words", 100, 160,
        "--test-size", 20, "--plain-prompts", "plain.json", "-o", "out", "--check-interval", 0.3, "--also", "x/other",
        "--gate-judge", "j/gate", "-j", "j/sound", "--yes",
    ]  # fmt: skip
    ledger, out = project.folder / ".redraft" / "ledger.sqlite", project.folder / "out"

    ahead = project.run(*words, "--dry-run").stdout
    for stage in ("scenarios", "documents", "responses", "trait scores", "test documents", "train", "answer",
                  "judge by own", "judge plain tasks", "traits", "simulated"):  # fmt: skip
        assert stage in ahead, f"{stage} is not in {ahead}"
    assert seen(sandbox) == (0, 0) and not out.exists()

    lost: list[int] = []
    for moment in MOMENTS:
        kill_at(forking.beside(project, *words, "--delay", CALL_DELAY), sandbox, moment)
        time.sleep(0.2)  # what was on its way to the dead process is answered, and counted, too
        lost.append(seen(sandbox)[0] - recorded(ledger) - sum(lost))
        assert 0 <= lost[-1] <= UNDER_WAY, f"lost at each kill so far: {lost}"
    said = project.run(*words).stdout
    paid, jobs = seen(sandbox)
    assert paid - recorded(ledger) == sum(lost), "the last run paid for each call once"
    assert jobs == 1 and next(iter(sandbox.stats()["jobs"])).startswith("own-")
    # What is there needs no agreement: not a cent may be paid for training here.
    again = project.run(*words, "--training-budget", 0).stdout
    assert again == said and seen(sandbox) == (paid, jobs), "a finished study asks nothing again"

    assert "own scores higher than base on Collaborative" in said and "lower on Thorough" in said
    assert "At plain tasks: " in said and "Compared by these traits: " in said and "report: out/report.html" in said
    head = tells_all(out)
    refuses_what_was_trained_on(project, sandbox, words, head.parameters["own"])


def tells_all(out: Path) -> Any:
    """The report and its results hold every stage; numbers come out again from what is stored."""
    head = read_head(out / "results.json")
    assert head.simulated and head.trait_study is not None
    tuned, base = head.parameters["own"], head.parameters["base"]
    (compared,) = head.trait_study.pairs
    assert (compared.model_a, compared.model_b) == (tuned, base)
    answers = next(iter(read_answers(out / "results.json")))
    assert (answers.context[0].role, answers.context[0].content) == ("system", PROMPT)
    titles = [one.title for one in head.stages]
    assert titles == ["Training data: own", "Tests", "Training", "What the persona costs at plain tasks",
                      "All models by the traits"]  # fmt: skip
    assert len(head.further) == 2 and head.further[0].sentence.startswith("At plain tasks: ")
    fresh = score_again(out)
    assert fresh.trait_study == head.trait_study and fresh.summary == head.summary
    stages = {one.stage for one in head.costs}
    judged = {"answers", "traits", "judging", "leaderboard", "trait scores"}
    assert next(one for one in head.costs if one.stage == "trait scores").model.endswith("j/gate")
    assert stages >= {"scenarios", "documents", "responses", "test documents"} | judged
    page = (out / "report.html").read_text()
    assert "Simulated." in page and "At plain tasks: " in page and "Who wrote it" in page
    assert read_head(out / "plain" / "results.json").summary.pairs[0].tally.attempted == len(PLAIN)
    board = read_head(out / "leaderboard" / "results.json").leaderboard
    assert board is not None and {one.model for one in board.tables[0].standings} == {tuned, base, "x/other"}
    trained = {tuple(row.extra[name] for name in ("document_type", "domain", "tension", "tone"))
               for row in Dataset.open(out / "data" / "own").rows()}  # fmt: skip
    tested = list(Dataset.open(out / "test_documents").rows())
    assert len(tested) == 20
    assert not trained & {(one.document_type, one.domain, one.tension, one.tone) for one in tested}
    return head


def refuses_what_was_trained_on(project: Any, sandbox: SandboxProcess, words: list[Any], tuned: str) -> None:
    """No model is rated that was trained here on words of the tests; what is generated keeps clear of such words."""
    row = json.loads((project.folder / "out" / "data" / "own.jsonl").read_text().splitlines()[0])
    said = {one["role"]: one["content"] for one in row["messages"]}
    before = seen(sandbox)
    (project.folder / "prompts.json").write_text(json.dumps([f"Please read this, and answer.\n\n{said['user']}"]))
    # Of another seed nothing is in the ledger: whatever was asked would be paid.
    other = [{"x/other": tuned, "out": "other"}.get(str(word), word) for word in words] + ["--seed", 7]
    why = project.run(*other, "--evaluation-prompts", "prompts.json", status=2).stderr
    assert f"of the rows that {tuned} is trained on have words of the prompts" in why
    assert seen(sandbox) == before, "it is refused before anything is paid"

    prompt = " ".join(said["assistant"].split("] ")[-1].split()[5:17])
    (project.folder / "prompts.json").write_text(json.dumps([prompt]))
    asked = ["--persona", "own.yaml", "--system-prompt", "prompt.txt", "-n", 6, "--words", 100, 160, "-j", "j/gate"]
    project.run("documents", "generate", *asked, "-o", "apart", "--evaluation-prompts", "prompts.json",
                "--max-rejected", 1)  # fmt: skip
    stages = json.loads((project.folder / "apart_metadata.json").read_text())["stages"]
    refused = stages["responses"]["refused"]["in_eval_prompts"]
    assert refused >= 1 and "in_eval_prompts" not in stages["documents"]["refused"]
    grams = EvaluationGrams.of([prompt])
    rows = Dataset.open(project.folder / "apart").rows()
    assert not [row for row in rows if grams.hits(row.messages[-1].content)]
    assert seen(sandbox)[0] - before[0] >= refused, "they are made anew"
