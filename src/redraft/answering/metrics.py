"""How predictions are measured: SQuAD's exact match and token F1, grounding, style, refusals, and what is made up.

A prediction is measured alone (`values_of`) and averaged over its evaluation (`scores_of`). Neighbours: `style`
and `refusing` judge a text, `stating` what a refusal states, `predictions` has the files, `matrix` and `forgetting`
read the scores.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from redraft.answering.inputs import parted
from redraft.answering.refusing import is_refusal
from redraft.answering.stating import stated_in
from redraft.answering.style import faults_of_answer
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
    """Whether a text on a question without an answer makes one up: it does not refuse, or states something beside.

    A refusal that names somebody else than was asked about has a wrong name and no answer. An empty text neither
    asserts nor refuses.
    """
    if not prediction.strip():
        return False
    return not is_refusal(prediction) or stated_in(prediction, context, question) is not None


def _extraction(one: Prediction) -> dict[str, float]:
    refused = {"refused": float(is_refusal(one.prediction))}
    if not one.golds:  # a row of a user's own that names no answer: nobody knows what is right
        return refused
    return {
        "em": exact_match(one.prediction, one.golds),
        "f1": token_f1(one.prediction, one.golds),
        "contained": float(contains_answer(one.prediction, one.golds)),
        **refused,
    }


def _conversation(one: Prediction) -> dict[str, float]:
    context, question = one.read
    faults = set(faults_of_answer(one.prediction, context=context, question=question, answers=one.golds))
    grounded = {"grounded": float(not faults & (_UNTRUE | _NO_ANSWER))} if one.golds else {}
    return {**grounded, "style": float(not faults - _UNTRUE), **_extraction(one)}


def _refusal(one: Prediction) -> dict[str, float]:
    asserted = asserts(one.prediction, *one.read)
    return {"refused": float(bool(one.prediction.strip()) and not asserted), "asserted": float(asserted)}


_MEASURES: dict[Phase, Callable[[Prediction], dict[str, float]]] = {
    "extraction": _extraction,
    "conversation": _conversation,
    "refusal": _refusal,
}


def values_of(evaluation: Phase, predictions: Iterable[Prediction]) -> list[dict[str, float]]:
    """Each prediction's measures by name, in [0, 1], in the order given.

    A row of extraction or conversation without a right answer has those alone that need none: `refused`, `style`.
    """
    return [_MEASURES[evaluation](one) for one in predictions]


def scores_of(evaluation: Phase, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The means over the predictions of an evaluation, and `rows`, how many there are; of none `rows` alone.

    Where some rows name no right answer, all measures but `refused` and `style` are over the others, of which there are
    `rows_with_answer`; where there is no other, they are missing.

    extraction: `em`, `f1`, `contained` (the answer stands in the prediction), `refused` (wrongly, as it can be
    answered). conversation: also `grounded` (it keeps the answer, and all its numbers, dates and names stand in context
    or question) and `style` (no fault of form), both by the checks that rewrites had to pass (`style`). refusal:
    `refused` (rightly, and nothing asserted beside) and `asserted` (made up: hallucination).
    """
    values = values_of(evaluation, predictions)
    known = [one for one, row in zip(values, predictions, strict=True) if evaluation == "refusal" or row.golds]
    fewer = {"rows_with_answer": float(len(known))} if len(known) < len(values) else {}
    means = {
        name: sum(some) / len(some)
        for name in dict.fromkeys(name for one in [*known[:1], *values[:1]] for name in one)
        if (some := [one[name] for one in values if name in one])
    }
    return {**means, "rows": float(len(values)), **fewer}


def rows_of(scores: Mapping[str, float], measure: str) -> int:
    """How many rows a measure of `scores_of` rests on; 0 where it is not among them."""
    if measure not in scores:
        return 0
    needs_none = measure in ("refused", "style")
    return int(scores.get("rows", 0.0) if needs_none else scores.get("rows_with_answer", scores.get("rows", 0.0)))
