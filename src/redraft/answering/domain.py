"""Questions about a computer's own facts (memory, files, contacts), filled from templates that a user can replace.

A negative is a context without the line that held the answer: as like the positive as can be. The bundled templates lie
in domain_templates.toml, which says how such a file reads. Neighbours: `gaps` fills them, `layers` asks for so many.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec

from redraft.answering.candidate import rejected
from redraft.answering.gaps import Numbers, Values, fault_of, filled, gaps_of, list_of
from redraft.answering.matching import find, folded, stands_in
from redraft.errors import ConfigurationError
from redraft.records import Question, Rejection, Side

BUNDLED = "domain_templates.toml"
FORMAT = "redraft.domain@1"
# So many contexts in a row that were all drawn before: then there are no more.
_PATIENCE = 200
# So many fillings of each question are tried when a file is loaded.
_TRIALS = 64


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wordings of one question, and its answer as it stands in a line."""

    ask: tuple[str, ...]
    answer: str


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lines of a context, put together with `joined` in any order, its questions, and values of its own."""

    name: str
    lines: tuple[str, ...]
    questions: tuple[Asked, ...]
    values: dict[str, tuple[str, ...] | Numbers] = {}
    joined: str = " "


class Templates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of templates; `values` are for all topics. Gaps read {name}; {name_2} is another value of its list."""

    format: str
    topics: tuple[Topic, ...]
    values: dict[str, tuple[str, ...] | Numbers] = {}
    name: str = BUNDLED


def load_templates(path: Path | None = None) -> Templates:
    """The user's file, or the bundled one. Raises ConfigurationError, one line with the mend, for a file that cannot be
    used: gaps without values, questions whose answer is in none of the lines, or never stands there as whole words."""
    name = str(path) if path else BUNDLED
    try:
        text = path.read_text("utf-8") if path else files("redraft.answering").joinpath(BUNDLED).read_text("utf-8")
        templates = msgspec.convert({**tomllib.loads(text), "name": name}, Templates)
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}; name a file of templates with --templates") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{name}: {error}; it must read as redraft's own {BUNDLED}") from None
    if fault := next(_faults(templates), ""):
        raise ConfigurationError(f"{name}: {fault}")
    _require_whole(templates)
    return templates


def domain_questions(
    templates: Templates, side: Side, positives: int, negatives: int, seed: int
) -> Iterator[Question | Rejection]:
    """So many questions with and without an answer, each context another; fewer where the values are used up. A filling
    whose answer does not stand in its line as whole words is a Rejection, told once."""
    refused = set[str | None]()
    for layer, count in (("domain", positives), ("negatives", negatives)):
        source, met = random.Random(f"{seed} {side} {layer}"), set[str]()  # noqa: S311  draws repeat
        made = tries = 0
        while made < count and tries < _PATIENCE and templates.topics:
            tries += 1
            topic = templates.topics[(made + tries) % len(templates.topics)]
            asked = source.choice(topic.questions)
            question = _drawn(topic, asked, templates, side, layer == "negatives", source)
            if isinstance(question, Rejection):
                if side_of(question.row or "") == side and question.row not in refused:
                    refused.add(question.row)
                    yield question
                continue
            if question is None or side_of(question.context) != side or folded(question.context) in met:
                continue
            met.add(folded(question.context))
            made, tries = made + 1, 0
            yield question


def side_of(context: str) -> Side:
    """Which side a context is for, by its words alone: none is ever on both."""
    digest = hashlib.blake2b(folded(context).encode("utf-8", "surrogatepass"), digest_size=1).digest()
    return "test" if digest[0] % 2 else "train"


def _drawn(
    topic: Topic, asked: Asked, templates: Templates, side: Side, negative: bool, source: random.Random
) -> Question | Rejection | None:
    """A question; None where nothing is left of a context without its answer. Raises ConfigurationError for too few
    values."""
    place = f"{templates.name} {topic.name}"
    try:
        values = Values({**templates.values, **topic.values}, source)
        lines = [filled(line, values) for line in topic.lines]
        answer, text = filled(asked.answer, values), filled(source.choice(asked.ask), values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{templates.name}: topic {topic.name!r}: {error}") from None
    holding = next(line for line, template in zip(lines, topic.lines, strict=True) if asked.answer in template)
    if not stands_in(answer, holding):
        detail = f"the answer {answer[:60]!r} does not stand in {holding[:120]!r} as whole words"
        return rejected("answer_missing", detail, place, row=f"{answer}\n{holding}"[:2000])
    if negative:
        lines = [line for line in lines if not stands_in(answer, line)]
    source.shuffle(lines)
    context = topic.joined.join(lines)
    if not lines or (negative and stands_in(answer, context)):
        return None
    digest = hashlib.blake2b(f"{context}\x1f{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    question = Question(
        question_id=f"domain-{topic.name}-{digest}", layer="negatives" if negative else "domain", side=side,
        group=f"domain {topic.name} {digest}", context=context, question=text, place=place,
    )  # fmt: skip
    if negative:
        return msgspec.structs.replace(question, negative="template", plausible=(answer,))
    # The same number may stand in an earlier line as a part of another.
    span = find(answer, context, near=context.index(holding) + holding.index(answer))
    return msgspec.structs.replace(question, answer=answer, start=span[0]) if span else None


def _require_whole(templates: Templates) -> None:
    """Raises ConfigurationError for a question whose answer is never whole: no row could come of it."""
    for topic in templates.topics:
        for asked in topic.questions:
            source = random.Random(0)  # noqa: S311  draws repeat
            drawn = [_drawn(topic, asked, templates, "train", False, source) for _ in range(_TRIALS)]
            found = next((one for one in drawn if isinstance(one, Rejection)), None)
            if found is not None and all(isinstance(one, Rejection) for one in drawn):
                raise ConfigurationError(
                    f"{templates.name}: topic {topic.name!r}: question {asked.ask[0]!r}: {found.detail}, nor does any "
                    f"other of {_TRIALS} fillings of {asked.answer!r}; take into the answer what is written onto it, "
                    "or part them with a space"
                )


def _faults(templates: Templates) -> Iterator[str]:
    if templates.format != FORMAT:
        yield f"format {templates.format!r}; this version reads {FORMAT!r}"
    for topic in templates.topics:
        known = {**templates.values, **topic.values}
        for name, values in known.items():
            if fault := fault_of(values):
                yield f"values {name!r}: {fault}"
        texts = [*topic.lines, *(one for asked in topic.questions for one in (*asked.ask, asked.answer))]
        for text in texts:
            for gap in gaps_of(text):
                if gap is None or list_of(gap, known) not in known:
                    yield (
                        f"topic {topic.name!r}: {text!r} has a gap without values, or one that is neither {{name}} nor "
                        "{name!l}; name them under [values]"
                    )
        if not topic.lines or not topic.questions:
            yield f"topic {topic.name!r}: needs lines and questions"
        for asked in topic.questions:
            if not asked.ask or not any(asked.answer in line for line in topic.lines):
                yield f"topic {topic.name!r}: the answer {asked.answer!r} stands in none of its lines"
