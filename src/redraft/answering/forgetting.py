"""The gate against forgetting: what a phase of the curriculum took from what the model could do before it.

Phases in strict order may end with a model that refuses whatever it is asked. Neighbours: `metrics` has the scores,
`matrix` shows all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec

from redraft.answering.metrics import After, Scored, rows_of
from redraft.answering.predictions import POINTS, by_point
from redraft.records import Phase

# A fall, or a rise of false refusals, that a run may have: what is smaller lies within what another seed or another
# draw of held-out rows gives, and no user would notice one question in twenty.
ALLOWED = 0.05
# What kept everything where strict order lost it, on a small model.
REPLAY = 0.5
# What mends a loss to a later phase begins so, and what no phase had taught no rehearsal brings back.
REHEARSE = "Rehearse"
_OF_ITS_OWN = (
    "What the model could do before, or refuses from the start, no rehearsal brings back: look through the rows of the "
    "earlier phases (redraft answers check), and train with a lower --learning-rate or other --epochs."
)
_Z = 1.959963984540054  # 97.5% of a standard normal distribution


class _Watched(msgspec.Struct, frozen=True):
    """A measure that a later phase must not make worse; `sign` is -1 where less of it is worse, 1 where more is."""

    evaluation: Phase
    measure: str
    sign: int
    words: str


# A model that answers in sentences has lost exact match and not the answer: both are told apart.
_WATCHED = (
    _Watched("extraction", "contained", -1, "Extraction: predictions that hold the answer"),
    _Watched("extraction", "em", -1, "Extraction: exact match"),
    _Watched("extraction", "refused", 1, "Extraction: answerable questions that are refused"),
    _Watched("conversation", "grounded", -1, "Conversation: grounded answers"),
    _Watched("conversation", "refused", 1, "Conversation: answerable questions that are refused"),
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How far a share moved from one point to a later one; `low`..`high` is the 95% interval of `end` - `start`."""

    watched: str
    start: float
    end: float
    rows: int
    since: After
    after: After
    low: float
    high: float


def forgetting_of(scores: Sequence[Scored], replay_fraction: float = 0.0) -> list[str]:
    """Remarks in words, one for each measure that a phase made worse than ALLOWED, and last what mends it; none where
    nothing was lost.

    A measure is compared with itself after its own phase, at every later point, and from there on with what it was
    before the training, where that was better; the worst is told. False refusals of more than ALLOWED at the end are
    told whatever they were earlier. It speaks where the 95% interval of the change, or of that share, leaves the
    allowed one: so few rows do not make it speak by chance. The question is
    whether the model, on these held-out questions, does worse than it did, and not how it would do on other articles:
    so rows count as independent here, unlike in the report's intervals. `replay_fraction` is what the run rehearsed.
    """
    found = by_point(scores)
    lost: list[Change] = []
    standing: list[str] = []
    for watched in _WATCHED:
        if (change := _worst(watched, found)) is not None:
            lost.append(change)
        elif watched.sign > 0 and (told := _at_the_end(watched, found)) is not None:
            standing.append(told)
    if not lost and not standing:
        return []
    later = [_mend(replay_fraction)] if any(one.since != "before" for one in lost) else []
    own = [_OF_ITS_OWN] if standing or any(one.since == "before" for one in lost) else []
    return [*map(_in_words, lost), *standing, " ".join([*later, *own])]


def _worst(watched: _Watched, found: Mapping[tuple[After, Phase], dict[str, float]]) -> Change | None:
    """The largest change beyond the allowed one since the measure's own phase, else since before the training where it
    was better then; None where there is none."""
    own, *later = POINTS[POINTS.index(watched.evaluation) :]
    if (lost := _largest(watched, found, own, later)) is not None:
        return lost
    taught = _change(watched, found, "before", own)
    if taught is None or (taught.end - taught.start) * watched.sign <= 0:
        return None
    return _largest(watched, found, "before", [own, *later])


