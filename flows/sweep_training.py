"""Fine-tunes several times on one dataset, with every combination of settings, and compares what comes out."""

from itertools import product
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from flows.train_model import NOTHING_MORE, TRAINABLE, PolicyName, evaluation_of
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, PartialError
from redraft.providers.endpoints import canonical
from redraft.training.settings import TrainingSettings, settings_of
from tasks.named_evaluation import require_serving
from tasks.parameters import Seconds
from tasks.session import calling_session
from tasks.states import ends_in_words
from tasks.training_form import BatchSize, Epochs, Evals, LearningRate, MoreSettings, Rank, Seed
from tasks.training_job import Wish, answer_with
from tasks.training_jobs import compared, require_watched, train_all
from tasks.training_source import file_to_train, sources_of


@flow(name="sweep-training", flow_run_name="sweep on {dataset}")
@ends_in_words
async def sweep_training(
    dataset: str | list[str] = "data/rewritten_conversations",
    models: tuple[str, ...] = (TRAINABLE,),
    epochs: tuple[Epochs, ...] = (3,),
    learning_rates: tuple[LearningRate, ...] = (1e-5,),
    lora_ranks: tuple[Rank, ...] = (),
    seeds: tuple[Seed, ...] = (),
    method: Literal["sft", "dpo"] = "sft",
    batch_size: BatchSize = "max",
    lora: bool | None = None,
    validation_file: str | None = None,
    evals: Evals = 0,
    suffix: str = "",
    more: MoreSettings = NOTHING_MORE,
    max_conversations: int | None = None,
    allow_lost_rows: bool = False,
    budget: float | None = None,
    policy: PolicyName = "attach",
    evaluation: dict[str, Any] | None = None,
    jobs_at_once: int = 4,
    monitor: bool = True,
    check_interval: Seconds = 30.0,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Train with every combination of models, epochs, learning rates, ranks and seeds, and compare what comes out.

    Args:
        dataset: A rewritten dataset (a folder), several that are joined, or a training file of your own (.jsonl,
            .parquet).
        models: The base models.
        epochs: How often the data is gone through.
        learning_rates: Peak learning rates.
        lora_ranks: Ranks of the adapters; the model's own default where empty.
        seeds: Seeds of the training; the provider's own where empty.
        method: Supervised fine-tuning (sft), or preference training (dpo) on improved and original responses.
        batch_size: Sequences a step, or max.
        lora: Train low-rank adapters; off trains all weights.
        validation_file: Rows to evaluate on, a file of the same format as the training file.
        evals: How often the validation file is evaluated.
        suffix: Ends each new model's name; eight digits of the job's key follow it.
        more: Everything else that the provider offers, the same for all.
        max_conversations: Train on that many conversations of a dataset at most.
        allow_lost_rows: Submit also where rows are cut before all that is trained of them.
        budget: US dollars that all trainings may cost together; above it nothing is submitted.
        policy: What happens where an equal job is there already.
        evaluation: Parameters of judge-models to run on each model once it is trained.
        jobs_at_once: How many jobs are under way at a time.
        monitor: Watch the jobs to their ends; off leaves them at the provider once they are submitted.
        check_interval: Seconds between two looks at a job.
        credentials: Which set of credentials blocks to use.
    """
    fixed = {
        "method": method, "batch_size": batch_size, "lora": lora, "validation_file": validation_file, "evals": evals,
        "suffix": suffix, **more.model_dump(),
    }  # fmt: skip
    wanted: dict[TrainingSettings, None] = dict.fromkeys(
        settings_of(
            {
                **fixed,
                "model": canonical(model),
                "epochs": count,
                "learning_rate": rate,
                "lora_rank": rank,
                "seed": seed,
            }
        )
        for model, count, rate, rank, seed in product(
            models, epochs, learning_rates, lora_ranks or (None,), seeds or (None,)
        )
    )
    if not wanted:
        raise ConfigurationError("nothing to train: name at least one model, number of epochs and learning rate")
    require_watched(len(wanted), jobs_at_once, monitor)
    evaluation = evaluation_of(evaluation)
    if evaluation and "output" in evaluation and len(wanted) > 1:
        raise ConfigurationError("evaluate: each model's results need a folder of their own; drop output")
    source = await sources_of(dataset)
    async with calling_session(credentials):
        await require_serving(evaluation, models[0])
        inputs = next(iter(wanted)).train_on_inputs
        file = await file_to_train(source, method, inputs, max_conversations)
        wishes = [
            Wish(
                file=file, dataset=str(source.path) if isinstance(source, Dataset) else None, settings=settings,
                policy=policy, evaluation=evaluation, credentials=credentials, lost_rows=allow_lost_rows,
            )
            for settings in wanted
        ]  # fmt: skip
        outcomes = await train_all(
            f"train on {Path(wishes[0].name).name}", wishes, budget=budget, at_once=jobs_at_once, monitor=monitor,
            check_interval=check_interval,
        )  # fmt: skip
    rows = await compared(outcomes, "training-comparison")
    await answer_with(*(outcome.job for outcome in outcomes))
    failed = sum(outcome.fault is not None for outcome in outcomes)
    result = {"said": f"{len(rows) - failed} of {len(rows)} trainings came to an end", "rows": rows}
    if failed:
        first = next(str(outcome.fault) for outcome in outcomes if outcome.fault)
        raise PartialError(f"{failed} of {len(rows)} trainings failed: {first}", result)
    return result
