"""What only shows across rows: ideas, documents or responses that repeat an earlier one, and overlap with tests.

Each sieve takes rows in the order in which they count, round after round, and says which of the last may not stay
beside those that stayed before. Neighbours: `gates` speak of one row; `redraft.datasets.near_duplicates` finds what is
alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from redraft.datasets.near_duplicates import NearDuplicates
from redraft.datasets.sieves import Sieve
from redraft.datasets.storage import Dataset
from redraft.documents.evaluation import shared_words
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.responding import as_user
from redraft.documents.scenarios import in_words
from redraft.documents.spread import opening_of
from redraft.records import Document, Example, Rejection, Scenario

# Ideas are short: a few changed words leave few long runs of words whole.
SCENARIO_LIKENESS, SCENARIO_WIDTH = 0.5, 3
# In how many of all responses the first words may be the same, 5 of them or 3; in so many they may whatever the share.
OPENING_SHARES = {3: 0.1, 5: 0.05}
FEWEST_ALIKE = 5
# A model is told so, too: what it wrote itself, and not what it was held against.
_SHARED = "it has words that may not stand in it: {}"


class Openings:
    """How many responses began with the same words, of those that stay."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def repeated(self, opening: str, count: int) -> str | None:
        """The first words of an `opening_of` a response that too many of `count` share; where none are, it is counted
        among those that stay."""
        words = opening.split()
        starts = {" ".join(words[:most]): share for most, share in OPENING_SHARES.items()}
        for start, share in starts.items():
            if self._counts[start] >= max(FEWEST_ALIKE, int(share * count)):
                return start
        self._counts.update(list(starts))
        return None


class AlikeScenarios(Sieve):
    """Ideas that are an earlier one in other words. Reason: `duplicate_scenario`."""

    kind = "scenarios"

    def __init__(self) -> None:
        super().__init__()
        self._seen = NearDuplicates(SCENARIO_LIKENESS, width=SCENARIO_WIDTH)
        self._said: dict[str, str] = {}

    def _look_at(self, row: Scenario) -> None:
        words = in_words(row)
        earlier = self._seen.add(row.scenario_id, words)
        if earlier is None:
            self._said[row.scenario_id] = words
        else:
            rejection = _rejected("scenarios", row, row.scenario_id, "duplicate_scenario", self._said[earlier])
            self._found[row.scenario_id] = rejection

    def close(self) -> None:
        self._seen.close()


class AlikeDocuments(Sieve):
    """Documents that repeat an earlier one, or what is tested. Reasons: `duplicate_document`, `in_eval_prompts`."""

    kind = "documents"

    def __init__(self, tested: EvaluationGrams | None = None) -> None:
        super().__init__()
        self._tested = tested
        self._seen = NearDuplicates()
        self._titles: dict[str, str] = {}

    def _look_at(self, row: Document) -> None:
        row_id = row.document_id
        if self._tested is not None and (words := self._tested.hits(as_user(row))):
            self._found[row_id] = _rejected("documents", row, row_id, "in_eval_prompts", _SHARED.format(words))
            return
        earlier = self._seen.add(row_id, row.text)
        if earlier is None:
            self._titles[row_id] = row.title
        else:
            detail = f"the document repeats that of {earlier} ({self._titles[earlier]})"
            self._found[row_id] = _rejected("documents", row, row_id, "duplicate_document", detail)

    def close(self) -> None:
        self._seen.close()


class AlikeTestDocuments(AlikeDocuments):
    """Documents to test on that repeat an earlier one, or of which something that is `trained` on has words: datasets
    of examples. Their rule is that by which a training is refused, so that none is for these. Reasons as there."""

    def __init__(self, trained: Sequence[Path]) -> None:
        super().__init__()
        self._trained = trained
        self._fresh: list[Document] = []

    def _look_at(self, row: Document) -> None:
        self._fresh.append(row)

    def refused(self) -> dict[str, Rejection]:
        fresh, self._fresh = self._fresh, []
        rows = (row for path in self._trained for row in Dataset.open(path).rows())
        shared = shared_words(map(as_user, fresh), rows)
        for place, row in enumerate(fresh):
            if place in shared:
                detail = _SHARED.format(shared[place])
                self._found[row.document_id] = _rejected(
                    "documents", row, row.document_id, "in_eval_prompts", detail
                )  # fmt: skip
            else:
                super()._look_at(row)
        return super().refused()


class AlikeResponses(Sieve):
    """Responses that repeat an earlier one but for a few words, what lies above the share of one opening, and what is
    tested.

    Reasons: `duplicate_response`, `repeated_opening`, `in_eval_prompts`; the first rows with an opening stay.
    """

    kind = "examples"

    def __init__(self, tested: EvaluationGrams | None = None) -> None:
        super().__init__()
        self._tested = tested
        self._seen = NearDuplicates()
        self._stayed = 0
        self._openings = Openings()
        self._fresh: list[tuple[str, str, str | None, Rejection]] = []

    def _look_at(self, row: Example) -> None:
        row_id, text = row.conversation_id, row.messages[-1].content
        if self._tested is not None and (words := self._tested.hits(text)):
            self._found[row_id] = _because(_paid(row), "in_eval_prompts", _SHARED.format(words))
            return
        self._fresh.append((row_id, opening_of(text), self._seen.add(row_id, text), _paid(row)))

    def refused(self) -> dict[str, Rejection]:
        fresh, self._fresh = self._fresh, []
        count = self._stayed + len(fresh)
        for row_id, opening, earlier, rejection in fresh:
            if earlier is not None:
                detail = f"the response repeats that to {earlier}"
                self._found[row_id] = _because(rejection, "duplicate_response", detail)
            elif (start := self._openings.repeated(opening, count)) is not None:
                # Without numbers: they change with the rows, and a model is told this in a request of its own.
                detail = f"it begins with {start!r}, as too many responses do; begin in another way"
                self._found[row_id] = _because(rejection, "repeated_opening", detail)
                self._seen.forget(row_id)
            else:
                self._stayed += 1
        return super().refused()

    def close(self) -> None:
        self._seen.close()


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
