"""What `redraft rescore` and `redraft label` do with a run that scored answers on traits and compared nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from redraft.cli import main
from redraft.judging.publishing import Told, publish
from redraft.judging.results import read_head
from redraft.judging.rubric import load_rubric
from redraft.judging.settings import Settings
from redraft.judging.trait_study import study_traits
from redraft.records import Answer, Message, Rating


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two models on 40 contexts of 20 users."""
    rubric = load_rubric()
    ratings = [
        Rating(
            context_id=f"c{n}", model=model, judge="openai:j", rubric=rubric.id, rubric_digest=rubric.digest,
            status="ok", scores={name: float(1 + (n * 3 + k + shift) % 8) for k, name in enumerate(rubric.names)},
        )
        for n in range(40) for model, shift in (("x", 2), ("y", 0))
    ]  # fmt: skip
    answers = [
        Answer(context_id=f"c{n}", context=(Message("user", "?"),), model=model, response="!",
               group=f"user_id:{n // 2}")
        for n in range(40) for model in ("x", "y")
    ]  # fmt: skip
    study = study_traits(ratings, rubric, groups={one.context_id: one.group for one in answers})
    told = Told(title="t", created_at="then")
    publish(tmp_path / "run", [], [], Settings(), told, traits=study, ratings=ratings, answers=answers)
    return tmp_path / "run"


def refused(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 2 and done.output.startswith("redraft: bad input: "), done.output
    assert len(done.output.splitlines()) == 1, done.output
    return done.output


def test_contexts_are_grouped_by_what_the_answers_name_only(run: Path, tmp_path: Path) -> None:
    def scored(by: str) -> object:
        """The comparison of the two models, with its intervals."""
        words = ["rescore", str(run), "--cluster-by", by, "--json"]
        done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / by)])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["summary"]["settings"]["cluster_by"] == by
        study = read_head(tmp_path / by / "results.json").trait_study
        assert study is not None
        return study.pairs

    stored = read_head(run / "results.json").trait_study
    assert stored is not None and stored.grouped
    assert scored("user") == stored.pairs != scored("none")
    said = refused("rescore", run, "--cluster-by", "document", "-o", tmp_path / "never")
    assert "no context names a document to group by; they name user_id" in said
    assert not (tmp_path / "never").exists()


def test_what_says_nothing_of_traits_is_refused(run: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert "--rope says which win rates" in refused("rescore", run, "--rope", 0.4, 0.6, "-o", tmp_path / "never")
    for words in (("--by", "ann"), ("--show",)):
        assert "no two models were compared in it, and only comparisons are labelled" in refused("label", run, *words)
    assert sorted(tmp_path.rglob("*")) == before
