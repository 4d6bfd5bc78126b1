"""How predictions are measured: SQuAD's exact match and token F1, grounding, style, refusals, and what is made up.

A prediction is measured alone (`values_of`) and averaged over its evaluation (`scores_of`). Neighbours: `style`
and `refusing` judge a text, `predictions` has the files, `matrix` and `forgetting` read the scores.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from redraft.answering.inputs import parted
from redraft.answering.refusing import is_refusal
from redraft.answering.style import faults_of_answer, faults_of_refusal
from redraft.datasets.normalising import normalise
from redraft.records import Negative, Phase

# What was trained before a measurement: nothing, or the phases up to this one.
After = Literal["before", "extraction", "conversation", "refusal"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Of the reasons in `style`: what is wrong about the facts, and what is no answer at all. All others are of style.
_UNTRUE = frozenset({"number", "date", "name", "dropped", "negated"})
_NO_ANSWER = frozenset({"empty", "error", "refusal", "question"})


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a model wrote (`prediction`) where it read `input`. `answer`, `aliases` and `negative` as in `Question`."""

    id: str
    group: str
    input: str
    prediction: str
    answer: str = ""
    aliases: tuple[str, ...] = ()
    negative: Negative | None = None

    @property
    def golds(self) -> tuple[str, ...]:
        """The answers that are right; empty where the context has none."""
        return tuple(dict.fromkeys(one for one in (self.answer, *self.aliases) if one.strip()))

    @property
    def read(self) -> tuple[str, str]:
        """(context, question) of `input`; an input of another form is all context."""
        return parted(self.input) or (self.input, "")


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one evaluation at one point of the curriculum, a line of scores.json."""

    after: After
    evaluation: Phase
    scores: dict[str, float]


def squad_normalised(text: str) -> str:
    """Lower case, then without ASCII punctuation, then without articles, words parted by one space.

    `normalize_answer` of SQuAD 2.0's official script: Rajpurkar, Jia, Liang (2018), ACL, arXiv 1806.03822.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Iterable[str]) -> float:
    """1.0 where the prediction is one of the right answers, normalised; of a question without one, where it is empty.

    Right answers of which nothing is left do not count, as in the official script.
    """
    return _best(prediction, golds, lambda gold, said: float(gold == said))


def token_f1(prediction: str, golds: Iterable[str]) -> float:
    """The largest harmonic mean of precision and recall of the normalised words, in [0, 1]; empty as `exact_match`."""
    return _best(prediction, golds, _f1)


def _best(prediction: str, golds: Iterable[str], score: Callable[[str, str], float]) -> float:
    known = [one for one in map(squad_normalised, golds) if one] or [""]
    said = squad_normalised(prediction)
    return max(score(gold, said) for gold in known)


def _f1(gold: str, said: str) -> float:
    golds, words = gold.split(), said.split()
    if not golds or not words:
        return float(golds == words)
    same = (Counter(golds) & Counter(words)).total()
    return 2 * same / (len(golds) + len(words))


def contains_answer(prediction: str, golds: Iterable[str]) -> bool:
    """Whether one of the right answers stands in the prediction as whole words, both normalised.

    An answer that is an article, of which SQuAD's normalisation leaves nothing ("A", the vitamin), is looked for by
    its words as they are.
    """
    said, plain = f" {squad_normalised(prediction)} ", f" {normalise(prediction)} "
    for gold in golds:
        if words := squad_normalised(gold):
            if f" {words} " in said:
                return True
        elif gold.strip() and f" {normalise(gold)} " in plain:
            return True
    return False


def asserts(prediction: str, context: str, question: str) -> bool:
    """Whether a text on a question without an answer makes one up: it does not refuse, or says something beside.

    An empty one neither asserts nor refuses.
    """
    if not prediction.strip():
        return False
    faults = faults_of_refusal(prediction, context=context, question=question, plausible=())
    return not is_refusal(prediction) or "asserted" in faults


def _extraction(one: Prediction) -> dict[str, float]:
    return {
        "em": exact_match(one.prediction, one.golds),
        "f1": token_f1(one.prediction, one.golds),
        "contained": float(contains_answer(one.prediction, one.golds)),
        "refused": float(is_refusal(one.prediction)),
    }


def _conversation(one: Prediction) -> dict[str, float]:
    context, question = one.read
    faults = set(faults_of_answer(one.prediction, context=context, question=question, answers=one.golds))
    grounded, style = not faults & (_UNTRUE | _NO_ANSWER), not faults - _UNTRUE
    return {"grounded": float(grounded), "style": float(style), **_extraction(one)}


def _refusal(one: Prediction) -> dict[str, float]:
    asserted = asserts(one.prediction, *one.read)
    return {"refused": float(bool(one.prediction.strip()) and not asserted), "asserted": float(asserted)}


_MEASURES: dict[Phase, Callable[[Prediction], dict[str, float]]] = {
    "extraction": _extraction,
    "conversation": _conversation,
    "refusal": _refusal,
}


def values_of(evaluation: Phase, predictions: Iterable[Prediction]) -> list[dict[str, float]]:
    """Each prediction's measures by name, in [0, 1], in the order given."""
    return [_MEASURES[evaluation](one) for one in predictions]


def scores_of(evaluation: Phase, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The means over all predictions of an evaluation, and `rows`, how many there are; of none `rows` alone.

    extraction: `em`, `f1`, `contained` (the answer stands in the prediction), `refused` (wrongly, as it can be
    answered). conversation: also `grounded` (it keeps the answer, and all its numbers, dates and names stand in context
    or question) and `style` (no fault of form), both by the checks that rewrites had to pass (`style`). refusal:
    `refused` (rightly, and nothing asserted beside) and `asserted` (made up: hallucination).
    """
    values = values_of(evaluation, predictions)
    means = {name: sum(one[name] for one in values) / len(values) for name in (values[0] if values else ())}
    return {**means, "rows": float(len(values))}
