"""SQuAD v1.1 and v2.0 JSON as a stream: one article in memory at a time, each question a candidate or a rejection.

Neighbours: `hotpot` and `pairs` read other formats, `candidates` puts the files in a row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from redraft.answering.candidate import Candidate, article_key, halved, one_space, opening_key, rejected
from redraft.answering.masking import masked, masked_golds, masked_question, unmasked_id
from redraft.answering.matching import find, folded, is_whole
from redraft.datasets.reading import place_of
from redraft.datasets.sniffing import refuse_foreign, skip_mark
from redraft.datasets.surrogates import MarkedSurrogates, TooDeepError
from redraft.errors import InputError
from redraft.records import Question, Rejection

_WANTED = 'SQuAD is one object, {"version": …, "data": [{"title": …, "paragraphs": […]}]}'


class Gold(msgspec.Struct, frozen=True):
    """An answer that a person gave, and where it begins in the context, in characters."""

    text: str
    answer_start: int = 0


class Asked(msgspec.Struct, frozen=True):
    """A question as SQuAD has it; v1.1 knows no `is_impossible`."""

    question: str
    id: str | int = ""
    answers: tuple[Gold, ...] = ()
    is_impossible: bool = False
    plausible_answers: tuple[Gold, ...] = ()


def read_squad(path: Path) -> Iterator[Candidate | Rejection]:
    """The questions of the file in order. Rejections count them from 1: `FILE row N`.

    Raises InputError where the file is no SQuAD JSON, breaks off, or holds no usable question.
    """
    number, usable = 0, 0
    for place, article in enumerate(_articles(path), 1):
        for read in _of_article(article, path, place, number):
            number += 1
            usable += isinstance(read, Candidate)
            yield read
    if not usable:
        found = f"none of its {number:,} questions can be used" if number else "holds no question"
        raise InputError(f"{path}: {found}; {_WANTED}")


def _articles(path: Path) -> Iterator[object]:
    with _readable(path), path.open("rb") as file:
        refuse_foreign(path, file.read(64))
        file.seek(0)
        skip_mark(file)
        yield from cast(
            "Iterator[object]",
            ijson.items(MarkedSurrogates(file), "data.item", use_float=True),  # pyright: ignore[reportUnknownMemberType]
        )


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder; give a file in SQuAD's format") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    except TooDeepError as error:
        raise InputError(f"{path}: nested too deep ({error}); mend the file") from error
    except (ijson.JSONError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())[:100]
        what = "breaks off" if "premature EOF" in said or "ncomplete JSON" in said else f"no valid JSON ({said})"
        raise InputError(f"{path}: {what}; {_WANTED}") from error


def _of_article(article: object, path: Path, place: int, before: int) -> Iterator[Candidate | Rejection]:
    """The questions of one article, the file's number `place`; `before` questions stood in the file before."""
    fields = cast("dict[str, Any]", article) if isinstance(article, dict) else {}
    title, paragraphs = fields.get("title", ""), fields.get("paragraphs")
    if not isinstance(paragraphs, list) or not isinstance(title, str):
        yield _malformed("an article without a list of paragraphs", path, before + 1, fields)
        return
    number = before
    insides = [cast("dict[str, Any]", one) if isinstance(one, dict) else {} for one in cast("list[object]", paragraphs)]
    key = article_key(masked(title)) if title.strip() else _untitled(path, place, insides)
    for inside in insides:
        context, asked = inside.get("context"), inside.get("qas")
        if not isinstance(context, str) or not isinstance(asked, list):
            number += 1
            yield _malformed("a paragraph without a context and a list of qas", path, number, inside)
            continue
        for one in cast("list[object]", asked):
            number += 1
            yield _candidate(one, context, key, path, number)


