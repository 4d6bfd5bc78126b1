"""Whether reinforcement learning is still learning what is wanted: a reward model is wrong about something, and a model
that is trained long enough finds what.

A judge who is not what is optimised sees it: the reward rises while the judge's rating falls. Neighbour: `rl` asks
after each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, inf, sqrt
from statistics import fmean

import msgspec

# Standard errors that count as a fall. It is asked after every step, while the reward rises as it is meant to: by
# chance alone it ends at most 0.2 % of the runs of 200 steps whose judge stays at par (2,000 simulated at the
# defaults: 0.15 % with 1,000 prompts, none with 40, none where the judge calls every third pair a tie).
_SURE = 4.5
# A rating is 1, 0.5 or 0 for a reply that is better than, as good as, or worse than the one written before.
PAR = 0.5
# Variance of what chance makes of par for one prompt: there a single reply stands against all new ones, and how good
# that is, is as uncertain as can be.
_OF_ONE = 1 / 12
# Changes of a rating by which its variance is taken to be twice as large.
_FEW = 10
# Of a fall by so much of it is said that it shows.
_SHOWS = 0.25


class Point(msgspec.Struct, frozen=True):
    """Means over the outputs of one step: the reward model's, the judge's (None: not asked then) over so many `rated`
    outputs (0: as if not asked), and how far the model has moved, in nats an output."""

    step: int
    reward: float
    kl: float
    judge: float | None = None
    rated: int = 1


class Reason(msgspec.Struct, frozen=True):
    """Why to end. `good` is the last step before it showed."""

    kind: str
    words: str
    good: int


class _Fall(msgspec.Struct, frozen=True):
    """The judge's rating of the `last` points beside what it was `before`: in which steps, or by construction."""

    last: Sequence[Point]
    beside: str
    reward: float
    before: float


def reason_to_end(points: Sequence[Point], window: int, max_kl: float, prompts: int | None = None) -> Reason | None:
    """Why to end after the last of these points, in order of their steps; None: nothing speaks for it. `prompts`:
    ratings are against one reply to each of so many, written before, so that half is par from the first step on; None:
    they are numbers of any scale.

    Too far: the mean of the last `window` points' `kl` is above `max_kl`. Hacked: of the points at which the judge was
    asked, the last `window` (or twice, or four times as many) have a rating that is more than 4.5 standard errors
    below that of as many before, of as many first ones, or below par, and a reward that is above theirs (for par: that
    of the first points).
    """
    last = points[-window:]
    if len(last) == window and (moved := fmean(one.kl for one in last)) > max_kl:
        return Reason(
            "moved_too_far",
            f"steps {last[0].step} to {last[-1].step}: moved by {moved:.1f} nats an output, and {max_kl:g} are allowed",
            last[0].step - 1,
        )
    judged = [one for one in points if one.judge is not None and one.rated]
    fall = next(_falls(judged, window, prompts), None)
    if fall is None:
        return None
    return Reason(
        "reward_hacked",
        f"steps {fall.last[0].step} to {fall.last[-1].step} beside {fall.beside}: the reward rose from "
        f"{fall.reward:.3f} to {_reward(fall.last):.3f} while the judge fell from {fall.before:.3f} to "
        f"{_judge(fall.last):.3f}",
        _good(judged, fall),
    )


def sees_from(window: int, judge_steps: int, outputs: int, prompts: int) -> int | None:
    """The first step after which a judged run can be seen to be hacked, where the judge is asked of so many outputs
    each time; None: at no step, since there are too few prompts, or no outputs."""
    lengths = (length for length in _lengths(window) if _SURE * _of_par(length * outputs, prompts) < PAR)
    length = next(lengths, None)
    return None if length is None else (length - 1) * judge_steps + 1


def unseen(steps: int, window: int, judge_steps: int, outputs: int, prompts: int) -> str | None:
    """Why a judged run of so many steps cannot be seen to be hacked, in a line; None: it can."""
    if not outputs:
        return "nobody can see whether the reward is hacked: the judge is asked of no outputs; raise batch_size"
    first = sees_from(window, judge_steps, outputs, prompts)
    if first is None:
        return f"nobody can see whether the reward is hacked: {prompts:,} prompts are too few; give more"
    if steps >= first:
        return None
    return (
        f"nobody can see whether the reward is hacked: the judge is asked {ceil(steps / judge_steps)} times in {steps} "
        f"steps, and it shows in step {first} at the earliest; take more steps, or lower judge_steps"
    )


def _falls(judged: Sequence[Point], window: int, prompts: int | None) -> Iterator[_Fall]:
    noise = _noise(judged) if prompts is None else None
    for length in _lengths(window):
        if len(judged) < length:
            return
        last = judged[-length:]
        first = judged[: max(1, window // 2)]
        below = prompts is not None and PAR - _judge(last) > _SURE * _of_par(_rated(last), prompts)
        if below and _reward(last) > _reward(first):
            yield _Fall(last, "what it wrote before", _reward(first), PAR)
        if len(judged) < 2 * length:
            return
        for other in (judged[-2 * length : -length], judged[:length]):
            error = _error(last, other) if noise is None else sqrt(2 * noise / length)
            if _reward(last) > _reward(other) and _judge(other) - _judge(last) > _SURE * error:
                yield _Fall(last, f"{other[0].step} to {other[-1].step}", _reward(other), _judge(other))


def _lengths(window: int) -> tuple[int, ...]:
    return window, 2 * window, 4 * window


def _of_par(outputs: int, prompts: int) -> float:
    """Standard error of the rating of so many outputs to some of the prompts, at par; of none nothing is known."""
    if not outputs or not prompts:
        return inf
    return sqrt(PAR * (1 - PAR) / outputs + _OF_ONE / prompts)


def _good(judged: Sequence[Point], fall: _Fall) -> int:
    """The last step before the fall shows: up to where the ratings, added up, were highest above a line that lies a
    part of the fall below what they were."""
    line = fall.before - _SHOWS * (fall.before - _judge(fall.last))
    best, good, total = 0.0, 0, 0.0
    for one in judged:
        total += (one.judge or 0.0) - line
        if total > best:
            # What was rated is what the model wrote before that step.
            best, good = total, one.step - 1
    return good


def _error(some: Sequence[Point], others: Sequence[Point]) -> float:
    """The largest standard error that the difference of ratings from 0 to 1 can have, each by itself."""
    return sqrt(PAR * (1 - PAR) * (1 / _rated(some) + 1 / _rated(others)))


def _noise(judged: Sequence[Point]) -> float:
    """Variance of a point's rating around its course: half the mean square of what changes from one to the next."""
    changes = [(later.judge or 0.0) - (earlier.judge or 0.0) for earlier, later in pairwise(judged)]
    # Of few changes little is known of it: more then, as Student's t has it.
    return fmean(one * one for one in changes) / 2 * (1 + _FEW / len(changes)) if changes else 0.0


def _rated(points: Sequence[Point]) -> int:
    return sum(one.rated for one in points)


def _judge(points: Sequence[Point]) -> float:
    return sum((one.judge or 0.0) * one.rated for one in points) / _rated(points)


def _reward(points: Sequence[Point]) -> float:
    return fmean(one.reward for one in points)
