"""Across rows: what repeats an earlier one in other words, what all begin with, what is tested."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from redraft.documents.grid import wanted
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import load_persona
from redraft.documents.sieves import FEWEST_ROWS, OPENING_SHARE, AlikeDocuments, AlikeResponses, AlikeScenarios, Sieve
from redraft.records import Document, Example, Message, Rejection, Scenario

CELLS = wanted(load_persona(), 40, 0, "train")
WORDS = [
    f"{start}{end}" for start in ("ba", "de", "fi", "go", "ku", "la", "me", "no") for end in ("r", "st", "lm", "x")
]


def prose(seed: int, words: int) -> str:
    draw = random.Random(seed)  # noqa: S311
    return " ".join(draw.choice(WORDS) for _ in range(words))


def reworded(text: str, every: int) -> str:
    return " ".join("other" if place % every == every - 1 else word for place, word in enumerate(text.split()))


def scenario(at: int, situation: str) -> Scenario:
    return msgspec.structs.replace(CELLS[at], title=f"Title {prose(at, 3)}", situation=situation, cost=0.5)


def document(row_id: str, text: str) -> Document:
    return Document(
        document_id=row_id, side="train", document_type="memo", domain="d", tension="t", tone="t", stakeholder="s",
        scenario="s", title="T", text=text, word_count=len(text.split()), cost=0.25, request_key=f"k{row_id}",
    )  # fmt: skip


def example(row_id: str, text: str) -> Example:
    return Example(
        conversation_id=row_id, messages=(Message("user", "u"), Message("assistant", text)), category="",
        improved=False, generation_method="documents", original_response="", improvement_timestamp=None, cost=0.5,
    )  # fmt: skip


def sifted(sieve: Sieve, rows: Iterable[Any]) -> dict[str, Rejection]:
    sieve.add(rows)
    found = sieve.refused()
    sieve.close()
    return found


def test_an_idea_in_a_few_other_words_is_the_same_idea() -> None:
    ideas = [scenario(at, prose(at, 50)) for at in range(30)]
    ideas.append(scenario(30, reworded(ideas[3].situation, 12)))
    found = sifted(AlikeScenarios(), ideas)
    assert set(found) == {"s00031"} and found["s00031"].reason == "duplicate_scenario"
    assert found["s00031"].detail.endswith(ideas[3].situation), "what it is not to be like again"


def test_a_document_repeats_another_or_what_is_tested() -> None:
    rows = [document(f"s{at}", prose(at, 600)) for at in range(8)]
    rows += [document("copy", reworded(rows[2].text, 25)), document("tested", prose(90, 300) + " " + prose(77, 40))]
    found = sifted(AlikeDocuments(EvaluationGrams.of([prose(77, 40)])), iter(rows))
    assert {row_id: one.reason for row_id, one in found.items()} == {
        "copy": "duplicate_document", "tested": "in_eval_prompts",
    }  # fmt: skip
    assert (found["copy"].cost, found["copy"].request_key, found["copy"].row_id) == (0.25, "kcopy", "copy")
    assert "that of s2" in found["copy"].detail and not sifted(AlikeDocuments(), rows[:8])


@pytest.mark.parametrize("count", [FEWEST_ROWS - 1, FEWEST_ROWS, 400])
def test_one_opening_stays_within_its_share_of_many_rows(count: int) -> None:
    rows = [example(f"s{at}", f"Thank you for this memo: {prose(at, 60)}") for at in range(count // 2)]
    rows += [example(f"o{at}", prose(1000 + at, 60)) for at in range(count - len(rows))]
    found = sifted(AlikeResponses(), rows)
    stays = int(OPENING_SHARE * count) if count >= FEWEST_ROWS else count
    assert {one.reason for one in found.values()} <= {"repeated_opening"}
    assert list(found) == [f"s{at}" for at in range(stays, count // 2)], "the first ones with it stay"


def test_the_same_response_twice_is_one_too_many() -> None:
    rows = [
        example("a", "Let us see, first of all."),
        example("b", "Other words."),
        example("c", "let us see first of all"),
    ]
    found = sifted(AlikeResponses(), rows)
    assert {row_id: one.reason for row_id, one in found.items()} == {"c": "duplicate_response"}
    assert found["c"].cost == 0.5 and "that to a" in found["c"].detail


def test_what_may_not_stay_is_remembered_by_nobody() -> None:
    """Round after round: a response that begins as too many do may come back with another beginning alone, and a
    document that was refused for what is tested is nobody's earlier one."""
    sieve = AlikeResponses()
    rows = [example(f"s{at}", f"Thank you for this memo: {prose(at, 60)}") for at in range(FEWEST_ROWS)]
    sieve.add(rows)
    refused = sieve.refused()
    stays = int(OPENING_SHARE * FEWEST_ROWS)
    assert list(refused) == [f"s{at}" for at in range(stays, FEWEST_ROWS)]
    again = [example(row_id, f"{prose(500 + at, 4)} memo: {prose(at, 60)}") for at, row_id in enumerate(refused, stays)]
    sieve.add([*again, example("late", again[0].messages[-1].content), example("old", rows[0].messages[-1].content)])
    found = sieve.refused()
    assert {row_id: one.reason for row_id, one in found.items()} == dict.fromkeys(("late", "old"), "duplicate_response")
    sieve.close()
    tested = prose(77, 40)
    twice = [document(row_id, f"{prose(90, 300)} {words}") for row_id, words in (("a", tested), ("b", prose(78, 4)))]
    assert list(sifted(AlikeDocuments(EvaluationGrams.of([tested])), twice)) == ["a"]