def _largest(
    watched: _Watched, found: Mapping[tuple[After, Phase], dict[str, float]], since: After, ends: Sequence[After]
) -> Change | None:
    moved = [
        change for after in ends
        if (change := _change(watched, found, since, after)) is not None and _beyond(change, watched.sign)
    ]  # fmt: skip
    return max(moved, key=lambda one: abs(one.end - one.start), default=None)


def _at_the_end(watched: _Watched, found: Mapping[tuple[After, Phase], dict[str, float]]) -> str | None:
    """A share that is beyond the allowed one after the last phase that was measured, in words."""
    phases: list[After] = [
        after for after in POINTS[1:] if rows_of(found.get((after, watched.evaluation), {}), watched.measure)
    ]
    if not phases:
        return None
    scores = found[phases[-1], watched.evaluation]
    share, rows = scores[watched.measure], rows_of(scores, watched.measure)
    low, high = _wilson(share, rows)
    if low <= ALLOWED:
        return None
    return (
        f"{watched.words}: {_percent(share)} after the {phases[-1]} phase (95% interval {_percent(low)} to "
        f"{_percent(high)}, {rows:,} rows)."
    )


def _change(
    watched: _Watched, found: Mapping[tuple[After, Phase], dict[str, float]], own: After, after: After
) -> Change | None:
    start, end = found.get((own, watched.evaluation), {}), found.get((after, watched.evaluation), {})
    rows = min(rows_of(start, watched.measure), rows_of(end, watched.measure))
    if not rows:
        return None
    before, now = start[watched.measure], end[watched.measure]
    low, high = newcombe_interval(before, now, rows)
    return Change(watched=watched.words, start=before, end=now, rows=rows, since=own, after=after, low=low, high=high)


def _beyond(change: Change, sign: int) -> bool:
    return (change.low if sign > 0 else -change.high) > ALLOWED


def newcombe_interval(start: float, end: float, rows: int) -> tuple[float, float]:
    """95% interval of `end` - `start`, two shares of so many rows each, in [-1, 1].

    Newcombe (1998), Statistics in Medicine 17:873, method 10: from Wilson's intervals of both. For independent shares;
    of the same rows it is too wide rather than too narrow, as answers to one question go together.
    """
    low_start, high_start = _wilson(start, rows)
    low_end, high_end = _wilson(end, rows)
    moved = end - start
    down = sqrt((end - low_end) ** 2 + (high_start - start) ** 2)
    up = sqrt((high_end - end) ** 2 + (start - low_start) ** 2)
    return max(-1.0, moved - down), min(1.0, moved + up)


def _wilson(share: float, rows: int) -> tuple[float, float]:
    """Wilson (1927), Journal of the American Statistical Association 22:209."""
    spread = _Z * sqrt(share * (1 - share) / rows + _Z * _Z / (4 * rows * rows))
    middle, scale = share + _Z * _Z / (2 * rows), 1 + _Z * _Z / rows
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _in_words(one: Change) -> str:
    verb = "rose" if one.end > one.start else "fell"
    since = "before the training" if one.since == "before" else f"after the {one.since} phase"
    low, high = sorted((abs(one.low), abs(one.high)))
    return (
        f"{one.watched} {verb} from {_percent(one.start)} {since} to {_percent(one.end)} after the "
        f"{one.after} phase: by {_points(one.end - one.start)} points (95% interval {_points(low)} to {_points(high)}, "
        f"{one.rows:,} rows)."
    )


def _mend(replay_fraction: float) -> str:
    if replay_fraction <= 0:
        return f"{REHEARSE} earlier phases inside the later ones: train with --replay-fraction {REPLAY}."
    return (
        f"{REHEARSE} more of the earlier phases: train with --replay-fraction above {replay_fraction:g}, or a lower "
        "--learning-rate."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _points(share: float) -> str:
    return f"{100 * abs(share):.0f}"
