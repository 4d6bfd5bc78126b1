"""Runs the evaluation that was named when a training job was submitted; an event of the completed job starts it."""

from collections.abc import Awaitable
from typing import Any

from prefect import flow

from flows.judge_models import judge_models
from redraft.errors import InputError, RedraftError
from redraft.training import evaluations
from redraft.training.job_names import job_named
from redraft.training.registry import Registry, TrainingJob, registry_address
from tasks.states import as_part, ends_in_words


@flow(name="evaluate-trained", flow_run_name="evaluate {job}")
@ends_in_words
async def evaluate_trained(job: str, again: bool = False, credentials: str | None = None) -> dict[str, Any]:
    """Compare the model of a completed training job as was asked for at its submission; once, however often started.

    Args:
        job: The training job: its id, suffix or key, or how they begin, or its dataset's name.
        again: Evaluate once more what was evaluated already.
        credentials: Which set of credentials blocks to use.
    """
    with Registry(registry_address()) as registry:
        found = job_named(registry, job)
        parameters = evaluations.judge_parameters(found)
        unknown = parameters.keys() - judge_models.parameters.properties.keys()
        if unknown:
            named = f"the evaluation of {job} names {', '.join(sorted(unknown))}, which judge-models has not"
            evaluations.note_failed(registry, found, InputError.word, named)
            raise InputError(named)
        if not registry.is_locked(evaluations.lock_name(found)):
            with registry.locked(evaluations.lock_name(found), patience=0.1):
                found = job_named(registry, found.suffix)
                stands = evaluations.standing_of(found)
                if stands.state == "completed" and not again:
                    return {"said": f"{job} was evaluated before: {stands.said}", "evaluated": False}
                return await _evaluated(registry, found, {"credentials": credentials, **parameters})
    return {"said": f"{job} is being evaluated by another run", "evaluated": False}


async def _evaluated(registry: Registry, job: TrainingJob, parameters: dict[str, Any]) -> dict[str, Any]:
    job = evaluations.note(registry, job, state="started", at=registry.stamp(), said=None)
    try:
        flow_run: Awaitable[dict[str, Any]] = judge_models(**parameters)  # type: ignore[assignment]
        result = await as_part(flow_run)
    except RedraftError as fault:
        evaluations.note_failed(registry, job, fault.word, str(fault))
        raise
    evaluations.note(registry, job, state="completed", at=registry.stamp(), said=result["said"])
    return {**result, "evaluated": True}
