"""Which model is evaluated next and with what, what its comparisons come to, and what is told of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.training.formats import TrainingFile
from redraft.training.newest import Newest, announcement, evaluation_of, in_words, newest_model
from redraft.training.registry import Compared, ModelEvaluation, Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

HERE = "http://127.0.0.1:1"


class Clock:
    """A minute later at every look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry.sqlite", Clock()) as one:
        yield one


@pytest.fixture
def plan(registry: Registry) -> Callable[..., TrainingJob]:
    def planned(name: str, base: str = "meta/llama", endpoint: str = HERE) -> TrainingJob:
        file = TrainingFile(path=Path(f"{name}.jsonl"), rows=3, sha256=f"{name:0>64}")
        return registry.plan(
            file, TrainingSettings(model=base, suffix=name), endpoint=endpoint, simulated=endpoint != HERE
        )

    return planned


def complete(registry: Registry, job: TrainingJob) -> TrainingJob:
    return registry.record(job, state=JobState.COMPLETED, model_output_name=f"account/{job.suffix}")


def comparison(outcome: Any, role: Any = "base", **more: Any) -> Compared:
    given = {
        "against": "meta/llama", "role": role, "verdict": "undecided", "better": None, "outcome": outcome,
        "win_rate": 0.5, "low": 0.4, "high": 0.6, "sentence": "Can't tell yet.", "report": "r.html",
        "results": "r.json",
    }  # fmt: skip
    return Compared(**{**given, **more})


def evaluate(registry: Registry, job: TrainingJob, *outcomes: str) -> ModelEvaluation:
    found = evaluation_of(registry, job, [comparison(outcome) for outcome in outcomes], simulated=False)
    registry.record_evaluation(found)
    return found


def names(found: Newest | None) -> tuple[str, list[tuple[str, str]]]:
    assert found is not None
    return found.model.split("/")[1].split("-")[0], [(role, name.split("-")[0]) for role, name in found.others]


def test_the_model_completed_last_meets_its_base_and_the_last_good_one(
    registry: Registry, plan: Callable[..., TrainingJob]
) -> None:
    assert newest_model(registry, HERE) is None
    early, late = plan("early"), plan("late")
    late = complete(registry, late)
    assert names(newest_model(registry, HERE)) == ("late", [("base", "meta/llama")])
    early = complete(registry, early)  # submitted first, completed last
    registry.record(late, price=1.0)  # a later note about a job is not its end
    assert names(newest_model(registry, HERE)) == ("early", [("base", "meta/llama")]), "late was never evaluated"
    evaluate(registry, late, "good")
    assert names(newest_model(registry, HERE))[1] == [("base", "meta/llama"), ("last good", "account/late")]

    for name, outcomes in (("bad", ("good", "worse")), ("silent", ("no verdict",))):
        assert evaluate(registry, complete(registry, plan(name)), *outcomes).outcome == outcomes[-1]
    complete(registry, plan("other", base="qwen/qwen"))
    complete(registry, plan("elsewhere", endpoint="sandbox:1"))
    plan("running")
    assert names(newest_model(registry, HERE)) == ("other", [("base", "qwen/qwen")]), "of another base model"
    assert names(newest_model(registry, "http://user:word@127.0.0.1:1", "*[!r]-????????"))[0] == "silent"
    found = newest_model(registry, HERE, "*silent*")
    assert names(found) == ("silent", [("base", "meta/llama")]), "the pattern holds for the last good one, too"
    complete(registry, plan("new"))
    assert names(newest_model(registry, HERE, "*[!r]-????????"))[1][1] == ("last good", "account/late")

    again = evaluate(registry, late, "worse")  # the newest evaluation counts
    assert again.ordinal == 2 and names(newest_model(registry, HERE, "*[!r]-????????"))[1] == [("base", "meta/llama")]


def test_an_evaluation_is_told_under_one_id_with_what_was_lost_at_the_top(
    registry: Registry, plan: Callable[..., TrainingJob]
) -> None:
    job = complete(registry, plan("arm"))
    lost = comparison("worse", "last good", against="account/old", better="account/old", verdict="better", win_rate=0.3)
    found = evaluation_of(registry, job, [comparison("good"), lost], simulated=True)
    told = announcement(job, found)
    assert told.name == "redraft.evaluation.regression" and told.resource == f"redraft.model.account/{job.suffix}"
    assert (told.payload["against"], told.payload["role"], told.payload["win_rate"]) == (
        "account/old",
        "last good",
        0.3,
    )
    assert len(told.payload["comparisons"]) == 2 and told.payload["simulated"] and told.labels["redraft.simulated"]
    assert f"account/{job.suffix} (simulated) is worse than account/old (last good). " in told.payload["words"]
    assert announcement(job, found).id == told.id
    assert announcement(job, msgspec.structs.replace(found, ordinal=2)).id != told.id

    registry.record_evaluation(found)
    assert registry.evaluation(job) == found
    registry.evaluation_told(found)
    assert (registry.evaluation(job) or found).told_at
    silent = evaluation_of(registry, job, [comparison("good"), comparison("no verdict")], simulated=False)
    assert (silent.ordinal, silent.outcome, announcement(job, silent).name) == (
        2, "no verdict", "redraft.evaluation.completed"
    )  # fmt: skip
    assert "could not be told from, for want of verdicts" in in_words(job, silent)
