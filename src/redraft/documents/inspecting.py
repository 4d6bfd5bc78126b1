"""The gates over finished rows: a dataset of ours, or anybody's training file with `messages`.

Neighbours: `redraft.datasets.reading` gives the rows, `gates` and `redraft.documents.overlap` find, the command line
shows.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.near_duplicates import THRESHOLD, NearDuplicates
from redraft.datasets.normalising import normalise
from redraft.datasets.reading import Row, place_of, read_rows
from redraft.documents.gates import Finding, document_findings, response_findings, told
from redraft.documents.gates.reasons import shortened
from redraft.documents.gates.scores import score_finding
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import Persona
from redraft.documents.sieves import Openings
from redraft.documents.spread import opening_of
from redraft.documents.turns import Turn, turn_findings, turns_between
from redraft.records import Rejection

MESSAGES = ("messages", "conversation_context")
_TITLED = re.compile(r"\*\*(.+?)\*\*[ \t]*\n\s*\n")
_TESTED = "it has words of an evaluation prompt: {}"
_MEND = 'a row holds {"messages": [{"role": "user", "content": the document}, {"role": "assistant", "content": …}]}'
_FACTS = ("document_type", "domain", "tension", "tone", "stakeholder", "scenario", "scores", "judged", "models",
          "model", "scenario_model", "document_model", "response_model", "judge", "round", "passed", "system_prompt",
          "simulated", "cost")  # fmt: skip


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are held against: a persona's parameters, or none of them.

    `words`: fewest and most of a document, `least_words`: fewest of a response. `prompts` may not be repeated, nor may
    the row's own system message. `signs`: regular expressions by trait. `tested`: evaluation prompts. `least_score`:
    what each trait in a row's `scores` must have, `scale`: between which numbers they all lie, if that is known. With
    `repeated` every response that says what an earlier one said, or begins as too many do, is flagged too: in a file
    that nobody has thinned out those are a trait of the whole.
    """

    words: tuple[int, int] = (100, 1_000)
    least_words: int = 50
    language: str = "en"
    prompts: tuple[str, ...] = ()
    signs: Mapping[str, Sequence[str]] = {}
    tested: EvaluationGrams | None = None
    least_score: float | None = None
    scale: tuple[float, float] | None = None
    likeness: float = THRESHOLD
    repeated: bool = False

    @classmethod
    def of(cls, persona: Persona) -> Checks:
        """A persona's own words, language, prompts, signs and scale; the rest by `msgspec.structs.replace`."""
        signs = {one.name: one.signs for one in persona.traits if one.signs}
        return cls(
            words=persona.words, language=persona.language, prompts=persona.prompts, signs=signs,
            scale=(persona.scale.low, persona.scale.high),
        )  # fmt: skip


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """A row as a person reads it, with what the gates find. `response` is None where the row is a document alone;
    `turns` among the facts are what was said between the two."""

    number: int
    place: str
    row_id: str
    title: str
    document: str
    response: str | None
    findings: tuple[Finding, ...]
    facts: dict[str, Any] = {}

    @property
    def flags(self) -> list[str]:
        """The reasons, each once."""
        return list(dict.fromkeys(one.reason for one in self.findings))


def inspect_file(path: Path, checks: Checks) -> Iterator[Inspected | Rejection]:
    """The rows of a dataset or file in order, each with its findings; a row that is none as a Rejection.

    Raises InputError as `read_rows` does.
    """
    return flags_of_rows(read_rows(path), checks, path)


def flags_of_rows(
    rows: Iterable[tuple[int, Row | Rejection]], checks: Checks, path: Path = Path("rows")
) -> Iterator[Inspected | Rejection]:
    """Findings of rows that are read once: `messages` with the document as the first user message and the response as
    the last, or documents (`title`, `text`). What is said in between is looked at, too: see `turns`. `path` names the
    file in places."""
    seen = _Seen(checks)
    try:
        for number, row in rows:
            read = row if isinstance(row, Rejection) else _read(row, number, path)
            yield read if isinstance(read, Rejection) else seen.judged(*read)
    finally:
        seen.close()


def counted(rows: Iterable[Inspected | Rejection]) -> dict[str, int]:
    """Reason → how many rows have it, the most frequent first."""
    reasons = Counter(reason for row in rows for reason in ([row.reason] if isinstance(row, Rejection) else row.flags))
    return dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0])))


