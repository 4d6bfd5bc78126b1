"""The gates over finished rows: a dataset of ours, or anybody's training file with `messages`.

Neighbours: `redraft.datasets.reading` gives the rows, `gates` and `redraft.documents.overlap` find, the command line
shows.
"""

from __future__ import annotations

import hashlib
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
from redraft.documents.gates.scores import score_finding
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import Persona
from redraft.documents.sieves import FEWEST_ROWS, OPENING_SHARE
from redraft.documents.spread import opening_of
from redraft.records import Rejection

MESSAGES = ("messages", "conversation_context")
_TITLED = re.compile(r"\*\*(.+?)\*\*[ \t]*\n\s*\n")
_MEND = 'a row holds {"messages": [{"role": "user", "content": the document}, {"role": "assistant", "content": …}]}'
_FACTS = ("document_type", "domain", "tension", "tone", "stakeholder", "scenario", "scores", "judged", "models",
          "model", "scenario_model", "document_model", "response_model", "judge", "round", "passed", "system_prompt",
          "simulated", "cost")  # fmt: skip


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are held against: a persona's parameters, or none of them.

    `words`: fewest and most of a document, `least_words`: fewest of a response. `prompts` may not be repeated, nor may
    the row's own system message. `signs`: regular expressions by trait. `tested`: evaluation prompts. `least_score`:
    what each trait in a row's `scores` must have. With `repeated` every response that says what an earlier one said,
    or begins as too many do, is flagged too: in a file that nobody has thinned out those are a trait of the whole.
    """

    words: tuple[int, int] = (100, 1_000)
    least_words: int = 50
    language: str = "en"
    prompts: tuple[str, ...] = ()
    signs: Mapping[str, Sequence[str]] = {}
    tested: EvaluationGrams | None = None
    least_score: float | None = None
    likeness: float = THRESHOLD
    repeated: bool = False

    @classmethod
    def of(cls, persona: Persona) -> Checks:
        """A persona's own words, language, prompts and signs; the rest by `msgspec.structs.replace`."""
        signs = {one.name: one.signs for one in persona.traits if one.signs}
        return cls(words=persona.words, language=persona.language, prompts=persona.prompts, signs=signs)


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """A row as a person reads it, with what the gates find. `response` is None where the row is a document alone."""

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
    the last, or documents (`title`, `text`). `path` names the file in places."""
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
        self._openings: Counter[str] = Counter()
        # Document and response → the system messages that they stood under.
        self._under: dict[bytes, set[str]] = {}

    def judged(self, row: Inspected, system: str) -> Inspected:
        checks = self._checks
        findings = [*self._across(row, self._under_another(row, system))]
        findings += document_findings(row.title, row.document, words=checks.words, language=checks.language)
        if row.response is not None:
            findings += response_findings(
                f"{row.title}\n\n{row.document}", row.response,
                prompts=(*checks.prompts, system) if system else checks.prompts, least_words=checks.least_words,
                signs=checks.signs, language=checks.language,
            )  # fmt: skip
        return msgspec.structs.replace(row, findings=tuple(told(findings)))

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
        if self._checks.tested is not None and (words := self._checks.tested.hits(text)):
            yield Finding("in_eval_prompts", "document", f"it has words of an evaluation prompt: {words}")
        if text and not again and (earlier := self._documents.add(row.place, text)) is not None:
            yield Finding("duplicate_document", "document", f"it repeats the document of {earlier}")
        if row.response and not again and self._checks.repeated:
            yield from self._repeated(row.response, row.place)
        scores = row.facts.get("scores")
        if self._checks.least_score is not None and isinstance(scores, dict):
            found = score_finding("ok", cast("dict[str, Any]", scores), self._checks.least_score)
            yield from [found] if found is not None else []

    def _repeated(self, response: str, place: str) -> Iterator[Finding]:
        earlier = self._responses.setdefault(normalise(response), place)
        if earlier != place:
            yield Finding("duplicate_response", "response", f"it is the response of {earlier}")
            return
        opening = opening_of(response)
        most = max(2, int(OPENING_SHARE * max(FEWEST_ROWS, len(self._responses))))
        if self._openings[opening] >= most:
            yield Finding("repeated_opening", "response", f"it begins with {opening!r}, as {most} before it do")
            return
        self._openings[opening] += 1

    def close(self) -> None:
        self._documents.close()


def _read(row: Row, number: int, path: Path) -> tuple[Inspected, str] | Rejection:
    """The row and its system message."""
    place = place_of(path, number)
    row_id = str(next((row[name] for name in ("document_id", "conversation_id", "id") if row.get(name)), number))
    facts = {name: row[name] for name in _FACTS if row.get(name) not in (None, "", {})}
    if isinstance(judged := facts.get("judged"), dict):
        facts.setdefault("scores", cast("dict[str, Any]", judged).get("scores"))
    if not any(name in row for name in MESSAGES) and isinstance(row.get("text"), str):
        return Inspected(
            number=number, place=place, row_id=row_id, title=str(row.get("title") or ""), document=str(row["text"]),
            response=None, findings=(), facts=facts,
        ), ""  # fmt: skip
    said = _messages(row)
    if isinstance(said, str):
        return Rejection(reason="malformed_row", detail=f"{said}; {_MEND}", place=place, row_id=row_id)
    first = next((content for role, content in said if role == "user"), "")
    titled = _TITLED.match(first)
    return Inspected(
        number=number, place=place, row_id=row_id, title=titled[1] if titled else str(row.get("input_title") or ""),
        document=first[titled.end() :] if titled else first, response=said[-1][1], findings=(), facts=facts,
    ), next((content for role, content in said if role == "system"), "")  # fmt: skip


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
