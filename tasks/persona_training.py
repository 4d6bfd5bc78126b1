"""A persona study's trainings, one for each persona, and what they will cost before anything is paid.

Neighbours: `training_jobs` runs them side by side, `study_price` has the words for their price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from prefect import task
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.calling import tokens
from redraft.calling.estimating import ASSUMED_OUTPUT, Estimator
from redraft.datasets.storage import Dataset
from redraft.documents import responding
from redraft.documents.exporting import metadata_path
from redraft.errors import ConfigurationError, InputError
from redraft.home import Home
from redraft.providers.wire import ASKED_AGAIN
from redraft.training.checking.files import check_file
from redraft.training.control_plane import without_password
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.limits import check_limits, longest_sequence, model_limits
from redraft.training.registry import Registry, job_key, registry_address
from redraft.training.training_prices import training_price
from tasks.estimates import sources
from tasks.generation_ahead import evaluation_texts
from tasks.generation_plan import Chains, asked_digest, chains_of
from tasks.persona_plan import Arm, PersonaPlan
from tasks.score_shard import NOT_ASKED
from tasks.states import not_ours
from tasks.study_price import TrainingsAhead
from tasks.training_job import Wish, ask_provider
from tasks.training_jobs import compared, train_all
from tasks.training_source import write_training

# Reasons of rejections that a rerun asks about again.
_ASKED_AGAIN = ASKED_AGAIN | set(NOT_ASKED)


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
        most = round(tokens.A_WORD * (arm.persona.words[1] + len(arm.persona.system_prompt.split())))
        if most >= longest and not plan.allow_lost_rows:
            raise ConfigurationError(
                f"{plan.model} takes {longest:,} tokens a row, and documents of {arm.persona.words[1]:,} words with "
                f"the system prompt of {arm.name} are about {most:,}: their responses would be cut off; lower "
                "--words, or train another model"
            )


@task(task_run_name="price the trainings of {plan.output}")
async def price_personas(plan: PersonaPlan) -> TrainingsAhead:
    """What the trainings will cost: of data that are there as they are, of others by the lengths asked for, and by
    those of the responses that were given before."""
    there = [await made_before(plan, arm) for arm in plan.arms]
    async with sources(plan.credentials) as (ledger, endpoint_of):
        endpoint = await endpoint_of(plan.model)
        # Rehearsed data are not those that the real models will make, nor the other way round.
        there = [one if one is not None and one.manifest["simulated"] == endpoint.simulated else None for one in there]
        estimator = Estimator(ledger, endpoint_of, plan.calls.plan("", "estimate"), plan.calls.price_mode)
        learned = await _response_tokens(plan, estimator) if None in there else None
    response = ASSUMED_OUTPUT if learned is None else learned
    each = [
        await asyncio.to_thread(_tokens, plan, arm, data, response, without_password(endpoint.name))
        for arm, data in zip(plan.arms, there, strict=True)
    ]
    settings = plan.settings(plan.arms[0])
    rate = training_price(settings.base_model, settings.method, settings.lora)
    left = [one for one in each if not one[2]]
    return TrainingsAhead(
        model=plan.model, count=len(left), there=len(each) - len(left),
        tokens=sum(one[0] for one in left) * settings.epochs,
        most_tokens=sum(one[1] for one in left) * settings.epochs,
        per_million=rate.per_million if rate else None, source=rate.source if rate else "",
        assumed=None if learned is not None or all(one[3] for one in left) else ASSUMED_OUTPUT,
        simulated=endpoint.simulated,
    )  # fmt: skip


async def _response_tokens(plan: PersonaPlan, estimator: Estimator) -> float | None:
    """Of one response to train on, as the model that is asked first has given them before; None where it gave none."""
    named, mixing = plan.generating["responses_model"], plan.generating["mixing"]
    chains = await chains_of({"responses": named}, mixing, plan.credentials, ahead=True)
    return (await estimator.earlier(responding.STAGE, chains.responses[0])).each(None)


def _tokens(
    plan: PersonaPlan, arm: Arm, there: Dataset | None, response: float, endpoint: str
) -> tuple[int, int, bool, bool]:
    """Tokens of one epoch, expected and at most, with so many for a response yet to be written; whether the job is
    submitted already; whether the data are there."""
    rows = plan.generating["count"] * (2 if plan.system_prompts == "both" else 1)
    if there is not None:
        with TemporaryDirectory(dir=Home.of().work) as folder:
            file = write_training_file(there.rows(), Path(folder) / "training.jsonl")
            known = check_file(file.path).lengths.tokens
        with Registry(registry_address()) as registry:
            job = registry.get(job_key(file.sha256, plan.settings(arm), endpoint))
        return known, known, job is not None and job.state.submitted, True
    low, high = arm.persona.words
    prompt = 0 if plan.system_prompts == "none" else len(arm.persona.system_prompt.split())
    expected = rows * (tokens.A_WORD * (prompt + (low + high) / 2) + response)
    most = rows * tokens.A_WORD * (prompt + high + responding.MOST_WORDS)
    return round(expected), round(most), False, False


async def made_before(plan: PersonaPlan, arm: Arm) -> Dataset | None:
    """The persona's training data, where a run before has made them of the same: what comes leaves them as they are."""
    try:
        found = Dataset.open(Path(plan.data(arm)))
        told = msgspec.json.decode(metadata_path(found.path).read_bytes(), type=_Told)
    except (InputError, FileNotFoundError, msgspec.DecodeError):
        return None
    # What a provider's fault kept from being made is asked again.
    left = any(one.passing or _ASKED_AGAIN.intersection(one.reasons) for one in told.stages.values())
    if left or told.dataset.content_hash != found.content_hash or not found.count:
        return None
    asked = plan.generating
    models = {name: asked[f"{name}_model"] for name in Chains.__struct_fields__}
    chains = await chains_of(models, asked["mixing"], plan.credentials, ahead=True)
    digest = asked_digest(
        arm.persona, chains, plan.gating(arm), evaluation_texts(plan.tested), count=asked["count"], seed=asked["seed"],
        move_on=plan.calls.move_on, system_prompts=plan.system_prompts,
    )  # fmt: skip
    return found if told.parameters.asked_digest == digest else None


class _Asked(msgspec.Struct, frozen=True):
    asked_digest: str = ""


class _Made(msgspec.Struct, frozen=True):
    content_hash: str


class _Counted(msgspec.Struct, frozen=True):
    reasons: dict[str, int] = {}
    passing: int = 0


class _Told(msgspec.Struct, frozen=True):
    """What is read of a generation's metadata."""

    parameters: _Asked
    dataset: _Made
    stages: dict[str, _Counted]
