"""What a run of judging says of the evaluated model, and what happens where nobody takes the news."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from redraft.errors import PartialError
from redraft.judging.settings import Settings
from redraft.judging.verdict import summarise_study
from redraft.records import Judgment
from redraft.training.formats import TrainingFile
from redraft.training.newest import evaluation_of
from redraft.training.registry import Compared, Registry
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from tasks.newest_model import compared, tell_of


def judged(judge: str, verdicts: str) -> list[Judgment]:
    """Both orders of each context, from a letter for each: the winner, or t for a tie, or x for none."""
    status = {"t": "tie", "x": "judge_unparseable"}
    return [
        Judgment(
            context_id=f"c{number}", order=order, status=status.get(letter, "ok"),
            winner=letter if letter in "AB" else None, model_a="mine/new", model_b="base", judge=judge, attempts=1,
            cost=0.0,
        )
        for number, letter in enumerate(verdicts)
        for order in ("AB", "BA")
    ]  # fmt: skip


def said(*judgments: list[Judgment]) -> Compared:
    study = summarise_study([row for rows in judgments for row in rows], settings=Settings())
    return compared(study, "base", "base", "report.html", "results.json")


def test_one_judge_or_several() -> None:
    worse = said(judged("j/one", "B" * 35 + "A" * 5))
    assert (worse.outcome, worse.better, worse.verdict, worse.win_rate) == ("worse", "base", "clearly_better", 0.125)
    better = said(judged("j/one", "A" * 35 + "B" * 5))
    assert (better.outcome, better.better) == ("good", "mine/new")
    even = said(judged("j/one", "AB" * 20))
    assert (even.outcome, even.better, even.verdict) == ("good", None, "undecided")
    assert said(judged("j/one", "B" * 30 + "x" * 10)).outcome == "no verdict", "too many are missing"
    both = said(judged("j/one", "B" * 35 + "A" * 5), judged("k/two", "B" * 30 + "A" * 10))
    assert both.outcome == "worse" and 0.125 < both.win_rate < 0.25, "the panel's own numbers"
    split = said(judged("j/one", "B" * 35 + "A" * 5), judged("k/two", "A" * 35 + "B" * 5))
    assert (split.outcome, split.better) == ("no verdict", None)


def test_where_nobody_takes_the_news_the_run_is_partial_and_the_next_one_tells(tmp_path: Path) -> None:
    with Registry(tmp_path / "registry.sqlite") as registry:
        file = TrainingFile(path=Path("arm.jsonl"), rows=3, sha256="a" * 64)
        job = registry.plan(file, TrainingSettings(model="base"), endpoint="e", simulated=True)
        job = registry.record(job, state=JobState.COMPLETED, model_output_name="mine/new")
        found = evaluation_of(registry, job, [said(judged("j/one", "B" * 35 + "A" * 5))], simulated=True)
        registry.record_evaluation(found)
        with (
            temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
            pytest.raises(PartialError, match=r"^regression: mine/new .* the next run tells it"),
        ):
            asyncio.run(tell_of(registry, job, found))
        assert registry.evaluation(job) == found and found.told_at is None
