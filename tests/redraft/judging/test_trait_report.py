"""The report on traits: what was found stands in it, nothing that others wrote can run, it can be made anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from redraft.datasets.parquet import read_parquet
from redraft.judging.artifact import traits_markdown
from redraft.judging.publishing import Told, publish
from redraft.judging.report import ReportInput, methods, render_report
from redraft.judging.rescoring import publish_again
from redraft.judging.results import read_head
from redraft.judging.rubric import load_rubric
from redraft.judging.settings import Settings
from redraft.judging.trait_examples import pick_answers
from redraft.judging.trait_study import study_traits
from redraft.records import Answer, Message, Rating

HOSTILE = "</div><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{7*7}} | [x](javascript:alert(3)) `"
RUBRIC = load_rubric()
Records = tuple[list[Rating], list[Answer]]


@pytest.fixture
def make() -> Callable[..., Records]:
    def records(judges: tuple[str, ...], text: str, contexts: int = 40) -> Records:
        random = np.random.default_rng(4)
        answers = [
            Answer(
                context_id=f"c{n}", context=(Message("user", f"{text} {n}"),), model=model, group=f"user:{n // 4}",
                response=None if n == 5 else f"{model} {n} {text}", failure=text if n == 5 else None,
            )
            for model in (f"better {text}", "plain") for n in range(contexts)
        ]  # fmt: skip
        ratings = [
            Rating(
                context_id=one.context_id, model=one.model, judge=judge, rubric=RUBRIC.id, rubric_digest=RUBRIC.digest,
                status="candidate_error" if one.response is None else "ok", analysis=text, detail=text, raw=text,
                answered_model=judge, violation=n % 9 == 0,
                scores={} if one.response is None else {
                    name: float(random.integers(5 if "better" in one.model else 1, 10)) for name in RUBRIC.names
                },
            )
            for judge in judges for n, one in enumerate(answers)
        ]  # fmt: skip
        return ratings, answers

    return records


def test_the_page_has_all_and_runs_nothing(make: Callable[..., Records]) -> None:
    ratings, answers = make((f"judge one {HOSTILE}", "judge two"), HOSTILE)
    study = study_traits(ratings, RUBRIC, groups={one.context_id: one.group for one in answers}, labels={"plain": "P"})
    rated = pick_answers(answers, ratings, study)
    assert pick_answers(list(reversed(answers)), list(reversed(ratings)), study)[0].context_id == rated[0].context_id
    assert all("⟨U+202E⟩{{7*7}}" in one.messages[0][1].text for one in rated)
    kinds = [one.kind for one in rated if one.model == "plain"]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "by chance": 6, "scored highest": 3, "scored lowest": 3, "without scores": 1,
    }  # fmt: skip
    means = {kind: [float(one.mean) for one in rated if one.kind == kind and one.mean] for kind in kinds}
    assert min(means["scored highest"][-3:]) > max(means["scored lowest"][-3:])
    # Which are drawn by chance does not depend on how they are scored.
    turned = [
        msgspec.structs.replace(one, scores=dict.fromkeys(one.scores, 1 + int(one.context_id[1:]) * 7 % 10))
        for one in ratings
    ]
    ids = [
        {one.context_id for one in pick_answers(answers, some, study) if one.kind == "by chance"}
        for some in (ratings, turned)
    ]
    assert ids[0] == ids[1]
    report = ReportInput(title=f"T {HOSTILE}", created_at="now", traits=study, rated=rated, labels={"plain": "P"})
    page = render_report(report)
    assert page.count("<script>") == 1 and "<img" not in page and "\u202e" not in page and "⟨U+202E⟩" in page
    assert "&lt;script&gt;alert(1)" in page and "{{7*7}}" in page
    for part in (
        "Who scores higher?", "How were the answers scored?", "How are the scores spread?", "Do the judges agree?",
        "What failed", "Read what was scored", "All judges together, averaged by answer", "10 groups",
        "a model gave no answer",
    ):  # fmt: skip
        assert part in page, part
    assert page.count('class="histogram') == 10 and all(trait.title.split()[0] in page for trait in RUBRIC.traits)
    assert "collaborative" in methods(report).text and "Scores of P" in methods(report).latex
    said = traits_markdown(study)
    assert "<script>" not in said and "](javascript" not in said and "\u202e" not in said


def test_megabytes_do_not_reach_the_page(make: Callable[..., Records]) -> None:
    ratings, answers = make(("j",), "x" * 200_000, 30)
    study = study_traits(ratings, RUBRIC)
    page = render_report(
        ReportInput(title="T", created_at="now", traits=study, rated=pick_answers(answers, ratings, study))
    )
    # Its name alone is 200,000 characters, which it chose itself.
    assert len(page.replace("x" * 1_000, "")) < 1_000_000 and "more characters" in page


def test_a_run_is_made_again_from_its_results(make: Callable[..., Records], tmp_path: Path) -> None:
    ratings, answers = make(("j", "k"), "text")
    groups = {one.context_id: one.group for one in answers}
    study = study_traits(ratings, RUBRIC, groups=groups, baseline="plain", answers=answers, simulated=True)
    told, run = Told(title="T", created_at="now", parameters={"judge": "j"}), tmp_path / "run"
    summary = publish(run, [], [], Settings(simulated=True), told, traits=study, ratings=ratings, answers=answers)
    assert summary.pairs == () and summary.simulated
    assert {one.name for one in run.iterdir()} == {"results.json", "report.html", "ratings.parquet"}
    assert len(list(read_parquet(run / "ratings.parquet"))) == 160
    before = (run / "report.html").read_text()
    publish_again(run, tmp_path / "again", "now")
    assert (tmp_path / "again" / "report.html").read_text() == before
    results = [json.loads((folder / "results.json").read_text()) for folder in (run, tmp_path / "again")]
    assert results[0] == results[1]
    publish_again(run, tmp_path / "strict", "now", Settings(max_missing=0.0, simulated=True))
    found = read_head(tmp_path / "strict" / "results.json").trait_study
    assert found is not None and found.baseline == "plain"
    assert {each.verdict for one in found.pairs for each in one.found.traits} == {"missing"}
