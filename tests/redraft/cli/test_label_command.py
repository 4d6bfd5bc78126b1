"""`redraft label`: what it refuses in one line, and what --show says. The page itself: tests/redraft/labelling."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from redraft.cli import main
from redraft.cli.label_command import COUNT, CRITERIA
from redraft.judging.human_check import check
from redraft.judging.labels.effect import read_human_labels
from redraft.judging.labels.judged import answers_of, read_pairs
from redraft.judging.labels.records import FORMAT, Head
from redraft.judging.labels.session import DEFAULT_COUNT, Session, deck, draw
from redraft.judging.labels.storage import SheetWriter, read_sheets, sheet_path
from redraft.judging.prompts import DEFAULT_CRITERIA
from redraft.judging.results import write_results
from redraft.judging.summary import Settings, StudySummary
from redraft.records import Comparison, Judgment, Message

STUDY = (("feedback:1", "base:1"), ("alternative:1", "base:1"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A study of two pairs, 40 contexts each; the judge prefers the first model in three of four."""
    comparisons = [
        Comparison(context_id=f"c{number}", context=(Message("user", "?"),), model_a=a, model_b=b,
                   response_a="first", response_b="second", group=f"user {number % 10}")
        for a, b in STUDY
        for number in range(40)
    ]  # fmt: skip
    judgments = [
        Judgment(context_id=one.context_id, model_a=one.model_a, model_b=one.model_b, judge="j:1", order=order,
                 status="ok", winner="B" if int(one.context_id[1:]) % 4 == 0 else "A")
        for one in comparisons
        for order in ("AB", "BA")
    ]  # fmt: skip
    settings = Settings(labels={"feedback:1": "feedback", "base:1": "base", "alternative:1": "alternative"})
    write_results(tmp_path / "results.json", StudySummary(pairs=(), settings=settings), comparisons, judgments, {})
    return tmp_path


def people_label(run: Path, pair: int, count: int, by: str = "ann") -> None:
    """Somebody who prefers the first model always."""
    judged = read_pairs(run)[pair]
    models = judged.models
    head = Head(at="2026-01-01T00:00:00Z", format=FORMAT, by=by, model_a=models[0], model_b=models[1], seed=0)
    contexts = draw(judged, count, seed=0)
    drawn = deck(contexts, answers_of(run, models, contexts), seed=0, by=by)
    with SheetWriter(sheet_path(run, by, models), head) as writer:
        session = Session(drawn, writer, "helpful@1", lambda: datetime(2026, 1, 1, tzinfo=UTC))
        for one in drawn:
            session.label("left" if one.left == "A" else "right")


def redraft(*words: object, status: int = 0) -> str:
    done = CliRunner().invoke(main, ["label", *map(str, words)])
    assert done.exit_code == status, done.output
    return done.output


def test_show_tells_of_every_pair_that_was_labelled(run: Path) -> None:
    assert "nobody has labelled anything yet" in redraft(run, "--show")
    people_label(run, 1, 20)
    said = redraft(run, "--show")
    assert said.startswith("alternative against base, judged by j:1\n") and "feedback" not in said
    assert "with 20 labels, alternative's win rate by people's choice is 100%" in said
    assert "according to j:1 alone it is 75%" in said and "Labelled by ann (20" in said
    people_label(run, 0, 10, "bob")
    assert "feedback against base" in redraft(run, "--show")
    assert "feedback" not in redraft(run, "--show", "--pair", 2)
    found = json.loads(redraft(run, "--show", "--pair", 1, "--json"))
    assert [one["check"]["labelled"] for one in found] == [10] and found[0]["people"][0]["by"] == "bob"
    assert json.loads(redraft(run, "--show", "--json"))[1]["check"]["labelled"] == 20


def test_contexts_of_one_user_are_not_counted_as_independent(run: Path) -> None:
    people_label(run, 0, 20)
    (found,) = read_human_labels(run)
    folds, clusters = read_pairs(run)[0].judged["j:1"], {f"c{number}": str(number % 10) for number in range(40)}
    (sheet,) = read_sheets(run)
    labels = {key: one.verdict for key, one in sheet.standing.labels.items()}
    assert found.check == check(folds, labels, clusters=clusters) != check(folds, labels)


def test_what_is_wrong_is_one_line_and_nothing_is_written(run: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert "say who labels: --by NAME" in redraft(run, status=2)
    assert "--json goes with --show" in redraft(run, "--by", "ann", "--json", status=2)
    for words, said in (
        ((run, "--by", "ann"), "choose a comparison with --pair: 1 feedback against base; 2 alternative against base"),
        ((run, "--by", "ann", "--pair", 3), "choose a comparison with --pair: 1 feedback"),
        ((run, "--by", "a/b", "--pair", 1), "cannot be the name of who labels"),
        ((run, "--by", "ann", "--criteria", "missing.toml"), "missing.toml: no such file"),
        ((run / "none", "--by", "ann"), "no results.json in it; name the folder that `redraft evaluate` wrote"),
        ((run / "none", "--show"), "no results.json in it"),
    ):
        output = redraft(*words, status=2)
        assert output.startswith("redraft: bad input: ") and said in output and output.count("\n") == 1, output
    assert sorted(tmp_path.rglob("*")) == before
    people_label(run, 0, 1)
    words = (run, "--by", "ann", "--pair", 1, "--seed", 5)
    assert "ann labels these answers with seed 0; leave --seed out" in redraft(*words, status=2)


def test_two_at_once_under_one_name(run: Path) -> None:
    models = read_pairs(run)[0].models
    head = Head(at="", format=FORMAT, by="ann", model_a=models[0], model_b=models[1], seed=0)
    with SheetWriter(sheet_path(run, "ann", models), head):
        assert "ann is labelling this already" in redraft(run, "--by", "ann", "--pair", 1, status=2)


def test_the_defaults_that_are_written_twice_agree() -> None:
    assert (COUNT, CRITERIA) == (DEFAULT_COUNT, DEFAULT_CRITERIA)
