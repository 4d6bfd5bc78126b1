"""Across rows: what repeats an earlier one in other words, what all begin with, what is tested."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.datasets.storage import DatasetWriter
from redraft.documents.evaluation import contexts_of, document_prompts, refuse_shared_words, write_contexts
from redraft.documents.evaluation_prompts import Prompt
from redraft.documents.grid import wanted
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import load_persona
from redraft.documents.responding import as_user
from redraft.documents.sieves import (
    FEWEST_ALIKE,
    AlikeDocuments,
    AlikeResponses,
    AlikeScenarios,
    AlikeTestDocuments,
    Sieve,
)
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


@pytest.mark.parametrize(
    ("opening", "count", "stays", "said"),
    [
        ("I aim to look at this: {}", 40, 5, "i aim to"), ("I aim to {}", 40, 5, "i aim to"),
        ("Thank you for this memo: {}", 400, 20, "thank you for this memo"), ("I aim to {}", 400, 40, "i aim to"),
    ],
)  # fmt: skip
def test_one_opening_stays_within_its_share_of_the_rows(opening: str, count: int, stays: int, said: str) -> None:
    """A published file of this kind had 10 of 40 responses that begin with "I aim to"."""
    rows = [example(f"s{at}", opening.format(prose(at, 60))) for at in range(count // 2)]
    rows += [example(f"o{at}", prose(1000 + at, 60)) for at in range(count - len(rows))]
    found = sifted(AlikeResponses(), rows)
    assert {one.reason for one in found.values()} == {"repeated_opening"}
    assert list(found) == [f"s{at}" for at in range(stays, count // 2)], "the first ones with it stay"
    told = {one.detail for one in found.values()}
    # In this stage the detail is what a model is told: a number of rows in it would buy the same response anew.
    assert told == {f"it begins with {said!r}, as too many responses do; begin in another way"}


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
    rows = [example(f"s{at}", f"Thank you for this memo: {prose(at, 60)}") for at in range(100)]
    sieve.add(rows)
    refused = sieve.refused()
    stays = FEWEST_ALIKE
    assert list(refused) == [f"s{at}" for at in range(stays, 100)]
    again = [example(row_id, f"{prose(500 + at, 4)} memo: {prose(at, 60)}") for at, row_id in enumerate(refused, stays)]
    sieve.add([*again, example("late", again[0].messages[-1].content), example("old", rows[0].messages[-1].content)])
    found = sieve.refused()
    assert {row_id: one.reason for row_id, one in found.items()} == dict.fromkeys(("late", "old"), "duplicate_response")
    sieve.close()
    tested = prose(77, 40)
    twice = [document(row_id, f"{prose(90, 300)} {words}") for row_id, words in (("a", tested), ("b", prose(78, 4)))]
    assert list(sifted(AlikeDocuments(EvaluationGrams.of([tested])), twice)) == ["a"]


def test_a_response_with_words_of_what_is_tested_is_none_and_a_phrase_that_anybody_uses_is() -> None:
    long, short = "Which of these two suppliers would you keep, and what would you tell the other?", "Where am I wrong?"
    rows = [example("tested", f"{prose(1, 60)} {long}"), example("phrase", f"{prose(2, 60)} {short}")]
    found = sifted(AlikeResponses(EvaluationGrams.of([long, short])), rows)
    assert {row_id: one.reason for row_id, one in found.items()} == {"tested": "in_eval_prompts"}
    # What the model is told is what it wrote: no more of the prompt.
    assert found["tested"].detail.endswith(": which of these two suppliers would you keep")
    assert (found["tested"].cost, found["tested"].place) == (0.5, "responses tested")


PARAGRAPHS = [prose(seed, 12) for seed in range(14)]
texts = st.integers(1, 8).flatmap(lambda most: st.lists(st.sampled_from(PARAGRAPHS), min_size=1, max_size=most**2))
texts = texts.map(" ".join)
phrases = st.tuples(st.sampled_from(PARAGRAPHS), st.sampled_from([1, 4, 7, 8, 12]))
phrases = phrases.map(lambda drawn: " ".join(drawn[0].split()[: drawn[1]]))


# Few: each writes datasets. Most of them refuse something on both sides and keep something.
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(texts, texts), min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=4),
    st.lists(phrases, max_size=2),
)  # fmt: skip
@hypothesis.example([(PARAGRAPHS[0], PARAGRAPHS[1])], [PARAGRAPHS[2]], [PARAGRAPHS[1]])
def test_what_the_sieves_let_through_is_never_refused_before_a_training(
    pairs: list[tuple[str, str]], tested: list[str], asked: list[str]
) -> None:
    grams = EvaluationGrams.of(asked)
    written = [document(f"s{at}", text) for at, (text, _) in enumerate(pairs)]
    said = [
        msgspec.structs.replace(
            example(one.document_id, reply), messages=(Message("user", as_user(one)), Message("assistant", reply))
        )
        for one, (_, reply) in zip(written, pairs, strict=True)
    ]
    refused = {**sifted(AlikeDocuments(grams), written), **sifted(AlikeResponses(grams), said)}
    rows = [one for one in said if one.conversation_id not in refused]
    documents = [document(f"t{at}", text) for at, text in enumerate(tested)]
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(Path(folder) / "data", "examples") as writer:
            for row in rows:
                writer.add(row)
            writer.finish({})
        sieve = AlikeTestDocuments([Path(folder) / "data"])
        sieve.add(documents[:2])
        found = {**sieve.refused(), **sifted(sieve, documents[2:])}
        kept = [one for one in documents if one.document_id not in found]
        prompts = [*document_prompts(kept), *(Prompt(f"p{at}", text) for at, text in enumerate(asked))]
        contexts = contexts_of([*prompts, Prompt("plain", "Sort these three.")], "")
        refuse_shared_words(write_contexts(contexts, Path(folder) / "contexts", "tests"), rows, "tuned")
    # Nothing is refused without need, either.
    for one in documents:
        alone = EvaluationGrams.of([as_user(one)])
        shared = any(alone.hits(text) for row in rows for text in (message.content for message in row.messages))
        assert shared == (one.document_id in found and found[one.document_id].reason == "in_eval_prompts")
