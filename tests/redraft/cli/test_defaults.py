"""A command and its flow have the same defaults, whichever of the two a person starts."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from redraft.cli import main

# What belongs to the person at the terminal, and to no flow.
ASKED_HERE = {"yes"}
# Command, flow, and the names that differ: option to parameter.
PAIRS = [
    ("filter", "flows.filter_conversations:filter_conversations", {}),
    ("rewrite", "flows.rewrite_conversations:rewrite_conversations", {}),
    ("retry", "flows.retry_rejections:retry_rejections", {}),
    ("finetune", "flows.train_model:train_model", {"input": "dataset"}),
    ("evaluate", "flows.judge_models:judge_models", {}),
    ("study", "flows.run_study:run_study", {}),
]


@pytest.mark.parametrize(("command", "flow", "renamed"), PAIRS)
def test_options_and_parameters_agree(command: str, flow: str, renamed: dict[str, str]) -> None:
    module, _, name = flow.partition(":")
    parameters = inspect.signature(getattr(import_module(module), name).fn).parameters
    found = main.commands[command]
    required = [option for option in found.params if option.required]
    options_first = sorted(required, key=lambda one: one.param_type_name == "argument")
    words = [word for one in options_first for word in (one.opts[0], "given")[one.param_type_name == "argument" :]]
    with found.make_context(command, words) as context:
        given = {name: value for name, value in context.params.items() if name not in ASKED_HERE}
    options = {renamed.get(name, name): str(value) if name == "dataset" else value for name, value in given.items()}
    assert {option.name for option in required} == {
        name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty
    }
    assert options == {
        name: "given" if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in parameters.items()
    }
