"""The stage that rewrites: questions in, examples and rejections out, one of them for every question.

Pure builders and readers are in `rewriting`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redraft.answering.rewriting import STAGES, Part, rewrite_request, rewritten
from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.calling.reading import read_as_answered
from redraft.records import Example, Question, Rejection, Request


def rewrite_requests(questions: Iterable[Question], chain: Sequence[str], round: int = 0) -> Iterator[Request]:
    """What is asked for these questions, one request each."""
    return (rewrite_request(one, chain, round) for one in questions)


async def rewrite_questions(
    questions: Sequence[Question], part: Part, chain: Sequence[str], round: int, caller: Caller, progress: Progress
) -> tuple[list[Example], list[Rejection]]:
    """An example for each question, in their order, and why some have none."""
    by_id = {one.question_id: one for one in questions}
    requests = rewrite_requests(questions, chain, round)
    made = await read_as_answered(requests, STAGES[part], by_id, rewritten, (round,), caller, progress)
    rows = [made[row_id] for row_id in by_id]
    return [r for r in rows if isinstance(r, Example)], [r for r in rows if isinstance(r, Rejection)]
