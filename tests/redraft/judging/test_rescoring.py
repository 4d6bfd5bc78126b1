"""A run scored anew is the same run; with other rules it says what changes. Boards, traits and labels come along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from redraft.errors import InputError
from redraft.judging.changes import changes
from redraft.judging.counting import count_study
from redraft.judging.groups import clusters_of
from redraft.judging.labels.judged import answers_of, read_pairs
from redraft.judging.labels.records import FORMAT, Head
from redraft.judging.labels.session import Session, deck, draw
from redraft.judging.labels.storage import SheetWriter, read_sheets, sheet_path
from redraft.judging.leaderboard.boards import board_of
from redraft.judging.publishing import Told, publish
from redraft.judging.rescoring import publish_again, score_again
from redraft.judging.results import read_head
from redraft.judging.rubric import load_rubric
from redraft.judging.settings import Settings
from redraft.judging.tables import CONTEXTS, JUDGMENTS, RATINGS
from redraft.judging.trait_study import study_traits
from redraft.records import Answer, Comparison, Judgment, Message, Rating

TOLD = Told(title="A run", created_at="then", parameters={"elo": True, "seed": 4})


@pytest.fixture
def board_run(
    tmp_path: Path, make_comparison: Callable[..., Comparison], make_tallied: Callable[..., list[Judgment]]
) -> Path:
    """Three models by two judges, contexts of ten users, a board, and the Elo curve that was asked for."""
    compared: list[Comparison] = []
    judgments: list[Judgment] = []
    for a, b, wins in (("x", "y", 24), ("x", "z", 30), ("y", "z", 22)):
        compared += [make_comparison(f"c{n}", model_a=a, model_b=b, group=f"user_id:{n // 4}") for n in range(40)]
        for judge in ("openai:one", "gemini:two"):
            judgments += make_tallied(wins, 36 - wins, 3, 1, model_a=a, model_b=b, judge=judge)
    clusters = clusters_of(compared)
    board = board_of(count_study(judgments, compared).counted(clusters), ["x", "y", "z"], clusters)
    run = tmp_path / "run"
    publish(run, compared, judgments, Settings(labels={"x": "X"}), TOLD, board=board)
    return run


def test_a_board_is_made_again(board_run: Path, tmp_path: Path) -> None:
    before = read_head(board_run / "results.json")
    publish_again(board_run, tmp_path / "other", "then")
    after = read_head(tmp_path / "other" / "results.json")
    assert after == before and after.leaderboard is not None
    page = (tmp_path / "other" / "report.html").read_text()
    assert "Elo" in page and "Leaderboard" in page
    loose = score_again(board_run, Settings(confidence=0.8, cluster_by="none", labels={"x": "X"}))
    assert loose.leaderboard is not None and loose.leaderboard.confidence == 0.8
    assert loose.leaderboard.tables[0].groups is None and before.leaderboard is not None
    assert before.leaderboard.tables[0].groups == 10
    said = {one.what: (one.before, one.now) for one in changes(before, loose)}
    assert said["confidence"] == ("95%", "80%") and said["contexts grouped by"] == ("what the data name", "none")
    assert any(name.startswith("X against y, openai:one: interval") for name in said)
    assert changes(before, score_again(board_run)) == []
    # One verdict of forty is missing: that may be allowed or not.
    strict = score_again(board_run, Settings(confidence=0.8, cluster_by="none", max_missing=0.01)).leaderboard
    told = loose.leaderboard.tables[0]
    assert told.better and told.lacking == () and strict is not None
    assert (strict.tables[0].better, strict.tables[0].lacking) == ((), told.better)
    with pytest.raises(InputError, match="no context names a document to group by; they name user_id"):
        score_again(board_run, Settings(cluster_by="document"))


def test_traits_are_made_again(tmp_path: Path) -> None:
    rubric = load_rubric()
    ratings = [
        Rating(
            context_id=f"c{n}", model=model, judge="openai:j", rubric=rubric.id, rubric_digest=rubric.digest,
            status="ok", simulated=True,
            scores={name: float(1 + (n * 3 + k + shift) % 8) for k, name in enumerate(rubric.names)},
        )
        for n in range(40) for model, shift in (("x", 2), ("y", 0))
    ]  # fmt: skip
    answers = [
        Answer(context_id=f"c{n}", context=(Message("user", "?"),), model=model, response="!", group=f"user:{n // 2}")
        for n in range(40) for model in ("x", "y")
    ]  # fmt: skip
    groups = {one.context_id: one.group for one in answers}
    run, other = tmp_path / "run", tmp_path / "other"
    traits = study_traits(ratings, rubric, groups=groups, answers=answers)
    settings = Settings(simulated=True)
    publish(run, [], [], settings, TOLD, traits=traits, ratings=ratings, answers=answers)
    assert {one.name for one in run.iterdir()} == {"results.json", "report.html", RATINGS}
    publish_again(run, other, "then")
    assert (other / "results.json").read_bytes() == (run / "results.json").read_bytes()
    assert (other / "report.html").read_bytes() == (run / "report.html").read_bytes()
    assert read_head(other / "results.json").trait_study == traits and traits.grouped
    alone = score_again(run, Settings(simulated=True, cluster_by="none")).trait_study
    assert alone is not None and not alone.grouped and alone.pairs != traits.pairs


def test_labels_of_people_come_along(board_run: Path, tmp_path: Path) -> None:
    pair = read_pairs(board_run)[0]
    contexts = draw(pair, 12, seed=0)
    drawn = deck(contexts, answers_of(board_run, pair.models, set(contexts)), seed=0, by="Ann")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    head = Head(at="2026-01-01T00:00:00Z", format=FORMAT, by="Ann", model_a=pair.model_a, model_b=pair.model_b, seed=0)
    with SheetWriter(sheet_path(board_run, "Ann", pair.models), head) as writer:
        session = Session(drawn, writer, "helpful@1", lambda: now)
        for number in range(12):
            session.show()
            session.label("left" if number % 3 else "right")
    other = tmp_path / "other"
    first = publish_again(board_run, other, "now")
    assert first.pairs[0].people is not None and first.pairs[0].people.labelled == 12
    assert read_sheets(other)[0].events == read_sheets(board_run)[0].events
    assert publish_again(other, other, "now") == first == publish_again(board_run, board_run, "now")
    assert score_again(board_run).summary == first


def test_what_a_run_no_longer_has_is_taken_away(board_run: Path) -> None:
    rubric = load_rubric()
    rating = Rating(
        context_id="c1", model="x", judge="openai:j", rubric=rubric.id, rubric_digest=rubric.digest, status="ok",
        scores=dict.fromkeys(rubric.names, 5.0),
    )  # fmt: skip
    assert (board_run / JUDGMENTS).exists() and (board_run / CONTEXTS).exists()
    publish(board_run, [], [], Settings(), TOLD, traits=study_traits([rating], rubric), ratings=[rating])
    assert not (board_run / JUDGMENTS).exists() and not (board_run / CONTEXTS).exists()


@pytest.mark.parametrize(
    ("kept", "edited", "said"),
    [
        (b'"input_tokens":100', b'"input_tokens":-100', r"judgments, record 1: .*>= 0 .*input_tokens"),
        (b'"cost":0.001', b'"cost":-0.001', r"judgments, record 1: .*>= 0.0 .*cost"),
        (b'"cost":0.001', b'"cost":NaN', "NaN|not whole JSON"),
        (b'"winner":"A"', b'"winner":"B"', r"1 of the verdicts are .* context c0, .*order AB: .*winner B, .*winner A"),
        (b'"status":"ok","winner":"A"', b'"status":"tie","winner":null', "stands as tie, and the answer says winner A"),
    ],
)  # fmt: skip
def test_an_edited_judgment_is_refused_by_name(
    tmp_path: Path, make_comparison: Callable[..., Comparison], kept: bytes, edited: bytes, said: str
) -> None:
    """By judges with a schema, with a fenced answer, and with a last line; in one order or the other."""
    compared = [make_comparison(f"c{n}") for n in range(6)]
    bare = msgspec.json.encode({
        "analysis": "a VERDICT: 2", "violations": {"answer_1": False, "answer_2": False}, "verdict": "answer_1",
        "strength": "slight",
    }).decode()  # fmt: skip
    raws = {
        "AB": (bare, f"```json\n{bare}\n```", "reasons\n VERDICT: 1"),
        "BA": ("so\nverdict: 2 \n", "VERDICT: 2", ""),
    }
    judgments = [
        Judgment(
            context_id=one.context_id, model_a=one.model_a, model_b=one.model_b, judge="openai:j", order=order,
            status="ok", winner="A", raw=raws[order][n % 3], attempts=1, input_tokens=100, output_tokens=10, cost=0.001,
        )
        for n, one in enumerate(compared) for order in ("AB", "BA")
    ]  # fmt: skip
    run = tmp_path / "run"
    publish(run, compared, judgments, Settings(), TOLD)
    file = run / "results.json"
    before = file.read_bytes()
    score_again(run)
    section = before.index(b'"judgments": [')
    assert kept in before[section:]
    file.write_bytes(before[:section] + before[section:].replace(kept, edited, 1))
    with pytest.raises(InputError, match=said) as refused:
        publish_again(run, tmp_path / "other", "then")
    assert str(file) in str(refused.value) and not (tmp_path / "other").exists()
