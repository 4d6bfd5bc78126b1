"""Comparisons that are settled, or given up, without asking the judge.

Neighbours: `protocol` asks the judge about all others, `folding` counts these beside them.
"""

from __future__ import annotations

from typing import Literal

from redraft.records import Comparison, Judgment, Status

Order = Literal["AB", "BA"]
ORDERS: tuple[Order, Order] = ("AB", "BA")
# What stands before the name of an answer that a judge is tested with, in place of model A's.
PLANTED = "planted/"
# Said of a tie that nobody was asked about: there is nothing to choose between.
SAME = "both answers are the same text"


def presettled(comparison: Comparison, judge: str) -> list[Judgment] | None:
    """Both judgments of a comparison that needs no judge call, else None.

    One empty answer loses, two are a tie, and so are two that are the same text, unless the judge is tested with it.
    An answer that failed for another reason says nothing about the model: `candidate_error`, no verdict. A refusal that
    is a text is an answer and goes to the judge.
    """
    empty_a, empty_b = (
        _empty(comparison.response_a, comparison.failure_a),
        _empty(comparison.response_b, comparison.failure_b),
    )
    failed = [
        f"{side}: {failure or 'no response'}"
        for side, response, failure, empty in (
            ("A", comparison.response_a, comparison.failure_a, empty_a),
            ("B", comparison.response_b, comparison.failure_b, empty_b),
        )
        if response is None and not empty
    ]
    if failed:
        return _both(comparison, judge, "candidate_error", None, "; ".join(failed))
    if empty_a and empty_b:
        return _both(comparison, judge, "candidate_empty_both", None, "both answers are empty")
    if empty_a:
        return _both(comparison, judge, "candidate_empty_A", "B", "A's answer is empty")
    if empty_b:
        return _both(comparison, judge, "candidate_empty_B", "A", "B's answer is empty")
    if comparison.response_a == comparison.response_b and not comparison.model_a.startswith(PLANTED):
        return _both(comparison, judge, "tie", None, SAME)
    return None


def is_same(judgment: Judgment) -> bool:
    """Whether it is a tie without asking, of two answers that are the same text."""
    return judgment.status == "tie" and judgment.detail == SAME and not judgment.attempts


def skipped(comparison: Comparison, judge: str, detail: str) -> list[Judgment]:
    """Both judgments of a comparison that was not asked because the budget or time ran out."""
    return _both(comparison, judge, "skipped_budget", None, detail)


def _empty(response: str | None, failure: str | None) -> bool:
    """An answer that came and held nothing; the providers' seam reports such an answer as the failure `empty`."""
    if response is None:
        return (failure or "").split(":", 1)[0].strip() == "empty"
    return not response.strip()


def _both(
    comparison: Comparison,
    judge: str,
    status: Status,
    winner: Literal["A", "B"] | None,
    detail: str,
) -> list[Judgment]:
    return [
        Judgment(
            context_id=comparison.context_id,
            model_a=comparison.model_a,
            model_b=comparison.model_b,
            judge=judge,
            order=order,
            status=status,
            winner=winner,
            detail=detail,
            simulated=comparison.simulated,
        )
        for order in ORDERS
    ]
