"""`redraft finetune`: training jobs, whose price is known and agreed to before they are submitted.

Neighbours: `setting_options` makes the options of the settings, `running` starts the flow.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.table import Table

from redraft.cli import judge_options, options
from redraft.cli.consoles import results_console
from redraft.cli.running import one_line_for_faults, result_of
from redraft.cli.setting_options import setting_options, several_option
from redraft.errors import ConfigurationError, DearJobError, PartialError, RedraftError, UnknownPriceError
from redraft.real_numbers import Real
from redraft.training.settings import KINDS
from redraft.training.training_prices import beyond_budget, dollars, in_words

FLOW = "flows.train_model:train_model"
SWEEP = "flows.sweep_training:sweep_training"

Result = TypeVar("Result")

# Settings that are parameters of the flow itself; all others are in its `more`.
_OWN_OPTIONS = ("model", "epochs", "learning_rate", "lora", "suffix", "lora_rank", "seed")
_IN_FRONT = ("method", "batch_size", "validation_file", "evals")
_MORE = tuple(name for name in KINDS if name not in (*_OWN_OPTIONS, *_IN_FRONT, "validation_sha256"))
# What a sweep varies: the option → the parameter of its flow.
_VARIED = {
    "model": "models", "epochs": "epochs", "learning_rate": "learning_rates", "lora_rank": "lora_ranks",
    "seed": "seeds",
}  # fmt: skip


def _evaluation(context: click.Context, option: click.Parameter, words: tuple[str, ...]) -> dict[str, Any] | None:
    """`FILE` and `NAME=VALUE` as parameters of judge-models; None where nothing was named. Judges may be several."""
    named: dict[str, Any] = {}
    judges: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        name = name.replace("-", "_")
        if not (equals and name.isidentifier()):
            name, value = "conversations", word
        if name == "judge":
            judges.append(value)
        elif name in named:
            raise click.BadParameter(f"{name} is named twice")
        else:
            named[name] = judge_options.Looks().convert(value, option, context) if name == "looks" else value
    return {**named, **({"judge": judge_options.one_or_several(judges)} if judges else {})} or None


def _inputs(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> str | list[str]:
    """One by its name alone, as deployments name it."""
    return names[0] if len(names) == 1 else list(names)


@click.command("finetune")
@click.option(
    "--input", "-i", multiple=True, default=["data/rewritten_conversations"], show_default=True, callback=_inputs,
    help="A rewritten dataset; may be given several times, for all of them joined. Or a training file of your own "
    "(.jsonl, .parquet) in any format that Together takes.",
)  # fmt: skip
@several_option("model", "-m", default=["meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"])
@several_option("epochs", "-e", default=[3])
@several_option("learning_rate", "-l", "-lr", default=[1e-5])
@several_option("lora_rank")
@several_option("seed")
@click.option(
    "--jobs-at-once", type=options.COUNT, default=4, show_default=True,
    help="How many jobs are under way at a time, where several values make several jobs.",
)  # fmt: skip
@click.option("--suffix", "-s", default="", help="Ends the new model's name.")
@click.option(
    "--lora/--full", default=None,
    help="Low-rank adapters, or all weights; by default adapters, or as what is gone on from was trained.",
)  # fmt: skip
@setting_options(_IN_FRONT)
@click.option("--max-conversations", "-n", type=options.COUNT, help="Train on N conversations of a dataset at most.")
@options.allow_lost_rows
@click.option(
    "--budget",
    type=Real(min=0),
    help="US dollars that the training may cost, by the provider's estimate and by ours; nothing dearer is submitted.",
)
@options.ask_above
@click.option("--yes", "-y", is_flag=True, help="Submit without asking.")
@click.option(
    "--policy",
    type=click.Choice(options.POLICIES),
    default="attach",
    show_default=True,
    help="What happens where an equal job is there already: attach to it, however it ended; resubmit what failed; or "
    "always a new attempt, which is paid for again.",
)
@click.option(
    "--evaluate",
    "evaluation",
    multiple=True,
    metavar="FILE|NAME=VALUE",
    callback=_evaluation,
    help="Compare the model with its base model once it is trained: on the conversations in FILE, or with another "
    "parameter of redraft evaluate (test_size=200); may be given several times, judge=MODEL also for several judges.",
)
@click.option("--monitor/--no-monitor", default=True, show_default=True, help="Watch the job to its end.")
@options.check_interval
@options.credentials
@setting_options(_MORE)
def finetune_command(
    input: str | list[str],
    model: tuple[str, ...],
    lora: bool | None,
    jobs_at_once: int,
    budget: float | None,
    ask_above: float,
    yes: bool,
    **others: Any,
) -> None:
    """Fine-tune a model on a rewritten dataset, or on a training file of your own; the same command again attaches to
    the same job.

    What the training will cost is asked for before anything is submitted. Several models, epochs, learning rates,
    ranks or seeds train with every combination and end in a table.
    """
    varied: dict[str, tuple[Any, ...]] = {"model": model, **{name: others.pop(name) for name in list(_VARIED)[1:]}}
    count = math.prod(len(values) or 1 for values in varied.values())
    more = {name: others.pop(name) for name in _MORE}
    parameters: dict[str, Any] = {"dataset": input, "lora": lora, "more": more, **others}
    if count == 1:
        flow, show = FLOW, _show_job
        # A setting without a value is the model's, or the provider's, own.
        parameters |= {name: next(iter(values), None) for name, values in varied.items()}
    else:
        flow, show = SWEEP, _show_sweep
        parameters |= {_VARIED[name]: values for name, values in varied.items()} | {"jobs_at_once": jobs_at_once}
    said = ", ".join(f"{name.replace('_', ' ')} {_values(values)}" for name, values in varied.items() if values)
    jobs = "one job" if count == 1 else f"{count} jobs, {jobs_at_once} at a time"
    what = input if isinstance(input, str) else " and ".join(input)
    click.echo(f"Train on {what}: {said}, {_kind(lora, more['from_checkpoint'])}: {jobs}", err=True)
    ask = asked if sys.stdin.isatty() else None
    with one_line_for_faults():
        try:
            result = agreed(
                lambda most: result_of(flow, budget=most, **parameters), budget, None if yes else ask_above, ask
            )
        except PartialError as fault:
            if fault.result is not None:
                show(fault.result)
            raise
    show(result)


def agreed(
    run: Callable[[float | None], Result],
    budget: float | None,
    ask_above: float | None,
    ask: Callable[[str], bool] | None,
) -> Result:
    """What `run` gives, which submits nothing dearer than the US dollars that it is called with (None: anything).

    Above `ask_above`, or where nobody knows the price, a person is asked between the estimate and the submission;
    beyond the budget nobody is. Whoever reads what is said learns which of the two was met. Raises ConfigurationError
    where there is nobody to ask (`ask` is None), RedraftError where the answer is no.
    """
    unasked = min((limit for limit in (budget, ask_above) if limit is not None), default=None)
    try:
        return run(unasked)
    except (DearJobError, UnknownPriceError) as fault:
        price = fault.price if isinstance(fault, DearJobError) else None
        if budget is not None and (price is None or not price <= budget):
            raise _beyond(fault, budget) from None
        if ask_above is None:
            raise
        what = fault.what
        if price is not None:
            what += f"; that is more than {dollars(ask_above)}, above which you are asked"
        if ask is None:
            raise ConfigurationError(
                f"{what}; nothing was submitted: --yes submits without asking, --ask-above says from where on to ask"
            ) from None
        if not ask(what):
            raise RedraftError("nothing was submitted; the same command asks again") from None
    # Agreed to was this price: should the estimate have grown meanwhile, nothing is submitted.
    return run(price)


def _beyond(fault: DearJobError | UnknownPriceError, budget: float) -> RedraftError:
    """The fault with the budget that was met, whatever limit the flow was given."""
    if isinstance(fault, DearJobError):
        return DearJobError(beyond_budget(fault.what, budget), fault.price, fault.what)
    return fault


def asked(what: str) -> bool:
    """Whether the person at the terminal says yes to submitting it."""
    click.echo(f"redraft: {what}", err=True)
    return click.confirm("submit it all the same?", err=True)


def _kind(lora: bool | None, start: str | None) -> str:
    if lora is None and start is not None:
        return f"as {start} was trained"
    return "all weights" if lora is False else "LoRA"


def _values(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values))


def _show_sweep(result: dict[str, Any]) -> None:
    """One row a training: what it differs in from the others, and what came of it."""
    rows: list[dict[str, Any]] = result["rows"]
    left_out = {"fault", "simulated"}
    for name in ("base model", "suffix", "epochs", "learning rate", "LoRA rank", "seed"):
        if len({row[name] for row in rows}) == 1:
            left_out.add(name)
    shown = [name for name in rows[0] if name not in left_out]
    table = Table(box=None)
    for name in shown:
        table.add_column(name, overflow="fold")  # a name that is cut off cannot be used
    for row in rows:
        table.add_row(*(_cell(name, row) for name in shown))
    results_console().print(table)
    for row in rows:
        if row["fault"]:
            click.echo(f"redraft: {row['job'] or row['base model']}: {row['fault']}", err=True)


def _cell(name: str, row: dict[str, Any]) -> str:
    value = row[name]
    if value is None:
        return ""
    if name.endswith("price"):
        return f"${value:,.4g}"
    if name == "state" and row["simulated"]:
        return f"{value} (simulated)"
    return f"{value:.4f}" if name.endswith("loss") else str(value)


def _show_job(result: dict[str, Any]) -> None:
    job = result["job"]
    click.echo(f"job {job['job_id']}: {job['state']}{' (simulated)' if job['simulated'] else ''}")
    if job["model_output_name"]:
        click.echo(f"model: {job['model_output_name']}")
    if job["price"] is not None or job["estimate"] is not None:
        click.echo(f"price: {in_words(job['price'], job['estimate'])}")
    click.echo(f"training file: {job['training_path']}")
    click.echo(f"record: {job['record_path']}")
