"""Evaluates the newest trained model against its base model and the last good one; a cron runs it every week."""

from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.logging import get_run_logger

from flows.judge_models import judge_models
from redraft.datasets.files import require_folder
from redraft.errors import BudgetReachedError, OverlapError, TrainingError
from redraft.providers.endpoints import canonical
from redraft.training.newest import Newest, Role, in_words, lock_name
from redraft.training.registry import Registry, registry_address
from tasks.answer_shard import ANSWER_STAGE
from tasks.estimates import recorded_in_words
from tasks.judge_panel import JUDGE, Effort
from tasks.newest_model import comparison_of, conclude, find_newest, tell_of
from tasks.parameters import Seconds, Share
from tasks.session import CallOptions, calling_session
from tasks.states import as_part, ends_in_words


@flow(name="evaluate-newest", flow_run_name="evaluate the newest model")
@ends_in_words
async def evaluate_newest(
    conversations: str = "",
    test_size: int = 1000,
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "",
    criteria: str = "",
    judge_effort: Effort | None = None,
    looks: int | list[float] | None = None,
    models: str = "*",
    output: str = "results/newest",
    again: bool = False,
    dry_run: bool = False,
    serve: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_missing: Share = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Compare the newest completed model with its base model and with the last good one; each model once, however often
    this is started. A model that is worse than either is told as the event `redraft.evaluation.regression`.

    Args:
        conversations: Conversations that end with feedback, none of which was trained on; the last ones are the test
            set. Without any named here nothing is evaluated and nothing is paid.
        test_size: How many of the last conversations to test on.
        judge: The model that judges, or several, whose verdict is that of all.
        judge_prompt: What judges are asked: a TOML file, or a bundled name@version; empty for the bundled one.
        criteria: What makes the better answer: a TOML file, or a bundled name@version; empty for the bundled ones.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        looks: Planned looks on the way, in each comparison: how many, or the shares of the contexts after which to
            look, the last 1; a comparison stops where one settles it. For one judge.
        models: Which trained models count: a pattern of their names, such as `*support*`.
        output: Folder for the results; each model gets its own in it.
        again: Evaluate the newest model once more although it was evaluated.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        serve: Make dedicated endpoints, paid by the hour, for models at Together that answer through one only; they
            are stopped afterwards. Off tells what they would cost.
        budget: US dollars that the evaluation of one model may cost, with all runs that it takes.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_missing: Share of contexts without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    require_folder(Path(output))
    if not conversations.strip():
        return _nothing("no test conversations are named (parameter conversations), so nothing is evaluated")
    pace: dict[str, Any] = {"rpm": rpm, "tpm": tpm, "delay": delay, "in_flight": in_flight, "budget": budget,
                            "mode": mode}  # fmt: skip
    asked = {**pace, "conversations": conversations, "test_size": test_size, "judge": judge, "serve": serve,
             "judge_prompt": judge_prompt, "criteria": criteria, "judge_effort": judge_effort, "looks": looks,
             "output": output, "check_interval": check_interval, "max_missing": max_missing,
             "credentials": credentials}  # fmt: skip
    with Registry(registry_address()) as registry:
        newest = await find_newest(registry, models, credentials)
        if newest is None:
            which = "" if models == "*" else f" whose name fits {models}"
            return _nothing(f"no training job has made a model{which} yet, so nothing is evaluated")
        if dry_run:
            return await _ahead(newest, asked)
        with ExitStack() as held:
            try:
                held.enter_context(registry.locked(lock_name(newest.job), patience=0.1))
            except TrainingError:
                return _nothing(f"{newest.model} is being evaluated by another run")
            before = registry.evaluation(newest.job)
            if before is not None and not again:
                await tell_of(registry, newest.job, before)
                return _nothing(f"nothing new: on {before.at[:10]} it was found: {in_words(newest.job, before)}")
            return await _evaluated(registry, newest, asked, CallOptions(**pace, poll=check_interval))


async def _evaluated(registry: Registry, newest: Newest, asked: dict[str, Any], options: CallOptions) -> dict[str, Any]:
    """Both comparisons, within one budget; what they come to is recorded and told. Under the lock of the model.

    Raises BudgetReachedError, which says how a deployment lifts its budget.
    """
    before = registry.evaluation(newest.job)
    number = 1 if before is None else before.ordinal + 1
    output = f"{asked['output']}/{newest.job.suffix}" + (f"-{number}" if number > 1 else "")
    async with calling_session(asked["credentials"], options, f"newest:{newest.job.suffix}:{number}"):
        try:
            results, left_out = await _compared(newest, {**asked, "output": output})
        except BudgetReachedError as fault:
            raise BudgetReachedError(f"{fault} (the parameter budget; budget: null lifts it)") from None
        found = [await comparison_of(result, role, other) for role, other, result in results]
    evaluation = await conclude(
        registry, newest.job, [one for one, _ in found], simulated=any(simulated for _, simulated in found)
    )
    said = " ".join([in_words(newest.job, evaluation), *left_out])
    return {"said": said, "evaluated": True, "outcome": evaluation.outcome, "model": newest.model,
            "reports": [one.report for one in evaluation.comparisons]}  # fmt: skip


async def _compared(newest: Newest, asked: dict[str, Any]) -> tuple[list[tuple[Role, str, dict[str, Any]]], list[str]]:
    """What `judge-models` gave for the base model and the last good one, and what was left out: a last good model that
    was trained on the test conversations. The second comparison finds the newest model's answers recorded."""
    found: list[tuple[Role, str, dict[str, Any]]] = []
    left_out: list[str] = []
    for role, other in newest.others:
        parts = {
            **asked,
            "model1": newest.model,
            "model2": other,
            "output": f"{asked['output']}/{role.replace(' ', '-')}",
        }
        flow_run: Awaitable[dict[str, Any]] = judge_models(**parts)  # type: ignore[assignment]
        try:
            found.append((role, other, await as_part(flow_run)))
        except OverlapError as fault:
            if role == "base":
                raise
            left_out.append(f"Not compared with the last good model: {fault}")
            get_run_logger().warning("%s", left_out[-1])
    return found, left_out


async def _ahead(newest: Newest, asked: dict[str, Any]) -> dict[str, Any]:
    """What the comparisons would cost; the newest model's answers count once."""
    results, left_out = await _compared(newest, {**asked, "dry_run": True})
    answers = (ANSWER_STAGE, [canonical(newest.model)])
    estimates = [
        one
        for role, _, result in results
        for one in result["estimates"]
        if role == "base" or (one["stage"], list(one["models"])) != answers
    ]
    others = " and ".join(other for _, other, _ in results)
    lead = f"estimated for {newest.model} against {others}, nothing was sent; {recorded_in_words(estimates)}."
    said = " ".join([lead, *left_out])
    return {"said": said, "estimates": estimates}


def _nothing(said: str) -> dict[str, Any]:
    return {"said": said, "evaluated": False}
