"""What a person types about judges, as the flow gets it."""

from __future__ import annotations

from typing import Any

import click
import pytest

from redraft.cli import main
from redraft.cli.judge_options import JUDGE, named

MODELS = ["-m1", "a", "-m2", "b"]


def parsed(*words: str) -> dict[str, Any]:
    with main.commands["evaluate"].make_context("evaluate", [*MODELS, *words]) as context:
        return context.params


def test_one_judge_is_a_name_and_several_are_a_list() -> None:
    assert parsed()["judge"] == JUDGE and parsed("-j", "x")["judge"] == "x"
    several = parsed("-j", "x", "--judge", "y")["judge"]
    assert several == ["x", "y"] and (named(several), named("x")) == ("x and y", "x")


@pytest.mark.parametrize(("typed", "meant"), [("5", 5), ("0.3,0.6,1", [0.3, 0.6, 1.0]), ("0.5,1", [0.5, 1.0])])
def test_looks_are_a_number_or_shares(typed: str, meant: object) -> None:
    assert parsed("--looks", typed)["looks"] == meant and parsed()["looks"] is None


@pytest.mark.parametrize("typed", ["often", "0.3;1", "0.3,", ""])
def test_looks_that_are_neither_are_refused(typed: str) -> None:
    with pytest.raises(click.UsageError, match="neither a number of looks nor shares"):
        parsed("--looks", typed)
