"""What a judge's rating makes of a response: kept, refused, or to be asked about again."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.documents.gates.reasons import MENDABLE
from redraft.documents.persona import load_persona
from redraft.records import Example, Message, Rating
from tasks.score_shard import rubric_of, sorted_out

RUBRIC = rubric_of(load_persona())
GOOD = dict.fromkeys(RUBRIC.names, 7.0)
FIRST = RUBRIC.names[0]
EXAMPLE = Example(
    conversation_id="s00001", messages=(Message("user", "u"), Message("assistant", "ask dana@example.org")),
    category="", improved=False, generation_method="documents", original_response="", improvement_timestamp=None,
    cost=0.5, extra={"answered_models": {"response": "m-1"}},
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "scores", "reason"),
    [
        ("ok", GOOD, ""),
        ("ok", GOOD | {FIRST: 4.5}, "low_trait_score"),
        ("ok", {name: score for name, score in GOOD.items() if name != FIRST}, "unparseable_score"),
        ("ok", GOOD | {FIRST: 11.0}, "unparseable_score"),
        ("judge_unparseable", {}, "unparseable_score"),
        ("judge_error", {}, "judge_error"),
        ("skipped_budget", {}, "skipped_budget"),
    ],
)
def test_what_a_rating_says_of_a_response(status: Any, scores: dict[str, float], reason: str) -> None:
    """All traits of the persona, on its scale; where the judge was not asked nothing is said, so nothing is mended."""
    rating = Rating(
        context_id="s00001", model="m", judge="j:1", rubric=RUBRIC.id, rubric_digest=RUBRIC.digest, status=status,
        scores=scores, cost=0.25,
    )  # fmt: skip
    rows, refused = sorted_out([EXAMPLE], [rating], RUBRIC, 5.0)
    if not reason:
        assert not refused and rows[0].extra["judged"]["scores"] == GOOD and rows[0].cost == 0.5
        return
    assert not rows and (refused[0].reason, refused[0].row, refused[0].cost) == (reason, "ask [EMAIL]", 0.5)
    assert (refused[0].reason in MENDABLE) == (status not in ("judge_error", "skipped_budget"))
