"""Whether a text breaks off: by what the model says of it, or by how its last line ends. Neighbour: `rows`.

Prose ends with a mark. Lists, tables, signatures and labels need none, so that of these only what no line ends with
counts.
"""

from __future__ import annotations

import re

from redraft.datasets.languages import code_of
from redraft.documents.gates.reasons import shortened
from redraft.documents.gates.words import blocks, set_of

# As providers call it, in small letters.
CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"})
STOPPED = frozenset({"content_filter", "safety", "recitation", "refusal", "blocklist", "prohibited_content", "error"})
# No line ends with one of these, a point of a list neither.
_NEVER_LAST = {
    "en": set_of("the a an and or but than because although your our their its my if whose very"),
    "de": set_of("und oder dass weil sowie zum zur vom"),
    "fr": set_of("et ou du des au aux"),
    "es": set_of("y o del"),
}
# With these a point of a list or a question in it may end ("the people I report to", "stimmt dem zu"), prose may not.
_OPEN = {
    "en": set_of("of to in on at by for with from into that as is are was were be been being will would could "
                 "should may might must can has have had his her this these those which who not more most so "
                 "then about between through until while"),
    "de": set_of("der die das ein eine einen einem einer eines aber von zu im am mit für auf ist sind wird "
                 "werden als wenn wir bei"),
    "fr": set_of("le la les un une que qui de avec pour est sont dans sur par"),
    "es": set_of("el la los las un una que de con por en para es son"),
}  # fmt: skip
_ABBREVIATED = frozenset({"dr.", "mr.", "mrs.", "ms.", "prof.", "e.g.", "i.e.", "approx.", "vs."})
# Lists, tables, quotations, footnotes; any sign before a space is a bullet to somebody.
_LISTED = re.compile(r"\s*(?:[|>]|[^\w\s\"'(\[{$€£&<]{1,3}\s|\d{1,3}[.)]\s|[a-zA-Z][.)]\s|\(\w{1,4}\)\s|\[\d+\])")
_LABEL = re.compile(r"[\w .-]{2,30}: ?\S")
# What stands below a document, however long it is.
_BELOW = re.compile(
    r"\W*(?:p\.? ?s\.?|cc|bcc|enc\w*|encl\w*|attach\w*|annex\w*|appendi\w+|copy|copies|distribution|sources?"
    r"|references?"
    r"|confidential\w*|anlagen?|verteiler|pièces? jointes?|adjuntos?)\W*:|\W*p\. ?s\.|\W*sent from my\b",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"^\W*(?:(?:kind|best|warm|many|with|yours|all|very|sincerely|respectfully|thanks|thank|warmly|cheers|regards|mit"
    r"|viele|beste|herzliche|freundliche|un|saludos|atentamente|cordialement|bien)\b,?\s*){1,4}(?:(?:kind|best|warm"
    r"|my)\s+)?"
    r"(?:regards|wishes|sincerely|faithfully|truly|respect|thanks|you|grüßen?|grüsse|dank|cordial|saludo|vous)?\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_BELOW = 6
_FORM_FIELD = re.compile(r"\W*(?:signature|signed|date|name|approved by|received|unterschrift|datum)\b", re.IGNORECASE)
# Gaps between columns; some people type two spaces behind a sentence.
_TABULAR = re.compile(r"[^\s.!?,;:\"')](?:\t| {2,})(?=\S)")
# Addresses, file names, codes: they end without a stop.
_CODE_WORD = re.compile(r"[@/\\]|\d.*[A-Za-z]|[A-Za-z].*\d|\.\w{2,4}$")
# What may stand behind a full stop.
_CLOSERS = "*_`~\"'"
_OPEN_LINK = re.compile(r"\]\([^()\s]*$")
_EMPTY_POINT = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)])")
_HEADING = re.compile(r"\s*#{1,6}\s+\S")
_DANGLING = re.compile(r"[\w)](?: [-&/+=]|-|/|&)$|[$€£]$")
_OF_SENTENCES = re.compile(
    r"\s(?:i|we|they|has|have|had|is|are|was|were|will|would|can|could|should|must|may)\s", re.IGNORECASE
)
_STOPS = (".", "!", "?")
_PROSE_WORDS = 7
_THAI = re.compile("[\u0e00-\u0eff]")


def breaks_off(text: str, finish_reason: str = "", language: str = "en") -> str | None:
    """Why a text counts as broken off, in words; None where it does not.

    `finish_reason` is the provider's. Else the last line decides: prose ends with a mark, and no text whatever with
    `the`. Lists, tables and what stands below a document need no mark. `language` is the text's, a code or a name.
    """
    if finish_reason.lower() in CUT_OFF:
        return "it was cut off at the most tokens that were allowed; allow more"
    if finish_reason.lower() in STOPPED:
        return f"the provider stopped it: {finish_reason}"
    if "```" in text and any(block.end is None and block.marks.startswith("`") for block in blocks(text)):
        return "its last block of code is not closed"
    stripped = text.rstrip()
    line = stripped[stripped.rfind("\n") + 1 :]
    if (what := _left_open(line, stripped)) is not None:
        return f"{what}: {shortened(line[-40:])!r}"
    bare = line.rstrip(_CLOSERS).rstrip()
    if not bare or _THAI.match(bare[-1]):
        return None
    return _without_end(line, bare, stripped, code_of(language))


