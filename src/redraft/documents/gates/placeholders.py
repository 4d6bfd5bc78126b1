"""Gaps of templates that nobody filled: {name}, [Your Name], <client_name>, $X,XXX. Neighbour: `rows`.

Braces and brackets have other uses: code, links, footnotes, checklists, JSON, LaTeX, an editor's word in a quotation.
Only what stands as a word in prose and is named like a gap counts. Texts come with straight quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redraft.documents.gates.words import line_at

_BRACES = re.compile(r"\{{1,3}\s?([A-Za-z](?:[\w .'/-]{0,40}?\w)?)(?::[\w/-]{1,20})?\s?\}{1,3}")
_LOGIC = re.compile(r"\{\{[#/^>] ?\w|\{% ?\w")
_THING = (
    r"(?:name|names|date|title|address|number|amount|e-?mail|phone|signature|location|deadline|percentage|position"
    r"|department|city|url|time|company|organi[sz]ation|recipient|sender|client|customer|role|currency"
    r"|contact (?:info(?:rmation)?|details)|nombre|nom|datum|fecha|firma|empresa|entreprise|cliente|kunde|betrag)"
)
# Words that editors put into quotations, too: gaps only with a capital.
_CAPITAL = (
    r"(?:Day|Month|Year|First|Last|Product|Project|Link|Manager|Supplier|Vendor|Employee|Team|Lead|Head|Topic|Subject)"
)
_MADE_OF = rf"(?:[\w'.]{{1,20}}[ ,/]{{1,2}}){{0,3}}(?:{_THING}|(?-i:{_CAPITAL}))"
_BRACKETS = re.compile(
    r"\[(?:(?:insert|enter|fill in|specify|your|placeholder|please (?:insert|enter|add|fill))\b[^\[\]\n]{0,60}"
    # The client, his company, this year: an editor's words.
    rf"|(?!(?:the|a|an|his|her|its|their|our|my|this|that|these|those|each|every|any|no|some|another)\b){_MADE_OF}"
    r"(?: ?\d)?"
    r"|(?:add|describe|provide|mention|include|todo|tbd|tbc|placeholder)(?::| [^\[\]\n]{1,2}| (?:[^\[\]\n]{3,60}))"
    r"|list (?:of |all |any |the )?\w+s|(?:link|details|name|date|number|nombre|nom|datum) (?:to|of|des|der|de|del|du) "
    r"[^\[\]\n]{2,40}"
    r"|[^\[\]\n]{2,40} (?:einf\u00fcgen|eintragen|einsetzen|erg\u00e4nzen|insertar|ins\u00e9rer|inserire)"
    r"|(?:chart|table|figure|image|graph|diagram|logo|text|signature)(?: ?\d{1,2})? (?:goes )?here"
    r"|to be (?:confirmed|determined|decided|added|completed|inserted|filled in)|blank|confirm|_{2,}"
    r"|(?-i:[A-Z][a-z]{1,20}(?:Name|Date|Title|Address|Number|Amount|Email|Phone))"
    r"|(?-i:(?:DD|MM|YY(?:YY)?|HH|20XX)(?:[/.: -](?:DD|MM|YY(?:YY)?|HH|20XX))+|YYYY|20XX)"
    r"|[A-Za-z]+(?:_[A-Za-z0-9]+)+|X{1,4}|TBD|TBC|TODO)\](?![(\[:])",
    re.IGNORECASE,
)
# What was there and was taken out on purpose.
_TAKEN_OUT = re.compile(r"\b(?:redacted|withheld|removed|omitted|illegible|deleted|unknown|suppressed|anonymi[sz]ed)\b")
_ANGLES = re.compile(
    r"<(?:(?:insert|enter|your|fill)[ _-][^<>\n]{1,60}|[A-Za-z]+(?:_[A-Za-z0-9]+)+"
    # Not those that HTML has: <title>, <address>, <time>.
    r"|(?:[A-Za-z']+ ){0,2}(?:names?|date|number|amount|e-?mail|phone|signature|location|department|city|company"
    r"|organi[sz]ation|recipient|sender|client|customer))>"
    r"|<<[A-Za-z_ ]{2,40}>>",
    re.IGNORECASE,
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_CROSSES = re.compile(
    rf"\bX{{2,}}(?:[,./-]X{{2,}})+\b|[$€£]X+(?:,X+)*\b|\bX{{2,}}\s?%|\b20XX\b|\b{_MONTH} XX\b|\bXX {_MONTH}\b"
    r"|\bX{4,}\b|\bDear X{2,}\b"
)
_GREETED = re.compile(r"^(?:Dear|Hi) \[[^\[\]\n]{1,40}\]", re.MULTILINE)
_BLANK = re.compile(r"^(?:Dear|Hi|Hello) _{3,}", re.MULTILINE)
_SHOUTED = re.compile(r"\bINSERT (?:[A-Z']{2,20} ){1,4}HERE\b")
_NAME_HERE = re.compile(r"\byour (?:[a-z]{2,20} ){0,2}name here\b", re.IGNORECASE)
_INSERT = re.compile(rf"\(insert (?:[\w'/]{{1,20}} ){{0,3}}{_THING}(?: here)?\)", re.IGNORECASE)
_HERE = re.compile(rf"\(your (?:[\w'/]{{1,20}} ){{0,3}}{_THING} here\)", re.IGNORECASE)
_TO_DO = re.compile(r"\b(?:TODO|FIXME):? (?:add|insert|fill|complete|write|expand|confirm|update)\b")
_PRINTF = re.compile(r"%\([A-Za-z_]\w*\)[sd]")
_LOREM = re.compile(r"lorem\s+ipsum", re.IGNORECASE)
# A word of these in braces is a set, a type or a word of a language, not a gap.
_NO_GAP = {"return", "self", "null", "true", "false", "none", "end", "begin"}
_BEFORE = frozenset(" \t\n([*_,;:>\"'|-")
_AFTER = frozenset(" \t\n)]*_,;:.!?<\"'|-")
# Lines of code outside fences. Prose has arrows, semicolons and an unequal sign, too, but no call at the end of which
# a semicolon or a body stands.
_CODE = re.compile(
    r"\s*(?:import\s+[\w{*\"']|from\s+\S{1,60}\s+import\s|export\s+(?:default|const|function|class|\{)|def\s+\w{1,60}\("
    r"|(?:const|let|var)\s+[\w{\[][^=]{0,80}=|fn\s+\w{1,60}[(<]|function\s+\w{1,60}\(|#include\s*<)"
    r"|.{0,400}?(?:\)\s{0,3}(?:=>|->|\{\s*$)|=>\s{0,3}[({]|\bf[\"'][^\"'\n]|[!=]==|\w->\w|\w==\w"
    r"|\w\([^()\n]{0,80}\)\s?[!=]= )"
)
_CALL = re.compile(r"\w\(|\w\s?=\s?\S")


def placeholder_in(prose: str) -> str | None:
    """The first gap in a text without its code, or None."""
    lines = _Lines(prose)
    for sign, find in _FINDERS:
        if sign in prose and (found := find(prose, lines)) is not None:
            return found
    return None


class _Lines:
    """Which lines of a text are code; each is looked at once, however many brackets it has."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start, self._end, self._code = 0, -1, False

    def is_code(self, place: int) -> bool:
        """Whether the line at `place` is."""
        if not self._start <= place <= self._end:
            line = line_at(self._text, place)
            self._start = self._text.rfind("\n", 0, place) + 1
            self._end = self._start + len(line)
            self._code = _is_code(line)
        return self._code


