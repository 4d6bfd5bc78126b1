"""`redraft chat align`: each method has its own options, and what would do nothing is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from redraft.cli import chat_align
from redraft.cli.chat_align import align_group
from redraft.training.adapting.preference_methods import METHODS, Method, defaults_of


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the flow would be given."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(chat_align, "run_flow", lambda path, intent, show, **given: found.append(given))
    return found


def align(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(align_group, list(words))
    return done.exit_code, done.output


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_started_with_all_of_its_settings(method: Method, started: list[dict[str, Any]]) -> None:
    more = ("-r", "r") if method == "rl" else ()
    assert align(method, "-a", "lora", *more, "--seed", "3") == (0, "")
    (given,) = started
    assert given["method"] == method and given["settings"] == {**defaults_of(method), "seed": 3}
    assert ("judge" in given) == ("reward" in given) == (method == "rl") and ("preferences" in given) != (
        method == "rl"
    )


def test_without_a_judge_nothing_is_said_of_one(started: list[dict[str, Any]]) -> None:
    assert align("rl", "-a", "lora", "-r", "r", "--judge", "none") == (0, "")
    assert started[0]["judge"] == "none" and not [name for name in started[0]["settings"] if "judge" in name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dpo", "-a", "x", "--max-kl", "3"), "--max-kl"),
        (("reward", "-a", "x", "--judge", "j"), "--judge"),
        (("rl", "-a", "x", "-r", "y", "--sft-weight", "1"), "--sft-weight"),
        (("rl", "-a", "x", "-r", "y", "--beta", "0"), "--beta"),
        (("rl", "-a", "x", "-r", "y", "-j", "none", "--voice", "8"), "--voice means nothing"),
        (("rl", "-a", "x", "-r", "y", "-j", "none", "--judge-steps", "2"), "--judge-steps means nothing"),
        (("rl", "-a", "x"), "--reward"),
    ],
)
def test_what_would_do_nothing_is_refused(words: tuple[str, ...], said: str, started: list[dict[str, Any]]) -> None:
    status, output = align(*words)
    assert status == 2 and said in output.splitlines()[-1] and not started