def _left_open(line: str, text: str) -> str | None:
    """What a line begins and does not end, whatever it is a line of."""
    if _OPEN_LINK.search(line):
        return "its last link is not closed"
    if line.count("**") % 2:
        return "its last bold words are not closed"
    if _EMPTY_POINT.fullmatch(line):
        return "its last point of a list is empty"
    if _HEADING.match(line):
        return "it ends with a heading that nothing follows"
    before = text[: len(text) - len(line)].rstrip()
    if line.startswith("|") and not line.endswith("|") and before.endswith("|"):
        return "its last row of a table is not closed"
    return None


def _without_end(line: str, bare: str, text: str, language: str) -> str | None:
    last = bare.split()[-1][-200:]  # a word without an end would be searched for minutes
    open_end = f"it ends with {shortened(bare[-40:])!r}"
    word = last.lower().rstrip(".")
    # Option A, 9 AM, the state of OR.
    never = word in _NEVER_LAST.get(language, ()) and not (last[0].isupper() and len(last.rstrip(".")) < len("The"))
    if bare.endswith("..") and (never or word in _OPEN.get(language, ())):
        return open_end
    if last.lower() in _ABBREVIATED or _DANGLING.search(bare[-3:]):
        return None if _is_address(last, line, bare) else open_end
    quoted = line.rstrip("*_").endswith('"') and line.count('"') % 2 == 0
    if not (bare[-1].isalnum() or bare[-1] in ",;:([{-") or quoted or _is_address(last, line, bare):
        return None
    if never or bare[-1] in "([{" or line.rfind("(") > line.rfind(")"):
        return open_end
    if _is_point(line, text):
        return _unlike_others(line, bare, text)
    words = len(bare.split())
    if last.lower() in _OPEN.get(language, ()):
        return open_end
    if bare[-1] == ":" and words < _PROSE_WORDS:
        return None if _FORM_FIELD.match(line) or _is_below(line, text) else f"nothing follows {shortened(bare)!r}"
    if words < _PROSE_WORDS:
        return open_end if words > 2 and bare[-1].isalnum() and _is_sentence(line, text) else None
    if (_LABEL.match(line) and words < 2 * _PROSE_WORDS) or _is_below(line, text) or _is_bold(line):
        return None
    return f"it ends without a full stop: {shortened(bare[-40:])!r}"


def _is_address(last: str, line: str, bare: str) -> bool:
    return _CODE_WORD.search(last) is not None and len(bare) == len(line)


def _is_point(line: str, text: str) -> bool:
    """Whether a line is of a list or table: its own sign says so, or the one above that it is indented under."""
    if _LISTED.match(line) or len(_TABULAR.findall(line)) > 1:
        return True
    above = text[: len(text) - len(line)].splitlines()[-5:]
    for one in reversed(above if line[:1].isspace() else []):
        if _LISTED.match(one) or not one[:1].isspace():
            return _LISTED.match(one) is not None
    return False


def _unlike_others(line: str, bare: str, text: str) -> str | None:
    """A point without a stop where all the others, two at least, have one."""
    if not line.lstrip().startswith(("-", "*", "+", "\u2022", *"0123456789")):
        return None
    above = text[: len(text) - len(line)].rstrip().splitlines()[-12:]
    points: list[str] = []
    for one in reversed(above):
        if not _LISTED.match(one):
            break
        points.append(one.rstrip())
    if len(points) < 2 or not all(one.rstrip(_CLOSERS).endswith(".") for one in points):
        return None
    return f"its last point has no full stop, as all the others have: {shortened(bare[-40:])!r}"


def _is_below(line: str, text: str) -> bool:
    """Whether a line stands below a farewell, or is of those that may."""
    if _BELOW.match(line):
        return True
    tail = text[-600:]
    farewell = next(iter(reversed([*_FAREWELL.finditer(tail)])), None)
    return farewell is not None and len(tail[farewell.end() :].split("\n")) <= _MOST_BELOW + 1


def _is_bold(line: str) -> bool:
    bold = line.strip()
    return len(bold) > 4 and bold.startswith(("**", "__")) and bold.endswith(("**", "__"))


def _is_sentence(line: str, text: str) -> bool:
    """Whether a short last line reads like the start of a sentence, under a paragraph that is one."""
    before = text[: len(text) - len(line)].rstrip()
    above = before[before.rfind("\n") + 1 :]
    prose = above.endswith(_STOPS) and len(above.split()) >= _PROSE_WORDS
    return prose and _OF_SENTENCES.search(line) is not None and not _is_below(line, text)