class _Seen:
    """What rows before had, for what shows across rows only."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._documents = NearDuplicates(checks.likeness)
        self._responses: dict[str, str] = {}
        self._openings = Openings()
        # Document and response → the system messages that they stood under.
        self._under: dict[bytes, set[str]] = {}

    def judged(self, row: Inspected, system: str, turns: Sequence[Turn]) -> Inspected:
        checks = self._checks
        findings = [*self._across(row, self._under_another(row, system))]
        findings += document_findings(row.title, row.document, words=checks.words, language=checks.language)
        document, prompts = f"{row.title}\n\n{row.document}", (*checks.prompts, system) if system else checks.prompts
        if row.response is not None:
            source = "\n\n".join((document, *(one.content for one in turns if one.role == "user")))
            findings += response_findings(
                source, row.response, prompts=prompts, least_words=checks.least_words, signs=checks.signs,
                language=checks.language,
            )  # fmt: skip
        # What one of them has explains no length of the document or the response.
        between = turn_findings(turns, document, prompts=prompts, language=checks.language, tested=checks.tested)
        return msgspec.structs.replace(row, findings=(*told(findings), *between))

    def _under_another(self, row: Inspected, system: str) -> bool:
        """Whether the same document and response stood before, under other system messages only: that is one row
        which is trained under several."""
        both = f"{row.title}\n{row.document}\0{row.response}".encode("utf-8", "surrogatepass")
        seen = self._under.setdefault(hashlib.blake2b(both, digest_size=16).digest(), set())
        found = bool(seen) and system not in seen
        seen.add(system)
        return found

    def _across(self, row: Inspected, again: bool) -> Iterator[Finding]:
        text = f"{row.title}\n{row.document}".strip()
        if (tested := self._checks.tested) is not None:
            if words := tested.hits(text):
                yield Finding("in_eval_prompts", "document", _TESTED.format(words))
            if row.response and (words := tested.hits(row.response)):
                yield Finding("in_eval_prompts", "response", _TESTED.format(words))
        if text and not again and (earlier := self._documents.add(row.place, text)) is not None:
            yield Finding("duplicate_document", "document", f"it repeats the document of {earlier}")
        if row.response and not again and self._checks.repeated:
            yield from self._repeated(row.response, row.place)
        yield from self._scored(row.facts.get("scores"))

    def _scored(self, scores: object) -> Iterator[Finding]:
        """What cannot be read is a finding whatever the least score is; none at all only where there is one."""
        least = self._checks.least_score
        if isinstance(scores, dict):
            if scores or least is not None:
                read = cast("dict[str, Any]", scores)
                found = score_finding("ok", read, -math.inf if least is None else least, scale=self._checks.scale)
                yield from [found] if found is not None else []
        elif scores is not None:
            yield Finding("unparseable_score", "response", f"no scores by trait: {shortened(repr(scores))}")

    def _repeated(self, response: str, place: str) -> Iterator[Finding]:
        earlier = self._responses.setdefault(normalise(response), place)
        if earlier != place:
            yield Finding("duplicate_response", "response", f"it is the response of {earlier}")
            return
        if (start := self._openings.repeated(opening_of(response), len(self._responses))) is not None:
            yield Finding("repeated_opening", "response", f"it begins with {start!r}, as too many before it do")

    def close(self) -> None:
        self._documents.close()


def _read(row: Row, number: int, path: Path) -> tuple[Inspected, str, list[Turn]] | Rejection:
    """The row, its system message, and what was said between the document and the response."""
    place = place_of(path, number)
    row_id = str(next((row[name] for name in ("document_id", "conversation_id", "id") if row.get(name)), number))
    facts = {name: row[name] for name in _FACTS if row.get(name) not in (None, "", {})}
    if isinstance(judged := facts.get("judged"), dict):
        facts.setdefault("scores", cast("dict[str, Any]", judged).get("scores"))
    if "scores" not in facts and row.get("scores") is not None:
        facts["scores"] = row["scores"]  # "" and {} are not what a row without scores has
    if not any(name in row for name in MESSAGES) and isinstance(row.get("text"), str):
        return Inspected(
            number=number, place=place, row_id=row_id, title=str(row.get("title") or ""), document=str(row["text"]),
            response=None, findings=(), facts=facts,
        ), "", []  # fmt: skip
    said = _messages(row)
    if isinstance(said, str):
        return Rejection(reason="malformed_row", detail=f"{said}; {_MEND}", place=place, row_id=row_id)
    first = next((content for role, content in said if role == "user"), "")
    titled, turns = _TITLED.match(first), turns_between(said)
    if turns:
        facts["turns"] = [f"message {one.number}, {one.role}: {one.content}" for one in turns]
    return Inspected(
        number=number, place=place, row_id=row_id, title=titled[1] if titled else str(row.get("input_title") or ""),
        document=first[titled.end() :] if titled else first, response=said[-1][1], findings=(), facts=facts,
    ), next((content for role, content in said if role == "system"), ""), turns  # fmt: skip


def _messages(row: Row) -> list[tuple[str, str]] | str:
    """The messages as (role, content), or what is wrong with them."""
    value = next((row[name] for name in MESSAGES if name in row), None)
    if not isinstance(value, list) or not value:
        return "it has no `messages`" if value is None else "`messages` is no list, or an empty one"
    said: list[tuple[str, str]] = []
    for number, one in enumerate(cast("list[object]", value), start=1):
        fields = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        role, content = fields.get("role"), fields.get("content")
        if role not in ("system", "user", "assistant") or not isinstance(content, str):
            return f"message {number} has no role (system, user, assistant) with a text as its content"
        said.append((str(role), content))
    if not any(role == "user" for role, _ in said):
        return "it has no user message"
    return said if said[-1][0] == "assistant" else "it does not end with the assistant's message"
