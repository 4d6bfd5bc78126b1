"""Ideas for documents: several cells of the grid in one call, each with an idea of its own or a reason why not.

Neighbours: `grid` draws the cells, `writing` makes documents of the ideas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from redraft.documents.gates import scenario_findings
from redraft.documents.paid import failure_reason, provenance, rejected
from redraft.documents.persona import Persona
from redraft.documents.templates import render
from redraft.records import Completion, Outcome, Rejection, Request, Scenario

TEMPLATE = "scenario_ideas@1"
STAGE = "scenarios"
# Ideas in one call: enough to share the instructions' price, few enough that models give each its own thought.
BATCH = 10
TOKENS_EACH = 400
REASKS = 2
_FAILURES = {"truncated": "truncated_scenario", "empty": "empty_scenario"}
_AXES = ("document_type", "domain", "tension", "tone", "stakeholder")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ideas": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "cell": {"type": "string", "description": "the cell's own"},
                    "title": {"type": "string", "description": "one line"},
                    "situation": {"type": "string", "description": "two to four sentences"},
                },
                "required": ["cell", "title", "situation"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["ideas"],
    "additionalProperties": False,
}


class Idea(msgspec.Struct, frozen=True):
    """One of a call's ideas."""

    cell: str
    title: str
    situation: str


class _Ideas(msgspec.Struct, frozen=True):
    ideas: tuple[Idea, ...]


def batches(cells: Sequence[Scenario], round: int) -> Iterator[Sequence[Scenario]]:
    """The cells of one call each. After the first round each has its own: which others are asked for again changes
    from run to run, and an idea that was paid for must be found whatever became of those.

    In the first round the last may have fewer than BATCH; `filled_up` says what is asked for beside them.
    """
    size = BATCH if round == 0 else 1
    for start in range(0, len(cells), size):
        yield cells[start : start + size]


def filled_up(
    cells: Sequence[Scenario], following: Sequence[Scenario], round: int
) -> Sequence[Scenario]:  # fmt: skip
    """What one call asks for: in the first round always BATCH cells, as far as the grid goes. A call for fewer would
    be another than that of a longer run, which then pays for the same ideas, and all that is made of them, again.

    `following` are the cells of the grid after the last that is wanted.
    """
    return [*cells, *following[: BATCH - len(cells)]] if round == 0 else cells


def idea_request(cells: Sequence[Scenario], persona: Persona, chain: Sequence[str], round: int) -> Request:
    """Ask for one idea for each cell; those that are asked for again name what they are not to be like."""
    material = {
        "cells": [{"cell": one.scenario_id, **{axis: getattr(one, axis) for axis in _AXES}} for one in cells],
        "avoid": sorted({one.complaint for one in cells if one.complaint}),
    }
    gaps = {"language": persona.language, "material": msgspec.json.encode(material).decode()}
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATE, gaps),
        template=TEMPLATE,
        max_tokens=1000 + TOKENS_EACH * len(cells),
        output_schema=SCHEMA,
        reasks=REASKS,
        sample=round,
        row_id=cells[0].scenario_id,
    )


def read_ideas(
    cells: Sequence[Scenario], outcome: Outcome, round: int, language: str = "en"
) -> list[Scenario | Rejection]:
    """For each cell its idea, or why it has none, in the order of the cells.

    Reasons: `missing_scenario` (no idea for the cell), `ambiguous_scenario` (several), `empty_scenario`, a gate's,
    and for a Failure `truncated_scenario`, `refusal` or its own. An idea for a cell that was not asked for belongs to
    nobody.
    """
    if not isinstance(outcome, Completion):
        reason = failure_reason(outcome.reason, _FAILURES)
        return [rejected(STAGE, one.scenario_id, outcome, reason, outcome.detail) for one in cells]
    ideas = msgspec.json.decode(outcome.text, type=_Ideas).ideas
    return [
        _of(one, [idea for idea in ideas if idea.cell.strip() == one.scenario_id], outcome, round, language)
        for one in cells
    ]


def _of(
    cell: Scenario, ideas: Sequence[Idea], completion: Completion, round: int, language: str
) -> Scenario | Rejection:
    if len(ideas) != 1:
        reason = "ambiguous_scenario" if ideas else "missing_scenario"
        return rejected(STAGE, cell.scenario_id, completion, reason, f"{len(ideas)} ideas in the answer for this cell")
    title, situation = (" ".join(text.split()) for text in (ideas[0].title, ideas[0].situation))
    if not title or not situation:
        return rejected(STAGE, cell.scenario_id, completion, "empty_scenario", "an idea without a title or a situation")
    if findings := scenario_findings(title, situation, language=language):
        detail = "; ".join(one.detail for one in findings)
        return rejected(STAGE, cell.scenario_id, completion, findings[0].reason, detail)
    return msgspec.structs.replace(
        cell, title=title, situation=situation, complaint="", round=round, **provenance(completion, TEMPLATE)
    )


def in_words(scenario: Scenario) -> str:
    """Title and situation, as later ones are told not to repeat them and near-duplicates are found."""
    return f"{scenario.title}: {scenario.situation}"
