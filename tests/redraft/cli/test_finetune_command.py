"""Who agrees to what a training costs; and each setting's option gives the value that the setting takes."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from redraft.cli.finetune_command import agreed, finetune_command
from redraft.cli.setting_options import setting_options, several_option
from redraft.errors import ConfigurationError, DearJobError, RedraftError, UnknownPriceError
from redraft.training.pricing import JobPrice, require_together
from redraft.training.settings import DEFAULTS, KINDS, TrainingSettings
from redraft.training.training_prices import dollars

amounts = st.sampled_from([0.0, 1.0, 5.0, 5.01, 20.0])


@given(
    price=st.none() | amounts,
    budget=st.none() | amounts,
    ask_above=st.none() | amounts,
    answer=st.sampled_from(["yes", "no", "nobody there"]),
)
@example(price=20.0, budget=None, ask_above=5.0, answer="yes")
@example(price=None, budget=None, ask_above=5.0, answer="yes")
def test_nothing_is_submitted_that_nobody_agreed_to(
    price: float | None, budget: float | None, ask_above: float | None, answer: str
) -> None:
    submitted: list[float | None] = []
    questions: list[str] = []

    def run(most: float | None) -> str:
        if most is not None and price is None:
            raise UnknownPriceError("not known; so no budget can be held", "not known")
        if most is not None and price is not None and price > most:
            raise DearJobError(f"costs it, more than {most}", price, "costs it")
        submitted.append(price)
        return "job"

    def ask(what: str) -> bool:
        questions.append(what)
        return answer == "yes"

    within = budget is None or (price is not None and price <= budget)
    unasked = ask_above is None or (price is not None and price <= ask_above)
    try:
        outcome = agreed(run, budget, ask_above, None if answer == "nobody there" else ask)
    except RedraftError as fault:
        outcome = fault
    assert submitted == ([price] if within and (unasked or answer == "yes") else [])
    assert len(questions) == (within and not unasked and answer != "nobody there")
    if not within:
        assert isinstance(outcome, UnknownPriceError if price is None else DearJobError)
        assert price is None or f"the budget of {dollars(budget or 0.0)}" in str(outcome), "the limit that was met"
    elif not unasked and answer == "nobody there":
        assert isinstance(outcome, ConfigurationError) and "--yes" in str(outcome)
    elif not unasked and answer == "no":
        assert isinstance(outcome, RedraftError) and outcome.exit_status == 1
    for said in [*questions, *([str(outcome)] if within and not unasked and answer == "nobody there" else [])]:
        assert "budget" not in said and (price is None or f"more than {dollars(ask_above or 0.0)}" in said)


def test_what_was_agreed_to_is_that_price_and_no_other() -> None:
    prices = iter([10.0, 11.0])

    def run(most: float | None) -> str:
        price = next(prices)
        assert most is not None
        if price > most:
            raise DearJobError(f"costs {price}", price)
        return "job"

    with pytest.raises(DearJobError, match="costs 11"):
        agreed(run, None, 5.0, lambda _: True)


# (setting, words on the command line, value)
GIVEN: list[tuple[str, list[str], Any]] = [
    ("batch_size", ["-b", "8"], 8),
    ("batch_size", ["--batch-size", "max"], "max"),
    ("train_on_inputs", ["--train-on-inputs", "yes"], True),
    ("train_on_inputs", ["--train-on-inputs", "no"], False),
    ("train_on_inputs", ["--train-on-inputs", "auto"], "auto"),
    ("packing", ["--no-packing"], False),
    ("early_stopping", ["--early-stopping"], True),
    ("schedule", ["--schedule", "linear"], "linear"),
    ("dpo_beta", ["--dpo-beta", "0.2"], 0.2),
    ("lora_rank", ["--lora-rank", "16"], 16),
    ("lora_trainable_modules", ["--lora-trainable-modules", "q_proj,v_proj"], "q_proj,v_proj"),
    ("early_stopping_warmup_evals", ["--early-stopping-warmup-evals", "0"], 0),
]


@click.command()
@setting_options(KINDS)
@click.pass_context
def settings_command(context: click.Context, **given: Any) -> None:
    context.obj.update(given)


def given_by(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    result = CliRunner().invoke(settings_command, ["--model", "m", *words], obj=found, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found


def test_without_words_every_option_has_the_settings_own_default() -> None:
    assert given_by() == {**DEFAULTS, "model": "m"}
    assert TrainingSettings(**given_by()) == TrainingSettings(model="m")


@pytest.mark.parametrize(("name", "words", "value"), GIVEN)
def test_an_option_gives_the_value_of_its_setting(name: str, words: list[str], value: Any) -> None:
    found = given_by(*words)[name]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budget", "nan"], "'nan' is no number that can be meant here"),
        (["--ask-above", "-1"], "x>=0"),
        (["-b", "many"], "not max"),
        (["-b", "0"], "not max"),
        (["--epochs", "0.5"], "'0.5' is not a whole number"),
        (["-n", "many"], "'many' is not a whole number"),
        (["--train-on-inputs", "maybe"], "yes, no, auto"),
        (["--lora-dropout", "1"], "0<=x<1"),
        (["--schedule", "constant"], "linear"),
        (["--dpo-beat", "1"], "--dpo-beta"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_begins(words: list[str], said: str) -> None:
    result = CliRunner().invoke(finetune_command, words)
    assert result.exit_code == 2
    assert said in result.output


@click.command()
@several_option("epochs", "-e", default=[3])
@several_option("learning_rate")
@click.pass_context
def several_command(context: click.Context, **given: Any) -> None:
    context.obj.update(given)


@pytest.mark.parametrize(
    ("words", "epochs", "rates"),
    [
        ([], (3,), ()),
        (["-e", "1, 2", "--epochs", "2,4"], (1, 2, 4), ()),
        (["--learning-rate", "1e-5,3e-5"], (3,), (1e-5, 3e-5)),
    ],
)
def test_several_values_come_with_commas_or_again(words: list[str], epochs: Any, rates: Any) -> None:
    found: dict[str, Any] = {}
    result = CliRunner().invoke(several_command, words, obj=found, catch_exceptions=False)
    assert result.exit_code == 0 and found == {"epochs": epochs, "learning_rate": rates}
    for wrong in (["-e", "1,two"], ["-e", "1,"], ["--learning-rate", "1e-5,2"], ["-e", "0"]):
        assert CliRunner().invoke(several_command, wrong, obj={}).exit_code == 2


@given(prices=st.lists(st.none() | amounts, max_size=4), budget=st.none() | amounts)
def test_a_budget_is_for_all_jobs_together(prices: list[float | None], budget: float | None) -> None:
    quotes = [JobPrice(provider=price, own=None if price is None else price / 2, tokens=1) for price in prices]
    total = sum(price or 0.0 for price in prices)
    if budget is None or not prices:
        require_together(quotes, budget)
    elif None in prices:
        with pytest.raises(UnknownPriceError):
            require_together(quotes, budget)
    elif total > budget:
        with pytest.raises(DearJobError) as caught:
            require_together(quotes, budget)
        assert caught.value.price == pytest.approx(total)
    else:
        require_together(quotes, budget)


def test_an_evaluation_is_a_file_and_parameters() -> None:
    for first, second in (("a.json", "conversations=b.json"), ("test-size=1", "test_size=2")):
        words = ["--evaluate", first, "--evaluate", second]
        result = CliRunner().invoke(finetune_command, words)
        assert result.exit_code == 2 and "named twice" in result.output


def test_an_evaluation_has_judges_and_looks_as_the_command_evaluate_has_them() -> None:
    def named(*words: str) -> Any:
        typed = [part for word in words for part in ("--evaluate", word)]
        with finetune_command.make_context("finetune", typed) as context:
            return context.params["evaluation"]

    assert named("judge=x", "test-size=9") == {"test_size": "9", "judge": "x"}
    assert named("judge=x", "a.json", "judge=y") == {"conversations": "a.json", "judge": ["x", "y"]}
    assert named("looks=0.5,1")["looks"] == [0.5, 1.0] and named("looks=3")["looks"] == 3 and named() is None
    refused = CliRunner().invoke(finetune_command, ["--evaluate", "looks=often"])
    assert refused.exit_code == 2 and "neither a number of looks nor shares" in refused.output
