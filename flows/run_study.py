"""The feedback study from a file of conversations to a verdict."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from prefect import flow

from flows.filter_conversations import filter_conversations
from flows.judge_models import JUDGE
from flows.rewrite_conversations import REWRITER, rewrite_conversations
from flows.train_model import TRAINABLE
from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset
from redraft.judging.stage import decoding
from redraft.judging.summary import Settings
from redraft.providers.endpoints import canonical
from tasks.answer_shard import answer_all
from tasks.estimates import study_estimates
from tasks.judge_pair import judge_pair
from tasks.serving import endpoints
from tasks.session import (
    CallOptions,
    calling_session,
    require_prices_of_trained,
    require_reachable,
    require_served,
)
from tasks.showing import shown
from tasks.side_by_side import side_by_side
from tasks.states import as_part, ends_in_words
from tasks.study_report import report_study
from tasks.study_stages import costs_of_study, require_trained, stages_of_study, training_plan
from tasks.study_training import pairs_of, seeds_together, train_arms
from tasks.test_contexts import check_held_out, check_study_overlap, contexts_row, hold_out

ARMS = ("feedback", "alternative")
PAIRS = (("feedback", "base"), ("alternative", "base"), ("feedback", "alternative"))


@flow(name="run-study", flow_run_name="study {input}")
@ends_in_words
async def run_study(
    input: str = "data/conversations.json",
    model: str = TRAINABLE,
    judge: str = JUDGE,
    rewriter: str = REWRITER,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    output: str = "results/study",
    taxonomy: str = "don-yehiya",
    test_share: float = 0.2,
    seed: int = 0,
    epochs: int = 3,
    learning_rate: float = 1e-5,
    lora: bool = True,
    seeds: int = 1,
    training_budget: float | None = None,
    jobs_at_once: int = 4,
    max_conversations: int | None = None,
    dry_run: bool = False,
    pilot: int | None = None,
    serve: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: float = 30.0,
    max_rejected: float = 0.2,
    max_missing: float = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Rewrite with both methods, fine-tune on each, compare both with the base model and with each other.

    Args:
        input: Labelled conversations: JSON array, JSONL, Parquet file or dataset.
        model: The base model: trained twice, and compared with what comes out.
        judge: The model that judges; best of another family than the base model.
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
            it none is submitted.
        jobs_at_once: How many training jobs are under way at a time.
        max_conversations: Rewrite only the first N conversations.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        serve: Make dedicated endpoints, paid by the hour, for the trained models where they answer through such only;
            they are stopped afterwards. Off ends the study after the training, and tells what they would cost.
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
    model, judge, rewriter = canonical(model), canonical(judge), canonical(rewriter)
    training, comparisons = training_plan(model, epochs, learning_rate, lora), pairs_of(PAIRS, ARMS, seeds)
    pace: dict[str, Any] = {"rpm": rpm, "tpm": tpm, "delay": delay, "in_flight": in_flight, "mode": mode}
    options = CallOptions(budget=budget, fallback=fallback, move_on=move_on, poll=check_interval, **pace)
    rewriting: Callable[..., Awaitable[dict[str, Any]]] = partial(
        rewrite_conversations, output=f"{output}/rewritten", method="both", model=rewriter, fallback=fallback,
        move_on=move_on, max_conversations=max_conversations, max_rejected=max_rejected, credentials=credentials,
        **pace,
    )  # fmt: skip
    sides = await hold_out(input, test_share, seed)
    contexts = Dataset.open(Path(sides["test"]))
    if dry_run:
        ahead = await rewriting(input=sides["train"], taxonomy=taxonomy, dry_run=True)
        return await study_estimates(ahead, contexts, model, judge, credentials, options, seeds)
    async with calling_session(credentials, options, f"study:{Path(output).resolve()}"):
        require_writable(Path(output))
        await require_reachable(rewriter, model, judge, fallbacks=options.fallbacks)
        if not serve:  # an endpoint is paid by the hour, not by the call
            require_prices_of_trained(model, ARMS)
        await require_served(rewriter, judge)
        await check_held_out(sides["test"], [model])
        if pilot is not None:
            ahead = await as_part(rewriting(input=sides["train"], taxonomy=taxonomy, pilot=pilot))
            return await study_estimates(ahead, contexts, model, judge, credentials, options, seeds)
        filtered = await filter_conversations(sides["train"], f"{output}/filtered", taxonomy)
        rewritten = await as_part(rewriting(input=filtered["dataset"]))
        datasets = {arm: f"{output}/rewritten/{arm}" for arm in ARMS}
        await check_study_overlap(sides["test"], list(datasets.values()))
        jobs = await train_arms(
            datasets, training, seeds, budget=training_budget, at_once=jobs_at_once, check_interval=check_interval,
            credentials=credentials,
        )  # fmt: skip
        models = {"base": model, **{name: job["model_output_name"] for name, job in jobs.items()}}
        offers = await require_trained(models, sides["test"], serve, credentials)
        async with shown("judge", (len(models) + seeds * len(PAIRS)) * contexts.count):
            # All answers first: the comparisons then share them and can run side by side.
            async with endpoints(offers) as serving:
                answered = await side_by_side(answer_all(contexts, one) for one in models.values())
            answers = dict(zip(models, answered, strict=True))
            asked = [one for of_pair in comparisons.values() for one in of_pair]
            pairs = await side_by_side(
                # One pair is enough to test the judge.
                judge_pair(contexts, answers[a], answers[b], judge, f"{output}/judgments/{a}-{b}",
                           f"{output}/checks" if (a, b) == asked[0] else "")
                for a, b in asked
            )  # fmt: skip
        settings = Settings(
            labels={one: name for name, one in models.items()},
            max_missing=max_missing,
            one_training_run=seeds == 1,
            baseline=model,
        )
        how = {"input": input, "judge": judge, "rewriter": rewriter, **models, **training,
               **decoding(models.values(), judge), "test_share": test_share, "seed": seed, "seeds": seeds,
               "training_budget": training_budget, "taxonomy": taxonomy, "max_conversations": max_conversations,
               **pace, "budget": budget, "fallback": list(fallback), "credentials": credentials,
               "max_missing": max_missing, "test_contexts": contexts_row(contexts),
               "endpoints": serving.facts()}  # fmt: skip
        costs = [*costs_of_study(rewritten, list(answers.values()), pairs), *serving.costs()]
        together, details, stage = await seeds_together(comparisons, dict(zip(asked, pairs, strict=True)), settings)
        stages = [*stages_of_study(filtered, rewritten, list(jobs.values())), *stage, *serving.stages()]
        return await report_study(output, settings, how, pairs, stages, costs, (together, details), serving)
