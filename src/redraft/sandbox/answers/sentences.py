"""Simulated conversational answers: one or two sentences of 8 to 30 words that state an extractive answer.

All that they say comes from the question and the answer. Neighbours: `statements` turns the question round, `wording`
has the general forms.
"""

from __future__ import annotations

from redraft.sandbox.answers import wording
from redraft.sandbox.answers.asks import Wanted
from redraft.sandbox.answers.statements import turned
from redraft.sandbox.answers.topics import PLAIN, topic
from redraft.sandbox.answers.verbs import is_finite
from redraft.sandbox.draws import Choices

LEAST, MOST = 8, 30  # words
# Beginnings of answers that are written small inside a sentence.
_SMALL = tuple(
    f"{word} " for word in ("The", "A", "An", "In", "On", "At", "By", "To", "From", "During", "After", "Before")
)
# The kind of answer that a question word asks for.
_KINDS = {"who": "name", "whom": "name", "whose": "name", "when": "time", "where": "place", "why": "reason"}
_AMOUNTS = frozenset({"many", "much", "long", "far", "old", "large", "big", "tall", "high", "often"})


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(wanted: Wanted, choices: Choices) -> str:
    """A natural answer. It is longer than `MOST` words only where the extractive answer leaves no room."""
    answer = _bare(wanted.answer)
    said = _statement(wanted.question, answer, choices)
    count = len(said.split())
    # What is long enough mostly stands alone; what is short is made longer, until it is not.
    if count >= LEAST and (count > MOST - 8 or choices.below(5) < 3):
        return _ended(said)
    clause, closing = choices.of(wording.CLAUSES), choices.of(wording.SENTENCES)
    if choices.below(4) == 0 and count + len(closing.split()) >= LEAST:
        return f"{_ended(said)} {closing}"
    longer = _ended(f"{said}, {clause}")
    return longer if len(longer.split()) >= LEAST else f"{longer} {closing}"


def _statement(question: str, answer: str, choices: Choices) -> str:
    """The statement that question and answer make, without a full stop."""
    if answer.lower() in {"yes", "no"}:
        form = choices.of(wording.YES if answer.lower() == "yes" else wording.NO)
        return form.format(about=topic(question))
    found = turned(question, answer)
    if found is not None and len(said := found.stated(answer).split()) <= MOST:
        return " ".join(said)
    room = MOST - len(answer.split()) - 9
    about = topic(question) if room > 0 else ""
    forms = wording.STATEMENTS if 0 < len(about.split()) <= room else wording.LONG_STATEMENTS
    if f"{answer.split(' ', 1)[0].capitalize()} " in _SMALL:
        forms = [one for one in forms if not one.startswith("{answer}")]
    return choices.of(forms).format(about=about, what=_kind(question), answer=answer)


def _kind(question: str) -> str:
    """What is asked for, in a word: name, place, year…"""
    words = question.lower().rstrip("?").split()
    for place, word in enumerate(words):
        if word in _KINDS:
            return _KINDS[word]
        if word == "how":
            return "number" if words[place + 1 : place + 2] and words[place + 1] in _AMOUNTS else "way"
        if word in {"what", "which"}:
            following = words[place + 1] if place + 1 < len(words) else ""
            named = following.isalpha() and following not in PLAIN and not is_finite(following)
            return following if named else "answer"
    return "answer"


def _bare(answer: str) -> str:
    """The answer without the punctuation that ends it, as it stands inside a sentence."""
    answer = answer.strip().rstrip(" ,;:") or answer
    return answer[:1].lower() + answer[1:] if answer.startswith(_SMALL) else answer


def _ended(text: str) -> str:
    text = capital(text.strip())
    return text if text.endswith((".", "!", "?")) else f"{text}."
