"""Comparisons and judgments made to order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redraft.records import Comparison, Completion, Judgment, Message

Make = Callable[..., list[Judgment]]


def comparison(context_id: str = "c1", **fields: object) -> Comparison:
    given = {
        "context": (Message("user", "How do I boil an egg?"),),
        "model_a": "tuned",
        "model_b": "base",
        "response_a": "Nine minutes in boiling water.",
        "response_b": "Eggs are nice.",
    }
    return Comparison(context_id=context_id, **(given | fields))  # type: ignore[arg-type]


def completion(text: str, finish: str = "stop", **fields: object) -> Completion:
    given = {
        "request_key": "k",
        "model": "judge",
        "answered_model": "judge-2026",
        "provider": "openai",
        "input_tokens": 100,
        "output_tokens": 20,
        "cost": 0.001,
        "latency": 0.1,
        "attempts": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "simulated": False,
    }
    return Completion(text=text, finish_reason=finish, **(given | fields))  # type: ignore[arg-type]


def judged(context_id: str, verdicts: str, **fields: object) -> list[Judgment]:
    """Two judgments from two letters: A, B (the model that wins), t (tie), x (unreadable); `At` is A, then tie."""
    given = {"model_a": "tuned", "model_b": "base", "judge": "judge", "attempts": 1, "cost": 0.001}
    status = {"A": "ok", "B": "ok", "t": "tie", "x": "judge_unparseable"}
    return [
        Judgment(
            context_id=context_id,
            order=order,
            status=status[letter],  # type: ignore[arg-type]
            winner=letter if letter in "AB" else None,  # type: ignore[arg-type]
            **(given | fields),  # type: ignore[arg-type]
        )
        for order, letter in zip(("AB", "BA"), verdicts, strict=True)
    ]


def tallied(wins: int, losses: int, ties: int, unusable: int = 0, **fields: object) -> list[Judgment]:
    """Judgments that fold to these counts."""
    verdicts = ["AA"] * wins + ["BB"] * losses + ["tt"] * ties + ["xx"] * unusable
    return [item for number, letters in enumerate(verdicts) for item in judged(f"c{number}", letters, **fields)]


@pytest.fixture(name="make_comparison")
def _make_comparison() -> Callable[..., Comparison]:
    return comparison


@pytest.fixture(name="make_completion")
def _make_completion() -> Callable[..., Completion]:
    return completion


@pytest.fixture(name="make_judged")
def _make_judged() -> Make:
    return judged


@pytest.fixture(name="make_tallied")
def _make_tallied() -> Make:
    return tallied
