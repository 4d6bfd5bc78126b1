from __future__ import annotations

from typing import get_args

import pytest
from together.lib.types.fine_tuning import FinetuneJobStatus
from together.types import finetune_response

from redraft.training.states import JobState, from_provider, progress


def test_every_status_of_the_sdk_is_known() -> None:
    statuses = set(get_args(finetune_response.FinetuneResponse.model_fields["status"].annotation))
    statuses |= {status.value for status in FinetuneJobStatus}
    unknown = {status for status in statuses if from_provider(status) is JobState.UNKNOWN}
    assert unknown == set()
    assert from_provider(FinetuneJobStatus.STATUS_COMPLETED) is JobState.COMPLETED


@pytest.mark.parametrize("status", ["paused", "", None, 7, "planned", "could_not_ask", "lost"])
def test_an_unknown_status_is_not_the_end(status: object) -> None:
    state = from_provider(status)
    assert state is JobState.UNKNOWN
    assert not state.terminal


def test_only_four_ends_besides_completion() -> None:
    assert {s for s in JobState if s.terminal} == {
        JobState.COMPLETED,
        JobState.CANCELLED,
        JobState.ERROR,
        JobState.USER_ERROR,
        JobState.LOST,
    }
    assert not JobState.COULD_NOT_ASK.failed
    assert {s for s in JobState if not s.submitted} == {
        JobState.PLANNED,
        JobState.UPLOADING_FILE,
        JobState.SUBMITTING,
    }


def test_progress_grows_with_the_steps_and_starts_again_after_a_restart() -> None:
    steps = [{"type": "epoch_complete", "step": step, "total_steps": 30} for step in (10, 20, 30)]
    assert progress(JobState.RUNNING, []) is None
    assert progress(JobState.RUNNING, steps[:1]) == pytest.approx(1 / 3)
    assert progress(JobState.UPLOADING, steps) == 0.99
    assert progress(JobState.RUNNING, [*steps, {"type": "job_restarted"}]) is None
    assert progress(JobState.RUNNING, [*steps, {"type": "job_restarted"}, steps[0]]) == pytest.approx(1 / 3)
    assert progress(JobState.RUNNING, [{"step": 0, "total_steps": 0}, {"step": None}]) is None
    assert progress(JobState.COMPLETED, []) == 1.0
