"""Contexts cut to what a model reads of them: around the answer, never away from it; whole where they fit.

Neighbours: `tokenizing` counts, `paragraphs` cuts contexts of several paragraphs, `grounding` asserts the outcome.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec

from redraft.answering.matching import find, folded, is_yes_no, stands_in
from redraft.answering.paragraphs import fitted_paragraphs
from redraft.answering.room import Room
from redraft.answering.tokenizing import Span
from redraft.records import Question, Rejection

NO_ROOM, UNKNOWN = "no_room", "unknown_to_model"

# What may follow a full stop: quotation marks and brackets. Full stops of scripts without spaces follow nothing.
_CLOSING, _WIDE = r"[\"'\u201d\u2019)\]]*", r"[\u3002\uff01\uff1f]"
_SENTENCE_START = re.compile(rf"(?:(?<=[.!?]){_CLOSING}\s+|(?<={_WIDE})|\n\s*)(?=\S)")
_WORD_START = re.compile(r"(?<=\s)(?=\S)")
_SENTENCE_END = re.compile(rf"(?:[.!?]{_CLOSING}(?=\s|$)|{_WIDE}|(?=\n))")
_WORD_END = re.compile(r"(?<=\S)(?=\s|$)")
# A cut moves on to the next sentence unless that costs more than this share of what there is on its side.
_SENTENCE_COSTS = 0.5
# Of the room beside an answer at least so much lies before it, and so much behind: were it always in the middle of what
# was cut, a model would learn to look there.
_LEAST_BESIDE = 0.25
# Letters from which on words are not parted by spaces, about: Chinese, Japanese, Korean.
_WITHOUT_SPACES = "\u2e80"


def fitted(questions: Sequence[Question], room: Room) -> list[Question | Rejection]:
    """The questions in their order, each with the context that fits; a Rejection `no_room` where none does, and
    `unknown_to_model` where the tokenizer does not know a letter of the answer, so that no model can write it.

    The context is whole, or a contiguous part of what it was: around the answer, around the answer that people gave
    in vain (human), around the sentence most like the question for other negatives. Where `support` is given, whole
    paragraphs (lines) go first, and the sentences of `support` stay. Aliases that no longer stand there go.
    """
    parts = [(question.context, question.question) for question in questions]
    doubtful = [place for place, fits in enumerate(room.surely_fit(parts)) if not fits]
    over = dict(zip(doubtful, room.over([parts[place] for place in doubtful]), strict=True))
    return [
        _unknown(question, room)
        or (_cut(question, room) if over.get(place, 0) > 0 else _without_lost_aliases(question))
        for place, question in enumerate(questions)
    ]


def _cut(question: Question, room: Room) -> Question | Rejection:
    if question.support:
        cut = fitted_paragraphs(question, room)
    else:
        keep = kept_span(question)
        share = _share_before(question.question_id)
        part = part_around(question.context, keep, question.question, room, share)
        if part is None and question.negative:  # a long wrong answer need not stay whole
            part = part_around(question.context, (keep[0], keep[0]), question.question, room, share)
        start = question.start
        cut = part and msgspec.structs.replace(
            question,
            context=question.context[part[0] : part[1]],
            cut=True,
            start=start - part[0] if start is not None else None,
        )
    return _without_lost_aliases(cut) if cut is not None else no_room(question, room)


def _unknown(question: Question, room: Room) -> Rejection | None:
    piece = room.tokenizer.unknown(question.answer) if question.negative is None else ""
    if not piece:
        return None
    detail = f"{room.tokenizer.name} does not know {piece[:20]!r} of the answer; choose a model whose tokenizer does"
    return Rejection(reason=UNKNOWN, detail=detail, place=question.place, row_id=question.question_id)


def no_room(question: Question, room: Room) -> Rejection:
    what = "the question" if question.negative else "the answer and the question"
    return Rejection(
        reason=NO_ROOM,
        detail=f"{what} need more than {room.max_tokens} tokens; raise --max-tokens",
        place=question.place,
        row_id=question.question_id,
    )


def kept_span(question: Question) -> Span:
    """(start, end) of what must stay in the context: the answer, or what makes a negative hard."""
    if question.negative is None:
        where = _answer_span(question)
    elif question.negative == "human":
        spans = (find(text, question.context) for text in question.plausible)
        where = next((span for span in spans if span is not None), None)
    else:
        where = None
    if where is None and question.negative is None:
        raise ValueError(f"{question.question_id}: the answer does not stand in its own context")
    return where or _most_alike(question.context, question.question)


def part_around(context: str, keep: Span, question: str, room: Room, before: float = 0.5) -> Span | None:
    """(start, end) of the longest part that fits and holds `keep`; None where not even that fits.

    It begins and ends where sentences do, else words; `before` is the share of the room that lies before `keep`, as
    long as there is text on both sides.
    """
    spans = room.tokenizer.spans(context)
    left = -room.over([("", question)])[0]
    while left > 0:
        part = _part(context, spans, keep, left, before)
        excess = room.over([(context[part[0] : part[1]], question)])[0]
        if excess <= 0:
            return part
        if part == keep:
            return None
        # Where words became other tokens at the edges, that is too much: then half of what there was.
        left = left - excess if excess < left else left // 2
    return keep if room.over([(context[keep[0] : keep[1]], question)])[0] <= 0 else None


def _part(context: str, spans: list[Span], keep: Span, room: int, before: float) -> Span:
    """At most about `room` tokens around `keep`."""
    first = bisect_right(spans, keep[0], key=lambda span: span[1])
    last = bisect_left(spans, keep[1], key=lambda span: span[0])  # one past the last token of `keep`
    spare = room - (last - first)
    if spare <= 0:
        return keep
    behind = len(spans) - last
    ahead = min(first, max(round(spare * before), spare - behind))
    start = _begin(context, 0 if ahead == first else spans[first - ahead][0], keep[0])
    taken = first - bisect_left(spans, start, key=lambda span: span[0])
    wanted = last + spare - max(taken, 0)
    end = _end(
        context, len(context) if wanted >= len(spans) else spans[wanted - 1][1] if wanted > last else keep[1], keep[1]
    )
    return start, end


def _begin(context: str, earliest: int, keep: int) -> int:
    """Where a part may begin, from `earliest` on and not behind `keep`: at a sentence, a word, else where it must."""
    if earliest == 0 or earliest >= keep:
        return min(earliest, keep)
    latest = earliest + _SENTENCE_COSTS * (keep - earliest)
    sentences = (match.end() for match in _SENTENCE_START.finditer(context, earliest - 1, keep + 1))
    sentence = next((end for end in sentences if end >= earliest), None)
    if sentence is not None and sentence <= latest:
        return sentence
    word = _WORD_START.search(context, earliest, keep + 1)
    if word is not None and word.start() <= keep:
        return word.start()
    return earliest if context[earliest] >= _WITHOUT_SPACES else keep


def _end(context: str, latest: int, keep: int) -> int:
    """Where a part may end, up to `latest` and not before `keep`."""
    if latest >= len(context) or latest <= keep:
        return max(latest, keep)
    earliest = latest - _SENTENCE_COSTS * (latest - keep)
    sentences = [match.end() for match in _SENTENCE_END.finditer(context, keep, latest + 1)]
    sentence = max((end for end in sentences if end <= latest), default=keep)
    if sentence >= earliest and sentence > keep:
        return sentence
    words = [match.end() for match in _WORD_END.finditer(context, keep, latest + 1)]
    word = max((end for end in words if keep <= end <= latest), default=None)
    if word is not None:
        return word
    return latest if context[latest - 1] >= _WITHOUT_SPACES else keep


def _answer_span(question: Question) -> Span | None:
    if question.start is not None:
        end = question.start + len(question.answer)
        if folded(question.context[question.start : end]) == folded(question.answer):
            return question.start, end
    near = _most_alike(question.context, question.question)[0] if question.start is None else question.start
    return find(question.answer, question.context, near)


def _most_alike(context: str, question: str) -> Span:
    """The sentence that shares most words with the question; the first of those."""
    wanted = set(folded(question).split())
    best, start = (0, (0, 0)), 0
    for end in [*(match.end() for match in _SENTENCE_START.finditer(context)), len(context)]:
        sentence = context[start:end].rstrip()
        shared = len(wanted.intersection(folded(sentence).split()))
        if shared > best[0]:
            best = shared, (start, start + len(sentence))
        start = end
    # Its beginning is enough: where there is little room, not all of it fits.
    return best[1][0], best[1][0]


def _share_before(question_id: str) -> float:
    """How much of the room lies before the answer: another share for each question, the same in every run."""
    drawn = int.from_bytes(hashlib.blake2b(question_id.encode("utf-8", "surrogatepass"), digest_size=4).digest())
    return _LEAST_BESIDE + (1 - 2 * _LEAST_BESIDE) * drawn / 2**32


def _without_lost_aliases(question: Question) -> Question:
    if question.negative is not None or is_yes_no(question.answer):
        return question
    kept = tuple(alias for alias in question.aliases if stands_in(alias, question.context))
    return question if kept == question.aliases else msgspec.structs.replace(question, aliases=kept)
