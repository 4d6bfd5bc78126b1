"""The simulated world that studies must find: how strong each model is and how the judge decides.

A model's answer has quality q = strength + N(0, quality_sd). The judge compares two qualities with
noise and a bias for the first; `true_win_rate` gives what a perfect study would measure.
Neighbours: `prose` writes the answers, `schemas` fills what is asked for as JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import cast

import msgspec

from redraft.sandbox.answers.worth import question_judged, worth
from redraft.sandbox.draws import Draws
from redraft.sandbox.options import DEFAULT_STRENGTHS, JudgeHabits, TruthOptions
from redraft.sandbox.prose import compose, content_words, marks

EMPTY_QUALITY = -3.0
# Of a text that has nothing to do with the conversation: no judge takes it for an answer.
UNRELATED_QUALITY = -8.0
# How much of an answer's quality nobody sees in what it says: the deviation, in the unit of qualities.
_UNSEEN = 0.4
NOT_FEEDBACK = "N/A"
_NONCE = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_LABEL = re.compile(r"(conversation|answer(?:[ _-]?[12])?)(?![a-z0-9])", re.IGNORECASE)
_CLOSING = re.compile(r"(?<![a-z])(?:end|close)(?![a-z])|/\s*answer", re.IGNORECASE)
# The clear cases: what stands where feedback is expected is a question about something new.
_NEW_QUESTION = re.compile(r"^\W*who is \w+\?\W*$", re.IGNORECASE)


class Truth:
    """Answers and verdicts of the simulated models, decided by the seed and the content alone."""

    def __init__(self, seed: int, options: TruthOptions) -> None:
        self._seed = seed
        self._options = options
        self._strengths: dict[str, float] = {}

    def strength(self, model: str) -> float:
        """The strength of the first pattern that fits the name."""
        known = self._strengths.get(model)
        if known is None:
            rules = (*self._options.strengths, *DEFAULT_STRENGTHS)
            known = next(value for pattern, value in rules if fnmatchcase(model, pattern))
            if len(self._strengths) < 10_000:
                self._strengths[model] = known
        return known

    def answer(
        self, model: str, about: str, content: bytes, index: int = 0, leaning: Sequence[str] = ()
    ) -> str:  # fmt: skip
        """What `model` says to `content` (the canonical request), written about the words of `about`; `leaning` are
        further marks."""
        draws = Draws(self._seed, "answer", model, content, index)
        quality = self.strength(model) + self._options.quality_sd * draws.normal(0)
        return compose(about, quality, Draws(draws.raw, "words").raw, leaning)

    def quality(self, text: str, context: str = "") -> float:
        """The quality of an answer as the judge reads it: its mark, or a fixed draw for unmarked text.

        An unmarked text without a word of the `context` is no answer to it. Answers to a question before a context,
        which are never marked, count by what they say.
        """
        if not text.strip().strip('"'):
            return EMPTY_QUALITY
        if found := marks(text):
            return found[0]
        drawn = Draws(self._seed, "unmarked", text.strip()).normal(0)
        if (judged := question_judged(context)) is not None:
            return worth(*judged, text) + _UNSEEN * drawn
        asked = content_words(context)
        # Of a long context any text has a word by chance.
        if len(asked) > 1 and len(asked & content_words(text)) <= len(asked) // 50:
            return UNRELATED_QUALITY
        return drawn

    def verdict(self, question: str, noise: float, habits: JudgeHabits | None = None) -> tuple[str, str]:
        """(`answer_1`, `answer_2` or `tie`; `slight` or `clear`) for the judge's last user message.

        `noise` is standard normal; without `habits` the judge is as all are.
        """
        first, second = shown_answers(question)
        context, options = shown_context(question), self._options
        habits = habits or JudgeHabits(bias=options.judge_bias, sd=options.judge_sd, tie=options.judge_tie)
        gap = self.quality(first, context) - self.quality(second, context)
        difference = gap + habits.bias + habits.sd * noise
        if abs(difference) < habits.tie:
            return "tie", "slight"
        return ("answer_1" if difference > 0 else "answer_2"), ("clear" if abs(difference) > 1 else "slight")


def shown_answers(question: str) -> tuple[str, str]:
    """The two answers in a judge's message, each in a block whose first line names it and carries a nonce.

    Where no such blocks are found, the last two marked answers count.
    """
    blocks = _blocks(question)
    if "answer1" in blocks and "answer2" in blocks:
        return blocks["answer1"], blocks["answer2"]
    parts = re.split(r"(?=\[simulated answer )", question)
    return (parts[-2], parts[-1]) if len(parts) > 2 else (question, question)


def shown_answer(question: str) -> str:
    """The one answer in a judge's message, in a block as above; empty where there is none."""
    return _blocks(question).get("answer", "")


