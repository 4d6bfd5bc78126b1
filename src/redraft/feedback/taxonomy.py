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
MOST = 0.5
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
    user did not react), contradiction (the label's sign or name is not that of the category).
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
    named = _named(conversation)
    if named and named != category:
        return _rejection(conversation, "contradiction", f"the row names it {NAMES[named]}, but writes {written!r}")
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
        self._known = {**UNAMBIGUOUS, **codes_of(taxonomy)}
        self._codes: Counter[str] = Counter()
        self._signs: Counter[tuple[str, bool]] = Counter()
        self._names: Counter[tuple[str, bool]] = Counter()
        self._unsigned = self._asking = 0

    def see(self, conversation: Conversation) -> None:
        code = _code(conversation.category or "")
        if not code:
            return
        self._codes[code if code in self._known or code == "UR6" else "unknown"] += 1
        named = _named(conversation)
        if named:
            self._names.update((taxonomy, codes.get(code) == named) for taxonomy, codes in TAXONOMIES.items())
        category = self._known.get(code)
        if category is None:
            return
        if conversation.label is not None:
            self._signs[code, _contradicts(category, conversation.label)] += 1
        elif code == "UR5" and category == POSITIVE:
            self._unsigned += 1
            text = conversation.messages[-1].content
            self._asking += bool(ASKS.search(text)) and not THANKS.search(text)

    def finish(self) -> None:
        """Raises LabelSchemeError naming the file, the counts and the mend."""
        for fault in (self._old_codes(), self._unknown_codes(), self._other_names(), self._other_signs(), self._asks()):
            if fault:
                raise LabelSchemeError(f"{self._file}: {fault}")

    def _old_codes(self) -> str | None:
        old, total = self._codes["UR6"], self._codes.total()
        if old < FEWEST or old <= SHARE_OF_UR6 * total:
            return None
        return (
            f"{old:,} of {total:,} labels are UR6, of the numbering before August 2024 (UR2 to UR6 for today's UR1 to "
            "UR5); take one from each number and run it again"
        )

    def _unknown_codes(self) -> str | None:
        unknown, total = self._codes["unknown"], self._codes.total()
        if unknown < FEWEST or unknown <= MOST * total:
            return None
        codes = "; ".join(f"{taxonomy}: {', '.join(codes)}" for taxonomy, codes in TAXONOMIES.items())
        return f"{unknown:,} of {total:,} labels are none of {self._taxonomy}'s; name the right --taxonomy ({codes})"

    def _other_names(self) -> str | None:
        wrong, fitting = self._names[self._taxonomy, False], self._names[self._taxonomy, True]
        if wrong < FEWEST or wrong <= fitting:
            return None
        best = max(TAXONOMIES, key=lambda taxonomy: self._names[taxonomy, True])
        mend = f"run it again with --taxonomy {best}" if self._names[best, True] > wrong / 2 else "mend the file"
        return f"{wrong:,} of {wrong + fitting:,} rows give their category a name that is another one here; {mend}"

    def _other_signs(self) -> str | None:
        for code, category in self._known.items():
            wrong, fitting = self._signs[code, True], self._signs[code, False]
            if category is None or wrong < FEWEST or wrong <= fitting:
                continue
            sign = "-1" if category == POSITIVE else "+1"
            start = f"{wrong:,} of {wrong + fitting:,} rows labelled {code} carry the label {sign}, but {code} is"
            other = {"don-yehiya": "petrak", "petrak": "don-yehiya"}.get(self._taxonomy)
            if code == "UR5" and other:
                return f"{start} {NAMES[category]} in this numbering; run it again with --taxonomy {other}"
            return f"{start} {NAMES[category]}; the signs or the categories of this file are mixed up, mend the file"
        return None

    def _asks(self) -> str | None:
        if self._asking < FEWEST or self._asking <= MOST * self._unsigned:
            return None
        return (
            f"{self._asking:,} of {self._unsigned:,} rows labelled UR5 ask for clarification: Petrak's numbering; "
            "run it again with --taxonomy petrak"
        )


def _named(conversation: Conversation) -> str | None:
    """The category that a column beside the code spells out, as people who know the numberings do."""
    name: object = conversation.extra.get("label_name")
    return UNAMBIGUOUS.get(_code(name)) if isinstance(name, str) else None


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
