"""The forms of the deployments hold each number to the limits that the settings know, before there is a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.run_study import run_study
from flows.sweep_training import sweep_training
from flows.train_model import train_model
from redraft.training.setting_types import alternatives, bounds
from redraft.training.settings import DEFAULTS, KINDS
from tasks.training_form import MORE

# How JSON Schema says what msgspec says; what is as large as a number can be is no limit.
SAYS = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}
INFINITE = 1e308
# Where a parameter of a sweep is called otherwise, being several.
SEVERAL = {"learning_rates": "learning_rate", "lora_ranks": "lora_rank", "seeds": "seed"}


def schema(flow: Any) -> dict[str, Any]:
    return flow.parameters.model_dump_for_openapi()


def numbers(declared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The numbers that a property, or each of its items, may be."""
    declared = declared.get("items", declared)
    yield from (one for one in declared.get("anyOf", [declared]) if one.get("type") in {"integer", "number"})


def limits(name: str) -> list[tuple[type, dict[str, float]]]:
    """The type and the limits of each number that the setting may be."""
    found = [bounds(kind) for kind in alternatives(KINDS[name])]
    return [
        (plain, {key: limit for key, at in SAYS.items() if (limit := getattr(meta, at)) is not None
                 and limit < INFINITE})
        for plain, meta in found if plain in (int, float)
    ]  # fmt: skip


@pytest.mark.parametrize("flow", [train_model, sweep_training, run_study], ids=lambda flow: flow.name)
def test_every_number_of_a_form_has_the_limits_of_its_setting(flow: Any) -> None:
    form = schema(flow)
    fields = {SEVERAL.get(name, name): declared for name, declared in form["properties"].items()}
    if flow is run_study:
        del fields["seed"]  # that of its split, and how many seeds there are
    if "more" in fields:
        fields |= form["definitions"]["MoreSettings"]["properties"]
        assert fields.keys() >= set(MORE)
    compared = 0
    for name in fields.keys() & KINDS.keys():
        said = [(int if one["type"] == "integer" else float, {key: one[key] for key in SAYS if key in one})
                for one in numbers(fields[name])]  # fmt: skip
        assert said == limits(name), name
        compared += bool(said)
    assert compared == {"train-model": 22, "sweep-training": 22, "run-study": 2}[flow.name]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "'epochs'.* less than the minimum of 1"),
        ({"learning_rate": 2.0}, "'learning_rate'.* greater than the maximum of 1"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"more": {"lora_dropout": 1.0}}, "'more.lora_dropout'.* greater than or equal to the maximum of 1"),
        ({"more": {"dpo_beta": 0}}, "'more.dpo_beta'"),
    ],
)
def test_what_is_beyond_them_is_refused_by_the_check_of_prefects_server(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        validate(given, schema(train_model), raise_on_error=True)
    good = {name: DEFAULTS[name] for name in ("epochs", "learning_rate", "batch_size", "lora_rank", "seed")}
    assert validate({**good, "more": {"lora_dropout": 0.5, "dpo_beta": 1}}, schema(train_model)) == []
