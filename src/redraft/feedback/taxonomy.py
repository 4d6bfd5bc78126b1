"""The types of user reaction, in three published numberings that use the same names for different things.

Inside redraft a category is UR1..UR5 as Don-Yehiya et al. 2024 number them. Neighbour: `selection` chooses by them.
"""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from redraft.errors import InputError, LabelSchemeError
from redraft.records import Conversation, Rejection

NAMES = {
    "UR1": "Repeat or Rephrase",
    "UR2": "Make Aware with Correction",
    "UR3": "Make Aware without Correction",
    "UR4": "Ask for Clarification",
    "UR5": "Positive",
}
POSITIVE = "UR5"

# What each numbering's codes mean in ours; None: no feedback at all. Petrak et al. 2023 begin with Ignore and
# Continue, so theirs are one higher and their UR5 is a complaint. Liu et al. 2025 count the negative ones.
TAXONOMIES: dict[str, dict[str, str | None]] = {
    "don-yehiya": {code: code for code in NAMES},
    "petrak": {"UR1": None, "UR2": "UR1", "UR3": "UR2", "UR4": "UR3", "UR5": "UR4"},
    "liu": {"NEG_1": "UR1", "NEG_2": "UR2", "NEG_3": "UR3", "NEG_4": "UR4", "POS": "UR5", "NEU": None},
}
# Understood in every file: they mean one thing only.
UNAMBIGUOUS: dict[str, str | None] = {
    **TAXONOMIES["liu"],
    **{name.upper(): code for code, name in NAMES.items()},
    "POSITIVE FEEDBACK": "UR5",
    "IGNORE AND CONTINUE": None,
    "NO FEEDBACK": None,
}

# A file is refused when at least so many rows, and more than that share of them, speak another numbering.
FEWEST = 3
MOST_OF_UR5 = 0.5
SHARE_OF_UR6 = 0.01

ASKS = re.compile(
    r"\?|\b(are you sure|not sure|what do you mean|do(n'?t| not) (understand|get|know)|confus\w+|make sense|really)\b",
    re.I,
)
THANKS = re.compile(
    r"\b(thank\w*|thx|ty|great|good|perfect\w*|nice|awesome|cool|love\w*|excellent|amazing|wonderful|helpful|exactly"
    r"|brilliant|well done|wow|works?|correct|right|yes|gracias|danke|merci)\b",
    re.I,
)


def categorise(conversation: Conversation, taxonomy: str = "don-yehiya") -> Conversation | Rejection:
    """The conversation with its category in redraft's numbering.

    Reasons of rejection: no_category, unknown_category, old_numbering (UR6), no_feedback (the label says that the
    user did not react), contradiction (the label's sign is not that of the category).
    Raises InputError for an unknown `taxonomy`.
    """
    written = (conversation.category or "").strip()
    if not written:
        return _rejection(conversation, "no_category", "the row has no category")
    code = _code(written)
    known = {**UNAMBIGUOUS, **codes_of(taxonomy)}
    if code == "UR6":
        return _rejection(
            conversation, "old_numbering", "UR6 is of the numbering before August 2024, one higher than ours"
        )
    if code not in known:
        return _rejection(conversation, "unknown_category", f"{written!r} is no category of {taxonomy}")
    category = known[code]
    if category is None:
        return _rejection(conversation, "no_feedback", f"{written!r} says that the user did not react to the response")
    if _contradicts(category, conversation.label):
        meaning = f"{category} {NAMES[category]}"
        return _rejection(
            conversation, "contradiction", f"label {conversation.label} contradicts {written!r} ({meaning})"
        )
    return msgspec.structs.replace(conversation, category=category)


def codes_of(taxonomy: str) -> dict[str, str | None]:
    """Code as written → category in redraft's numbering. Raises InputError with the names there are."""
    if taxonomy not in TAXONOMIES:
        raise InputError(f"taxonomy {taxonomy!r} is not known; choose {', '.join(TAXONOMIES)}")
    return TAXONOMIES[taxonomy]


class SchemeCheck:
    """Notices over a whole file that its labels follow another numbering than `taxonomy` says.

    `see` every conversation as read, before `categorise`; `finish` raises LabelSchemeError. Memory: some counters.
    """

    def __init__(self, taxonomy: str, file: str) -> None:
        self._taxonomy, self._file = taxonomy, file
        self._codes = codes_of(taxonomy)
        self.counts: Counter[str] = Counter()
        self._signs: Counter[tuple[str, bool]] = Counter()
        self._asking = 0
        self._unlabelled = 0

    def see(self, conversation: Conversation) -> None:
        code = _code(conversation.category or "")
        if not code:
            return
        self.counts[code] += 1
        category = self._codes.get(code)
        if category is None:
            return
        if conversation.label:
            self._signs[code, _contradicts(category, conversation.label)] += 1
        elif category == POSITIVE:
            self._unlabelled += 1
            text = conversation.messages[-1].content
            self._asking += bool(ASKS.search(text)) and not THANKS.search(text)

    def finish(self) -> None:
        """Raises LabelSchemeError naming the file, the counts and the mend."""
        old = self.counts["UR6"]
        if old >= FEWEST and old > SHARE_OF_UR6 * self.counts.total():
            raise LabelSchemeError(
                f"{self._file}: {old:,} of {self.counts.total():,} labels are UR6, of the numbering before August 2024 "
                "(UR2 to UR6 for today's UR1 to UR5); take one from each number and run it again"
            )
        for code in self._codes:
            wrong, fitting = self._signs[code, True], self._signs[code, False]
            if wrong >= FEWEST and wrong > fitting:
                raise LabelSchemeError(self._sign_message(code, wrong, wrong + fitting))
        if self._asking >= FEWEST and self._asking > MOST_OF_UR5 * self._unlabelled:
            raise LabelSchemeError(
                f"{self._file}: {self._asking:,} of {self._unlabelled:,} rows labelled UR5 ask for clarification: "
                "Petrak's numbering; run it again with --taxonomy petrak"
            )

    def _sign_message(self, code: str, wrong: int, total: int) -> str:
        category = self._codes[code] or ""
        sign = "-1" if category == POSITIVE else "+1"
        rows = f"{self._file}: {wrong:,} of {total:,} rows labelled {code} carry the label {sign}"
        start = f"{rows}, but {code} is {NAMES[category]}"
        if code == "UR5" and self._taxonomy in {"don-yehiya", "petrak"}:
            other = "petrak" if self._taxonomy == "don-yehiya" else "don-yehiya"
            return f"{start} in this numbering; run it again with --taxonomy {other}"
        return f"{start}; the signs or the categories of this file are mixed up, mend the file"


def _code(written: str) -> str:
    """A category as written, in upper case with single spaces: `ur5`, `Make aware  with correction`, `neg-2`."""
    text = " ".join(written.strip().upper().split())
    found = re.fullmatch(r"(UR|NEG)[ _-]?(\d)", text)
    if found:
        return f"UR{found[2]}" if found[1] == "UR" else f"NEG_{found[2]}"
    return text


def _contradicts(category: str, label: int | None) -> bool:
    """Negative categories carry -1 (or 0 in files that know 0 and 1 only), the positive one +1."""
    if label is None:
        return False
    return label <= 0 if category == POSITIVE else label > 0


def _rejection(conversation: Conversation, reason: str, detail: str) -> Rejection:
    return Rejection(
        reason=reason,
        detail=detail,
        place=f"categorise {conversation.conversation_id}",
        row_id=conversation.conversation_id,
    )
