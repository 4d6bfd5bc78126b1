"""Which settings a method takes: each at its default, none of another's, and none that could not be chosen."""

from __future__ import annotations

import msgspec
import pytest

from redraft.errors import ConfigurationError
from redraft.training.adapting.preference_methods import METHODS, Method, defaults_of, kinds_of, settings_of
from redraft.training.adapting.preference_settings import RlSettings


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_chosen_is_at_its_default(method: Method) -> None:
    settings = settings_of(method, {})
    assert settings_of(method, defaults_of(method)) == settings
    assert set(kinds_of(method)) == set(defaults_of(method)) <= set(msgspec.structs.asdict(settings))
    assert settings_of(method, {"seed": 7}) == msgspec.structs.replace(settings, seed=7)


@pytest.mark.parametrize("method", METHODS)
def test_what_belongs_to_others_is_refused(method: Method) -> None:
    for other in METHODS:
        for name in set(kinds_of(other)) - set(kinds_of(method)):
            with pytest.raises(ConfigurationError, match=f"belongs to .*{other}.*, not to {method}"):
                settings_of(method, {name: defaults_of(other)[name]})
    with pytest.raises(ConfigurationError, match="belongs to no method"):
        settings_of(method, {"speed": 1})


def test_reinforcement_learning_is_held_and_judged_now_and_then() -> None:
    settings = settings_of("rl", {})
    assert isinstance(settings, RlSettings) and (settings.beta, settings.judge_steps) == (0.05, 2)
    assert settings.judge_patience_s == 1800
    with pytest.raises(ConfigurationError, match="beta"):
        settings_of("rl", {"beta": 0.0})
