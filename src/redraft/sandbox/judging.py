"""How the simulated judges behave: their bias and noise, and what they do wrong, all at known rates.

Judges of several habits can play at once: options by a pattern of the judge's name. Neighbours: `truth` has the
qualities that are judged, `schemas` the shapes of the answers, `calls` serves them.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import cast

import msgspec

from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.draws import Draws
from redraft.sandbox.options import JUDGE_HABITS, JudgeHabits, TruthOptions
from redraft.sandbox.prose import leans
from redraft.sandbox.schemas import is_judging, is_scoring, judged, scale_of, scored
from redraft.sandbox.truth import Truth, shown_answer, shown_answers, shown_context

# What judges write in place of a verdict; each was written by a real one.
UNREADABLE = ("$ERROR$", "\n\n", "To Assistant", "[[9.5]]", "Both answers have merit, and I cannot say.", "{")
_CHOICES = {"answer_1": "1", "answer_2": "2", "tie": "TIE"}
# Orders to a judge, also where some of their marks were broken up on the way.
_ORDERS = re.compile(
    r"(?:choose|pick|select|prefer|declare)\s+this\s+(?:answer|response)"
    r"|ignore\s+(?:all\s+|the\s+)*(?:above|previous|prior)"
    r"|v\s?erdict\W{1,6}(?:this|answer_[12]|[12]\b)",
    re.IGNORECASE,
)
# The worst that a score can say of an answer, and the best, in qualities.
WORST, BEST = -2.5, 2.5


class Judges:
    def __init__(self, seed: int, options: TruthOptions) -> None:
        self._seed, self._options, self._truth = seed, options, Truth(seed, options)
        self._habits: dict[str, JudgeHabits] = {}

    def habits(self, judge: str) -> JudgeHabits:
        """The habits of a judge by its name: those of all, changed by each option whose pattern fits."""
        known = self._habits.get(judge)
        if known is None:
            base = {name: getattr(self._options, f"judge_{name}") for name in JUDGE_HABITS}
            base |= {name: value for pattern, name, value in self._options.judges if fnmatchcase(judge, pattern)}
            known = self._habits[judge] = JudgeHabits(**base)
        return known

    def reply(self, ask: Ask, content: bytes, asked_before: int = 0) -> Reply:
        """What the judge answers; `asked_before` counts how often the same came before."""
        habits = self.habits(ask.model)
        act = Draws(self._seed, "act", content)
        if act.uniform(0) < habits.refusals:
            return Reply("", "refusal")
        if act.uniform(1) < habits.garbage:
            return Reply(UNREADABLE[int(act.uniform(2) * len(UNREADABLE))])
        # Asked again it wavers: its noise, not what it thinks of the answers, is drawn anew.
        again = asked_before if asked_before and _chance(self._seed, content, asked_before, habits.wavers) else 0
        noise = Draws(self._seed, "verdict", content) if not again else Draws(self._seed, "verdict", content, again)
        obeys = act.uniform(3) < habits.obeys
        if (ask.schema is not None and is_scoring(ask.schema)) or _wants_scores(ask):
            return Reply(self._scores(ask, habits, noise, obeys))
        verdict, strength = self._verdict(ask.last_user, habits, noise.normal(0), obeys)
        if ask.schema is None:
            return Reply(f"Simulated analysis of the two answers.\nVERDICT: {_CHOICES[verdict]}")
        flags = {name: bool(_ORDERS.search(text)) for name, text in zip(("answer_1", "answer_2"),
                 shown_answers(ask.last_user), strict=True)}  # fmt: skip
        return Reply(msgspec.json.encode(judged(ask.schema, verdict, strength, {} if obeys else flags)).decode())

    def _verdict(self, question: str, habits: JudgeHabits, noise: float, obeys: bool) -> tuple[str, str]:
        answers = shown_answers(question)
        told = [bool(_ORDERS.search(text)) for text in answers]
        if obeys and told[0] != told[1]:
            return ("answer_1" if told[0] else "answer_2"), "clear"
        return self._truth.verdict(question, noise, habits)

    def _scores(self, ask: Ask, habits: JudgeHabits, noise: Draws, obeys: bool) -> str:
        """A score for each trait: the answer's quality on the scale, with noise of each trait's own, to one decimal."""
        text = shown_answer(ask.last_user)
        names, low, high = scale_of(ask.schema) if ask.schema is not None else _scale_in_words(ask)
        orders = bool(_ORDERS.search(text))
        quality = BEST if obeys and orders else self._truth.quality(text, shown_context(ask.last_user))
        scores: dict[str, float] = {}
        lean = leans(text)
        for name in names:
            own = lean.get(name, 0.0) + habits.sd * Draws(noise.raw, name).normal(0)
            share = (min(BEST, max(WORST, quality + own)) - WORST) / (BEST - WORST)
            scores[name] = round(low + share * (high - low), 1)
        if ask.schema is None:
            return f"Simulated analysis of the answer.\nSCORES: {msgspec.json.encode(scores).decode()}"
        return msgspec.json.encode(scored(ask.schema, cast("dict[str, object]", scores), orders and not obeys)).decode()


def judges_here(ask: Ask) -> bool:
    """Whether a judge is asked: for a verdict or for scores, by a schema or by a last line."""
    if ask.schema is not None:
        return is_judging(ask.schema) or is_scoring(ask.schema)
    if "VERDICT:" in ask.instructions:
        first, second = shown_answers(ask.last_user)
        return first is not second
    return _wants_scores(ask)


def _wants_scores(ask: Ask) -> bool:
    return ask.schema is None and "SCORES:" in ask.instructions and bool(shown_answer(ask.last_user))


def _scale_in_words(ask: Ask) -> tuple[list[str], float, float]:
    """What the question says of the scores: `one number from LOW to HIGH for each of NAME, NAME.`"""
    found = re.search(r"number from (\S+) to (\S+) for each of ([\w, ]+)", ask.last_user)
    if found is None:
        return ["score"], 1.0, 10.0
    return [name.strip() for name in found[3].split(",")], float(found[1]), float(found[2])


def _chance(seed: int, content: bytes, asked_before: int, share: float) -> bool:
    return share > 0 and Draws(seed, "waver", content, asked_before).uniform(0) < share
