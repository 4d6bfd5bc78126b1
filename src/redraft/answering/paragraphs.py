"""Contexts of several paragraphs, a line each, whose question rests on sentences of some of them: what of it fits.

Whole paragraphs that hold none of the sentences go first; then those that do are cut to them. Neighbour: `cutting`.
"""

from __future__ import annotations

import random

import msgspec

from redraft.answering.matching import find, folded, is_yes_no, stands_in
from redraft.answering.room import Room
from redraft.answering.tokenizing import Span
from redraft.records import Question

_LONGEST_TITLE = 120


def fitted_paragraphs(question: Question, room: Room) -> Question | None:
    """The question with as many paragraphs as fit, or None where not even its support does; their order stays.

    Which of the others stay is drawn by the question's id: the same in every run.
    """
    lines = question.context.split("\n")
    needed = {place for place, line in enumerate(lines) if _spans_in(line, question)}
    if not is_yes_no(question.answer) and not any(stands_in(question.answer, lines[place]) for place in needed):
        holding = next((place for place, line in enumerate(lines) if stands_in(question.answer, line)), None)
        needed |= {holding} if holding is not None else set[int]()
    whole = {place: lines[place] for place in sorted(needed)}
    if _over(whole, question, room) > 0:
        whole = {place: _to_its_support(line, question) for place, line in whole.items()}
        return _with(whole, question) if _over(whole, question, room) <= 0 else None
    return _with(_filled(whole, lines, question, room), question)


def _filled(kept: dict[int, str], lines: list[str], question: Question, room: Room) -> dict[int, str]:
    """With as many of the other paragraphs as there is room for."""
    others = [place for place in range(len(lines)) if place not in kept]
    random.Random(question.question_id).shuffle(others)  # noqa: S311  the same in every run
    left = -_over(kept, question, room)
    added: list[int] = []
    for place in others:
        # A line break may be a token.
        cost = len(room.tokenizer.spans(lines[place])) + 1
        if cost <= left:
            left -= cost
            added.append(place)
    while True:
        filled = {place: lines[place] for place in sorted([*kept, *added])}
        if not added or _over(filled, question, room) <= 0:
            return filled
        added.pop()


def _to_its_support(line: str, question: Question) -> str:
    """The line's title and the part from its first sentence of the support to its last."""
    spans = _spans_in(line, question) or [_around_answer(line, question)]
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    title, mark, _ = line.partition(": ")
    if mark and len(title) <= _LONGEST_TITLE and len(title) + len(mark) < start:
        return f"{title}{mark}{line[start:end]}"
    return line[start:end]


def _spans_in(line: str, question: Question) -> list[Span]:
    return [span for sentence in question.support if (span := find(sentence, line)) is not None]


def _around_answer(line: str, question: Question) -> Span:
    return find(question.answer, line) or (0, len(line))


def _over(kept: dict[int, str], question: Question, room: Room) -> int:
    return room.over([("\n".join(kept.values()), question.question)])[0]


def _with(kept: dict[int, str], question: Question) -> Question:
    context = "\n".join(kept.values())
    start = None
    if not is_yes_no(question.answer):
        start = answer_start(context, question.answer, question.support)
    return msgspec.structs.replace(question, context=context, start=start, cut=context != question.context)


def answer_start(context: str, answer: str, support: tuple[str, ...]) -> int | None:
    """Where the answer begins: in a sentence of the support if it stands in one, else at its first place."""
    for sentence in support:
        if folded(answer) in folded(sentence) and (where := find(sentence, context)) is not None:
            inside = find(answer, context[where[0] : where[1]])
            if inside is not None:
                return where[0] + inside[0]
    found = find(answer, context)
    return found[0] if found is not None else None
