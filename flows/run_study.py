"""The feedback study from a file of conversations to a verdict."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from prefect import flow

from flows.filter_conversations import filter_conversations
from flows.judge_models import JUDGE
from flows.rewrite_conversations import REWRITER, rewrite_conversations
from flows.train_model import TRAINABLE, train_model
from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.summary import Settings
from tasks.answer_shard import answer_all
from tasks.judge_pair import judge_pair
from tasks.session import calling_session, require_served, served
from tasks.showing import show_report, show_table, shown
from tasks.states import ends_in_words
from tasks.study_stages import costs_of_study, stages_of_study
from tasks.test_contexts import contexts_row, hold_out
from tasks.verdict_files import without_verdict, write_verdict


@flow(name="run-study", flow_run_name="study {input}")
@ends_in_words
async def run_study(
    input: str = "data/conversations.json",
    model: str = TRAINABLE,
    judge: str = JUDGE,
    rewriter: str = REWRITER,
    output: str = "results/study",
    taxonomy: str = "don-yehiya",
    test_share: float = 0.2,
    seed: int = 0,
    epochs: int = 3,
    learning_rate: float = 1e-5,
    lora: bool = True,
    max_conversations: int | None = None,
    delay: float | None = None,
    rpm: float | None = None,
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
        output: Folder for everything the study makes.
        taxonomy: Whose numbering the labels follow.
        test_share: Share of the conversations held out for testing, before anything is rewritten.
        seed: Which conversations are held out.
        epochs: How often the data is gone through in training.
        learning_rate: Peak learning rate.
        lora: Train low-rank adapters; off trains all weights.
        max_conversations: Rewrite only the first N conversations.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        check_interval: Seconds between two looks at a training job.
        max_rejected: Share of rejected conversations from which the run counts as partial.
        max_missing: Share of contexts without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    async with calling_session(credentials, rpm, delay):
        await require_served(rewriter, judge)
        sides = await hold_out(input, test_share, seed)
        contexts = Dataset.open(Path(sides["test"]))
        filtered = await filter_conversations(sides["train"], f"{output}/filtered", taxonomy)
        rewritten = await rewrite_conversations(
            filtered["dataset"], f"{output}/rewritten", "both", rewriter, max_conversations, max_rejected=max_rejected
        )
        jobs = await asyncio.gather(
            *(
                train_model(
                    f"{output}/rewritten/{arm}", model, epochs, learning_rate, arm, lora, check_interval=check_interval
                )
                for arm in ("feedback", "alternative")
            )
        )
        feedback, alternative = (job["job"]["model_output_name"] for job in jobs)
        stages = stages_of_study(filtered, rewritten, jobs)
        if missing := [one for one in (model, feedback, alternative) if not await served(one)]:
            raise PartialError(
                f"training is done: {feedback} and {alternative}; but {' and '.join(missing)} cannot be asked yet; "
                f"deploy, then compare with redraft evaluate -c {sides['test']}"
            )
        labels = {model: "base", feedback: "feedback", alternative: "alternative"}
        async with shown("judge", 6 * contexts.count):
            # All answers first: the comparisons then share them and can run side by side.
            answers = {one: await answer_all(contexts, one) for one in (model, feedback, alternative)}
            pairs = await asyncio.gather(
                *(
                    judge_pair(contexts, answers[a], answers[b], judge, f"{output}/judgments/{labels[a]}-{labels[b]}")
                    for a, b in ((feedback, model), (alternative, model), (feedback, alternative))
                )
            )
    settings = Settings(labels=labels, max_missing=max_missing, one_training_run=True, baseline=model)
    parameters = {"input": input, "base": model, "judge": judge, "rewriter": rewriter, "feedback": feedback,
                  "alternative": alternative, "epochs": epochs, "learning_rate": learning_rate, "lora": lora,
                  "test_share": test_share, "seed": seed, "test_contexts": contexts_row(contexts)}  # fmt: skip
    costs = costs_of_study(rewritten, list(answers.values()), pairs)
    verdict = await write_verdict(
        output, "Feedback study", [pair["folders"] for pair in pairs],
        msgspec.to_builtins(settings), parameters, stages, costs,
    )  # fmt: skip
    await show_table("study-verdicts", verdict["table"], "Verdicts")
    await show_table("study-costs", costs, "Costs in US dollars")
    await show_report(
        "study",
        Path(verdict["report"]),
        "\n\n".join(
            [
                *(" ".join(both) for both in zip(verdict["verdicts"], verdict["details"], strict=True)),
                verdict["conclusion"],
            ]
        ),
    )
    unjudged = max(row["no verdict"] for row in verdict["table"])
    if unjudged > max_missing * contexts.count:
        raise PartialError(without_verdict(unjudged, contexts.count), verdict)
    return {"said": f"three verdicts; report: {verdict['report']}", **verdict}
