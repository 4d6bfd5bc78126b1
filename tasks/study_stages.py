"""The study's comparisons, the check before them, and what its report says of each stage and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, NotServedError, PartialError
from redraft.judging.pages import Stage, Table
from redraft.training.serving.offers import Offer
from tasks.endpoint_offers import endpoints_needed
from tasks.verdict_files import cost_of


async def require_base(model: str, contexts: Dataset, serve: bool, credentials: str | None) -> None:
    """Raises ConfigurationError where the base model cannot be asked, NotServedError where `serve` is off and it needs
    an endpoint of its own: before anything is rewritten or trained to be compared with it."""
    try:
        await endpoints_needed([model], contexts, serve, credentials)
    except NotServedError as fault:
        raise NotServedError(
            f"nothing was begun: {fault}; the models that training makes will most likely need one each, too"
        ) from None


async def require_trained(
    models: dict[str, str], contexts: str, serve: bool, credentials: str | None
) -> tuple[Offer, ...]:
    """How the models that need an endpoint of their own would be served.

    Raises PartialError, with the models' names, where one of them cannot be asked yet; it is a NotServedError where
    `serve` is off and would help.
    """
    held_out = Dataset.open(Path(contexts))
    trained = f"training is done: {' and '.join(made for name, made in models.items() if name != 'base')}"
    later = f"deploy, then compare with redraft evaluate -c {contexts}"
    try:
        return await endpoints_needed(models.values(), held_out, serve, credentials)
    except NotServedError as fault:
        raise NotServedError(f"{trained}; but they cannot be asked yet: {fault}; or {later}") from None
    except ConfigurationError as fault:
        raise PartialError(f"{trained}; but one of the models cannot be asked yet: {fault}; {later}") from None


def stages_of_study(
    filtered: dict[str, Any], rewritten: dict[str, Any], jobs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Filtering, rewriting and training, each with its counts."""
    kept = filtered["manifest"]
    labels = Table(title="Labels", columns=("label", "conversations"), rows=tuple(kept["labels"].items()))
    reasons = Table(title="Rejected", columns=("reason", "rows"), rows=tuple(kept["reasons"].items()))
    methods = Table(
        columns=("method", "examples", "rejected", "reasons"),
        rows=tuple(
            (name, m["count"], m["rejected"], ", ".join(f"{n} {reason}" for reason, n in m["reasons"].items()))
            for name, m in rewritten["manifests"].items()
        ),
    )
    training = Table(
        columns=("model", "seed", "state", "rows", "job", "provider's estimate ($)", "our estimate ($)"),
        rows=tuple(
            (
                j["model_output_name"],
                j["parameters"].get("seed"),
                j["state"],
                j["counts"]["rows"],
                j["job_id"],
                j["price"],
                j["estimate"],
            )
            for j in jobs
        ),
    )  # fmt: skip
    stages = [
        Stage(
            title="Filtering",
            lead=f"{kept['count']} of {kept['rows_read']} conversations on the training side can be learned from.",
            tables=(labels, reasons),
        ),
        Stage(title="Rewriting", lead="The same conversations, rewritten with both methods.", tables=(methods,)),
        Stage(title="Training", lead="One job for each method and seed, otherwise equal settings.", tables=(training,)),
    ]
    return [msgspec.to_builtins(stage) for stage in stages]


def costs_of_study(
    rewritten: dict[str, Any], answers: Sequence[Dataset], pairs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One row a stage and model; answers count once, though two comparisons use them."""
    rows = [
        {
            "stage": f"rewriting ({name})",
            "model": ", ".join(m["models"]),
            "calls": m["calls"],
            "input_tokens": m["input_tokens"],
            "output_tokens": m["output_tokens"],
            "cost": None if m["unpriced"] else m["cost"],
            "simulated": m["simulated"],
        }
        for name, m in rewritten["manifests"].items()
    ]
    rows += [cost_of("answers", dataset) for dataset in answers]
    return rows + [cost for pair in pairs for cost in pair["costs"]]
