"""A user's own rows, `{"input": …, "output": …}`: what of the input is the context, what the question, and whether the
output is an answer or says that there is none.

Neighbours: `squad` and `hotpot` read other formats, `faults` tells what is wrong with such a file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from redraft.answering.candidate import Candidate, article_key, halved, one_space, opening_key, rejected
from redraft.answering.masking import masked, masked_golds, masked_question, unmasked_id
from redraft.answering.matching import find, folded, is_yes_no
from redraft.answering.refusing import is_refusal
from redraft.datasets.reading import Row, place_of, read_rows
from redraft.errors import InputError
from redraft.records import Question, Rejection

_WANTED = 'rows read {"input": "Context: …\\nQuestion: …", "output": "…"}'
# (form, what stands before the context, what stands between it and the question).
_FORMS = (
    ("context-question", r"Context:\s", r"\n+Question:\s"),
    ("data", r"DATA:\s", r"\n+QUESTION:\s"),
    ("headings", r"## Context\n", r"\n+## Question\n"),
    ("information", r"Information:\s", r"\n+Query:\s"),
    ("found", r"Here's what I found:\s", r"\n+You asked:\s"),
    ("bullet", r"•\s", r"\n+Question:\s"),
    ("rule", "", r"\n---\n"),
)
_COMPILED = tuple((name, re.compile(head), re.compile(between)) for name, head, between in _FORMS)
# What says in a row of training data that there is no answer, in words that nobody says to people.
_NO_ANSWER = re.compile(
    r"(?:|n/?a|none|unknown|unanswerable|no answer|not (?:found|available|mentioned|stated|given)|"
    r"(?:the )?(?:answer )?(?:is )?(?:can ?not|could not) be found)"
    r"(?: in (?:the )?(?:provided |given )?(?:context|text|passage))?[.!]?"
)


class Pair(msgspec.Struct, frozen=True):
    """A row. `answer`, `aliases`, `group`, `id`, and a `negative` that is anything but empty where there is no answer,
    may be given, as in a curriculum's file; others are ignored."""

    input: str
    output: str
    id: str = ""
    group: str = ""
    answer: str = ""
    aliases: tuple[str, ...] = ()
    negative: Any = None


class Parts(NamedTuple):
    form: str
    context: str
    question: str


def read_pairs(path: Path) -> Iterator[Candidate | Rejection]:
    """The rows of the file in order. Raises InputError for a file without a usable row."""
    usable = number = 0
    for number, row in read_rows(path):
        read = row if isinstance(row, Rejection) else _candidate(row, path, number)
        usable += isinstance(read, Candidate)
        yield read
    if not usable:
        raise InputError(f"{path}: none of its {number:,} rows can be used; {_WANTED}")


def parts_of(text: str) -> Parts | None:
    """Context and question of an input in one of the known forms; None where they cannot be told for sure: no form
    fits, or what parts them stands there twice."""
    if text.startswith("{"):
        return _json_parts(text)
    for name, head, between in _COMPILED:
        if (start := head.match(text)) is None:
            continue
        marks = list(between.finditer(text, start.end() - (1 if name == "headings" else 0)))
        if len(marks) == 1:
            context, question = text[start.end() : marks[0].start()].strip(), text[marks[0].end() :].strip()
            return Parts(name, context, question) if context and question else None
        if marks:
            return None
    return None


def says_no_answer(output: str) -> bool:
    """Whether an output says in a few words that there is no answer: "", "Not found in provided context."."""
    return _NO_ANSWER.fullmatch(folded(output)) is not None


def is_negative(output: str, context: str, answer: str = "") -> bool:
    """Whether a row says that there is no answer: in a few words, or as somebody would who was asked. A row that names
    its `answer` says so there; what stands in the context is an answer, however it is worded, or `is_ambiguous`."""
    said = answer if answer.strip() else output
    if _stands(said, context):
        return False
    return says_no_answer(said) or (not answer.strip() and is_refusal(output))


def is_ambiguous(output: str, context: str, answer: str = "") -> bool:
    """Whether an output such as "None" or "unknown" may be the answer, as it stands in the context, or mean that there
    is none: only the row's `answer` can tell."""
    return not answer.strip() and says_no_answer(output) and _stands(output, context)


def _stands(said: str, context: str) -> bool:
    """Whether words stand in the context, be it with another mark, or none, behind them."""
    return find(said.strip(), context) is not None or find(said.strip(" .!"), context) is not None


def _json_parts(text: str) -> Parts | None:
    try:
        inside = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    context, question = inside.get("context", "").strip(), inside.get("question", "").strip()
    return Parts("json", context, question) if context and question and len(inside) == 2 else None


def _candidate(row: Row, path: Path, number: int) -> Candidate | Rejection:
    place = place_of(path, number)
    try:
        pair = msgspec.convert(row, Pair)
    except msgspec.ValidationError as error:
        return rejected("malformed_row", str(error), place, row=_shown(row))
    raw = _made(pair)
    made = raw if isinstance(raw, tuple) else masked_question(raw)
    if isinstance(made, tuple):
        return rejected(*made, place, pair.id or None, _shown(row))
    digest = hashlib.blake2b(f"{pair.input}\x1f{pair.output}".encode(), digest_size=8).hexdigest()
    opening = opening_key(made.context)
    keys = (article_key(masked(pair.group)), opening) if pair.group else (opening,)
    row_id = unmasked_id(pair.id, f"pair-{digest}")
    golds = masked_golds((made.answer, *pair.aliases)) if made.answer else ()
    question = msgspec.structs.replace(made, question_id=row_id, group=keys[0], place=place)
    return Candidate(question, keys, golds=golds, masked=made != raw)


def _made(pair: Pair) -> Question | tuple[str, str]:
    """The question, or reason and detail of a rejection."""
    if halved(pair.input, pair.output):
        return "malformed_row", "half a character (lone surrogate) in a text"
    parts = parts_of(pair.input)
    if parts is None:
        return "unknown_form", f"context and question cannot be told apart for sure; {_WANTED}"
    question = Question(
        question_id="", layer="negatives", side="train", group="", context=parts.context,
        question=one_space(parts.question), negative="given",
    )  # fmt: skip
    answer = pair.answer.strip() or pair.output.strip()
    none = is_negative(pair.output, parts.context, pair.answer)
    if pair.negative and pair.answer.strip() and not none:
        return "contradiction", f"is marked as negative, with the answer {answer[:60]!r}"
    if pair.negative or none:
        return question
    if is_ambiguous(pair.output, parts.context, pair.answer):
        return "ambiguous", f"{answer[:60]!r} stands in the context, and may as well say that there is no answer"
    if is_yes_no(answer) and not pair.answer.strip():
        return "no_support", "yes or no, without the sentences that it rests on"
    if (span := find(answer, parts.context)) is not None:
        return msgspec.structs.replace(
            question, layer="extraction", negative=None, start=span[0],
            answer=parts.context[span[0] : span[1]], aliases=tuple(a for a in pair.aliases if find(a, parts.context)),
        )  # fmt: skip
    if is_yes_no(answer):
        return "no_support", "yes or no, without the sentences that it rests on"
    return "answer_missing", f"the answer {answer[:60]!r} does not stand in the context"


def _shown(row: Row) -> str:
    return msgspec.json.encode(row)[:2000].decode("utf-8", "replace")
