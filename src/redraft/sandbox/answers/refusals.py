"""Simulated refusals: polite, in one or two sentences, mostly about the question's topic, and asserting nothing.

Neighbours: `wording` has the phrases, `statements` and `topics` what the question asks.
"""

from __future__ import annotations

from redraft.sandbox.answers import wording
from redraft.sandbox.answers.asks import Wanted
from redraft.sandbox.answers.sentences import LEAST, MOST, capital
from redraft.sandbox.answers.statements import turned
from redraft.sandbox.answers.topics import topic
from redraft.sandbox.draws import Choices

_LONGEST_ASKED = 15  # words of the question in the refusal
_KINDS = tuple(wording.OPENINGS)


def refusal(wanted: Wanted, choices: Choices) -> str:
    """At most 30 words, and 8 at least unless the manner is to be short; in the manner that is told, where it is
    known, else in any."""
    manner = wanted.manner.lower()
    said = _begun(wanted.question, manner, choices)
    endings = next(forms for signs, forms in wording.ENDINGS if not signs or any(sign in manner for sign in signs))
    ending = choices.of(endings)
    count = len(said.split())
    if not manner and count < LEAST and not ending:
        ending = choices.of(wording.ENDINGS[1][1])
    return capital(f"{said}{ending if count + len(ending.split()) <= MOST else ''}.")


def asked(question: str) -> str:
    """The question as part of a sentence; empty where no rule turns it round, or it is long."""
    found = turned(question)
    told = found.asked if found else ""
    return told if len(told.split()) <= _LONGEST_ASKED else ""


def _begun(question: str, manner: str, choices: Choices) -> str:
    """The refusal up to its ending."""
    forms = wording.OPENINGS[_opening(manner, choices)][1]
    if any(sign in manner for sign in wording.UNNAMED):
        return _unnamed(choices.of(forms), choices)
    told = asked(question)
    form = choices.of([form for form in forms if told or "{asked}" not in form] or ("{core}",))
    cores = wording.CORES_ASKED if told and choices.below(3) else wording.CORES_ABOUT
    # In two steps, as the core has gaps of its own; what the question says is filled in last.
    return form.replace("{core}", choices.of(cores)).format(about=topic(question), asked=told)


def _unnamed(form: str, choices: Choices) -> str:
    """A form without the topic of the question."""
    for gap in (" about {about}", " on {about}"):
        form = form.replace(gap, "")
    said = form.format(core=choices.of(wording.CORES_THAT), about="that", asked="that")
    return f"{said}{choices.of(wording.NOW)}"


def _opening(manner: str, choices: Choices) -> str:
    """How the manner says that the refusal is to begin; any way where it says nothing that is known."""
    told = manner.partition("begin with ")[2].partition(";")[0] or manner
    known = (kind for kind, (signs, _) in wording.OPENINGS.items() if any(one in told for one in signs))
    return next(known, "") or choices.of(_KINDS)
