"""What is told of a generation: each stage's part of what was paid, and when too many rows were rejected."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.errors import PartialError
from tasks.persona_files import require_few_rejected, stage_rows

PAID = {"calls": 40, "input_tokens": 100, "output_tokens": 50, "cost": 0.7, "unpriced": 1, "simulated": True}
SCORED = {"model": "j:1", "calls": 25, "input_tokens": 60, "output_tokens": 20, "cost": 0.4, "unpriced": 0}
WORDED = {"model": "d:1", "calls": 1, "input_tokens": 5, "output_tokens": 5, "cost": 0.0, "unpriced": 1}


def test_judge_and_wordings_stand_in_rows_of_their_own() -> None:
    manifest: dict[str, Any] = {"models": ["a:1", "b:2"], **PAID}
    manifest |= {"scores": {**SCORED, "simulated": True}, "paraphrases": {**WORDED, "simulated": False}}
    rows = stage_rows("responses", manifest)
    told = [(one["stage"], one["model"], one["calls"], one["cost"], one["simulated"]) for one in rows]
    assert told == [
        ("responses", "a:1, b:2", 14, 0.3, True), ("trait scores", "j:1", 25, 0.4, True),
        ("paraphrases", "d:1", 1, None, False),
    ]  # fmt: skip
    assert [sum(one[name] for one in rows) for name in ("input_tokens", "output_tokens")] == [100, 50]
    (alone,) = stage_rows("scenarios", {"models": ["a:1"], **PAID})
    assert (alone["calls"], alone["cost"]) == (40, None), "one of its calls has no known price"


@pytest.mark.parametrize(("rejected", "partial"), [(6, False), (7, True)])
def test_partial_goes_by_the_rows_that_were_asked_for(rejected: int, partial: bool) -> None:
    """A response that is trained under two prompts is two rows, and was asked for once."""
    one = {"asked": 30, "rejected": rejected, "count": 2 * (30 - rejected), "reasons": {"refusal": rejected}}
    if not partial:
        return require_few_rejected({"said": "made"}, {"responses": one}, 0.2)
    with pytest.raises(PartialError, match=r"responses: 7 of 30 rejected \(7 refusal\), above the 20% allowed"):
        require_few_rejected({"said": "made"}, {"responses": one}, 0.2)
