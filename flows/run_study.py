"""The feedback study from a file of conversations to a verdict."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from flows.filter_conversations import Taxonomy, filter_conversations
from flows.rewrite_conversations import REWRITER, rewrite_conversations
from flows.train_model import TRAINABLE
from redraft.datasets.files import require_folder
from redraft.datasets.storage import Dataset
from redraft.providers.endpoints import canonical
from tasks.filter_file import filtered_source
from tasks.judge_panel import JUDGE, Effort, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.session import CallOptions, calling_session, require_served
from tasks.states import as_part, ends_in_words
from tasks.study_judging import judge_arms
from tasks.study_lengths import require_trainable
from tasks.study_plan import StudyPlan, require_askable
from tasks.study_price import price_trainings, study_ahead
from tasks.study_report import report_study
from tasks.study_stages import require_base, require_trained
from tasks.study_training import train_arms
from tasks.test_contexts import check_held_out, check_study_overlap, hold_out
from tasks.training_form import Epochs, LearningRate


@flow(name="run-study", flow_run_name="study {input}")
@ends_in_words
async def run_study(
    input: str = "data/conversations.json",
    model: str = TRAINABLE,
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "",
    criteria: str = "",
    judge_effort: Effort | None = None,
    rewriter: str = REWRITER,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    output: str = "results/study",
    taxonomy: Taxonomy = "don-yehiya",
    test_share: Share = 0.2,
    seed: int = 0,
    epochs: Epochs = 3,
    learning_rate: LearningRate = 1e-5,
    lora: bool = True,
    seeds: int = 1,
    training_budget: float | None = None,
    ask_above: float | None = None,
    jobs_at_once: int = 4,
    max_conversations: int | None = None,
    allow_lost_rows: bool = False,
    dry_run: bool = False,
    pilot: int | None = None,
    serve: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_rejected: Share = 0.2,
    max_missing: Share = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Rewrite with both methods, fine-tune on each, compare both with the base model and with each other.

    Args:
        input: Labelled conversations: JSON array, JSONL, Parquet file or dataset.
        model: The base model: trained twice, and compared with what comes out.
        judge: The model that judges, best of another family than the base model; or several, whose verdict is that of
            all.
        judge_prompt: What judges are asked: a TOML file, or a bundled name@version; empty for the bundled one.
        criteria: What makes the better answer: a TOML file, or a bundled name@version; empty for the bundled ones.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        rewriter: The model that rewrites.
        fallback: Models that rewrite in turn where the one before gives no usable answer.
        move_on: What moves on to the next of them: `any` unusable answer, or only the provider's `faults`.
        output: Folder for everything the study makes.
        taxonomy: Whose numbering the labels follow.
        test_share: Share of the conversations held out for testing, before anything is rewritten.
        seed: Which conversations are held out.
        epochs: How often the data is gone through in training.
        learning_rate: Peak learning rate.
        lora: Train low-rank adapters; off trains all weights.
        seeds: How often each method's model is trained, with the seeds 1, 2 and so on; once leaves the seed to the
            provider.
        training_budget: US dollars that all trainings may cost together, by the provider's estimate and by ours; above
            it none is submitted, and where ours is above it before anything is paid, the study ends at once.
        ask_above: US dollars that all trainings may cost without a training budget. Where they might cost more, or
            nobody knows what, the study ends before anything is paid; empty asks for no such agreement.
        jobs_at_once: How many training jobs are under way at a time.
        max_conversations: Rewrite only the first N conversations.
        allow_lost_rows: Train also where conversations are so long that nothing of the answer would be trained; by
            default the study ends before anything is paid.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        serve: Make dedicated endpoints, paid by the hour, for the models that answer through such only; they are
            stopped afterwards. Off tells what they would cost: for the base model at once, for the trained ones after
            the training.
        pilot: Only rewrite the first N, and tell from them what all will cost.
        budget: US dollars that all runs into this output may spend on calls together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a training job or batch.
        max_rejected: Share of rejected conversations from which the run counts as partial.
        max_missing: Share of contexts without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    require_folder(Path(output))
    plan = StudyPlan(
        input=input, output=output, model=canonical(model), rewriter=canonical(rewriter),
        judges=tuple(panel_of(judge, judge_prompt, criteria, effort=judge_effort)), taxonomy=taxonomy,
        test_share=test_share, seed=seed, epochs=epochs, learning_rate=learning_rate, lora=lora, seeds=seeds,
        training_budget=training_budget, ask_above=ask_above, jobs_at_once=jobs_at_once,
        max_conversations=max_conversations, allow_lost_rows=allow_lost_rows, max_rejected=max_rejected,
        max_missing=max_missing, serve=serve, check_interval=check_interval, credentials=credentials,
        calls=CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          fallback=fallback, move_on=move_on, poll=check_interval),
    )  # fmt: skip
    warn_of(plan.judges, [plan.model])
    rewriting = partial(rewrite_conversations, **plan.rewriting)
    sides = await hold_out(input, test_share, seed)
    contexts = Dataset.open(Path(sides["test"]))
    if dry_run:
        ahead = await rewriting(input=sides["train"], dry_run=True)
        source = await filtered_source(sides["train"], taxonomy)
        return await study_ahead(plan, ahead, await price_trainings(plan, str(source.path)), contexts)
    async with calling_session(credentials, plan.calls, plan.work):
        await require_askable(plan)
        await check_held_out(sides["test"], [plan.model])
        filtered = await filter_conversations(sides["train"], f"{output}/filtered", taxonomy)
        trainings = await price_trainings(plan, filtered["dataset"])
        await require_trainable(plan, filtered["dataset"], trainings.count)
        trainings.require_agreed(plan)
        await require_base(plan.model, contexts, serve, credentials)
        await require_served(plan.rewriter, *(one.model for one in plan.judges))
        if pilot is not None:
            ahead = await as_part(rewriting(input=filtered["dataset"], pilot=pilot))
            return await study_ahead(plan, ahead, await price_trainings(plan, filtered["dataset"]), contexts)
        rewritten = await as_part(rewriting(input=filtered["dataset"]))
        await check_study_overlap(sides["test"], list(plan.datasets.values()))
        jobs = await train_arms(plan)
        models = {"base": plan.model, **{name: job["model_output_name"] for name, job in jobs.items()}}
        offers = await require_trained(models, sides["test"], serve, credentials)
        judged = await judge_arms(plan, contexts, models, offers)
        return await report_study(plan, contexts, filtered, rewritten, jobs, judged)
