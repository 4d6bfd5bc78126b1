"""Answers what the answering study asks: sentences, refusals, and questions as they are evaluated.

Neighbours: `asks` says what is wanted, `calls` serves what is said here.
"""

from __future__ import annotations

from redraft.sandbox.answers import asks
from redraft.sandbox.answers.asks import QUESTION, SENTENCE, Wanted
from redraft.sandbox.answers.defects import OF_REFUSALS, OF_SENTENCES, Defect
from redraft.sandbox.answers.guesses import Guesses
from redraft.sandbox.answers.refusals import refusal
from redraft.sandbox.answers.sentences import sentence
from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.draws import Choices, Draws
from redraft.sandbox.options import Options


class Answers:
    """All that is said follows from the seed, the model's name and the content of the request, and carries no mark:
    these texts are trained on and measured word by word."""

    def __init__(self, options: Options) -> None:
        self._seed, self._options = options.seed, options.answers
        self._guesses = Guesses(options)

    def reply(self, ask: Ask, kind: str, content: bytes, index: int = 0) -> Reply:
        """What the model says; `index` counts the answers to one call."""
        draws = Draws(self._seed, kind, ask.model, content, index)
        wanted = asks.wanted(ask)
        choices = Choices(draws.raw)
        if kind == QUESTION:
            return Reply(self._guesses.answer(ask.model, wanted, draws, choices))
        known = OF_SENTENCES if kind == SENTENCE else OF_REFUSALS
        text = sentence(wanted, choices) if kind == SENTENCE else refusal(wanted, choices)
        defect = self._defect(known, wanted, draws)
        text = known[defect](text, wanted, choices) if defect else text
        return Reply(text, "length" if defect == "truncated" else "stop", defect)

    def _defect(self, fitting: dict[str, Defect], wanted: Wanted, draws: Draws) -> str:
        """The defect that the answer has, empty for most. Asked again, only some have one."""
        if not self._options.defects:
            return ""
        drawn = Draws(draws.raw, "defect")
        place = drawn.uniform(0)
        shares = [(name, share) for name, share in self._options.defects if name in fitting]
        if wanted.again:
            if drawn.uniform(1) >= self._options.stubborn:
                return ""
            place *= sum(share for _, share in shares)  # those that stay as they are have one of them
        for name, share in shares:
            if place < share:
                return name
            place -= share
        return ""
