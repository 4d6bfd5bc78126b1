"""Fine-tunes a model on a rewritten dataset."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.providers.endpoints import canonical
from redraft.training.settings import TrainingSettings
from tasks.filter_file import dataset_of
from tasks.session import calling_session
from tasks.showing import show_table, shown
from tasks.states import ends_in_words
from tasks.training_job import submit_training, watch_training, write_training

TRAINABLE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


@flow(name="train-model", flow_run_name="train {model} on {dataset}")
@ends_in_words
async def train_model(
    dataset: str = "data/rewritten_conversations",
    model: str = TRAINABLE,
    epochs: int = 3,
    learning_rate: float = 1e-5,
    suffix: str = "",
    lora: bool = True,
    batch_size: int | Literal["max"] = "max",
    max_conversations: int | None = None,
    monitor: bool = True,
    check_interval: float = 30.0,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Write the training file, submit the job once, and watch it to the end.

    Args:
        dataset: A rewritten dataset (a folder).
        model: The base model.
        epochs: How often the data is gone through.
        learning_rate: Peak learning rate.
        suffix: Ends the new model's name; eight digits of the job's key follow it.
        lora: Train low-rank adapters; off trains all weights.
        batch_size: Sequences a step, or max.
        max_conversations: Train on that many conversations at most.
        monitor: Watch the job to its end; off leaves it at the provider once it is submitted.
        check_interval: Seconds between two looks at the job.
        credentials: Which set of credentials blocks to use.
    """
    model = canonical(model)
    settings = TrainingSettings(
        model=model, epochs=epochs, learning_rate=learning_rate, lora=lora, batch_size=batch_size, suffix=suffix
    )
    source = dataset_of(dataset)
    async with calling_session(credentials):
        file = await write_training(
            str(source.path), str(source.path.with_name(f"{source.path.name}_training.jsonl")), max_conversations
        )
        job = await submit_training(file, msgspec.to_builtins(settings), str(source.path))
        if monitor:
            async with shown(f"train {source.path.name}", 1):
                job = await watch_training(job["job_key"], job["suffix"], model, check_interval)
    await show_table("training-job", [_row(job)], "Training job")
    said = f"{job['job_id']} is {job['state']}"
    if job["model_output_name"]:
        said += f", model {job['model_output_name']}"
    return {"said": f"{said}; record {_shown(job['record_path'])}", "job": job}


def _row(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "job": job["job_id"],
        "state": job["state"],
        "base model": job["base_model"],
        "model": job["model_output_name"],
        "rows": job["counts"]["rows"],
        "price estimate (US dollars)": job["price"],
        "record": _shown(job["record_path"]),
        "simulated": job["simulated"],
    }


def _shown(path: str | None) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(Path(path or "").relative_to(Path.cwd()))
    except ValueError:
        return str(path)
