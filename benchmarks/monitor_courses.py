"""What the registry recorded of each job's states against the provider's own course of them.

Neighbours: `monitor` lets the jobs live; the sandbox tells the courses (`/sandbox/stats?courses=1`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Any, NamedTuple

from redraft.training.registry import StateChange
from redraft.training.states import JobState, from_provider

# The registry's times are cut to whole milliseconds.
_TICK = 0.001


class Stage(NamedTuple):
    """A state that the provider had a job in, from when to when in Unix seconds."""

    state: JobState
    began: float
    ended: float


def stages(course: Sequence[Sequence[Any]]) -> list[Stage]:
    """The course as states of ours; what is one state to us is one stage."""
    found: list[Stage] = []
    for status, began in course:
        state = from_provider(status)
        if found and found[-1].state is state:
            continue
        if found:
            found[-1] = found[-1]._replace(ended=began)
        found.append(Stage(state, began, inf))
    return found


def missed(
    name: str, course: Sequence[Stage], chain: Sequence[StateChange], passes: Sequence[Mapping[str, Any]]
) -> int:
    """How many stages nobody recorded, each too short for any pass. Raises AssertionError for a change that never was,
    one recorded twice or out of order, and for a stage that a whole pass looked at and that is not there.

    `passes` have `by`, `began`, `ended`, and `heard`: whether the provider's list was had.
    """
    changes = [(one.to_state, datetime.fromisoformat(one.at).timestamp()) for one in chain if one.to_state.submitted]
    seen: list[int] = []
    for state, at in changes:
        after = seen[-1] + 1 if seen else 0
        here = [n for n in range(after, len(course)) if course[n].state is state and course[n].began <= at + _TICK]
        assert here, f"{name} was recorded as {state}, which is not what followed: {list(course)}, {changes}"
        seen.append(here[0])
    unseen = 0
    for number, stage in enumerate(course):
        known = next((course[n].state for n in reversed(seen) if n <= number), None)
        if stage.state is known:
            continue  # it is recorded, or what came in between is not, so that this is no change
        unseen += 1
        for one in passes:
            within = one["heard"] and stage.began <= one["began"] and one["ended"] <= stage.ended
            # Where another monitor has recorded older news meanwhile, this one's wait for the next pass.
            raced = any(one["began"] - _TICK <= at <= one["ended"] + _TICK for _, at in changes)
            assert not within or raced, f"{name} was {stage}, which {one} saw and nobody recorded: {changes}"
    return unseen
