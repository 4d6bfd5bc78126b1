"""The window of calls in flight: its laws hold for any sequence of answers and refusals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.window import CUTS, FIRST, Window

STEPS = st.lists(st.sampled_from(["full", "idle", "rate_limited", "overloaded", "opened"]), max_size=300)


@given(st.integers(1, 500), STEPS)
def test_never_above_the_most_never_below_one(most: int, steps: list[str]) -> None:
    window = Window(most)
    for now, step in enumerate(steps):
        before = window.size
        if step in CUTS:
            window.cut(step, now)
            assert window.size == max(1, window.size) and window.size <= before
        elif step == "opened":
            window.opened()
        else:
            window.answered(step == "full")
            assert before <= window.size <= before + 1
            assert step == "full" or window.size == before, "what was not needed says nothing"
        assert 1 <= window.size <= most


def windowful(window: Window) -> None:
    for _ in range(window.size):
        window.answered(full=True)


def test_it_doubles_with_every_windowful_until_the_first_sign_of_too_much() -> None:
    window = Window(10_000)
    sizes = [window.size]
    for _ in range(5):
        windowful(window)
        sizes.append(window.size)
    assert sizes == [FIRST * 2**step for step in range(6)]


def test_a_cut_is_won_back_quickly_and_then_it_grows_by_one() -> None:
    window = Window(1000)
    for _ in range(200):
        window.answered(full=True)
    top = window.size
    window.cut("rate_limited", 1.0)
    assert window.size == int(top * 0.7)
    for _ in range(8):
        windowful(window)
    assert window.size >= top * 0.93, "a quarter of the way with each windowful"
    for _ in range(20):
        windowful(window)
    size = window.size
    windowful(window)
    assert size < window.size <= size + 1.5


def test_overload_cuts_less_and_calls_sent_before_a_cut_say_nothing() -> None:
    window = Window(100)
    window.opened()
    window.cut("overloaded", 5.0)
    assert window.size == 90
    assert not window.is_news(4.9) and window.is_news(5.1)
    window.opened()
    assert window.size == 90, "named rates do not undo a cut"


def test_processes_that_begin_together_send_one_first_windowful() -> None:
    sizes = []
    for processes in range(1, 5):
        window = Window(256)
        window.one_of(processes)
        sizes.append(window.size)
    assert sizes == [10, 5, 3, 2]
