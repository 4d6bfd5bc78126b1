"""Outputs rated by whoever watches the run: heard as a judge in the process would be, also after a kill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.training.adapting.exchange import AskedRow, Exchange, Question, answer, open_questions
from redraft.training.adapting.running import Run
from redraft.training.local.reading import state_in
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller
from tests.redraft.training.adapting.preferences.conftest import STEPS, likes_lol

Rate = Callable[[int, Sequence[str], Sequence[str]], Sequence[float | None]]


def likes_the_first(step: int, prompts: Sequence[str], outputs: Sequence[str]) -> list[float | None]:
    # Of one it cannot say.
    return [None, *[float(step <= 6)] * (len(outputs) - 1)]


@contextmanager
def watched(folder: Path, rate: Rate, until: int = STEPS) -> Iterator[list[int]]:
    """The steps that were asked about, while a thread answers those up to a step."""
    answered, over = list[int](), threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for one in open_questions(folder):
                if one.step <= until:
                    answered.append(one.step)
                    ratings = rate(one.step, [row.prompt for row in one.rows], [row.output for row in one.rows])
                    answer(folder, one, ratings)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield answered
    finally:
        over.set()
        thread.join()


def test_killed_it_hears_the_same_and_asks_nothing_twice(preferring: Any, learned: Path, trained: Any) -> None:
    folder = preferring.rl("killed", trained, judged=True)
    with watched(folder, likes_lol) as answered:
        preferring.killed(folder, 5)
        before = len(answered)
        preferring.run(folder)
    assert answered == list(range(1, STEPS + 1)) and 5 <= before < STEPS
    assert preferring.outcome(folder) == preferring.outcome(learned)
    preferring.assert_gone_on(folder)


def test_asked_to_end_while_it_waits_it_ends_in_order_and_hears_the_answer_later(
    preferring: Any, learned: Path, trained: Any
) -> None:
    folder = preferring.rl("stopped", trained, judged=True)
    with watched(folder, likes_lol, until=2):
        process = preferring.start(folder)
        preferring.until(folder, process, lambda: any(one.step == 3 for one in open_questions(folder)))
        began = state_in(folder)
        # It is seen to live on while it waits.
        preferring.until(folder, process, lambda: state_in(folder).updated_at != began.updated_at)
        process.terminate()
        process.join(60)
    state = state_in(folder)
    assert process.exitcode == 3 and state is not None and state.state == "stopped"
    assert 3 not in preferring.curve(folder, "train/judge") and preferring.events(folder, "checkpoint")
    assert preferring.events(folder, "judge_left")
    with watched(folder, likes_lol) as answered:
        preferring.run(folder)
    assert answered == list(range(3, STEPS + 1))
    assert preferring.outcome(folder) == preferring.outcome(learned)


def test_where_the_judge_falls_as_the_reward_rises_it_ends_with_what_it_was(preferring: Any, trained: Any) -> None:
    folder = preferring.rl("hacked", trained, judged=True)
    with watched(folder, likes_the_first):
        preferring.run(folder)
    state = state_in(folder)
    assert state is not None and (state.state, state.step) == ("completed", 9)
    words = preferring.events(folder, "reward_hacked")[0]
    assert words.endswith("kept is what it was at step 4") and "the judge fell from 1.000 to 0.250" in words
    assert set(preferring.curve(folder, "train/rated").values()) == {7.0}
    assert not preferring.events(folder, "judge_unheard")


def test_where_nobody_answers_it_goes_on_and_says_so(preferring: Any, trained: Any) -> None:
    folder = preferring.rl("alone", trained, judged=True, steps=3, judge_steps=2, judge_patience_s=0.2)
    preferring.run(folder)
    state = state_in(folder)
    assert state is not None and (state.state, state.step) == ("completed", 3)
    assert [one.split(" within")[0] for one in preferring.events(folder, "judge_missing")] == [
        f"step {step}: nobody judged the outputs" for step in (1, 3)
    ]
    assert not preferring.curve(folder, "train/judge") and len(preferring.curve(folder, "train/reward")) == 3
    assert "asked 2 times in 3 steps" in preferring.events(folder, "judge_unheard")[0]
    # Who comes now is too late, and has nothing to pay for.
    assert not open_questions(folder)


ROWS = (AskedRow("p", "one<SEP>"), AskedRow("q", "two"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, Teller(tmp_path), Stop(), tmp_path)


def asked(run: Run, step: int = 1, patience: float = 0.01) -> Sequence[float | None]:
    return Exchange(run, patience)(step, [row.prompt for row in ROWS], [row.output for row in ROWS])


def test_what_is_said_of_other_outputs_is_no_answer(run: Run) -> None:
    asked(run)
    (run.folder / "judging/said-1.json").unlink()
    question = open_questions(run.folder)[0]
    assert (question.step, question.rows) == (1, ROWS)
    answer(run.folder, question, [1.0, None])
    assert not open_questions(run.folder) and asked(run) == (1.0, None)
    # What was said stays.
    answer(run.folder, question, [0.0, 0.0])
    assert asked(run) == (1.0, None)
    with pytest.raises(ValueError, match="1 ratings of 2 outputs"):
        answer(run.folder, question, [1.0])
    others = Exchange(run, 0.01)(1, ["p", "q"], ["another", "two"])
    assert others == (None, None)
    answer(run.folder, Question(1, ROWS, "of another file"), [1.0, 1.0])
    (run.folder / "judging/said-1.json").write_bytes(b"{")
    assert open_questions(run.folder)[0].rows[0].output == "another"


def test_who_did_not_answer_is_waited_for_less_long_the_next_time(run: Run) -> None:
    exchange, began = Exchange(run, 0.16), time.monotonic()
    for step in (1, 2):
        assert exchange(step, ["p"], ["o"]) == (None,)
    assert time.monotonic() - began >= 0.2
    told = (run.folder / "events.jsonl").read_text()
    assert "step 1: nobody judged the outputs within 0.16 s" in told
    assert "step 2: nobody judged the outputs within 0.04 s" in told


def test_the_files_are_those_that_others_can_answer(run: Run) -> None:
    (run.folder / "judging").mkdir()
    (run.folder / "judging/said-5.json").write_text('{"ratings": [0.5, null]}')
    assert asked(run, 5) == (0.5, None)
    rows = [{"prompt": row.prompt, "output": row.output} for row in ROWS]
    assert msgspec.json.decode((run.folder / "judging/asked-5.json").read_bytes()) == {"step": 5, "rows": rows}
