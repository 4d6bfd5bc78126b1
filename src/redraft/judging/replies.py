"""Reads what a judge wrote, strictly: a verdict that is on the menu, scores on the scale, or nothing.

Neighbours: `protocol` and `ratings` turn what is read into records.

There is no fallback to an earlier mention, no search for words, no default: candidates' texts can hold all of these.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Literal, TypeVar

import msgspec

Choice = Literal["answer_1", "answer_2", "tie"]
T = TypeVar("T")

TRUNCATED_FINISHES = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
REFUSED_FINISHES = frozenset({"refusal", "content_filter"})


class Violations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    answer_1: bool
    answer_2: bool


class _Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of `protocol.VERDICT_SCHEMA`."""

    analysis: str
    violations: Violations
    verdict: Choice
    strength: Literal["slight", "clear"]


class Reply(msgspec.Struct, frozen=True):
    """A verdict as the judge gave it: on the first or the second answer shown, whoever wrote it."""

    choice: Choice
    strength: str | None
    analysis: str
    violations: tuple[str, ...] = ()


class _Scores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of `ratings.scores_schema`."""

    analysis: str
    violation: bool
    scores: dict[str, float]


class ScoreReply(msgspec.Struct, frozen=True):
    """Trait → score, for every trait that was asked for."""

    scores: dict[str, float]
    analysis: str
    violation: bool = False


_DECODER = msgspec.json.Decoder(_Verdict)
_SCORES_DECODER = msgspec.json.Decoder(_Scores)
_LINE_DECODER = msgspec.json.Decoder(dict[str, float])
_SCORES_LINE = re.compile(r"\ASCORES:[ \t]*(\{.*\})\Z")
_FENCED = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)
_LINE = re.compile(r"\AVERDICT:[ \t]*(\S+)\Z")
_MENU: dict[str, Choice] = {"1": "answer_1", "2": "answer_2", "TIE": "tie"}


def read_json_reply(text: str) -> Reply | None:
    """The verdict in an answer that is one JSON object of the schema's shape, nothing before or after it.

    One code fence around the whole answer is allowed, since some endpoints add it to forced JSON. None for
    anything else: other fields, an off-menu verdict, two verdicts, prose around it, JSON cut short.
    """
    verdict = _decoded(text, _DECODER)
    if verdict is None:
        return None
    flagged = tuple(name for name in ("answer_1", "answer_2") if getattr(verdict.violations, name))
    return Reply(verdict.verdict, verdict.strength, verdict.analysis, flagged)


def _decoded(text: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    whole = text.strip()
    if fenced := _FENCED.match(whole):
        whole = fenced.group(1).strip()
    try:
        # Twice the same field would let the last one win in silence.
        json.loads(whole, object_pairs_hook=_no_duplicates)
        return decoder.decode(whole)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field appears twice")
    return fields


def read_text_reply(text: str) -> Reply | None:
    """The verdict in the last line of an answer without a schema: `VERDICT: 1`, `VERDICT: 2` or `VERDICT: TIE`.

    Only the last line that is not blank counts, and all of it: where it names something that is not on the
    menu, the answer is unreadable, whatever stood before.
    """
    lines = text.strip().splitlines()
    found = _LINE.match(lines[-1].strip()) if lines else None
    # Only ASCII: a dotless i is an I in upper case, and not on the menu.
    choice = _MENU.get(found.group(1).upper()) if found and found.group(1).isascii() else None
    if choice is None:
        return None
    return Reply(choice, None, "\n".join(lines[:-1]).strip())


def finish_fault(finish_reason: str) -> Literal["judge_truncated", "judge_refused"] | None:
    """Why an answer is of no use whatever it says, by the provider's word for how it ended; None where it is."""
    finish = finish_reason.lower()
    if finish in TRUNCATED_FINISHES:
        return "judge_truncated"
    return "judge_refused" if finish in REFUSED_FINISHES else None


def read_json_scores(text: str, names: Sequence[str], low: float, high: float) -> ScoreReply | None:
    """The scores in an answer that is one JSON object of the schema's shape: a number for each name, and no other.

    Decimals are scores. None for anything else, a score outside `low`..`high` too: nothing is filled in or cut off.
    """
    found = _decoded(text, _SCORES_DECODER)
    if found is None or not _all_scored(found.scores, names, low, high):
        return None
    return ScoreReply(found.scores, found.analysis, found.violation)


def read_text_scores(text: str, names: Sequence[str], low: float, high: float) -> ScoreReply | None:
    """The scores in the last line of an answer without a schema: `SCORES: {"NAME": NUMBER, ...}`; as strict."""
    lines = text.strip().splitlines()
    found = _SCORES_LINE.match(lines[-1].strip()) if lines else None
    scores = _decoded(found.group(1), _LINE_DECODER) if found else None
    if scores is None or not _all_scored(scores, names, low, high):
        return None
    return ScoreReply(scores, "\n".join(lines[:-1]).strip())


def _all_scored(scores: dict[str, float], names: Sequence[str], low: float, high: float) -> bool:
    in_range = all(math.isfinite(score) and low <= score <= high for score in scores.values())
    return in_range and scores.keys() == set(names)
