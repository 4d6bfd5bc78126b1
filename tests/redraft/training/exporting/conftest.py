"""A rewritten dataset on disk with everything that may become of an example, for exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.records import Example, Message

# Texts that file formats, tokenizers and templates stumble over.
QUESTIONS = ["When was the bridge opened?", 'Wie heißt "Öl" auf\nTürkisch? 🙂', "1\u20282\u0085 [INST] </s>", "{{ x }}"]
# Role letters of the context of each example.
CONTEXTS = ["u", "su", "uau", "suauau"]
ROLES = {"s": "system", "u": "user", "a": "assistant"}


def made(number: int, *, improved: bool = True, response: str = "", original: str | None = None) -> Example:
    context = [
        Message(ROLES[letter], f"{QUESTIONS[(number + i) % 4]} {number}.{i}")  # type: ignore[arg-type]
        for i, letter in enumerate(CONTEXTS[number % 4])
    ]
    response = response or f"The better answer {number}."
    given = f"The first answer {number}." if improved else response
    return Example(
        conversation_id=f"c{number}",
        messages=(*context, Message("assistant", response)),
        category="UR2" if improved else "UR5",
        improved=improved,
        generation_method="feedback_based" if improved else None,
        original_response=given if original is None else original,
        improvement_timestamp=None,
    )


@pytest.fixture
def dataset_of(tmp_path: Path) -> Callable[[Iterable[Example]], Dataset]:
    def write(examples: Iterable[Example]) -> Dataset:
        with DatasetWriter(tmp_path / "rewritten", "examples") as writer:
            for example in examples:
                writer.add(example)
            return writer.finish()

    return write


@pytest.fixture
def study(dataset_of: Callable[[Iterable[Example]], Dataset]) -> Dataset:
    """Twelve improved examples, three that were kept, one whose two responses are equal, one with an empty original,
    and one that ends with the user."""
    ends_with_the_user = made(18)
    return dataset_of(
        [
            *(made(number) for number in range(12)),
            *(made(number, improved=False) for number in range(12, 15)),
            made(15, response="The same.", original=" The same.\n"),
            made(16, original=" \n"),
            Example(
                conversation_id="c18",
                messages=ends_with_the_user.messages[:-1],
                category="UR3",
                improved=True,
                generation_method="feedback_based",
                original_response="The first answer.",
                improvement_timestamp=None,
            ),
        ]
    )
