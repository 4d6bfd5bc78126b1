"""A persona study's trainings, one for each persona, and what they will cost before anything is paid.

Neighbours: `training_jobs` runs them side by side, `study_price` has the words for their price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prefect import task
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.calling.estimating import ASSUMED_OUTPUT
from redraft.datasets.storage import Dataset
from redraft.documents.responding import MOST_WORDS
from redraft.errors import ConfigurationError, InputError
from redraft.home import Home
from redraft.training.checking.files import check_file
from redraft.training.control_plane import without_password
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.limits import check_limits, longest_sequence, model_limits
from redraft.training.registry import Registry, job_key, registry_address
from redraft.training.training_prices import training_price
from tasks.estimates import sources
from tasks.persona_plan import Arm, PersonaPlan
from tasks.states import not_ours
from tasks.study_price import TrainingsAhead
from tasks.training_job import Wish, ask_provider
from tasks.training_jobs import compared, train_all
from tasks.training_source import write_training

# English prose, about; a rough count before there is a text to count.
_TOKENS_A_WORD = 1.4


async def train_personas(plan: PersonaPlan, made: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The completed job of each persona's model, by the personas' names. Raises the first fault once all others have
    ended."""
    wishes = [await _wish(plan, arm, one["dataset"]) for arm, one in zip(plan.arms, made, strict=True)]
    outcomes = await train_all(
        "train", wishes, budget=plan.most_for_training, at_once=plan.jobs_at_once, monitor=True,
        check_interval=plan.check_interval,
    )  # fmt: skip
    await compared(outcomes, "persona-trainings")
    for outcome in outcomes:
        if outcome.fault:
            raise outcome.fault
    return {arm.name: outcome.job for arm, outcome in zip(plan.arms, outcomes, strict=True) if outcome.job}


async def _wish(plan: PersonaPlan, arm: Arm, dataset: str) -> Wish:
    file = await write_training(dataset, "sft", None)
    return Wish(
        file=file, dataset=dataset, settings=plan.settings(arm), credentials=plan.credentials,
        lost_rows=plan.allow_lost_rows,
    )  # fmt: skip


@task(task_run_name="limits of {plan.model}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def require_persona_trainable(plan: PersonaPlan) -> None:
    """Raises ConfigurationError for settings that the model does not allow, and for documents so long that their
    responses would be cut off: before anything is written."""
    settings = plan.settings(plan.arms[0])

    def limits_of(training: HostedTraining) -> FinetuneModelLimits:
        return model_limits(training.plane, settings.start)

    limits = await ask_provider(plan.model, limits_of)
    check_limits(settings, limits)
    longest = longest_sequence(settings, limits)
    for arm in plan.arms:
        tokens = round(_TOKENS_A_WORD * (arm.persona.words[1] + len(arm.persona.system_prompt.split())))
        if tokens >= longest and not plan.allow_lost_rows:
            raise ConfigurationError(
                f"{plan.model} takes {longest:,} tokens a row, and documents of {arm.persona.words[1]:,} words with "
                f"the system prompt of {arm.name} are about {tokens:,}: their responses would be cut off; lower "
                "--words, or train another model"
            )


@task(task_run_name="price the trainings of {plan.output}")
async def price_personas(plan: PersonaPlan) -> TrainingsAhead:
    """What the trainings will cost: of data that are there as they are, of others by the lengths asked for."""
    async with sources(plan.credentials) as (_, endpoint_of):
        endpoint = await endpoint_of(plan.model)
    each = [await asyncio.to_thread(_tokens, plan, arm, without_password(endpoint.name)) for arm in plan.arms]
    settings = plan.settings(plan.arms[0])
    rate = training_price(settings.base_model, settings.method, settings.lora)
    left = [one for one in each if not one[2]]
    return TrainingsAhead(
        model=plan.model, count=len(left), there=len(each) - len(left),
        tokens=sum(one[0] for one in left) * settings.epochs,
        most_tokens=sum(one[1] for one in left) * settings.epochs,
        per_million=rate.per_million if rate else None, source=rate.source if rate else "",
        assumed=None if all(one[3] for one in left) else ASSUMED_OUTPUT, simulated=endpoint.simulated,
    )  # fmt: skip


def _tokens(plan: PersonaPlan, arm: Arm, endpoint: str) -> tuple[int, int, bool, bool]:
    """Tokens of one epoch, expected and at most; whether the job is submitted already; whether the data are there."""
    rows = plan.generating["count"] * (2 if plan.system_prompts == "both" else 1)
    there = _there(plan, arm)
    if there is not None:
        with TemporaryDirectory(dir=Home.of().work) as folder:
            file = write_training_file(there.rows(), Path(folder) / "training.jsonl")
            tokens = check_file(file.path).lengths.tokens
        with Registry(registry_address()) as registry:
            job = registry.get(job_key(file.sha256, plan.settings(arm), endpoint))
        return tokens, tokens, job is not None and job.state.submitted, True
    low, high = arm.persona.words
    prompt = 0 if plan.system_prompts == "none" else len(arm.persona.system_prompt.split())
    expected = rows * (_TOKENS_A_WORD * (prompt + (low + high) / 2) + ASSUMED_OUTPUT)
    most = rows * _TOKENS_A_WORD * (prompt + high + MOST_WORDS)
    return round(expected), round(most), False, False


def _there(plan: PersonaPlan, arm: Arm) -> Dataset | None:
    """The persona's data, where a run before has made as many as are asked for now."""
    try:
        found = Dataset.open(Path(plan.data(arm)))
    except InputError:
        return None
    documents = found.count / (2 if plan.system_prompts == "both" else 1) + found.manifest["rejected"]
    same = found.manifest.get("persona_digest") == arm.persona.digest
    return found if same and found.count and documents == plan.generating["count"] else None
