"""A command and its flow have the same defaults, whichever of the two a person starts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module

import pytest
from pydantic import BaseModel

from redraft.cli import main

# What belongs to the person at the terminal: a deployment does not ask by itself.
ASKED_HERE = {"yes", "ask_above"}
# What a terminal is asked about unless it was said; elsewhere nobody can be, and it stands for this.
UNSAID = {"serve": False}
# What may be several, and then makes several jobs.
SEVERAL = {"model": "models", "learning_rate": "learning_rates", "lora_rank": "lora_ranks", "seed": "seeds"}
# Command, flow, and the names that differ: option to parameter.
PAIRS = [
    ("filter", "flows.filter_conversations:filter_conversations", {}),
    ("rewrite", "flows.rewrite_conversations:rewrite_conversations", {}),
    ("retry", "flows.retry_rejections:retry_rejections", {}),
    ("finetune", "flows.sweep_training:sweep_training", SEVERAL | {"input": "dataset"}),
    ("evaluate", "flows.judge_models:judge_models", {}),
    ("traits", "flows.score_traits:score_traits", {}),
    ("study", "flows.run_study:run_study", {}),
    ("documents generate", "flows.generate_documents:generate_documents", {}),
    ("documents scenarios", "flows.think_up_scenarios:think_up_scenarios", {}),
    ("documents write", "flows.write_documents:write_documents", {}),
    ("documents respond", "flows.respond_to_documents:respond_to_documents", {}),
    ("documents study", "flows.build_persona:build_persona", {}),
    ("chat rank", "flows.rank_replies:rank_replies", {}),
    ("chat train", "flows.train_imitator:train_imitator", {}),
]


def flat(parameters: Mapping[str, inspect.Parameter]) -> dict[str, inspect.Parameter]:
    """The parameters with those of a nested form among them: each has an option of its own."""
    found: dict[str, inspect.Parameter] = {}
    for name, parameter in parameters.items():
        if isinstance(parameter.default, BaseModel):
            nested = parameter.default.model_dump()
            found |= {inner: parameter.replace(name=inner, default=value) for inner, value in nested.items()}
        else:
            found[name] = parameter
    return found


@pytest.mark.parametrize(("command", "flow", "renamed"), PAIRS)
def test_options_and_parameters_agree(command: str, flow: str, renamed: dict[str, str]) -> None:
    module, _, name = flow.partition(":")
    parameters = flat(inspect.signature(getattr(import_module(module), name).fn).parameters)
    group, _, below = command.rpartition(" ")
    found = (main.commands[group] if group else main).commands[below]  # type: ignore[union-attr]
    required = [option for option in found.params if option.required]
    options_first = sorted(required, key=lambda one: one.param_type_name == "argument")
    words = [word for one in options_first for word in (one.opts[0], "given")[one.param_type_name == "argument" :]]
    with found.make_context(command, words) as context:
        given = {name: value for name, value in context.params.items() if name not in ASKED_HERE}
    given = {name: UNSAID.get(name) if value is None else value for name, value in given.items()}
    options = {renamed.get(name, name): str(value) if name == "dataset" else value for name, value in given.items()}
    assert {option.name for option in required} == {
        name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty
    }
    assert options == {
        name: "given" if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in parameters.items()
        if name not in ASKED_HERE
    }


def test_one_training_and_several_have_the_same_defaults() -> None:
    """The command starts one flow or the other."""
    one, several = (
        {name: parameter.default for name, parameter in flat(inspect.signature(flow.fn).parameters).items()}
        for flow in (
            import_module("flows.train_model").train_model,
            import_module("flows.sweep_training").sweep_training,
        )
    )
    assert several.pop("jobs_at_once") == 4
    for name in ("model", "epochs", "learning_rate", "lora_rank", "seed"):
        value = one.pop(name)
        assert several.pop(SEVERAL.get(name, name)) == (() if value is None else (value,))
    assert one == several
