"""What a person is asked where a flow would go on to something dear: endpoints by the hour, trainings above a sum.

Neighbours: `running` starts the flows; `finetune_command` asks about a single training.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from redraft.errors import (
    AgreementNeededError,
    ConfigurationError,
    DearJobError,
    NotServedError,
    RedraftError,
    UnknownPriceError,
)

Result = TypeVar("Result")

# A question, and whether the answer is yes; the default answer is no.
Ask = Callable[[str], bool]


def at_a_terminal() -> Ask | None:
    """How a person is asked; None where nobody sits there."""
    return (lambda question: click.confirm(question, err=True)) if sys.stdin.isatty() else None


def with_agreement(
    run: Callable[..., Result], parameters: dict[str, Any], ask: Ask | None
) -> tuple[Result, dict[str, Any]]:
    """What `run` gives, and the parameters that it was called with in the end.

    `serve` None asks for endpoints where some are needed. `ask_above` without `training_budget` asks for trainings that
    may cost more, once, before anything is paid; where they turn out dearer than that when they are to be submitted,
    nobody is asked again. Raises ConfigurationError for that and where nobody can be asked about a price (`ask` is
    None), RedraftError where the answer is no.
    """
    held = parameters.get("training_budget") is not None
    while True:
        unsaid = "serve" in parameters and parameters["serve"] is None
        try:
            return run(**{**parameters, "serve": False} if unsaid else parameters), parameters
        except NotServedError as fault:
            if not unsaid or ask is None or not _agrees(fault, ask, "make it, and stop it afterwards?"):
                raise
            parameters = {**parameters, "serve": True}
        except AgreementNeededError as fault:
            if ask is None:
                raise ConfigurationError(
                    f"{fault}; --yes goes on without asking, --training-budget says what they may cost, --ask-above "
                    "from where on to ask"
                ) from None
            if not _agrees(fault, ask, "go on all the same?"):
                raise RedraftError("nothing was paid; the same command asks again") from None
            parameters = {**parameters, "training_budget": fault.most, "ask_above": None}
        except (DearJobError, UnknownPriceError) as fault:
            if held or "training_budget" not in parameters:
                raise
            more = "; that is more than was agreed to" if isinstance(fault, DearJobError) else ""
            raise ConfigurationError(
                f"{fault.what}{more}; nothing was submitted, and no call is paid again: --training-budget says what "
                "they may cost, --yes submits without asking"
            ) from None


def _agrees(fault: RedraftError, ask: Ask, question: str) -> bool:
    click.echo(f"redraft: {fault}", err=True)
    return ask(question)
