"""Questions turned round: "When was X born?" and "1842" make "X was born in 1842", or "when X was born".

Where no rule fits there is none: the callers have general forms. Neighbours: `verbs`, `sentences`, `refusals`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from redraft.sandbox.answers.verbs import PAST, is_base, is_finite, is_participle, third_person

_TO_BE = frozenset({"is", "are", "was", "were"})
_MODAL = frozenset({"can", "could", "will", "would", "should", "must", "may", "might"})
_TO_DO = frozenset({"do", "does", "did"})
_TO_HAVE = frozenset({"has", "have", "had"})
_AUXILIARY = _TO_BE | _MODAL | _TO_DO | _TO_HAVE
_WH = frozenset({"what", "which", "who", "whom", "when", "where", "why", "how", "whose"})
_BEFORE = frozenset({"in", "on", "at", "by", "for", "from", "to", "with", "during", "under", "after", "before", "of",
                     "about", "through", "since", "until", "around", "between", "near", "within", "along", "as",
                     "because", "due", "following",
                     "into", "over", "towards", "across", "outside", "inside", "via"})  # fmt: skip
# What an answer is not to begin with.
_PREAMBLES = frozenset({"according", "based", "given"})
_ARTICLES = frozenset({"the", "a", "an", "its", "their", "his", "her", "any", "some", "this", "that", "these", "my",
                       "your", "our", "most", "all", "each"})  # fmt: skip
_JOINING = frozenset({"and", "or", "that", "which", "who", "when", "where", "while", "not", "up", "out", "off", "down"})
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAY = re.compile(rf"(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTHS})|(?:{_MONTHS}) \d{{1,2}}\b(?!\d)|\w+day\b)")
_CLAUSE = re.compile(r"\b(?:is|are|was|were|had|has|have|could|would|did)\b")
_NAMING = frozenset({"call", "calls", "called", "name", "names", "named"})
_LONGEST_PHRASE = 6  # words between `what` and its verb


class Turned(NamedTuple):
    """A question taken apart: `before` stands before the answer in a statement, `after` behind it; `asked` is the
    question as a part of another sentence, `about` what it asks about."""

    before: str
    after: str
    asked: str
    about: str

    def stated(self, answer: str) -> str:
        """The statement, without a full stop."""
        first, last = answer.split(" ", 1)[0], self.before.rsplit(" ", 1)[-1]
        before = self.before[: -len(last)].rstrip() if first.lower() == last.lower() else self.before
        return " ".join(part for part in (before, answer, self.after) if part)


def turned(question: str, answer: str = "") -> Turned | None:
    """The question turned round, or None where no rule fits. The `answer` decides the preposition before it."""
    words = question.strip().rstrip("?. ").split()
    if not 2 < len(words) < 40 or (opening := words[0].lower()) in _PREAMBLES:
        return None
    if opening not in _WH and "," in question:
        return _after_comma(question, answer)
    if opening == "name":
        rest = " ".join(words[1:])
        return Turned("", f"is {rest}", f"the name of {rest}", rest)
    if words[-1].lower() in {"what", "whom", "who", "where", "when"} and opening not in _WH | _AUXILIARY:
        lead = _uncapital(" ".join(words[:-1]))
        return Turned(lead, "", f"{words[-1].lower()} it is that {lead}", lead) if "," not in lead else None
    if opening in _BEFORE and len(words) > 3 and words[1].lower() in {"what", "which", "whom", "how"}:
        return _of_parts(words[1:], answer, opening)
    return _of_parts(words, answer, "") if opening in _WH else None


def _after_comma(question: str, answer: str) -> Turned | None:
    """`In 1900, who led X?`: what comes before the comma goes to the end."""
    lead, _, rest = question.partition(", ")
    found = turned(rest, answer) if rest.split(" ", 1)[0].lower() in _WH and len(lead.split()) < 8 else None
    if found is None:
        return None
    lead = _uncapital(lead)
    return Turned(found.before, f"{found.after} {lead}".strip(), f"{found.asked} {lead}", found.about)


def _of_parts(words: list[str], answer: str, preposition: str) -> Turned | None:
    """The question from its question word on; `preposition` stood before that."""
    wh = words[0].lower()
    counts = " ".join(words[:2]).lower() == "how many"
    found = enumerate(words[1 : _LONGEST_PHRASE + 2], 1)
    at = next((n for n, word in found if _is_verb(word) or (counts and n > 2 and is_base(word))), 0)
    if not at or at == len(words) - 1:
        return None
    phrase, verb, rest = " ".join(words[1:at]), words[at].lower(), words[at + 1 :]
    head = f"{preposition} {wh} {phrase}".strip() if phrase else f"{preposition} {wh}".strip()
    if _asks_for_subject(wh, verb, rest, preposition):
        told = " ".join(words[at:])
        counted = _counted(wh, phrase, answer)
        return Turned("", f"{counted} {told}".strip(), f"{head} {told}", " ".join(rest))
    split = _split(verb, rest, wh in {"what", "who", "which"} and not phrase and not preposition)
    if split is None:
        return None
    subject, predicate, tail = split
    counted = _counted(wh, phrase, answer)
    last = f"{predicate} {tail}".split()[-1]
    joint = "" if last in _BEFORE and not preposition else _joint(wh, phrase, preposition, answer)
    subject = _uncapital(subject)
    # What is asked for stands behind the verb; what stood behind that already comes last.
    late = (wh in {"when", "where", "why", "how"} and not counted) or predicate.split()[-1] in _NAMING
    before = " ".join(part for part in (subject, predicate, tail if late or preposition else "", joint) if part)
    after = " ".join(part for part in (counted, "" if late or preposition else tail) if part)
    asked = " ".join(part for part in (head, subject, predicate, tail) if part)
    return Turned(before, after, asked, subject)


def _counted(wh: str, phrase: str, answer: str) -> str:
    """What `how many` counts, unless the answer says it."""
    if wh != "how" or not phrase.startswith("many "):
        return ""
    counted = phrase.removeprefix("many ")
    return "" if counted.rsplit(" ", 1)[-1].lower() in answer.lower() else counted


def _is_verb(word: str) -> bool:
    low = word.lower()
    return low in _AUXILIARY or (word == low and is_finite(low))


def _asks_for_subject(wh: str, verb: str, rest: list[str], preposition: str) -> bool:
    """Whether the answer does what the verb says, as in `Who wrote X?` and `How many people were killed?`"""
    if preposition or wh in {"when", "where", "why", "whom"}:
        return False
    if verb in _TO_DO:
        return rest[0].lower() == "not"
    if verb not in _AUXILIARY:
        return True
    first = (rest[1] if rest[0].endswith("ly") and len(rest) > 1 else rest[0]).lower()
    if verb in _TO_BE:
        return is_participle(first) or first in _BEFORE or first.endswith("ing") or first in {"not", "there", "able"}
    if verb in _TO_HAVE:
        return is_participle(first) or first in _ARTICLES
    return is_base(first) or first in {"be", "not"}


def _split(verb: str, rest: list[str], bare: bool) -> tuple[str, str, str] | None:
    """(subject, verb as it follows it, the rest behind that); `bare`: it is asked what or who something is."""
    if rest[0].lower() == "there" and len(rest) > 1:
        return "there", verb, " ".join(rest[1:])
    if verb in _TO_BE | _TO_HAVE:
        found = [n for n in range(1, len(rest)) if _participle_at(rest, n)]
        # One before a noun tells of that noun, as in `the steam powered device`.
        at = next((n for n in found if _ends_verb(rest, n)), found[0] if found else 0)
        if at and (not bare or at == len(rest) - 1 or verb in _TO_HAVE):
            return " ".join(rest[:at]), f"{verb} {rest[at]}", " ".join(rest[at + 1 :])
        return (" ".join(rest), verb, "") if verb in _TO_BE else None
    at = next((n for n in range(1, len(rest)) if rest[n] == rest[n].lower() and _base_at(rest, n)), 0)
    if not at or verb not in _AUXILIARY:
        return None
    subject, base, tail = " ".join(rest[:at]), rest[at], " ".join(rest[at + 1 :])
    if subject.endswith(" not"):
        return subject.removesuffix(" not"), f"{verb} not {base}", tail
    if verb in _MODAL:
        return subject, f"{verb} {base}", tail
    return subject, {"did": PAST[base], "does": third_person(base), "do": base}[verb], tail


def _participle_at(rest: list[str], at: int) -> bool:
    word = rest[at]
    return word == word.lower() and is_participle(word) and rest[at - 1].lower() not in _ARTICLES | _BEFORE


def _ends_verb(rest: list[str], at: int) -> bool:
    """Whether what follows the participle may follow a verb."""
    following = rest[at + 1].lower() if at + 1 < len(rest) and rest[at] != "been" else ""
    return not following or following in _BEFORE | _ARTICLES | _JOINING or following.endswith("ly")


def _base_at(rest: list[str], at: int) -> bool:
    return is_base(rest[at]) and rest[at - 1].lower() not in _ARTICLES | _BEFORE | {"to"}


def _joint(wh: str, phrase: str, preposition: str, answer: str) -> str:
    """The word between the verb and the answer."""
    first = answer.split(" ", 1)[0].lower()
    if first in _BEFORE or (wh == "when" and first in {"a", "an"}):
        return ""
    if preposition:
        return preposition
    if wh == "when" or (wh in {"what", "which"} and phrase in {"year", "decade", "century", "month"}):
        return "on" if _DAY.match(answer) else "in"
    if wh == "where":
        return "in"
    if wh == "why":
        return "" if first in {"so", "in"} else "because" if _CLAUSE.search(answer) else "because of"
    if wh == "how" and not phrase:
        return "" if first.endswith("ly") else "by" if first.endswith("ing") else "through"
    return ""


def _uncapital(text: str) -> str:
    """The text with its first letter small, where the first word is a common one."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first.lower() in _ARTICLES | _BEFORE | _WH else text
