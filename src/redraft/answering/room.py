"""How much a model reads: the tokens that a prefix, a context and a question may have together.

Neighbours: `tokenizing` counts, `cutting` makes contexts fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.answering.inputs import model_input
from redraft.answering.tokenizing import Tokenizer

_AT_JOINTS = 8
# What may stand before an input, in the order of the phases: a curriculum's default prefixes.
PREFIXES = ("extract: ", "answer: ", "answer: ")


class Room:
    """What a model reads at most: `max_tokens` of prefix, context, question and the tokens that stand around."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, prefixes: Sequence[str] = PREFIXES) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.prefixes = tuple(dict.fromkeys(prefixes)) or ("",)
        counts = tokenizer.lengths(self.prefixes)
        self.prefix = self.prefixes[counts.index(max(counts))]
        # Where texts are joined, tokens become one or more than they were.
        self._spare = tokenizer.lengths([self.prefix + model_input("", "")])[0] + _AT_JOINTS

    def surely_fit(self, parts: Sequence[tuple[str, str]]) -> list[bool]:
        """For each (context, question) whether it fits with some tokens to spare, each context being counted once.

        False says nothing: it may fit all the same.
        """
        texts = list(dict.fromkeys(text for part in parts for text in part))
        lengths = dict(zip(texts, self.tokenizer.lengths(texts), strict=True))
        return [lengths[context] + lengths[question] + self._spare <= self.max_tokens for context, question in parts]

    def over(self, parts: Sequence[tuple[str, str]]) -> list[int]:
        """For each (context, question), by how many tokens it is too long; 0 or less where it fits."""
        texts = [self.prefix + model_input(context, question) for context, question in parts]
        return [length - self.max_tokens for length in self.tokenizer.lengths(texts)]
