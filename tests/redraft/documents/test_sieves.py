"""Across rows: what repeats an earlier one in other words, what all begin with, what is tested."""

from __future__ import annotations

import random

import msgspec
import pytest

from redraft.documents.grid import wanted
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import load_persona
from redraft.documents.sieves import FEWEST_ROWS, OPENING_SHARE, alike_documents, alike_responses, alike_scenarios
from redraft.records import Document, Example, Message, Scenario

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


def test_an_idea_in_a_few_other_words_is_the_same_idea() -> None:
    ideas = [scenario(at, prose(at, 50)) for at in range(30)]
    ideas.append(scenario(30, reworded(ideas[3].situation, 12)))
    found = alike_scenarios(ideas)
    assert set(found) == {"s00031"} and found["s00031"].reason == "duplicate_scenario"
    assert found["s00031"].detail.endswith(ideas[3].situation), "what it is not to be like again"


def test_a_document_repeats_another_or_what_is_tested() -> None:
    rows = [document(f"s{at}", prose(at, 600)) for at in range(8)]
    rows += [document("copy", reworded(rows[2].text, 25)), document("tested", prose(90, 300) + " " + prose(77, 40))]
    found = alike_documents(iter(rows), EvaluationGrams.of([prose(77, 40)]))
    assert {row_id: one.reason for row_id, one in found.items()} == {
        "copy": "duplicate_document", "tested": "in_eval_prompts",
    }  # fmt: skip
    assert (found["copy"].cost, found["copy"].request_key, found["copy"].row_id) == (0.25, "kcopy", "copy")
    assert "that of s2" in found["copy"].detail and not alike_documents(rows[:8])


@pytest.mark.parametrize("count", [FEWEST_ROWS - 1, FEWEST_ROWS, 400])
def test_one_opening_stays_within_its_share_of_many_rows(count: int) -> None:
    rows = [example(f"s{at}", f"Thank you for this memo: {prose(at, 60)}") for at in range(count // 2)]
    rows += [example(f"o{at}", prose(1000 + at, 60)) for at in range(count - len(rows))]
    found = alike_responses(rows)
    stays = int(OPENING_SHARE * count) if count >= FEWEST_ROWS else count
    assert {one.reason for one in found.values()} <= {"repeated_opening"}
    assert list(found) == [f"s{at}" for at in range(stays, count // 2)], "the first ones with it stay"


def test_the_same_response_twice_is_one_too_many() -> None:
    rows = [
        example("a", "Let us see, first of all."),
        example("b", "Other words."),
        example("c", "let us see first of all"),
    ]
    found = alike_responses(rows)
    assert {row_id: one.reason for row_id, one in found.items()} == {"c": "duplicate_response"}
    assert found["c"].cost == 0.5 and "that to a" in found["c"].detail
