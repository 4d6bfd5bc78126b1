"""Questions about a computer's own facts (memory, files, contacts), filled from templates that a user can replace.

A negative is a context without the line that held the answer: as like the positive as can be. The bundled templates lie
in domain_templates.toml, which says how such a file reads. Neighbour: `layers` asks for so many of each.
"""

from __future__ import annotations

import hashlib
import math
import random
import tomllib
from collections.abc import Container, Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from redraft.answering.matching import find, folded, stands_in
from redraft.errors import ConfigurationError
from redraft.records import Question, Side

BUNDLED = "domain_templates.toml"
FORMAT = "redraft.domain@1"
# So many contexts in a row that were all drawn before: then there are no more.
_PATIENCE = 200
_MOST_NUMBERS = 1e9


class Numbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers from `low` to `high` in steps of `step`, written with as many decimals as `step` has."""

    low: float
    high: float
    step: Annotated[float, Meta(gt=0)] = 1

    def drawn(self, source: random.Random) -> str:
        number = self.low + self.step * source.randrange(round((self.high - self.low) / self.step) + 1)
        _, _, decimals = f"{Decimal(str(self.step)).normalize():f}".partition(".")
        return f"{number:,.{len(decimals)}f}"


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
    used: gaps without values, questions whose answer is in none of the lines."""
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
    return templates


def domain_questions(templates: Templates, side: Side, positives: int, negatives: int, seed: int) -> Iterator[Question]:
    """So many questions with and without an answer, each context another; fewer where the values are used up."""
    for layer, count in (("domain", positives), ("negatives", negatives)):
        source, met = random.Random(f"{seed} {side} {layer}"), set[str]()  # noqa: S311  draws repeat
        made = tries = 0
        while made < count and tries < _PATIENCE and templates.topics:
            tries += 1
            topic = templates.topics[(made + tries) % len(templates.topics)]
            try:
                question = _drawn(topic, templates, side, layer == "negatives", source)
            except ConfigurationError as error:
                raise ConfigurationError(f"{templates.name}: topic {topic.name!r}: {error}") from None
            if question is None or side_of(question.context) != side or folded(question.context) in met:
                continue
            met.add(folded(question.context))
            made, tries = made + 1, 0
            yield question


def side_of(context: str) -> Side:
    """Which side a context is for, by its words alone: none is ever on both."""
    digest = hashlib.blake2b(folded(context).encode("utf-8", "surrogatepass"), digest_size=1).digest()
    return "test" if digest[0] % 2 else "train"


def _drawn(topic: Topic, templates: Templates, side: Side, negative: bool, source: random.Random) -> Question | None:
    asked = source.choice(topic.questions)
    values = _Values({**templates.values, **topic.values}, source)
    lines = [_filled(line, values) for line in topic.lines]
    holding = next(line for line, template in zip(lines, topic.lines, strict=True) if asked.answer in template)
    answer, text = _filled(asked.answer, values), _filled(source.choice(asked.ask), values)
    if negative:
        lines = [line for line in lines if not stands_in(answer, line)]
    source.shuffle(lines)
    context = topic.joined.join(lines)
    if not lines or (negative and stands_in(answer, context)):
        return None
    digest = hashlib.blake2b(f"{context}\x1f{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    question = Question(
        question_id=f"domain-{topic.name}-{digest}", layer="negatives" if negative else "domain", side=side,
        group=f"domain {topic.name} {digest}", context=context, question=text, place=f"{templates.name} {topic.name}",
    )  # fmt: skip
    if negative:
        return msgspec.structs.replace(question, negative="template", plausible=(answer,))
    # The same number may stand in an earlier line as a part of another.
    span = find(answer, context, near=context.index(holding) + holding.index(answer))
    return msgspec.structs.replace(question, answer=answer, start=span[0]) if span else None


class _Values(dict[str, str]):
    """The value of each gap, drawn when it is first met; gaps of one list never get the same value."""

    def __init__(self, known: dict[str, tuple[str, ...] | Numbers], source: random.Random) -> None:
        super().__init__()
        self._known, self._source = known, source

    def __missing__(self, gap: str) -> str:
        name = list_of(gap, self._known)
        values = self._known[name]
        taken = {value for other, value in self.items() if list_of(other, self._known) == name}
        for _ in range(_PATIENCE):
            value = values.drawn(self._source) if isinstance(values, Numbers) else self._source.choice(values)
            if value not in taken:
                break
        else:
            raise ConfigurationError(f"{name}: has too few values for all gaps of a topic; add some")
        self[gap] = value
        return value


def list_of(gap: str, known: Container[str]) -> str:
    """The list that a gap takes its value from: `app` for `app` and for `app_2`, unless there is one of that name."""
    name, _, number = gap.rpartition("_")
    if gap in known:
        return gap
    return name if name and number.isdigit() else gap


class _Gaps(Formatter):
    def convert_field(self, value: Any, conversion: Any) -> Any:
        return value.lower() if conversion == "l" else super().convert_field(value, conversion)


def _filled(template: str, values: _Values) -> str:
    return _Gaps().vformat(template, (), values)


def _faults(templates: Templates) -> Iterator[str]:
    if templates.format != FORMAT:
        yield f"format {templates.format!r}; this version reads {FORMAT!r}"
    for topic in templates.topics:
        known = {**templates.values, **topic.values}
        for name, values in known.items():
            if fault := _fault_of(values):
                yield f"values {name!r}: {fault}"
        texts = [*topic.lines, *(one for asked in topic.questions for one in (*asked.ask, asked.answer))]
        for text in texts:
            for gap in _gaps(text):
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


def _fault_of(values: tuple[str, ...] | Numbers) -> str:
    if isinstance(values, tuple):
        if not values:
            return "none; list some, or give a high that is not below low"
        return "" if all(value.strip() for value in values) else "one of them is empty; leave it out"
    if not all(map(math.isfinite, (values.low, values.high, values.step))):
        return "low, high and step must be finite numbers"
    if values.high < values.low:
        return "none; list some, or give a high that is not below low"
    return "" if (values.high - values.low) / values.step < _MOST_NUMBERS else "too many; give a larger step"


def _gaps(text: str) -> list[str | None]:
    try:
        parsed = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return [None]
    # Of what may stand behind a name only !l is known.
    return [gap if gap and not spec and conversion in (None, "l") else None for _, gap, spec, conversion in parsed]
