"""The second opinion where people read it: remarks, the sentence's detail, the report's table, the Markdown."""

from __future__ import annotations

import numpy as np
import pytest

from redraft.judging.artifact import traits_markdown
from redraft.judging.methods import methods_of
from redraft.judging.multiplicity import holm
from redraft.judging.report import ReportInput, render_report
from redraft.judging.rubric import Rubric, Scale, Trait
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.records import Rating

RUBRIC = Rubric(
    name="four", version=1, scale=Scale(low=1, high=10),
    traits=tuple(
        Trait(name=name, label=name.title(), description=name, anchors={1: "no", 10: "yes"})
        for name in ("warm", "exact", "brief", "calm")
    ),
)  # fmt: skip


def rate(model: str, rows: np.ndarray) -> list[Rating]:
    return [
        Rating(
            context_id=f"c{number}", model=model, judge="j", rubric=RUBRIC.id, rubric_digest=RUBRIC.digest, status="ok",
            scores=dict(zip(RUBRIC.names, row, strict=True)), answered_model="j",
        )
        for number, row in enumerate(rows.tolist())
    ]  # fmt: skip


@pytest.fixture(scope="module")
def ratings() -> list[Rating]:
    """Warm: both crowd at the top, A clearly above. Exact: many a little up, some far down. Brief: nothing in common.
    Calm: no crowding."""
    random = np.random.default_rng(2)
    b = np.full((60, 4), 10.0)
    a = b.copy()
    b[:40, 0], a[:10, 0] = random.integers(4, 9, size=40), 9
    b[:48, 1], a[:6, 1] = 9, 1
    b[:, 2] = 1
    a[:, 3], b[:, 3] = random.integers(4, 8, size=(2, 60))
    return [*rate("a", a), *rate("b", b)]


@pytest.fixture(scope="module")
def study(ratings: list[Rating]) -> TraitStudy:
    return study_traits(ratings, RUBRIC, labels={"a": "Alpha"})


def test_remarks_and_detail(study: TraitStudy) -> None:
    found = {one.trait: one.ordinal for one in study.pairs[0].found.traits}
    assert {name: one and (one.agrees, one.unfit) for name, one in found.items()} == {
        "warm": (True, ""), "exact": (False, ""), "brief": (None, "separated"), "calm": None,
    }  # fmt: skip
    # Each stands in its trait's place when all tests are adjusted together.
    tests = [
        one.p if one.ordinal is None or one.ordinal.p is None else one.ordinal.p for one in study.pairs[0].found.traits
    ]
    together = dict(zip(RUBRIC.names, holm(tests), strict=True))
    assert {name: one.p_adjusted for name, one in found.items() if one and one.p_adjusted} == {
        name: pytest.approx(together[name]) for name in ("warm", "exact")
    }
    said = [line for line in study.remarks if "A model of ordered scores" in line]
    assert [line.split(":")[0] for line in said] == ["Warm", "Exact", "Brief"]
    assert "agrees with the mean difference: the odds that Alpha reaches any given score are" in said[0]
    assert "at an end of the scale (83.3% of Alpha's are the highest)" in said[0] and "times those of b" in said[0]
    assert "does not agree with the mean difference (p = " in said[1] and "which the verdict follows" in said[1]
    assert "100% of Alpha's are the highest and 100% of b's are the lowest" in said[2]
    assert "could not be used: no score of b lies above any of Alpha, so that the effect has no end." in said[2]
    assert study.said[0].detail.endswith("by the order of the scores alone, does not agree on Exact.")
    # The verdict is the mean's: the second opinion changes none.
    assert [one.verdict for one in study.pairs[0].found.traits][:3] == ["higher", "undecided", "higher"]


def test_report_methods_and_markdown(study: TraitStudy) -> None:
    page = render_report(ReportInput(title="T", created_at="now", traits=study, labels={"a": "Alpha"}))
    table = page.split("A second opinion: Alpha against b")[1].split("</table>")[0]
    assert [table.count(name) for name in ("Warm", "Exact", "Brief", "Calm")] == [1, 1, 1, 0]
    ordinal = study.pairs[0].found.traits[0].ordinal
    assert ordinal is not None and ordinal.log_odds is not None
    assert f"{np.exp(ordinal.log_odds):.3g}" in table and ">no<" in table and "has no end" in table
    assert "does not agree on Exact" in traits_markdown(study)
    told = methods_of(None, {}, None, study, str).text
    assert "cumulative-logit model" in told and "warm odds ratio" in told
    assert "not fitted for brief: no score of b lies above any of a" in told


def test_groups_are_what_its_error_counts(study: TraitStudy, ratings: list[Rating]) -> None:
    """The contexts lie in order, so that those of a group are alike."""
    grouped = study_traits(ratings, RUBRIC, groups={f"c{n}": f"user:{n // 6}" for n in range(60)})
    (alone, _), (together, _) = (
        [one.ordinal for one in of.pairs[0].found.traits if one.ordinal and one.ordinal.p] for of in (study, grouped)
    )
    assert together.log_odds == alone.log_odds and (together.standard_error or 0) > 1.5 * (alone.standard_error or 9)