def _is_code(line: str) -> bool:
    ended = line.rstrip()[-1:] in (";", "{") and _CALL.search(line) is not None
    return ended or _CODE.match(line) is not None


def _braces(prose: str, lines: _Lines) -> str | None:
    for found in _BRACES.finditer(prose):
        start, end = found.span()
        before, after = prose[start - 1 : start], prose[end : end + 1]
        # The letter before a quotation mark makes it a string of code: f"{name}".
        quoted = before in {'"', "'"} and prose[start - 2 : start - 1].isalnum()
        alone = (not before or before in _BEFORE) and (not after or after in _AFTER) and not quoted
        # A single letter is a set.
        named = len(found[1]) > 1 and found[1].lower() not in _NO_GAP
        if alone and named and not lines.is_code(start):
            return found[0]
        if before == "$" and len(found[1]) > 1 and not lines.is_code(start):  # ${name}: another form of the same
            return f"${found[0]}"
    logic = _LOGIC.search(prose)
    return logic[0] if logic and not _is_code(line_at(prose, logic.start())) else None


def _brackets(prose: str, lines: _Lines) -> str | None:
    for found in _BRACKETS.finditer(prose):
        before = prose[found.start() - 1 : found.start()]
        after = prose[found.end() : found.end() + 1]
        indexed = before.isalnum() or before in ("]", "_")
        if indexed or _is_ticked(prose, found, after) or _TAKEN_OUT.search(found[0].lower()) is not None:
            continue
        if not lines.is_code(found.start()):
            return found[0]
    greeted = _GREETED.search(prose) if "Dear [" in prose or "Hi [" in prose else None
    return greeted[0] if greeted else None


def _is_ticked(prose: str, found: re.Match[str], after: str) -> bool:
    """Whether it is a ticked box, not what stands for an amount or, within a sentence, for a word."""
    if found[0] not in ("[x]", "[X]"):
        return False
    before = prose[max(0, found.start() - 2) : found.start()]
    amount = before[-1:] in ("$", "€", "£") or after == "%"
    within = found[0] == "[X]" and before[-1:] == " " and before[:1].islower()
    return not amount and not (within and (after in (".", ",") or prose[found.end() + 1 : found.end() + 2].islower()))


def _angles(prose: str, lines: _Lines) -> str | None:
    closed: set[str] | None = None
    for found in _ANGLES.finditer(prose):
        if closed is None:
            closed = set(re.findall(r"</([^<>\n]{1,80}>)", prose))
        # List<rota_entry> is a type.
        if not (found[0][1:] in closed or prose[found.start() - 1 : found.start()].isalnum()
                or lines.is_code(found.start())):  # fmt: skip
            return found[0]
    return None


def _search(pattern: re.Pattern[str]) -> Callable[[str, _Lines], str | None]:
    return lambda prose, lines: found[0] if (found := pattern.search(prose)) is not None else None


# What a text must hold at least for the search to be worth it, and the search.
_FINDERS: tuple[tuple[str, Callable[[str, _Lines], str | None]], ...] = (
    ("{", _braces),
    ("[", _brackets),
    ("<", _angles),
    ("X", _search(_CROSSES)),
    ("%(", _search(_PRINTF)),
    ("___", _search(_BLANK)),
    ("INSERT ", _search(_SHOUTED)),
    ("nsert ", _search(_INSERT)),
    ("ame Here", _search(_NAME_HERE)),
    (" here)", _search(_HERE)),
    ("TODO", _search(_TO_DO)),
    ("FIXME", _search(_TO_DO)),
    ("ipsum", _search(_LOREM)),
    ("IPSUM", _search(_LOREM)),
)
