"""Gaps of templates that nobody filled: {name}, [Your Name], <client_name>, $X,XXX. Neighbour: `rows`.

Braces and brackets have other uses: code, links, footnotes, checklists, JSON, LaTeX. Only what stands as a word in
prose and is named like a gap counts.
"""

from __future__ import annotations

import re

from redraft.documents.gates.words import is_code, line_at

_BRACES = re.compile(r"\{\{?\s?([A-Za-z][\w .-]{1,40}?)\s?\}?\}")
_THING = (
    r"(?:name|names|date|title|address|number|amount|e-?mail|phone|signature|location|deadline|percentage|position"
    r"|department|city|url|time|company|organi[sz]ation|recipient|sender|client|customer|role|project name|currency)"
)
_BRACKETS = re.compile(
    r"\[(?:(?:insert|enter|fill in|specify|your|placeholder|please (?:insert|enter|add|fill))\b[^\[\]\n]{0,60}"
    rf"|(?:[A-Za-z'/]+ ){{0,3}}{_THING}(?: ?\d)?"
    r"|[A-Za-z]+(?:_[A-Za-z0-9]+)+|X{1,4}|TBD|TODO)\](?![(\[:])",
    re.IGNORECASE,
)
_ANGLES = re.compile(
    r"<(?:(?:insert|enter|your|fill)[ _-][^<>\n]{1,60}|[A-Za-z]+(?:_[A-Za-z0-9]+)+)>|<<[A-Za-z_ ]{2,40}>>",
    re.IGNORECASE,
)
_CROSSES = re.compile(r"\bX{2,}(?:[,./-]X{2,})+\b|[$€£]X+(?:,X+)*\b|\bX{2,}\s?%")
_PRINTF = re.compile(r"%\([A-Za-z_]\w*\)[sd]")
# A word of these in braces is a set, a type or a word of a language, not a gap.
_NO_GAP = {"return", "self", "null", "true", "false", "none", "end", "begin"}
_BEFORE = frozenset(" \t\n([*_,;:>\"'|-")
_AFTER = frozenset(" \t\n)]*_,;:.!?<\"'|-")


def placeholder_in(prose: str) -> str | None:
    """The first gap in a text without its code, or None."""
    for sign, find in _FINDERS:
        if sign in prose and (found := find(prose)) is not None:
            return found
    return None


def _braces(prose: str) -> str | None:
    for found in _BRACES.finditer(prose):
        start, end = found.span()
        before, after = prose[start - 1 : start], prose[end : end + 1]
        # The letter before a quotation mark makes it a string of code: f"{name}".
        quoted = before in {'"', "'"} and prose[start - 2 : start - 1].isalnum()
        alone = (not before or before in _BEFORE) and (not after or after in _AFTER) and not quoted
        if alone and found[1].lower() not in _NO_GAP and not is_code(line_at(prose, start)):
            return found[0]
        if before == "$" and not is_code(line_at(prose, start)):  # ${name}: another form of the same
            return f"${found[0]}"
    return None


def _brackets(prose: str) -> str | None:
    for found in _BRACKETS.finditer(prose):
        before = prose[found.start() - 1 : found.start()]
        after = prose[found.end() : found.end() + 1]
        # A ticked box, unless it stands for an amount.
        ticked = found[0] in ("[x]", "[X]") and before not in ("$", "€", "£") and after != "%"
        indexed = before.isalnum() or before in ("]", "_")
        if not (ticked or indexed or is_code(line_at(prose, found.start()))):
            return found[0]
    return None


def _angles(prose: str) -> str | None:
    for found in _ANGLES.finditer(prose):
        if f"</{found[0][1:]}" not in prose and not is_code(line_at(prose, found.start())):
            return found[0]
    return None


def _crosses(prose: str) -> str | None:
    found = _CROSSES.search(prose)
    return found[0] if found else None


def _printf(prose: str) -> str | None:
    found = _PRINTF.search(prose)
    return found[0] if found else None


def _lorem(prose: str) -> str | None:
    return "Lorem ipsum" if "lorem ipsum" in prose.lower() else None


# What a text must hold at least for the search to be worth it, and the search.
_FINDERS = (
    ("{", _braces),
    ("[", _brackets),
    ("<", _angles),
    ("X", _crosses),
    ("%(", _printf),
    ("orem ipsum", _lorem),
)
