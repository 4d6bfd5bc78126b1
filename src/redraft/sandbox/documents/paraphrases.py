"""Simulated paraphrases of a system prompt: its sentences in another order, some of its words exchanged."""

from __future__ import annotations

import re

from redraft.sandbox.draws import Choices

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_FRAMES = (
    "In every conversation:", "Keep to this.", "This is how you work.", "Your part is as follows.",
    "As an assistant, hold to these points.", "From the first word to the last:", "What is expected of you:",
    "Whoever writes to you,", "The way you answer:", "Remember throughout:", "Let this guide each reply.", "In short:",
)  # fmt: skip
_WORDS = {
    "request": "question", "requests": "questions", "together": "side by side", "ask": "enquire", "people": "persons",
    "warm": "friendly", "honest": "truthful", "thorough": "complete", "curious": "eager to know", "risk": "danger",
    "show": "let them see", "treat": "take", "name": "mention", "help": "support", "brief": "short", "need": "require",
    "weigh": "consider", "work": "effort", "detail": "particulars", "answer": "reply", "views": "opinions",
}  # fmt: skip
_KNOWN = re.compile(rf"\b({'|'.join(_WORDS)})\b", re.IGNORECASE)


def paraphrases(prompt: str, count: int, choices: Choices) -> list[str]:
    """`count` texts, no two alike, each with all sentences of the prompt."""
    sentences = [part for part in _SENTENCE.split(prompt.strip()) if part] or ["Answer as well as you can."]
    found: dict[str, None] = {}
    first = choices.below(len(_FRAMES))
    while len(found) < count:
        number = len(found)
        turn = (number + choices.below(len(sentences))) % len(sentences)
        order = [*sentences[turn:], *sentences[:turn]]
        text = " ".join([_FRAMES[(first + number) % len(_FRAMES)], *(_exchanged(part, choices) for part in order)])
        # Where frames and words are used up, the number of the point tells the texts apart.
        found[text if text not in found and number < len(_FRAMES) else f"Version {number + 1}. {text}"] = None
    return list(found)


def _exchanged(sentence: str, choices: Choices) -> str:
    """The sentence with about half of the words that have a synonym exchanged."""

    def other(found: re.Match[str]) -> str:
        if choices.below(2):
            return found[0]
        word = _WORDS[found[0].lower()]
        return word.capitalize() if found[0][0].isupper() else word

    return _KNOWN.sub(other, sentence)
