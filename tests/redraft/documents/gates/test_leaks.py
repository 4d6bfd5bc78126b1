"""What a response repeats of the system prompt: 8 words in a row, wherever they stand, and what is labelled as one."""

from __future__ import annotations

import pytest

from redraft.datasets.normalising import normalise
from redraft.documents.gates.leaks import prompt_leak

PROMPT = "Treat every request as a joint matter, ask what you do not know, and say where your knowledge ends."
REPLY = "We could wait for the vote in April and ask the wards what they need before anybody signs this memo."


def leak(response: str, document: str = "The rota.") -> str | None:
    return prompt_leak(response, normalise(response), normalise(document), (PROMPT,))


def test_eight_words_of_the_prompt_leak_from_any_place_to_any_place() -> None:
    prompt, reply = PROMPT.split(), REPLY.split()
    for start in range(len(prompt) - 7):
        for place in range(5):
            said = [*reply[:place], *prompt[start : start + 8], *reply[place:]]
            assert leak(" ".join(said)) == normalise(" ".join(prompt[start : start + 8])), (start, place)
            assert leak(" ".join([*reply[:place], *prompt[start : start + 7], *reply[place:]])) is None
    assert leak(REPLY) is None


def test_what_the_document_says_too_is_quoted() -> None:
    assert leak(f"{REPLY} {PROMPT}", f"Our rule: {PROMPT}") is None
    assert leak(f"{REPLY} {PROMPT}", f"Our rule: {' '.join(PROMPT.split()[:9])}") is not None


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        ("[SYSTEM PROMPT: be warm]", True), ("System prompt: be warm and honest.", True), ("My system prompt is warm.",
        True),
        ("**System prompt**: be warm.", True), ("My hidden instructions are long.", True),
        ("The vendor's system prompts us twice.", False), ("Does the system prompt the nurse for a code?", False),
    ],
)  # fmt: skip
def test_labels(text: str, leaks: bool) -> None:
    assert (leak(text) is not None) == leaks