def shown_context(question: str) -> str:
    """The conversation in a judge's message, in a block as above; empty where there is none."""
    return _blocks(question).get("conversation", "")


def _blocks(question: str) -> dict[str, str]:
    """Label (conversation, answer, answer1, answer2) → text."""
    blocks: dict[str, str] = {}
    # Line bounds by plain search: a pattern over whole lines takes quadratic time on long ones.
    found = [(question.rfind("\n", 0, at.start()) + 1, at.end()) for at in _NONCE.finditer(question)]
    for (begin, nonce_end), (following, _) in pairwise(found):
        newline = question.find("\n", nonce_end)
        line = question[begin : newline if newline >= 0 else len(question)]
        label = _LABEL.search(line)
        if label and not _CLOSING.search(line):
            name = re.sub(r"[ _-]", "", label[1].lower())
            blocks.setdefault(name, question[newline:following].strip())
    return blocks


def is_new_question(instructions: str, last_user: str) -> bool:
    """Whether the model was told to answer N/A where there is no feedback, and clearly there is none."""
    if NOT_FEEDBACK not in instructions:
        return False
    feedback = _material(last_user).get("feedback", last_user)
    return isinstance(feedback, str) and bool(_NEW_QUESTION.match(feedback))


def subject(last_user: str) -> str:
    """What a message is about: the text itself, or the last user message of a conversation that it holds as JSON."""
    turns = _material(last_user).get("conversation")
    if not isinstance(turns, list):
        return last_user
    texts = [turn.get("content") for turn in cast("list[dict[str, object]]", turns) if turn.get("role") == "user"]
    return str(texts[-1]) if texts else last_user


def _material(text: str) -> dict[str, object]:
    """The JSON object that a message consists of; empty where it is prose."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=dict[str, object])
    except msgspec.DecodeError:
        return {}


def true_win_rate(strength_a: float, strength_b: float, options: TruthOptions) -> float:
    """The expected (W + T/2)/n of A against B when every context is judged in both orders.

    The label of a context is the sign of the two orders' sum: a win and a tie are a win, a win and a loss a tie.
    With D = qA - qB, bias b, tie band t and judge noise e ~ N(0, s), A wins an order with probability
    P(e >= t - D - b) where it is shown first and P(e >= t - D + b) where second, and loses it with P(e >= t + D + b)
    and P(e >= t + D - b); integrated over D ~ N(strength_a - strength_b, 2 quality_sd²).
    """
    gap, spread = strength_a - strength_b, math.sqrt(2) * options.quality_sd
    return 0.5 + 0.5 * _expectation(lambda d: expected_label(d, options), gap, spread)


def expected_label(d: float, options: TruthOptions) -> float:
    """P(a context's label is a win) - P(it is a loss), where A's answer is better by `d`; the terms as above."""
    bias, band, deviation = options.judge_bias, options.judge_tie, options.judge_sd
    won_1, won_2 = _above(band - d - bias, deviation), _above(band - d + bias, deviation)
    lost_1, lost_2 = _above(band + d + bias, deviation), _above(band + d - bias, deviation)
    tied_1, tied_2 = 1 - won_1 - lost_1, 1 - won_2 - lost_2
    won = won_1 * won_2 + won_1 * tied_2 + tied_1 * won_2
    lost = lost_1 * lost_2 + lost_1 * tied_2 + tied_1 * lost_2
    return won - lost


def _above(threshold: float, deviation: float) -> float:
    """P(e >= threshold) for e ~ N(0, deviation)."""
    if deviation == 0:
        return 1.0 if threshold <= 0 else 0.0
    return 0.5 * math.erfc(threshold / (deviation * math.sqrt(2)))


def _expectation(function: Callable[[float], float], mean: float, deviation: float) -> float:
    """E[function(X)] for X ~ N(mean, deviation), by the midpoint rule in 20,000 steps over ±9 deviations."""
    if deviation == 0:
        return function(mean)
    steps, reach = 20_000, 9.0
    width = 2 * reach / steps
    total = 0.0
    for step in range(steps):
        z = -reach + (step + 0.5) * width
        total += math.exp(-0.5 * z * z) * function(mean + deviation * z)
    return total * width / math.sqrt(2 * math.pi)
