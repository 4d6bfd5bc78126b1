"""No command, and no flow, takes "nan" for a number: every comparison with it is false, and what is paid is lost."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click
import pytest
from click.testing import CliRunner
from prefect.exceptions import ParameterTypeError

from redraft.cli import main
from redraft.errors import ConfigurationError
from redraft.judging.settings import Settings
from redraft.real_numbers import Real

FLOWS = {
    "flows.judge_models:judge_models": ("max_missing", "check_interval"),
    "flows.evaluate_newest:evaluate_newest": ("max_missing", "check_interval"),
    "flows.rank_models:rank_models": ("max_missing", "check_interval"),
    "flows.rank_replies:rank_replies": ("max_missing", "check_interval", "temperature", "top_p"),
    "flows.compare_imitators:compare_imitators": ("max_missing", "check_interval", "temperature", "top_p"),
    "flows.build_imitator:build_imitator": ("max_missing", "check_interval", "test_share", "preference_share"),
    "flows.score_traits:score_traits": ("max_missing", "check_interval"),
    "flows.run_study:run_study": ("max_missing", "max_rejected", "test_share", "check_interval"),
    "flows.rewrite_conversations:rewrite_conversations": ("max_rejected", "check_interval"),
    "flows.retry_rejections:retry_rejections": ("max_rejected",),
    "flows.sweep_training:sweep_training": ("check_interval",),
    "flows.train_model:train_model": ("check_interval",),
}


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


def parts(kind: Any) -> list[Any]:
    """An option's type, or those that it is made of."""
    inner = kind.types if isinstance(kind, click.Tuple) else [kind.inner] if hasattr(kind, "inner") else []
    return [part for one in inner for part in parts(one)] or [kind]


def numbers() -> Iterator[tuple[tuple[str, ...], click.Command, click.Option]]:
    for words, command in commands(main):
        for option in command.params:
            if isinstance(option, click.Option) and any(
                isinstance(one, click.types.FloatParamType) for one in parts(option.type)
            ):
                yield words, command, option


def test_every_option_that_is_a_number_refuses_nan_and_most_infinity() -> None:
    found = list(numbers())
    names = {option.opts[0] for _, _, option in found}
    assert len(found) > 50 and names > {"--max-missing", "--rope", "--confidence", "--budget", "--judge-bias", "--rate"}
    for words, command, option in found:
        told = option.get_help_record(click.Context(command))
        assert told is None or "None" not in f"{told}", (words, told)
        kinds = parts(option.type)
        assert all(isinstance(one, Real) for one in kinds), (words, option.opts)
        several = len(kinds)
        for place in range(several):
            for bad in ("nan", "-nan", "inf", "-inf"):
                if bad == "inf" and option.name == "ask_above":
                    continue
                given = ["0.5"] * several
                given[place] = bad
                done = CliRunner().invoke(main, [*words, option.opts[0], *given])
                assert done.exit_code == 2 and f"Invalid value for '{option.opts[0]}'" in done.output, (
                    words,
                    done.output,
                )


@pytest.mark.parametrize("words", [("--fault", "stall=nan"), ("--strength", "x=inf"), ("--judge", "x:bias=nan")])
def test_nor_does_the_sandbox_in_a_pair(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, ["sandbox", *words])
    assert done.exit_code == 2 and "is not" in done.output


@pytest.mark.parametrize(("flow", "names"), FLOWS.items())
def test_a_deployment_is_refused_before_it_begins(flow: str, names: tuple[str, ...]) -> None:
    module, _, name = flow.partition(":")
    checked = getattr(import_module(module), name)
    needed = {
        one.name: ["x"] if str(one.annotation).startswith(("list", "tuple")) else "x"
        for one in inspect.signature(checked.fn).parameters.values()
        if one.default is inspect.Parameter.empty
    }
    assert checked.validate_parameters(needed)
    for parameter in names:
        for bad in (float("nan"), "nan", float("inf"), -0.5, None, "much"):
            with pytest.raises(ParameterTypeError, match=parameter):
                checked.validate_parameters({**needed, parameter: bad})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_missing": float("nan")}, "max_missing is nan"),
        ({"confidence": float("nan")}, "confidence nan"),
        ({"power": 1.0}, "power 1.0"),
        ({"rope": (float("nan"), 0.5)}, "from nan to 0.5"),
        ({"rope": (0.45, float("nan"))}, "from 0.45 to nan"),
    ],
)
def test_nor_do_the_rules_of_a_verdict(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings(**wrong)
