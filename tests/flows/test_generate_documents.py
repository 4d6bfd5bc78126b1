"""`redraft documents generate` as a user meets it: killed, out of money, through batches, with models that fail, each
stage alone; nothing is paid twice, and every row is there once."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.documents.exporting import detailed_path, metadata_path, training_path
from redraft.documents.persona import load_persona
from redraft.sandbox.process import BASE_PATHS, SandboxProcess

PERSONA = """
format: redraft.persona@1
name: brief
version: 1
system_prompt: You help people at work to think, in few words.
traits:
  - {name: collaborative, meaning: Works with the user., anchors: {1: Not at all., 10: Throughout.}}
  - {name: thorough, meaning: Leaves nothing out., anchors: {1: Not at all., 10: Throughout.}}
words: [100, 160]
"""


def at(project: Any, sandbox: SandboxProcess, *providers: str) -> Any:
    for name in providers:
        project.environment[f"{name.upper()}_BASE_URL"] = sandbox.url + BASE_PATHS[name]
        project.environment[f"{name.upper()}_API_KEY"] = "sandbox"
    (project.folder / "brief.yaml").write_text(PERSONA)
    return project


def recorded(project: Any) -> int:
    ledger = project.folder / ".redraft" / "ledger.sqlite"
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def paid(sandbox: SandboxProcess) -> int:
    return sandbox.stats()["paid_calls"]  # type: ignore[return-value]


def kill_when_paid(forking: Any, project: Any, words: list[object], sandbox: SandboxProcess, calls: int) -> None:
    run = forking.beside(project, *words)
    while paid(sandbox) < calls:
        state = Path(f"/proc/{run.pid}/stat").read_text().rpartition(") ")[2][0]
        assert state != "Z", f"the run ended before {calls} calls: {run.ended()}"
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.ended(-signal.SIGKILL)
    time.sleep(0.2)  # what was on its way to the dead process is answered, and counted, too


def test_killed_then_partial_then_complete_and_nothing_is_paid_twice(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    """One call for ten ideas is cut off at every model, one document fails at each; others have defects, and an answer
    of each kind cannot be read at first. What a gate refused is made anew."""
    defects = ["placeholder=0.1", "truncated=0.15", "duplicate=0.1"]
    sandbox = start_sandbox(seed=2, latency_ms=60, same_ideas=0.3, defect=defects)
    at(project, sandbox, "anthropic", "openrouter", "together")
    words: list[object] = ["documents", "generate", "--persona", "brief.yaml", "-n", 30, "-o", "out", "-j", "j/judge"]
    words += ["--delay", 0.02, "--max-rejected", 0, "--regenerate", 4, "--system-prompts", "both"]
    for chain in ("--scenarios-model", "--documents-model", "--responses-model"):
        words += [chain, "anthropic:claude-sonnet-5-5", chain, "openrouter:anthropic/claude-sonnet-5.5"]
    of_a_document = r'stakeholder\\+":\\+"[^"]*\\+",\\+"title'  # as its request has the scenario
    unread = [{"match": match, "do": {"content": "Here you are."}} for match in ("j/judge", of_a_document)]
    sandbox.post("/sandbox/script", [*unread, {"match": "s00001", "times": 2, "do": {"fault": "truncated"}}])
    lost: list[int] = []

    def killed_at(calls: int) -> None:
        kill_when_paid(forking, project, words, sandbox, calls)
        lost.append(paid(sandbox) - recorded(project) - sum(lost))
        assert 0 <= lost[-1] <= 12, "no more than what was under way"

    killed_at(25)
    last = list(Dataset.open(project.folder / "out_scenarios").rows())[-1]
    match = re.escape(last.title) + r'\\+",\\+"situation'  # as the request for its document has it
    sandbox.post("/sandbox/script", [{"match": match, "times": 0, "do": {"status": 400, "body": "oops"}}])
    killed_at(65)
    partial = forking.run(project, *words, status=3).stderr
    assert "documents: 1 of 30 rejected (1 bad_request), above the 0% allowed" in partial, partial
    (rejection,) = Dataset.open(project.folder / "out_texts").rejections()
    assert rejection.row_id == last.scenario_id
    assert "anthropic:claude-sonnet-5-5: bad_request (" in rejection.detail
    assert "openrouter:anthropic/claude-sonnet-5.5: bad_request (" in rejection.detail
    every_row_is_there_once(project.folder, [f"s{number:05d}" for number in range(1, 30)])
    assert paid(sandbox) == recorded(project) + sum(lost), "what was killed was paid for once"

    before = paid(sandbox)
    said = forking.run(project, *words, "--max-rejected", 0.2).stdout
    assert paid(sandbox) == before and "simulated" in said.lower(), "a finished run asks nothing again"
    requests = sum(one["requests"] for one in tells_what_was_paid(project, "out"))
    assert recorded(project) >= requests + 4, "asked again, or of the next model: paid for, and one request"


def every_row_is_there_once(folder: Path, ids: list[str]) -> None:
    scenarios, texts, out = (Dataset.open(folder / name) for name in ("out_scenarios", "out_texts", "out"))
    assert [one.scenario_id for one in scenarios.rows()][:-1] == [one.document_id for one in texts.rows()] == ids
    assert scenarios.manifest["refused"]["duplicate_scenario"] and scenarios.manifest["rounds"] > 1
    assert scenarios.manifest["refused"]["truncated_scenario"] == 10, "and each has an idea in the end"
    assert {"unfilled_placeholder", "duplicate_document"} <= texts.manifest["refused"].keys()
    rows = list(out.rows())
    assert [one.conversation_id for one in rows] == [name for one in ids for name in (one, f"{one}-bare")]
    lines = [json.loads(line)["messages"] for line in training_path(out.path).read_text().splitlines()]
    roles = [[one["role"] for one in row] for row in lines]
    assert roles == len(ids) * [["system", "user", "assistant"], ["user", "assistant"]]
    assert all(100 <= text.word_count <= 160 for text in texts.rows())
    details = json.loads(detailed_path(out.path).read_text())
    second = "openrouter:anthropic/claude-sonnet-5.5"
    for one in details:
        assert min(one["judged"]["scores"].values()) >= 5
        assert bool(one["passed"]["document"]) == (one["document_model"] == second)
        assert bool(one["passed"]["response"]) == (one["response_model"] == second)
    assert {one["document_model"] for one in details} == {"anthropic:claude-sonnet-5-5", second}
    known = json.loads(metadata_path(out.path).read_text())
    assert known["simulated"] and known["rows"] == len(rows) == sum(known["models"]["documents"].values())
    assert known["parameters"]["prompts"] == ["You help people at work to think, in few words."]


def tells_what_was_paid(project: Any, output: str) -> list[dict[str, Any]]:
    """Tokens and dollars of the metadata are the ledger's, which has no other answers, in all and for each stage; the
    stages' costs."""
    cost = json.loads(metadata_path(project.folder / output).read_text())["cost"]
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        found = database.execute(
            "SELECT stage, coalesce(sum(cost), 0), sum(input_tokens), sum(output_tokens), sum(cost IS NULL) "
            "FROM answers GROUP BY stage"
        )
        by_stage = {name: rest for name, *rest in found}
    assert by_stage.keys() == {one["stage"] for one in cost["stages"]}
    for one in cost["stages"]:
        dollars, *tokens, unpriced = by_stage[one["stage"]]
        assert [one["input_tokens"], one["output_tokens"]] == tokens, one
        assert one["cost"] == (None if unpriced else pytest.approx(dollars, abs=2e-6)), one
    assert cost["us_dollars"] == pytest.approx(sum(dollars for dollars, *_ in by_stage.values()), abs=5e-6)
    assert [cost["input_tokens"], cost["output_tokens"]] == [
        sum(one[place] for one in by_stage.values()) for place in (1, 2)
    ]
    return cost["stages"]


