"""Fine-tunes a model on a rewritten dataset, or on a training file of one's own."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.exceptions import ParameterTypeError

from flows.judge_models import judge_models
from redraft.datasets.files import require_folder
from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError
from redraft.providers.endpoints import canonical
from redraft.training.settings import settings_of
from tasks.judge_panel import JUDGE, panel_of
from tasks.named_evaluation import require_serving
from tasks.parameters import Seconds
from tasks.session import calling_session
from tasks.showing import show_table, shown
from tasks.states import ends_in_words
from tasks.training_form import BatchSize, Epochs, Evals, LearningRate, MoreSettings, Rank, Seed
from tasks.training_job import Wish, answer_with, submit_training, watch_training
from tasks.training_source import file_to_train, sources_of

PolicyName = Literal["attach", "resubmit-failed", "always-new"]
TRAINABLE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
NOTHING_MORE = MoreSettings()


@flow(name="train-model", flow_run_name="train {model} on {dataset}")
@ends_in_words
async def train_model(
    dataset: str | list[str] = "data/rewritten_conversations",
    model: str = TRAINABLE,
    method: Literal["sft", "dpo"] = "sft",
    epochs: Epochs = 3,
    learning_rate: LearningRate = 1e-5,
    batch_size: BatchSize = "max",
    lora: bool | None = None,
    lora_rank: Rank | None = None,
    validation_file: str | None = None,
    evals: Evals = 0,
    seed: Seed | None = None,
    suffix: str = "",
    more: MoreSettings = NOTHING_MORE,
    max_conversations: int | None = None,
    allow_lost_rows: bool = False,
    budget: float | None = None,
    policy: PolicyName = "attach",
    evaluation: dict[str, Any] | None = None,
    monitor: bool = True,
    check_interval: Seconds = 30.0,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Write the training file, submit the job once, and watch it to the end.

    Args:
        dataset: A rewritten dataset (a folder), several that are joined, or a training file of your own (.jsonl,
            .parquet).
        model: The base model.
        method: Supervised fine-tuning (sft), or preference training (dpo) on improved and original responses.
        epochs: How often the data is gone through.
        learning_rate: Peak learning rate.
        batch_size: Sequences a step, or max.
        lora: Train low-rank adapters; off trains all weights. Empty: adapters, or as what is gone on from was trained.
        lora_rank: Rank of the adapters; the model's own default where empty.
        validation_file: Rows to evaluate on, a file of the same format as the training file.
        evals: How often the validation file is evaluated.
        seed: Seed of the training; the provider's own where empty.
        suffix: Ends the new model's name; eight digits of the job's key follow it.
        more: Everything else that the provider offers: schedule, packing, DPO, checkpoints, early stopping, W&B.
        max_conversations: Train on that many conversations of a dataset at most.
        allow_lost_rows: Submit also where rows are cut before all that is trained of them.
        budget: US dollars that the training may cost by the provider's estimate and by ours; above it nothing is
            submitted.
        policy: What happens where an equal job is there already: attach to it, however it ended; resubmit what failed;
            or always a new attempt.
        evaluation: Parameters of judge-models to run on the model once it is trained, such as conversations.
        monitor: Watch the job to its end; off leaves it at the provider once it is submitted.
        check_interval: Seconds between two looks at the job.
        credentials: Which set of credentials blocks to use.
    """
    model = canonical(model)
    settings = settings_of(
        {
            "model": model, "method": method, "epochs": epochs, "learning_rate": learning_rate,
            "batch_size": batch_size, "lora": lora, "lora_rank": lora_rank, "validation_file": validation_file,
            "evals": evals, "seed": seed, "suffix": suffix, **more.model_dump(),
        }
    )  # fmt: skip
    evaluation = evaluation_of(evaluation)
    source = await sources_of(dataset)
    async with calling_session(credentials):
        await require_serving(evaluation, model)
        file = await file_to_train(source, method, settings.train_on_inputs, max_conversations)
        wish = Wish(
            file=file, dataset=str(source.path) if isinstance(source, Dataset) else None, settings=settings,
            policy=policy, evaluation=evaluation, credentials=credentials, lost_rows=allow_lost_rows,
        )  # fmt: skip
        job = await submit_training(wish, budget)
        if monitor:
            async with shown(f"train {Path(wish.name).name}", 1):
                job = await watch_training(job["job_key"], job["suffix"], model, check_interval)
    await show_table("training-job", [_row(job)], "Training job")
    await answer_with(job)
    said = f"{job['job_id']} is {job['state']}"
    if job["model_output_name"]:
        said += f", model {job['model_output_name']}"
    return {"said": f"{said}; record {_shown(job['record_path'])}", "job": job}


def evaluation_of(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """The evaluation as it is kept with a job until that is completed, its conversations by their whole path.

    Raises ConfigurationError for what the flow judge-models would not take and for a judge's file that is not as it
    must be, InputError where the conversations are not there: better now than when the training is paid for.
    """
    if given is None:
        return None
    known = [name for name in judge_models.parameters.properties if name not in {"model2", "dry_run"}]
    for name in given:
        if name not in known:
            raise ConfigurationError(f"evaluate: there is nothing called {name!r}; there are {', '.join(known)}")
    try:
        judge_models.validate_parameters({"model1": "base", **given, "model2": "trained"})
    except ParameterTypeError as fault:
        said = " ".join(str(fault).split()).rpartition(": - ")[2]
        raise ConfigurationError(f"evaluate: {said}") from None
    conversations = resolve_input(Path(given.get("conversations", "data/conversations.json")))
    if "output" in given:
        require_folder(Path(given["output"]))
    texts = {name: given[name] for name in ("judge_prompt", "criteria") if given.get(name)}
    panel_of(given.get("judge", JUDGE), texts.get("judge_prompt", ""), texts.get("criteria", ""))
    files = {name: str(Path(file).resolve()) for name, file in texts.items() if Path(file).is_file()}
    return {**given, **files, "conversations": str(conversations.resolve())}


def _row(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "job": job["job_id"],
        "state": job["state"],
        "base model": job["base_model"],
        "model": job["model_output_name"],
        "rows": job["counts"]["rows"],
        "price by the provider's estimate (US dollars)": job["price"],
        "price by ours (US dollars)": job["estimate"],
        "record": _shown(job["record_path"]),
        "simulated": job["simulated"],
    }


def _shown(path: str | None) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(Path(path or "").relative_to(Path.cwd()))
    except ValueError:
        return str(path)
