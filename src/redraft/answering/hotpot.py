"""HotpotQA (distractor setting) as a stream: a context of several paragraphs, `Title: text` a line each.

Neighbours: `squad` and `pairs` read other formats, `paragraphs` cuts such contexts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.answering.candidate import Candidate, article_key, halved, one_space, rejected
from redraft.answering.masking import masked, masked_golds, masked_question, unmasked_id
from redraft.answering.matching import find, is_yes_no
from redraft.answering.paragraphs import answer_start
from redraft.datasets.reading import Row, place_of, read_rows
from redraft.errors import InputError
from redraft.records import Question, Rejection

_WANTED = (
    'HotpotQA rows read {"question": …, "answer": …, "supporting_facts": [[title, sentence number], …], '
    '"context": [[title, [sentences]], …]}'
)


class Asked(msgspec.Struct, frozen=True):
    """A row of HotpotQA. `supporting_facts` name a paragraph and a sentence of it, counted from 0."""

    question: str
    answer: str
    supporting_facts: tuple[tuple[str, int], ...]
    context: tuple[tuple[str, tuple[str, ...]], ...]
    id: str = msgspec.field(name="_id", default="")


def read_hotpot(path: Path) -> Iterator[Candidate | Rejection]:
    """The questions of the file in order. Raises InputError for a file without a usable one."""
    usable = number = 0
    for number, row in read_rows(path):
        read = row if isinstance(row, Rejection) else _candidate(row, path, number)
        usable += isinstance(read, Candidate)
        yield read
    if not usable:
        raise InputError(f"{path}: none of its {number:,} rows can be used; {_WANTED}")


def _candidate(row: Row, path: Path, number: int) -> Candidate | Rejection:
    place = place_of(path, number)
    try:
        asked = msgspec.convert(row, Asked)
    except msgspec.ValidationError as error:
        return rejected("malformed_row", str(error), place, row=_shown(row))
    made = _masked(asked, f"{path.stem}-{number}", place)
    return made if isinstance(made, Candidate) else rejected(*made, place, asked.id or None, _shown(row))


def _masked(asked: Asked, row_id: str, place: str) -> Candidate | tuple[str, str]:
    """The candidate without personal data and secrets, or reason and detail of a rejection."""
    made = _made(asked, row_id, place)
    if not isinstance(made, Candidate):  # a Candidate is a tuple, too
        return made
    question = masked_question(made.question)
    if isinstance(question, tuple):
        return question
    golds = () if is_yes_no(question.answer) else masked_golds((question.answer,))
    return made._replace(question=question, golds=golds, masked=question != made.question)


def _made(asked: Asked, row_id: str, place: str) -> Candidate | tuple[str, str]:
    """The candidate, or reason and detail of a rejection."""
    text, answer = one_space(asked.question), one_space(asked.answer)
    paragraphs = {title: [one_space(sentence) for sentence in sentences] for title, sentences in asked.context}
    lines = {title: f"{one_space(title)}: {' '.join(filter(None, inside))}" for title, inside in paragraphs.items()}
    context = "\n".join(lines.values())
    if halved(context, text, answer):
        return "malformed_row", "half a character (lone surrogate) in a text"
    if not text or not answer or not lines:
        return "empty", f"no {'question' if not text else 'answer' if not answer else 'context'}"
    support: list[str] = []
    for title, place_of_sentence in asked.supporting_facts:
        sentences = paragraphs.get(title, [])
        # Some rows of the published set count one sentence too many.
        if 0 <= place_of_sentence < len(sentences) and sentences[place_of_sentence]:
            support.append(sentences[place_of_sentence])
    if not support:
        return "no_support", "none of its supporting facts stands in the context"
    span = None
    if not is_yes_no(answer):
        start = answer_start(context, answer, tuple(support))
        span = find(answer, context, start) if start is not None else None
        if span is None:
            return "answer_missing", f"the answer {answer[:60]!r} does not stand in the context"
    elif len(support) < len(asked.supporting_facts):
        return "no_support", "a sentence that yes or no rests on does not stand in the context"
    question = Question(
        question_id=unmasked_id(asked.id, row_id), layer="reasoning", side="train", group="", context=context,
        question=text, answer=context[span[0] : span[1]] if span else answer, support=tuple(dict.fromkeys(support)),
        place=place, start=span[0] if span else None,
    )  # fmt: skip
    supporting = dict.fromkeys(article_key(masked(title)) for title, _ in asked.supporting_facts if title in paragraphs)
    lined = tuple(article_key(masked(title)) for title in lines)
    return Candidate(msgspec.structs.replace(question, group=next(iter(supporting))), tuple(supporting), lined)


def _shown(row: Row) -> str:
    return msgspec.json.encode(row)[:2000].decode("utf-8", "replace")
