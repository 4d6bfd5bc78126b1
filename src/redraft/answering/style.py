"""Whether a rewritten answer, or a refusal, may be trained on: each fault with a one-word reason and a line for people.

The same functions measure predictions and published data. Neighbours: `facts` finds what is invented, `keeping` whether
the extractive answer is still there, `refusing` what refuses, `rewriting` asks again with what is told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from redraft.answering.asserting import asserted_in
from redraft.answering.facts import unsupported
from redraft.answering.form import breaks_off, gap_in, has_secret, is_foreign, markup_in
from redraft.answering.keeping import is_kept, is_negated, near_copy, states
from redraft.answering.phrases import forbidden_opening, opening_of, talk_of, talks_of_context
from redraft.answering.refusing import is_refusal
from redraft.answering.sentences import sentences_of, words_of
from redraft.answering.spelling import plain
from redraft.datasets.error_texts import ERROR_PAGE, ERROR_TEXT, SHORT_ERROR
from redraft.datasets.normalising import normalise

__all__ = [
    "REASONS", "Finding", "faults_of_answer", "faults_of_refusal", "findings_of_answer", "findings_of_refusal",
    "forbidden_opening", "is_refusal", "talks_of_context",
]  # fmt: skip

FEWEST, MOST = 8, 30
FEWEST_OF_REFUSAL = 5
MOST_SENTENCES = 2
# Whom a refusal may name, as somebody to ask.
_ASKED = "Google Wikipedia"

REASONS: dict[str, str] = {
    "empty": "Nothing was answered.",
    "error": "The answer is an error message of a program.",
    "length": f"The answer has under {FEWEST} or over {MOST} words; a refusal has {FEWEST_OF_REFUSAL} at least.",
    "sentences": "The answer has more than two sentences, or is no sentence.",
    "preamble": 'The answer begins with a phrase before it answers: "Based on", "According to", "Sure".',
    "context": "The answer talks of the context, the passage, the text or provided information.",
    "number": "The answer has a number that is neither in the context nor in the question.",
    "date": "The answer has a date that is neither in the context nor in the question.",
    "name": "The answer has a name that is neither in the context nor in the question.",
    "dropped": "The extractive answer is not in it, nor one of its aliases.",
    "negated": "The answer denies the extractive answer.",
    "extractive": "The answer is the extractive one, without a word more that says something.",
    "refusal": "The answer refuses, although there is one.",
    "question": "The answer only asks, or repeats the question.",
    "answered": "A refusal does not say that there is no answer.",
    "asserted": "A refusal asserts something: an answer, a fact, a number, a name or a date that the question lacks.",
    "markup": "The answer has markup, a list, several lines or quotation marks around it.",
    "placeholder": "The answer has a gap that was never filled.",
    "language": "The answer is in another language than the context.",
    "secret": "The answer holds personal data or a secret that its material does not.",
    "repeated": "Too many refusals have these words.",
    "truncated": "The answer breaks off.",
}


class Finding(msgspec.Struct, frozen=True):
    """One fault: its `reason`, and one line that tells a model, or a person, what to do about it."""

    reason: str
    detail: str


def faults_of_answer(text: str, *, context: str, question: str, answers: Sequence[str]) -> list[str]:
    """Reasons why a text is no conversational answer, each once; none where it is one.

    `answers` are the extractive answer and its aliases; of yes and no the text is to say the word.
    """
    found = findings_of_answer(text, context=context, question=question, answers=answers)
    return list(dict.fromkeys(one.reason for one in found))


def faults_of_refusal(text: str, *, context: str, question: str, plausible: Sequence[str]) -> list[str]:
    """Reasons why a text is no polite refusal of a question that its context does not answer, each once.

    `plausible` are wrong answers, none of which may stand in it.
    """
    found = findings_of_refusal(text, context=context, question=question, plausible=plausible)
    return list(dict.fromkeys(one.reason for one in found))


def findings_of_answer(text: str, *, context: str, question: str, answers: Sequence[str]) -> list[Finding]:
    """`faults_of_answer` with a line each, the gravest first."""
    if (whole := _of_all(text, context, question, FEWEST)) and whole[0].reason in ("empty", "error"):
        return whole
    found = [*whole, *_invented(text, (context, question, *answers), "neither in the context nor in the question")]
    if is_refusal(text) and not any(is_refusal(one) for one in answers):
        found.append(Finding("refusal", "it refuses, but the question has an answer: state that"))
    elif _only_asks(text, question):
        found.append(Finding("question", "it only repeats the question; answer it"))
    else:
        found += _of_kept(text, context, question, answers)
    return sorted(found, key=_is_minor)


def findings_of_refusal(text: str, *, context: str, question: str, plausible: Sequence[str]) -> list[Finding]:
    """`faults_of_refusal` with a line each, the gravest first."""
    found = _of_all(text, context, question, FEWEST_OF_REFUSAL, kind=True)
    if found and found[0].reason in ("empty", "error"):
        return found
    if not is_refusal(text):
        found.append(Finding("answered", "it does not say that there is no answer to be had; refuse politely"))
    found += [Finding("asserted", one.detail) for one in _invented(text, (question, _ASKED), "not in the question")]
    if (wrong := asserted_in(text, context, question, plausible)) is not None:
        found.append(Finding("asserted", f"it asserts something ({wrong}); a refusal states no fact"))
    return sorted(found, key=_is_minor)


def _is_minor(finding: Finding) -> bool:
    """Whether a fault says less of a text than that it is no rewrite at all: a bare answer is short, too."""
    return finding.reason not in ("extractive", "refusal", "question", "answered")


def _of_all(text: str, context: str, question: str, fewest: int, *, kind: bool = False) -> list[Finding]:
    """Faults that an answer and a refusal share; what a refusal may begin with `kind`ly is a preamble of an answer."""
    said = plain(text).strip()
    words = words_of(said)
    if not words:
        return [Finding("empty", "it holds no words")]
    if ERROR_TEXT.match(said) or SHORT_ERROR.match(said) or ERROR_PAGE.match(said):
        return [Finding("error", "it is an error message of a program")]
    found: list[Finding] = []
    if not fewest <= len(words) <= MOST:
        found.append(Finding("length", f"it has {len(words)} words; write {fewest} to {MOST}"))
    if (count := len(sentences_of(said))) > MOST_SENTENCES:
        found.append(Finding("sentences", f"it has {count} sentences; write one or two"))
    if (opening := opening_of(said, kindly=kind)) is not None:
        found.append(Finding("preamble", f"it begins with {opening!r}; begin with the answer itself"))
    if (talk := talk_of(said, f"{context}\n{question}")) is not None:
        found.append(Finding("context", f"it says {talk!r}; do not talk of the context or of what was provided"))
    return [*found, *_of_form(said, plain(context), plain(question))]


def _of_form(said: str, context: str, question: str) -> Iterable[Finding]:
    material = f"{context}\n{question}"
    if (markup := markup_in(said, material)) is not None:
        yield Finding("markup", f"it has {markup}; write plain sentences on one line")
    if (gap := gap_in(said, material)) is not None:
        yield Finding("placeholder", f"it has a gap that was not filled, {gap!r}")
    if breaks_off(said):
        yield Finding("truncated", "it breaks off; end the sentence, with a mark behind it")
    if is_foreign(said, context, question):
        yield Finding("language", "it is in another language; write in that of the question")
    if has_secret(said, material):
        yield Finding("secret", "it holds personal data or a secret that nothing speaks of; leave it out")


def _invented(text: str, sources: tuple[str, ...], where: str) -> list[Finding]:
    by_kind: dict[str, list[str]] = {}
    for fact in unsupported(text, sources):
        by_kind.setdefault(fact.kind, []).append(fact.text)
    return [
        Finding(kind, f"the {kind} {', '.join(repr(one) for one in texts)} is {where}; leave it out")
        for kind, texts in by_kind.items()
    ]


def _of_kept(text: str, context: str, question: str, answers: Sequence[str]) -> Iterable[Finding]:
    """What became of the extractive answer."""
    wanted = [one for one in dict.fromkeys(answers) if one.strip()]
    if not wanted:
        return
    first = wanted[0]
    if all(normalise(one) in ("yes", "no") for one in wanted):
        if (fault := states(text, normalise(first))) is not None:
            yield Finding(fault, f"the answer is {first!r}; say that word, and nothing against it")
        return
    kept = [one for one in wanted if is_kept(one, text)]
    if not kept:
        yield Finding("dropped", f"it lacks the answer {first!r}; use these words")
    elif all(is_negated(one, text, context, question) for one in kept):
        yield Finding("negated", f"it denies the answer {kept[0]!r}; state it")
    if any(near_copy(one, text, question) for one in wanted):
        yield Finding("extractive", "it is the bare answer; write a sentence that answers the question")


def _only_asks(text: str, question: str) -> bool:
    said = normalise(text)
    return said == normalise(question) or (plain(text).strip().endswith("?") and len(sentences_of(text)) == 1)