def _untitled(path: Path, place: int, paragraphs: list[dict[str, Any]]) -> str:
    """What names an article without a title: its place in its file, and its words, as other files have that name."""
    words = "\x1f".join(str(one.get("context")) for one in paragraphs).encode("utf-8", "surrogatepass")
    return f"untitled {path.name} {place} {hashlib.blake2b(words, digest_size=6).hexdigest()}"


def _candidate(row: object, context: str, key: str, path: Path, number: int) -> Candidate | Rejection:
    try:
        asked = msgspec.convert(row, Asked)
    except msgspec.ValidationError as error:
        return _malformed(str(error), path, number, row)
    place, row_id = place_of(path, number), unmasked_id(str(asked.id), f"{path.stem}-{number}")
    text = one_space(asked.question)
    made = _answered(asked, context) if not asked.is_impossible else _unanswerable(asked)
    if halved(context, text, *(gold.text for gold in asked.answers)):
        made = "malformed_row", "half a character (lone surrogate) in a text"
    elif not context.strip() or not text:
        made = "empty", "no context" if text else "no question"
    if isinstance(made, tuple):
        return rejected(*made, place, row_id, _shown(row))
    raw = msgspec.structs.replace(made, context=context, question=text)
    made = masked_question(raw)
    if isinstance(made, tuple):
        return rejected(*made, place, row_id, _shown(row))
    question = msgspec.structs.replace(made, question_id=row_id, group=key, place=place)
    golds = masked_golds(tuple(gold.text for gold in asked.answers))
    return Candidate(question, (key, opening_key(made.context)), golds=golds, masked=made != raw)


def _answered(asked: Asked, context: str) -> Question | tuple[str, str]:
    """With the answer of the majority, and the others as aliases; or reason and detail of a rejection."""
    if not any(gold.text.strip() for gold in asked.answers):
        return "no_answer", "answerable, but no answer is given"
    spans = (_span(gold, context) for gold in asked.answers)
    placed = [(context[span[0] : span[1]], span[0]) for span in spans if span is not None]
    if not placed:
        return "answer_missing", f"the answer {asked.answers[0].text[:60]!r} does not stand in the context"
    votes = Counter(folded(text) for text, _ in placed)
    most = max(votes, key=votes.__getitem__)  # the first of equals
    (answer, start), _ = Counter(one for one in placed if folded(one[0]) == most).most_common(1)[0]
    aliases = dict.fromkeys(text for text, _ in placed if folded(text) != most)
    return _question("extraction", answer=answer, aliases=tuple(_distinct(aliases)), start=start)


def _unanswerable(asked: Asked) -> Question | tuple[str, str]:
    if asked.answers:
        return "contradiction", f"is_impossible, with the answer {asked.answers[0].text[:60]!r}"
    plausible = dict.fromkeys(gold.text.strip() for gold in asked.plausible_answers if gold.text.strip())
    return _question("negatives", negative="human", plausible=tuple(plausible))


def _question(layer: Any, **fields: Any) -> Question:
    return Question(question_id="", layer=layer, side="train", group="", context="", question="", **fields)


def _span(gold: Gold, context: str) -> tuple[int, int] | None:
    """Where the answer stands; where the file's number is wrong, the place closest to it."""
    text = gold.text.strip()
    given = gold.answer_start + len(gold.text) - len(gold.text.lstrip())
    stands = bool(text) and given >= 0 and context[given : given + len(text)] == text
    if stands and is_whole(context, given, given + len(text)):
        return given, given + len(text)
    return find(text, context, given)


def _distinct(texts: Any) -> Iterator[str]:
    """Each once, whatever its case."""
    seen = set[str]()
    for text in texts:
        if folded(text) not in seen:
            seen.add(folded(text))
            yield text


def _malformed(detail: str, path: Path, number: int, row: object) -> Rejection:
    return rejected("malformed_row", detail, place_of(path, number), row=_shown(row))


def _shown(row: object) -> str:
    return msgspec.json.encode(row)[:2000].decode("utf-8", "replace")
