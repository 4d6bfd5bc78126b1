"""Simulated answers to plain questions before a context, as models are evaluated, and what a judge thinks of them.

A model finds what `spans` finds: the stronger it is, the seldomer it misses that, says that something is not there, or
makes something up. Neighbour: `study` serves these.
"""

from __future__ import annotations

from redraft.sandbox.answers import wording
from redraft.sandbox.answers.asks import Wanted
from redraft.sandbox.answers.defects import filled
from redraft.sandbox.answers.refusals import refusal
from redraft.sandbox.answers.sentences import LEAST, MOST, sentence
from redraft.sandbox.answers.spans import ENOUGH, span
from redraft.sandbox.draws import Choices, Draws
from redraft.sandbox.options import Options
from redraft.sandbox.truth import Truth

# By how much a fine-tuned model is better, and where a model of strength 0 stands.
TRAINED, START = 0.9, 0.6
_TRAINED = "sandbox/"


class Guesses:
    def __init__(self, options: Options) -> None:
        self._truth, self._spread = Truth(options.seed, options.truth), options.truth.quality_sd

    def answer(self, model: str, wanted: Wanted, draws: Draws, choices: Choices) -> str:
        """A sentence, a refusal, or what is wrong: a bare answer, a refusal of what is there, something made up."""
        found = span(wanted.context, wanted.question)
        answered = wanted._replace(answer=found.text)
        # A whole sentence of the context is right more often than a part of it.
        whole = LEAST <= len(found.sentence.split()) <= MOST and found.sentence.endswith(".")
        there = bool(found.text) and found.support >= ENOUGH
        if self._careful(model, draws):
            said = found.sentence if whole and choices.below(4) else sentence(answered, choices)
            return said if there else refusal(wanted, choices)
        if not there:
            return sentence(answered, choices) if found.text and choices.below(2) else made_up(choices)
        return choices.of((found.text, refusal(wanted, choices), made_up(choices)))

    def _careful(self, model: str, draws: Draws) -> bool:
        trained = TRAINED if model.startswith(_TRAINED) else 0.0
        return START + trained + self._truth.strength(model) + self._spread * draws.normal(0) > 0


def made_up(choices: Choices) -> str:
    return filled(choices.of(wording.ASSERTED), choices)
