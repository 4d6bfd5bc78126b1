"""Whether a text breaks off: by what the model says of it, or by how its last line ends. Neighbour: `rows`."""

from __future__ import annotations

import re

from redraft.documents.gates.reasons import shortened

CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"})
# No sentence ends with one of these.
_OPEN_WORDS = frozenset(
    word
    for words in (
        "the a an and or but of to in on at by for with from into that than as if is am are was were be been being",
        "will would could should may might must can has have had our your their its my his her this these those which",
        "who whose because while although not very more most so then about between through until",
        "der die das und oder aber von zu im mit für auf ein eine einen einem einer ist sind wird werden dass als wenn",
        "wir le la les un une des et ou de du avec pour que qui est sont el los las y o con por una",
    )
    for word in words.split()
)
# Lists, tables, headings, quotations, footnotes.
_LISTED = re.compile(r"\s*(?:[|#>]|[-*+\u2022]\s|\d{1,3}[.)]\s|[a-zA-Z][.)]\s|\[\d+\])")
_LABEL = re.compile(r"[\w .-]{2,30}: ?\S")
# Addresses, file names, codes: they end without a stop.
_CODE_WORD = re.compile(r"[@/\\]|\d.*[A-Za-z]|[A-Za-z].*\d|\.\w{2,4}$")
# What may stand behind a full stop.
_CLOSERS = "*_`~\"'"
_OPEN_LINK = re.compile(r"\]\([^()\s]*$")
_PROSE_WORDS = 7
_THAI = re.compile("[\u0e00-\u0eff]")


def breaks_off(text: str, finish_reason: str = "") -> str | None:
    """Why a text counts as broken off, in words; None where it does not.

    `finish_reason` is the provider's. Else the last line decides: prose ends with a mark, and no text whatever with
    `the`. Lists, headings and signatures need no mark.
    """
    if finish_reason in CUT_OFF:
        return "it was cut off at the most tokens that were allowed; allow more"
    if text.count("```") % 2:
        return "its last block of code is not closed"
    stripped = text.rstrip()
    line = stripped[stripped.rfind("\n") + 1 :]
    if _OPEN_LINK.search(line):
        return f"its last link is not closed: {shortened(line[-40:])!r}"
    bare = line.rstrip(_CLOSERS).rstrip()
    if not bare or _THAI.match(bare[-1]):
        return None
    last = bare.split()[-1][-200:]  # a word without an end would be searched for minutes
    ended = not (bare[-1].isalnum() or bare[-1] in ",;:([{-")
    if ended or (_CODE_WORD.search(last) and len(bare) == len(line)):
        return None
    if last.lower() in _OPEN_WORDS or bare[-1] in "([{" or line.rfind("(") > line.rfind(")"):
        return f"it ends with {shortened(bare[-40:])!r}"
    words = len(bare.split())
    if _LISTED.match(line) or words < _PROSE_WORDS or (_LABEL.match(line) and words < 2 * _PROSE_WORDS):
        return None
    return f"it ends without a full stop: {shortened(bare[-40:])!r}"
