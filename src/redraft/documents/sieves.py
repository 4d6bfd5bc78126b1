"""What only shows across rows: ideas, documents or responses that repeat an earlier one, and overlap with tests.

Each sieve takes rows in the order in which they count and says which may not stay. Neighbours: `gates` speak of one
row; `redraft.datasets.near_duplicates` finds what is alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from redraft.datasets.near_duplicates import near_duplicates
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.scenarios import in_words
from redraft.documents.spread import opening_of
from redraft.records import Document, Example, Rejection, Scenario

# Ideas are short: a few changed words leave few long runs of words whole.
SCENARIO_LIKENESS, SCENARIO_WIDTH = 0.5, 3
# Openings are counted from so many rows on: of fewer a share says little.
FEWEST_ROWS = 100
OPENING_SHARE = 0.05


def alike_scenarios(rows: Iterable[Scenario]) -> dict[str, Rejection]:
    """Ideas that are an earlier one in other words. Reason: `duplicate_scenario`."""
    scenarios = {one.scenario_id: one for one in rows}
    found = near_duplicates(
        ((key, in_words(one)) for key, one in scenarios.items()), SCENARIO_LIKENESS, width=SCENARIO_WIDTH
    )
    return {
        later: _rejected("scenarios", scenarios[later], later, "duplicate_scenario", in_words(scenarios[earlier]))
        for later, earlier in found.items()
    }


def alike_documents(rows: Iterable[Document], tested: EvaluationGrams | None = None) -> dict[str, Rejection]:
    """Documents that repeat an earlier one, or what is tested. Reasons: `duplicate_document`, `in_eval_prompts`."""
    found: dict[str, Rejection] = {}
    short: dict[str, Document] = {}

    def texts() -> Iterator[tuple[str, str]]:
        for one in rows:
            row_id = one.document_id
            short[row_id] = msgspec.structs.replace(one, text="")  # thousands of these are held
            if tested is not None and (words := tested.hits(f"{one.title}\n{one.text}")):
                detail = f"the document has words of a text on the other side of training and test: {words}"
                found[row_id] = _rejected("documents", one, row_id, "in_eval_prompts", detail)
            yield row_id, one.text

    for later, earlier in near_duplicates(texts()).items():
        detail = f"the document repeats that of {earlier} ({short[earlier].title})"
        found.setdefault(later, _rejected("documents", short[later], later, "duplicate_document", detail))
    return found


def alike_responses(rows: Iterable[Example]) -> dict[str, Rejection]:
    """Responses that repeat an earlier one but for a few words, and what lies above the share of one opening.

    Reasons: `duplicate_response`, `repeated_opening`; the first rows with an opening stay.
    """
    examples = [(one.conversation_id, one.messages[-1].content, _paid(one)) for one in rows]
    repeats = near_duplicates((row_id, text) for row_id, text, _ in examples)
    openings: dict[str, int] = {}
    most = max(2, int(OPENING_SHARE * len(examples))) if len(examples) >= FEWEST_ROWS else len(examples)
    found: dict[str, Rejection] = {}
    for row_id, text, rejection in examples:
        opening = opening_of(text)
        if (earlier := repeats.get(row_id)) is not None:
            found[row_id] = _because(rejection, "duplicate_response", f"the response repeats that to {earlier}")
            continue
        if openings.get(opening, 0) >= most:
            detail = f"it begins with {opening!r}, as {most} of {len(examples)} responses do; begin in another way"
            found[row_id] = _because(rejection, "repeated_opening", detail)
            continue
        openings[opening] = openings.get(opening, 0) + 1
    return found


def _rejected(stage: str, row: Scenario | Document, row_id: str, reason: str, detail: str) -> Rejection:
    return Rejection(
        reason=reason, detail=detail, place=f"{stage} {row_id}", row_id=row_id, cost=row.cost,
        input_tokens=row.input_tokens, output_tokens=row.output_tokens, simulated=row.simulated,
        answered_model=row.answered_model, request_key=row.request_key,
    )  # fmt: skip


def _paid(example: Example) -> Rejection:
    return Rejection(
        reason="", detail="", place=f"responses {example.conversation_id}", row_id=example.conversation_id,
        cost=example.cost, input_tokens=example.input_tokens, output_tokens=example.output_tokens,
        simulated=example.simulated, answered_model=example.model or "", request_key=example.request_key or "",
    )  # fmt: skip


def _because(rejection: Rejection, reason: str, detail: str) -> Rejection:
    return msgspec.structs.replace(rejection, reason=reason, detail=detail)
