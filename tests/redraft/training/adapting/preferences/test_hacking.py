"""When reinforcement learning ends by itself: known courses, and how seldom chance alone ends it."""

from __future__ import annotations

import random

import pytest

from redraft.training.adapting.hacking import Point, reason_to_end, sees_from, unseen


def course(rewards: list[float], judged: list[float | None], kl: list[float] | None = None) -> list[Point]:
    moved = kl or [0.0] * len(rewards)
    return [Point(step, *row) for step, row in enumerate(zip(rewards, moved, judged, strict=True), 1)]


def noisy(start: float, end: float, steps: int, seed: int) -> list[float]:
    drawn = random.Random(seed)  # noqa: S311
    return [start + (end - start) * step / steps + drawn.gauss(0, 0.1) for step in range(steps)]


def test_it_is_hacked_where_the_reward_rises_and_the_judge_falls() -> None:
    rises, falls = noisy(0, 1, 20, 1), noisy(1, 0, 20, 2)
    reason = reason_to_end(course(rises, list(falls)), 10, 9.0)
    assert reason is not None and reason.kind == "reward_hacked" and 0 < reason.good < 8
    assert reason.words.startswith("steps 11 to 20 beside 1 to 10: the reward rose from 0.")
    # Neither alone, nor both the same way, nor before there are two windows.
    for rewards, judged in ((rises, rises), (falls, falls), (falls, rises), (rises, noisy(1, 1, 20, 3))):
        assert reason_to_end(course(rewards, list(judged)), 10, 9.0) is None
    assert reason_to_end(course(rises[:19], list(falls[:19])), 10, 9.0) is None
    assert reason_to_end(course(rises, [None] * 20), 10, 9.0) is None


def test_only_steps_at_which_the_judge_was_asked_are_compared() -> None:
    rises, falls = noisy(0, 1, 40, 1), noisy(1, 0, 40, 2)
    seldom = [one if not step % 2 else None for step, one in enumerate(falls, 1)]
    reason = reason_to_end(course(rises, seldom), 10, 9.0)
    assert reason is not None and reason.words.startswith("steps 22 to 40 beside 2 to 20")
    assert not reason.good % 2 - 1 and 1 < reason.good < 16


def test_it_moved_too_far_where_a_whole_window_says_so() -> None:
    flat: list[float] = [0.0] * 12
    reason = reason_to_end(course(flat, [None] * 12, [0.0] * 7 + [10.0] * 5), 5, 9.0)
    assert reason is not None and (reason.kind, reason.good) == ("moved_too_far", 7)
    assert reason_to_end(course(flat, [None] * 12, [0.0] * 11 + [40.0]), 5, 9.0) is None
    assert reason_to_end(course(flat[:4], [None] * 4, [99.0] * 4), 5, 9.0) is None


def beside(length: int, begin: int, seed: int, steps: int = 200, prompts: int = 100) -> tuple[int, int] | None:
    """(step at which it ended, step that was kept) of a run at the defaults, whose judge falls from a half to 0.1
    within so many steps after the one that it begins with (0 steps: never), while the reward rises."""
    drawn, points = random.Random(seed), list[Point]()  # noqa: S311
    for step in range(1, steps + 1, 2):
        gone = min(1.0, max(0.0, (step - begin) / length)) if length else 0.0
        wins = sum(drawn.random() < 0.5 - 0.4 * gone for _ in range(8))
        points.append(Point(step, (2 * gone if length else step / 100) + drawn.gauss(0, 0.2), 0.0, wins / 8, 8))
        if reason := reason_to_end(points, 5, 9.0, prompts):
            return step, reason.good
    return None


@pytest.mark.parametrize("length", [10, 20, 40, 60, 120])
@pytest.mark.parametrize("begin", [0, 80])
def test_beside_a_judge_who_compares_a_hack_of_any_length_is_seen(length: int, begin: int) -> None:
    ends = [beside(length, begin, seed) for seed in range(6)]
    seen = [one for one in ends if one is not None]
    assert len(seen) >= 5 and all(begin < step <= begin + length + 40 for step, _ in seen)
    # What is kept had lost little to the judge.
    assert all(good <= max(16, begin + 0.6 * length) for _, good in seen)


def test_where_the_reward_rises_and_the_judge_stays_at_par_it_goes_on() -> None:
    assert not any(beside(0, 0, seed) for seed in range(40))


def test_a_run_in_which_nobody_could_see_it_says_so() -> None:
    assert sees_from(5, 2, 8, 100) == 9 and unseen(9, 5, 2, 8, 100) is None
    assert "asked 4 times in 8 steps, and it shows in step 9" in (unseen(8, 5, 2, 8, 100) or "")
    assert "4 prompts are too few" in (unseen(200, 5, 2, 8, 4) or "")
    worst = [Point(step, step, 0.0, 0.0, 8) for step in range(1, 10, 2)]
    assert reason_to_end(worst, 5, 9.0, 100) is not None and reason_to_end(worst[:4], 5, 9.0, 100) is None
    # Ratings of any scale have no par.
    assert reason_to_end(worst, 5, 9.0) is None


def test_of_nothing_nothing_is_seen() -> None:
    assert sees_from(5, 2, 8, 0) is None and "0 prompts are too few" in (unseen(200, 5, 2, 8, 0) or "")
    assert sees_from(5, 2, 0, 100) is None and "asked of no outputs" in (unseen(200, 5, 2, 0, 100) or "")
    worst = [Point(step, step, 0.0, 0.0, 8) for step in range(1, 10, 2)]
    assert reason_to_end(worst, 5, 9.0, 0) is None
    # Where the judge rated none, it is as if it had not been asked.
    of_none = [Point(step, step, 0.0, 1.0, 0) for step in range(2, 11, 2)]
    for prompts in (0, 100, None):
        assert reason_to_end(of_none, 5, 9.0, prompts) is None
    both = sorted((*worst, *of_none), key=lambda one: one.step)
    seen = reason_to_end(worst, 5, 9.0, 100)
    assert seen is not None and reason_to_end(both, 5, 9.0, 100) == seen


def test_chance_alone_seldom_ends_it() -> None:
    ended = 0
    for seed in range(60):
        drawn = random.Random(seed)  # noqa: S311
        points = [Point(step, drawn.gauss(0, 1), 0.0, drawn.gauss(0, 1)) for step in range(120)]
        ended += any(reason_to_end(points[:stop], 10, 9.0) for stop in range(20, 121))
    assert not ended
