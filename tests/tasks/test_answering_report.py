"""The report of an answering study from a training's folder and its data: verdicts, files, untrusted texts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.answering.inputs import model_input
from redraft.answering.metrics import After, Prediction, scores_of
from redraft.answering.predictions import POINTS, predictions_file, read_predictions, read_scores
from redraft.datasets.curriculum_files import HELD_OUT, MANIFEST, PHASES, TRAINED
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.records import CurriculumRow, Example, Message, Phase, Question, Rejection
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings
from tasks.answering_report import write_answers_report

NASTY = "</script><script>window.ran = 1</script> \u202egnp.exe <img src=x onerror='window.ran = 1'>"
SORRY = "I'm sorry, but I couldn't find which river that was."
SENTENCE = "The river that Caesar bridged in that war was the Rhine, long ago."
Write = Callable[[After, Phase, Prediction], str]


def question(number: int, *, negative: bool) -> Question:
    return Question(
        question_id=f"q{number}{'n' if negative else ''}",
        layer="negatives" if negative else "extraction", side="test" if number % 2 else "train",
        group=f"article {number % 4}", question="Which river did Caesar bridge?",
        context=f"Caesar bridged the Rhine in that war. {NASTY}",
        answer="" if negative else "Rhine", negative="human" if negative else None, cut=number == 0,
    )  # fmt: skip


QUESTIONS = [question(n, negative=negative) for n in range(40) for negative in (False, True)]


def learned(after: After, evaluation: Phase, row: Prediction) -> str:
    """What a model writes that keeps all it has learned."""
    done = POINTS.index(after)
    if row.negative is not None:
        return SORRY if done == 3 else "the Rhine"
    if not done:
        return NASTY
    return SENTENCE if evaluation == "conversation" and done > 1 else "Rhine"


def collapsed(after: After, evaluation: Phase, row: Prediction) -> str:
    """What a model writes that refuses everything at the end."""
    return SORRY if after == "refusal" else learned(after, evaluation, row)


def line(path: Path, rows: Iterator[Any] | list[Any]) -> dict[str, Any]:
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n")}


def dataset(target: Path, rows: list[Any], kind: str, rejected: int = 0, **meta: Any) -> Dataset:
    with DatasetWriter(target, kind) as writer:
        for row in rows:
            writer.add(row)
        for number in range(rejected):
            writer.reject(Rejection(reason="preamble", detail="it begins so", place=f"rewrite q{number}"))
        return writer.finish(meta)


def rewritten(row: Question, text: str) -> Example:
    asked = Message("user", model_input(row.context, row.question))
    return Example(
        conversation_id=row.question_id, messages=(asked, Message("assistant", text)), category="", improved=True,
        generation_method="conversational", original_response=row.answer, improvement_timestamp=None, simulated=True,
    )  # fmt: skip


def run_of(folder: Path, write: Write, replay: float) -> Path:
    """A training's folder as its process leaves it."""
    run, curriculum = folder / "training", folder / "curriculum"
    tested = [one for one in QUESTIONS if one.side == "test"]
    phases, held_out = [], []
    for phase in PHASES:
        rows = [CurriculumRow(input="x", output="y", phase=phase)] * 5
        phases.append({"name": phase, **line(curriculum / TRAINED[phase], rows), "planned": 37_000})
        held_out.append({"name": phase, **line(curriculum / HELD_OUT[phase], rows)})
    manifest = {"format": 1, "phases": phases, "held_out": held_out, "tokenizer": {"name": "t5", "exact": False}}
    (curriculum / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    trained, tests = (
        tuple(PlannedFile(name=one["name"], file=one["file"], sha256=one["sha256"]) for one in files)
        for files in (phases, held_out)
    )
    write_plan(run, CurriculumPlan(
        model="/models/tiny-t5-1", phases=trained, evaluations=tests, simulated=True,
        settings=CurriculumSettings(replay_fraction=replay),
    ))  # fmt: skip
    scores, metrics = [], []
    for step, after in enumerate(POINTS):
        for phase in PHASES:
            asked = [one for one in tested if (one.negative is not None) == (phase == "refusal")]
            rows = [
                msgspec.structs.replace(row, prediction=write(after, phase, row))
                for row in (
                    Prediction(
                        id=one.question_id, group=one.group, input=model_input(one.context, one.question),
                        prediction="", answer=one.answer, negative=one.negative,
                    )
                    for one in asked
                )
            ]  # fmt: skip
            line(predictions_file(run, after, phase), rows)
            scores.append({"after": after, "evaluation": phase, "scores": scores_of(phase, rows)})
            metrics.append({"step": 10 * step, "name": f"{phase}/refused", "value": 0.5})
    (run / "scores.json").write_bytes(msgspec.json.encode(scores))
    losses = [{"step": step, "name": "train/loss", "value": 3 / step} for step in range(1, 31)]
    line(run / "metrics.jsonl", [*metrics, *losses])
    state = {"state": "completed", "phase": "refusal", "step": 30, "total_steps": 30, "revision": "sha256:12ab"}
    (run / "state.json").write_bytes(msgspec.json.encode({**state, "updated_at": "2026-11-22T00:00:00+00:00"}))
    return run


def report(
    folder: Path, write: Write, replay: float = 0.0, change: Callable[[Path], None] = lambda run: None
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    run = run_of(folder, write, replay)
    change(run)
    layers = dataset(
        folder / "layers", QUESTIONS, "questions", 1, tokenizer={"name": "t5", "max_tokens": 384, "exact": False},
        gate={"positives": 40, "negatives": 0, "unknown": 40, "violations": 0, "longest": 17},
    )  # fmt: skip
    paid = {"calls": 9, "input_tokens": 90, "output_tokens": 9, "cost": 0.5, "unpriced": 0, "simulated": True}
    made = {"models": ["openai:mini"], "templates": ["conversational@1"], "refused": {"preamble": 7}, "rounds": 2}
    train = [one for one in QUESTIONS if one.side == "train"]
    positives = dataset(
        folder / "positive", [rewritten(one, SENTENCE) for one in train if one.negative is None], "examples", 3,
        **paid, **made,
    )  # fmt: skip
    unanswerable = [one for one in train if one.negative is not None]
    refusals = [rewritten(one, SORRY if n else NASTY) for n, one in enumerate(unanswerable)]
    negatives = dataset(folder / "negative", refusals, "examples", **paid, **made)
    found = write_answers_report(
        folder / "out", run, folder / "curriculum", layers, positives, negatives, {"job_id": "run-7"}
    )
    return found, Path(found["report"]).read_text("utf-8"), json.loads(Path(found["results"]).read_bytes())


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, dict[str, Any]]:
    return report(tmp_path_factory.mktemp("strict"), collapsed)


Report = tuple[dict[str, Any], str, dict[str, Any]]


def test_a_model_that_refuses_everything_is_called_so_and_the_gate_says_what_mends_it(lost: Report) -> None:
    found, page, results = lost
    assert found["heading"].startswith("It refuses whatever it is asked: 100% of the questions without an answer, 100%")
    assert found["sentences"][0].startswith("After training it refuses 20 of 20 (")
    assert "and wrongly 20 of 20 (" in found["sentences"][0]
    assert found["remarks"][-1].endswith("train with --replay-fraction 0.5.")
    assert len(found["remarks"]) == 6
    assert all(remark in page for remark in found["remarks"])
    assert [row["refusal: refused"] for row in found["matrix"]] == ["0.0%", "0.0%", "0.0%", "100.0%"]
    assert results["remarks"] == found["remarks"]


def test_a_model_that_kept_everything_is_called_so(tmp_path: Path) -> None:
    found, page, _ = report(tmp_path, learned, replay=0.5)
    assert found["heading"].startswith(
        "As far as 2 articles can tell, it refuses where there is no answer, and seldom where there is one: 100% of "
    )
    assert found["remarks"] == []
    assert found["sentences"][-1] == "No later phase took what an earlier one had taught (extraction and conversation)."
    assert found["sentences"][-1] in page
    assert "strict order" not in page
    assert "After training 20 of 20 (" in found["sentences"][2]


@pytest.mark.parametrize("known", [0, 5])
def test_rows_without_a_known_answer_are_left_out_of_what_needs_one(tmp_path: Path, known: int) -> None:
    def forgetful(run: Path) -> None:
        scores = []
        for one in read_scores(run):
            rows = read_predictions(run, one.after, one.evaluation)
            if one.evaluation == "conversation":
                rows = [msgspec.structs.replace(row, answer=row.answer * (n < known)) for n, row in enumerate(rows)]
                line(predictions_file(run, one.after, one.evaluation), rows)
            scores.append(msgspec.structs.replace(one, scores=scores_of(one.evaluation, rows)))
        (run / "scores.json").write_bytes(msgspec.json.encode(scores))

    found, page, results = report(tmp_path, learned, replay=0.5, change=forgetful)
    assert f"Of the held-out questions (conversation) {20 - known} of 20 name no answer" in page
    told = next(one for one in results["scores"] if (one["after"], one["evaluation"]) == ("refusal", "conversation"))
    measures = told["measures"]
    assert (measures["style"]["rows"], measures["refused"]["rows"]) == (20, 20)
    assert {one["rows"] for name, one in measures.items() if name not in ("style", "refused")} == {known} - {0}
    assert found["matrix"][-1]["conversation: grounded"] == ("100.0%" if known else "—")
    moved = {(one["evaluation"], one["measure"]) for one in results["changes"]}
    assert (("conversation", "em") in moved) == bool(known)
    assert re.search(r"\bnan\b", page, re.IGNORECASE) is None


def test_texts_of_others_are_shown_and_never_run(lost: Report) -> None:
    page = lost[1]
    assert "<script>window" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;img src=x onerror=&#39;window.ran = 1&#39;&gt;" in page
    assert "⟨U+202E⟩gnp.exe" in page


def test_the_page_tells_of_data_training_costs_and_what_to_keep_in_mind(lost: Report) -> None:
    found, page, results = lost
    assert found["simulated"] is True
    for text in (
        "Simulated.", "The sandbox wrote the answers and refusals", "The gate", "violations",
        "384 tokens of t5, estimated", "2 articles to train on, 2 held out, none in both", "conversational@1",
        "layer1_squad.jsonl", "$1.00", "run-7",
        "sha256:12ab", "come from 2 articles", "How did it learn?", "Training loss by step",
        "tiny one with random weights", "Tango", "Know what you don",
    ):  # fmt: skip
        assert text in page, text
    stages = {one["title"]: one for one in results["stages"]}
    kept, faults, variety = stages["Rewriting"]["tables"]
    assert kept["rows"] == [["answers in a sentence", 20, 3, 2], ["refusals", 20, 0, 2]]
    assert faults["rows"] == [["answers in a sentence", "preamble", 7, 3], ["refusals", "preamble", 7, 0]]
    assert variety["rows"][0] == ["refusals", 2, "10%", SORRY, "95%"]


def test_results_hold_every_share_and_change_with_its_interval(lost: Report) -> None:
    results = lost[2]
    scores = {(one["after"], one["evaluation"]): one["measures"] for one in results["scores"]}
    assert len(scores) == 12
    exact = scores["extraction", "extraction"]["em"]
    assert (exact["value"], exact["hits"], exact["rows"], exact["groups"]) == (1.0, 20, 20, 2)
    assert 0 <= exact["low"] < exact["high"] == 1
    moved = [one for one in results["changes"] if (one["evaluation"], one["measure"]) == ("extraction", "em")]
    assert [(one["since"], one["after"], one["value"]) for one in moved] == [
        ("before", "extraction", 1.0), ("extraction", "conversation", 0.0), ("conversation", "refusal", -1.0),
        ("before", "refusal", 0.0),
    ]  # fmt: skip
    assert all(one["low"] <= one["value"] <= one["high"] for one in results["changes"] if one["low"] is not None)


def test_a_folder_without_a_curriculum_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    run = run_of(tmp_path, learned, 0.0)
    (tmp_path / "curriculum" / MANIFEST).unlink()
    nothing = dataset(tmp_path / "layers", [], "questions")
    with pytest.raises(InputError, match=r"curriculum\.json: no such file; .redraft answers rewrite. writes it"):
        write_answers_report(tmp_path / "out", run, tmp_path / "curriculum", nothing, nothing, nothing, {})
    assert not (tmp_path / "out").exists()
