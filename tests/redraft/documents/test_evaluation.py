"""Contexts to test on: each prompt once, under one system message; words that training rows share with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.datasets.normalising import normalise
from redraft.documents.evaluation import (
    contexts_of,
    plain_instructions,
    refuse_shared_words,
    refuse_tested_documents,
    write_contexts,
)
from redraft.documents.evaluation_prompts import Prompt
from redraft.documents.persona import bundled, load_persona
from redraft.errors import InputError, OverlapError
from redraft.records import Document, Example, Message

PROMPT = (
    "Our clinic moves its night desk to the ward on Monday, and two nurses have asked me whether patients who call "
    "after ten will still be heard by somebody who knows them."
)


def example(row_id: str, document: str, response: str = "Let us look at who calls after ten.") -> Example:
    messages = (Message("system", PROMPT), Message("user", document), Message("assistant", response))
    return Example(
        conversation_id=row_id, messages=messages, category="", improved=False, generation_method="documents",
        original_response="", improvement_timestamp=None,
    )  # fmt: skip


def test_the_plain_instructions_are_60_different_ones_without_a_word_of_any_persona(tmp_path: Path) -> None:
    found = plain_instructions()
    assert len(found) == len({normalise(one.text) for one in found}) == len({one.prompt_id for one in found}) == 60
    labels = {trait.title.lower() for name in bundled() for trait in load_persona(name).traits}
    assert not [one.text for one in found if any(label in one.text.lower() for label in labels)]
    # Another file's prompts may count from 1, too.
    (tmp_path / "own.txt").write_text("Sort: b, a.\nWhat is 2 and 2?\n")
    assert plain_instructions(str(tmp_path / "own.txt")) == [
        ("plain-p0001", "Sort: b, a.", {}), ("plain-p0002", "What is 2 and 2?", {})
    ]  # fmt: skip


def test_contexts_have_each_prompt_once_and_the_system_message_where_there_is_one(tmp_path: Path) -> None:
    first, second = contexts_of([Prompt("a", "One."), Prompt("b", "Two?"), Prompt("c", "one")], "Be kind.")
    assert [one.role for one in first.messages] == ["system", "user"] and second.conversation_id == "b"
    assert [one.role for one in contexts_of([Prompt("a", "One.")], "")[0].messages] == ["user"]
    with pytest.raises(InputError, match="the id 'a' stands for two"):
        contexts_of([Prompt("a", "One."), Prompt("a", "Two?")], "")
    dataset = write_contexts([first, second], tmp_path / "contexts", "own.txt")
    assert dataset.manifest["contexts"] and dataset.manifest["source"] == "own.txt"
    with pytest.raises(InputError, match=r"empty.txt: gives no context"):
        write_contexts([], tmp_path / "none", "empty.txt")


def test_words_of_a_prompt_in_a_document_or_a_response_are_refused_and_in_a_system_message_are_not(
    tmp_path: Path,
) -> None:
    contexts = write_contexts(contexts_of([Prompt("a", PROMPT)], ""), tmp_path / "contexts", "prompts")
    apart = example("s1", "The museum opens at nine, and the guards have asked for another break in the afternoon.")
    refuse_shared_words(contexts, [apart], "tuned")
    inside = example("s2", f"A memo. {PROMPT} What now?")
    answered = example("s3", "What of the night desk?", f"You say this: {PROMPT}")
    for hit in (inside, answered):
        with pytest.raises(OverlapError, match=f"1 of the rows that tuned is trained on .*{hit.conversation_id}: our"):
            refuse_shared_words(contexts, [apart, hit], "tuned")
    with pytest.raises(OverlapError, match=r"11 of the rows .* and 1 more"):
        refuse_shared_words(contexts, [inside] + [example(f"s{n}", PROMPT) for n in range(10, 20)], "tuned")
    documents = [
        Document(document_id=row_id, side="train", document_type="memo", domain="d", tension="t", tone="t",
                 stakeholder="s", scenario="s", title="A memo", text=text, word_count=9)
        for row_id, text in (("s1", apart.messages[1].content), ("s2", f"It begins. {PROMPT}"))
    ]  # fmt: skip
    refuse_tested_documents(documents[:1], [PROMPT])
    with pytest.raises(OverlapError, match=r"1 of the documents have words .*s2: our clinic"):
        refuse_tested_documents(documents, [PROMPT])
