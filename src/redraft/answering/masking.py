"""Personal data and secrets out of what users' files say, before anything is made of it or sent anywhere.

Neighbours: `squad`, `hotpot` and `pairs` hand over what they read, `redraft.datasets.privacy` knows what to mask.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from redraft.answering.matching import find, stands_in
from redraft.datasets.privacy import redact, redact_answer
from redraft.records import Question, Rejection

_SECRET = "[SECRET]"  # noqa: S105  what stands in its place


@lru_cache(maxsize=512)  # a paragraph's questions follow each other
def masked(text: str) -> str:
    """The text without personal data and secrets."""
    return redact(text)


def masked_question(question: Question) -> Question | tuple[str, str]:
    """The question with everything masked and its answer found anew; or reason and detail of a rejection, `secret` or
    `personal_data`, where its answer, or a sentence that it rests on, would be masked."""
    # Of several paragraphs, a line each, a line stays a line.
    paragraphs = question.context.split("\n") if question.support else [question.context]
    context = "\n".join(map(masked, paragraphs))
    if fault := _reason((question.answer, masked(question.answer))):
        return fault
    if context == question.context:
        placed = question
    else:
        placed = _placed(question, context)
        if placed is None:
            return _reason((question.context, context)) or ("personal_data", "")
    return msgspec.structs.replace(
        placed,
        question=masked(question.question),
        aliases=tuple(alias for alias in question.aliases if masked(alias) == alias and stands_in(alias, context)),
        plausible=tuple(dict.fromkeys(map(masked, question.plausible))),
    )


def unmasked_id(given: str, other: str) -> str:
    """A row's id as it was given; the `other` one where there is none, or where personal data or a secret is in it, as
    what would stand in its place is the same for several rows."""
    return given if given and redact(given) == given else other


def masked_golds(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each of the texts once; without those that are masked, which stand nowhere any more."""
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip() and masked(text) == text))


def masked_rejection(rejection: Rejection) -> Rejection:
    """The rejection with what it shows of the row masked, its id too."""
    row, row_id = rejection.row, rejection.row_id
    return msgspec.structs.replace(
        rejection, detail=masked(rejection.detail), row=redact_answer(row) if row is not None else None,
        row_id=redact(row_id) if row_id is not None else None,
    )  # fmt: skip


def _placed(question: Question, context: str) -> Question | None:
    """The question before its masked context; None where what it rests on is no longer there."""
    support = tuple(masked(sentence) for sentence in question.support)
    if not all(stands_in(sentence, context) for sentence in support):
        return None
    if question.start is None:
        return msgspec.structs.replace(question, context=context, support=support)
    span = find(question.answer, context, len(redact(question.context[: question.start])))
    if span is None:
        return None
    answer = context[span[0] : span[1]]
    return msgspec.structs.replace(question, context=context, support=support, answer=answer, start=span[0])


def _reason(*texts: tuple[str, str]) -> tuple[str, str] | None:
    for text, without in texts:
        if text != without:
            secret = without.count(_SECRET) > text.count(_SECRET)
            what = "a secret" if secret else "personal data"
            return (
                "secret" if secret else "personal_data",
                f"{what} is masked, and the answer with it; leave the row out",
            )
    return None