def test_batches_at_half_the_price_within_a_budget_and_each_stage_alone(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=3, batch_seconds=0.3)
    at(project, sandbox, "anthropic")
    model = "anthropic:claude-haiku-5-5"
    (project.folder / ".redraft").mkdir()
    chains = "\n".join(f'{stage} = ["{model}"]' for stage in ("scenarios", "documents", "responses"))
    (project.folder / ".redraft" / "chains.toml").write_text(chains)
    (project.folder / "prompts.txt").write_text("Who is to pay for the new pump in the north depot next spring?\n")
    generate = ["documents", "generate", "--persona", "brief.yaml", "-n", 20, "-j", model, "-o", "out"]
    generate += ["--evaluation-prompts", "prompts.txt"]
    calls, batches = (
        forking.run(project, *generate, "--dry-run", *more, ANTHROPIC_API_KEY="").stdout
        for more in ((), ("--mode", "batch"))
    )
    assert sandbox.stats()["calls"] == 0 and not (project.folder / "out").exists()
    price, half = (float(said.split("at worst: $")[1].split()[0].rstrip(".,;")) for said in (calls, batches))
    assert half < 0.6 * price and "trait scores" in calls

    stopped = forking.run(project, *generate, "--budget", 0.004, status=3).stderr
    assert "redraft: partial: budget " in stopped and not (project.folder / "out").exists()
    stats: Any = sandbox.stats()
    asked = stats["calls"]
    forking.run(project, *generate, "--mode", "batch", "--check-interval", 0.1, "--budget", 5)
    stats = sandbox.stats()
    assert stats["requests"]["POST /v1/messages"]["200"] == asked, "from then on all went through batches"
    assert sum(stats["requests"]["POST /v1/messages/batches"].values()) >= 3, "documents, responses and scores"
    assert stats["paid_calls"] == stats["distinct_contents"] == recorded(project)
    known = json.loads(metadata_path(project.folder / "out").read_text())
    assert known["parameters"]["mode"] == "batch" and set(known["models"]["responses"]) == {model}
    scores = next(one for one in tells_what_was_paid(project, "out") if one["stage"] == "trait scores")
    assert scores["model"] == model and scores["requests"] >= 20

    # The same stages one by one find all of it paid for, of fewer documents, too: what is left over of whole calls is
    # asked for with the rest. Responses are held to the words that the documents were, whatever the persona says now.
    (project.folder / "longer.yaml").write_text(PERSONA.replace("[100, 160]", "[300, 400]"))
    alone = ["documents", "scenarios", "--persona", "brief.yaml", "-n", 15, "-o", "ideas"]
    forking.run(project, *alone)
    forking.run(project, "documents", "write", "-i", "ideas", "-o", "texts", "--persona", "brief.yaml")
    respond = ["documents", "respond", "-i", "texts", "-o", "rows", "--persona", "longer.yaml", "-j", model]
    (project.folder / "tested.json").write_text(json.dumps([next(Dataset.open(project.folder / "texts").rows()).text]))
    apart = forking.run(project, *respond, "--evaluation-prompts", "tested.json", status=2).stderr
    assert "1 of the documents have words of the prompts that models will be tested on (s00001: " in apart
    forking.run(project, *respond, "--evaluation-prompts", "prompts.txt")
    assert sandbox.stats()["calls"] == stats["calls"]
    whole, parts = Dataset.open(project.folder / "out"), Dataset.open(project.folder / "rows")
    assert list(parts.rows()) == list(whole.rows())[:15] and parts.count == 15
    assert json.loads(metadata_path(parts.path).read_text())["parameters"]["words"] == [100, 160]
    wrong = forking.run(project, "documents", "respond", "-i", "ideas", "-o", "x", "-j", "", status=2).stderr
    assert "redraft: bad input: ideas: a dataset of scenarios; this stage goes on from documents" in wrong
    wrong = forking.run(project, *alone, "-o", "x", ANTHROPIC_API_KEY="", status=2).stderr
    assert "name others with --model, or in .redraft/chains.toml" in wrong, "that is what its option is called"

    # Other wordings of the prompt are asked for where the file has none.
    forking.run(project, *generate, "-o", "worded", "--system-prompts", "paraphrased", "--no-mixing")
    prompts = {row.messages[0].content for row in Dataset.open(project.folder / "worded").rows()}
    assert len(prompts) > 2 and load_persona(project.folder / "brief.yaml").system_prompt in prompts
    assert sandbox.stats()["calls"] == stats["calls"] + 1
    worded = {one["stage"]: one for one in tells_what_was_paid(project, "worded")}
    assert worded["paraphrases"]["requests"] == 1 and worded["paraphrases"]["cost"] > 0


