"""The study's training plan, its check before judging, and what its report says of each stage and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.report import Stage, Table
from redraft.training.settings import TrainingSettings
from tasks.session import served
from tasks.verdict_files import cost_of


def training_plan(model: str, epochs: int, learning_rate: float, lora: bool) -> dict[str, Any]:
    """What both trainings share, checked before anything is paid. Raises ConfigurationError."""
    TrainingSettings(model=model, epochs=epochs, learning_rate=learning_rate, lora=lora)
    return {"model": model, "epochs": epochs, "learning_rate": learning_rate, "lora": lora}


async def require_trained(models: dict[str, str], contexts: str) -> None:
    """Raises PartialError, with the models' names, where one of them cannot be asked yet."""
    missing = [f"{name} ({model})" for name, model in models.items() if not await served(model)]
    if missing:
        raise PartialError(
            f"training is done: {models['feedback']} and {models['alternative']}; but {' and '.join(missing)} "
            f"cannot be asked yet; deploy, then compare with redraft evaluate -c {contexts}"
        )


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
        columns=("model", "state", "rows", "job", "price estimate ($)"),
        rows=tuple(
            (j["model_output_name"], j["state"], j["counts"]["rows"], j["job_id"], j["price"])
            for j in (job["job"] for job in jobs)
        ),
    )
    stages = [
        Stage(
            title="Filtering",
            lead=f"{kept['count']} of {kept['rows_read']} conversations on the training side can be learned from.",
            tables=(labels, reasons),
        ),
        Stage(title="Rewriting", lead="The same conversations, rewritten with both methods.", tables=(methods,)),
        Stage(title="Training", lead="One job for each method, equal settings.", tables=(training,)),
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
    return rows + [pair["cost"] for pair in pairs]
