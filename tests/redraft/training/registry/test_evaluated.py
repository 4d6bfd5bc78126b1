"""Evaluations of models in both kinds of database."""

from __future__ import annotations

from collections.abc import Callable

from redraft.training.registry import Compared, ModelEvaluation, Registry, TrainingJob
from redraft.training.states import JobState


def test_evaluations_are_kept_and_the_newest_counts(registry: Registry, plan: Callable[..., TrainingJob]) -> None:
    jobs = [registry.record(plan(registry, letter * 64), model_output_name=letter) for letter in "abc"]
    for job in (jobs[1], jobs[0]):
        registry.record(job, state=JobState.COMPLETED)
    assert [job.model_output_name for job in registry.completed()] == ["a", "b"]
    compared = Compared(
        against="m\u0000", role="base", verdict="better", better=None, outcome="good", win_rate=0.5, low=0.25,
        high=0.75, sentence="A \u2066bidi.", report="r", results="s",
    )  # fmt: skip
    made = [
        ModelEvaluation(
            job_key=jobs[0].job_key, attempt=1, ordinal=ordinal, at="2026-11-01", outcome="good", simulated=True,
            comparisons=(compared,) * ordinal,
        )
        for ordinal in (1, 2)
    ]  # fmt: skip
    for one in made:
        registry.record_evaluation(one)
    found = registry.evaluation(jobs[0])
    assert found and found.ordinal == 2 and found.comparisons[0].win_rate == 0.5 and len(found.comparisons) == 2
    registry.evaluation_told(made[0])
    assert registry.evaluation(jobs[0]) == found, "the other one was told"
    registry.evaluation_told(made[1])
    assert (registry.evaluation(jobs[0]) or found).told_at and registry.evaluation(jobs[1]) is None
