"""Who agrees to a study's trainings: asked once, before anything is paid, and held to it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.cli.agreeing import with_agreement
from redraft.errors import (
    AgreementNeededError,
    ConfigurationError,
    DearJobError,
    NotServedError,
    RedraftError,
    UnknownPriceError,
)

amounts = st.sampled_from([0.0, 1.0, 5.0, 5.01, 20.0])


@given(
    most=st.none() | amounts,
    real=st.none() | amounts,
    budget=st.none() | amounts,
    ask_above=st.none() | amounts,
    answer=st.sampled_from(["yes", "no", "nobody there"]),
)
def test_no_training_is_submitted_that_nobody_agreed_to(
    most: float | None, real: float | None, budget: float | None, ask_above: float | None, answer: str
) -> None:
    paid: list[float | None] = []
    submitted: list[float | None] = []
    questions: list[str] = []

    def study(training_budget: float | None, ask_above: float | None) -> str:
        """As the flow does: the agreement first, then paid calls, then the trainings."""
        if training_budget is None and ask_above is not None and (most is None or most > ask_above):
            raise AgreementNeededError("dear", most)
        held = ask_above if training_budget is None else training_budget
        paid.append(held)
        if held is not None and real is None:
            raise UnknownPriceError("not known")
        if held is not None and real is not None and real > held:
            raise DearJobError("too dear", real)
        submitted.append(real)
        return "verdict"

    def ask(question: str) -> bool:
        questions.append(question)
        return answer == "yes"

    unasked = budget is not None or ask_above is None or (most is not None and most <= ask_above)
    agreed = budget if budget is not None else ask_above if unasked else most
    try:
        given = {"training_budget": budget, "ask_above": ask_above}
        outcome: Any = with_agreement(study, given, None if answer == "nobody there" else ask)
    except RedraftError as fault:
        outcome = fault
    goes_on = unasked or answer == "yes"
    within = agreed is None or (real is not None and real <= agreed)
    assert len(questions) == (not unasked and answer != "nobody there")
    assert paid == ([agreed] if goes_on else []), "nothing is paid before it is agreed to, and nothing twice"
    assert submitted == ([real] if goes_on and within else [])
    if goes_on and not within:
        assert outcome.exit_status == (3 if budget is not None and real is not None else 2)
        assert budget is not None or "--training-budget" in str(outcome)
    elif not goes_on and answer == "nobody there":
        assert isinstance(outcome, ConfigurationError) and "--yes" in str(outcome)
    elif not goes_on:
        assert outcome.exit_status == 1


@pytest.mark.parametrize(("serve", "answer", "calls"), [(None, True, [False, True]), (None, False, [False]),
                                                        (False, True, [False]), (True, True, [True])])  # fmt: skip
def test_endpoints_are_asked_for_where_nobody_said(serve: bool | None, answer: bool, calls: list[bool]) -> None:
    ran: list[bool] = []

    def study(serve: bool) -> str:
        ran.append(serve)
        if not serve:
            raise NotServedError("$1 an hour")
        return "verdict"

    try:
        assert with_agreement(study, {"serve": serve}, lambda _: answer) == ("verdict", {"serve": True})
    except NotServedError:
        assert not calls[-1]
    assert ran == calls