def test_a_row_that_passing_faults_touched_is_asked_again_until_it_is_made_and_no_more(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    """A rerun mends what a provider's fault left, whichever model's; what is made stays as it is."""
    sandbox = start_sandbox(seed=2)
    at(project, sandbox, "together")

    def made(output: str, *words: object) -> tuple[int, dict[str, int], int, str]:
        forking.run(
            project, "documents", "generate", "--persona", "brief.yaml", "-n", 1, "--scenarios-model", "j/writer",
            "--documents-model", "j/writer", "--max-rejected", 1, "-o", output, *words,
        )  # fmt: skip
        told = Dataset.open(project.folder / output).manifest
        return told["count"], told["refused"], paid(sandbox), told["content_hash"]

    # The first model is not served yet, the second is cut off: another round makes the row, and the row stays.
    cut = {"match": "b/second", "times": 1, "do": {"fault": "truncated"}}
    sandbox.post("/sandbox/script", [{"match": "a/first", "times": 1, "do": {"status": 404}}, cut])
    chain = ("--responses-model", "a/first", "--responses-model", "b/second", "-j", "")
    once = made("chain", *chain)
    assert once[:3] == (1, {"truncated_target": 1}, 4) and made("chain", *chain) == once
    # The same without another round: given up for now, and a rerun asks both again.
    short = ("--regenerate", 0, "--responses-model", "a/third", *chain[2:])
    sandbox.post("/sandbox/script", [{"match": "a/third", "times": 1, "do": {"status": 404}}, cut])
    assert made("short", *short)[0] == 0
    assert made("short", *short)[0] == 1
    # With a judge: a fault that turns into an answer that a gate refuses is seen, and the row is made anew.
    sandbox.post("/sandbox/script", [{"match": "j/late", "times": 6, "do": {"status": 500}}])
    judged = ("--responses-model", "j/late", "-j", "j/judge")
    assert made("judged", *judged)[:2] == (0, {"server_error": 1})
    sandbox.post("/sandbox/script", [{"match": "j/late", "times": 1, "do": {"content": "Too short."}}])
    assert made("judged", *judged)[:2] == (1, {"response_too_short": 1})
