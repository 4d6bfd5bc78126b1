"""Every provider and every fault, at the first, a middle and the last call of a run, as the sandbox plays them.

Every request ends as exactly one completion or one rejection with the right reason, and what the sandbox counts as paid
is what the ledger has: answers, and calls whose answer never came. The ledger also has what only may have been paid.
"""

from __future__ import annotations

import pytest
from fault_matrix import HIT, KEY, REQUESTS, Matrix, Played, reasons, require_ended_by

from redraft.records import Completion
from redraft.sandbox.faults import HARMS
from redraft.sandbox.process import BASE_PATHS

# What passes: sent again it is answered, and where it stays the row is rejected with this reason.
PASSING = {
    "error_500": "server_error",
    "error_502": "server_error",
    "error_503": "overloaded",
    "error_529": "overloaded",
    "error_list": "server_error",
    "error_in_200": "server_error",
    "reset_headers": "connection",
    "reset_body": "connection",
    "dropped": "connection",
    "stall": "timeout",
    "drip": "timeout",
    "cut_json": "malformed_answer",
    "html": "malformed_answer",
    "garbage": "malformed_answer",
}
# Nobody can tell from outside whether these were charged for; the sandbox does not.
MAYBE_PAID = {"error_502", "error_in_200"}
# The provider says "slow down": no fault of a row, as long as its patience is not tried.
SLOWED = ("limited", "limited_seconds", "limited_ms", "limited_date", "ramp_limit")
# Answers that are paid and of no use: not asked again.
UNUSABLE = {"empty": "empty", "truncated": "truncated", "refused": "refused"}
SOUND = ("huge",)


def test_every_fault_that_the_sandbox_knows_is_played() -> None:
    # `dropped` and `malformed` are the older words for a closed connection and for cut JSON.
    assert {*PASSING, *SLOWED, *UNUSABLE, *SOUND, "spend_limit", "malformed"} == HARMS.keys()


def reason_of(provider: str, fault: str) -> str:
    if fault == "refused" and provider not in {"anthropic", "openai"}:
        return "filtered"
    return (PASSING | UNUSABLE)[fault]


def require_counted(played: Played, fault: str) -> None:
    counted = played.kept + played.lost
    assert played.paid == counted or (fault in MAYBE_PAID and played.paid < counted)


@pytest.mark.parametrize("provider", BASE_PATHS)
@pytest.mark.parametrize("fault", [*PASSING, *SLOWED])
def test_what_passes_is_sent_again_and_answered(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "once", provider)
    assert played.error is None
    assert reasons(played) == dict.fromkeys(range(REQUESTS), "answered")
    attempts = {place: outcome.attempts for place, outcome in played.by_place.items()}
    assert attempts == {place: 2 if place in HIT else 1 for place in range(REQUESTS)}
    require_counted(played, fault)
    missed = fault in MAYBE_PAID or (HARMS[fault].paid and not HARMS[fault].whole)
    assert (played.kept, played.lost) == (REQUESTS, len(HIT) * missed)


@pytest.mark.parametrize("provider", BASE_PATHS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_stays_is_a_rejection_with_its_reason(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "always", provider)
    assert played.error is None, "other rows were answered"
    reason = reason_of(provider, fault)
    assert reasons(played) == {place: reason if place in HIT else "answered" for place in range(REQUESTS)}
    times = 2 if reason == "timeout" else 3
    for place in HIT:
        outcome = played.by_place[place]
        assert not isinstance(outcome, Completion) and outcome.detail and outcome.attempts == times
        assert (outcome.input_tokens, outcome.cost) == (0, None)
    assert played.sent == len(HIT) * times + REQUESTS - len(HIT)
    require_counted(played, fault)
    assert played.kept == REQUESTS - len(HIT)


@pytest.mark.parametrize("provider", BASE_PATHS)
@pytest.mark.parametrize("fault", [*UNUSABLE, *SOUND])
def test_what_was_paid_is_kept_whatever_it_is_worth(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "always", provider)
    assert played.error is None
    reason = "answered" if fault in SOUND else reason_of(provider, fault)
    assert reasons(played) == {place: reason if place in HIT else "answered" for place in range(REQUESTS)}
    for place in HIT:
        outcome = played.by_place[place]
        assert outcome.attempts == 1 and outcome.input_tokens > 0
        if isinstance(outcome, Completion):
            assert len(outcome.text) > 10 * 2**20
        else:
            assert outcome.category or fault != "refused" or provider not in {"gemini"}
    require_counted(played, fault)
    assert (played.sent, played.kept, played.lost) == (REQUESTS, REQUESTS, 0)


@pytest.mark.parametrize("provider", BASE_PATHS)
@pytest.mark.parametrize("place", HIT)
def test_a_spend_limit_ends_the_run_at_once(matrix: Matrix, place: int, provider: str) -> None:
    played = matrix.played("spend_limit", str(place), provider)
    require_ended_by(played, place, "spend_limit")
    assert played.error is not None and "spend limit" in str(played.error) and KEY not in str(played.error)
    assert (played.sent, played.lost) == (place + 1, 0), "nothing is sent after it, and it is not tried again"
    require_counted(played, "spend_limit")


@pytest.mark.parametrize("provider", BASE_PATHS)
def test_patience_with_a_provider_that_only_refuses_has_an_end(matrix: Matrix, provider: str) -> None:
    played = matrix.played("limited", "all", provider)
    require_ended_by(played, 0, "rate_limited")
    assert (played.paid, played.kept, played.lost) == (0, 0, 0)
