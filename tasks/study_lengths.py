"""Whether a study's conversations can be trained on at all, looked at before their rewriting is paid for.

Neighbours: `study_price` counts the same conversations for the price, `redraft.training.preparing` looks at the
rewritten files once more.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import msgspec
from prefect import task
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.datasets.storage import Dataset
from redraft.feedback.rewriting import keep
from redraft.records import Message, Rejection
from redraft.training.checking.files import Report
from redraft.training.checking.lengths import Estimate, Lengths
from redraft.training.checking.shapes import Format
from redraft.training.formats import training_row
from redraft.training.hosted import HostedTraining
from redraft.training.limits import check_limits, longest_sequence, model_limits
from redraft.training.preparing import require_kept
from tasks.states import not_ours
from tasks.study_plan import StudyPlan
from tasks.training_job import ask_provider

# The shortest answer that there may be: what comes before it decides whether any of it is trained.
_ANSWER = "."


@task(task_run_name="lengths in {source}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def require_trainable(plan: StudyPlan, source: str, trainings: int) -> None:
    """Nothing where no trainings are to be submitted any more, or each can learn from all of `source`, the filtered
    conversations.

    Raises ConfigurationError for settings that the model does not allow and, unless the plan allows lost rows,
    InputError where a context alone reaches the model's longest sequence: whatever is answered there is cut off.
    """
    if not trainings:
        return
    settings = next(iter(plan.settings_of("feedback").values()))

    def limits_of(training: HostedTraining) -> FinetuneModelLimits:
        return model_limits(training.plane, settings.start)

    limits = await ask_provider(plan.model, limits_of)
    check_limits(settings, limits)
    if not plan.allow_lost_rows:
        conversations = Dataset.open(Path(source))
        longest = longest_sequence(settings, limits)
        report, first = await asyncio.to_thread(_lengths, conversations, plan.max_conversations, longest)
        require_kept(report, settings, limits, first)


def _lengths(conversations: Dataset, most: int | None, longest: int) -> tuple[Report, str]:
    """The lengths of the rows that the conversations will make, with an answer of next to nothing, and the name of the
    first one that is lost. `longest` in tokens."""
    lengths, first = Lengths(limit=longest), ""
    report = Report(path=conversations.path, format=Format.CONVERSATION, bytes=0, lengths=lengths)
    counter = Estimate()
    for number, conversation in enumerate(islice(conversations.rows(), most), start=1):
        kept = keep(conversation)
        shortest = msgspec.structs.replace(kept, messages=(*kept.messages[:-1], Message("assistant", _ANSWER)))
        row = training_row(shortest)
        if isinstance(row, Rejection):
            continue  # in no training file
        report.rows += 1
        total = counter.total(dict(row), Format.CONVERSATION)
        if lengths.add(number, total):
            lengths.add_cut(number, total, counter.before(dict(row), Format.CONVERSATION))
            if lengths.first_lost == number:
                first = f"conversation {conversation.conversation_id}"
    return report, first
