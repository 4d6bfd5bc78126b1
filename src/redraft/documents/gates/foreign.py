"""How much of a text is in another language than it should be. Neighbour: `rows`, which says so of a row.

Detection costs more than all other gates together: what has the commonest words of its language is not asked about.
"""

from __future__ import annotations

from collections.abc import Iterator

from redraft.datasets.languages import LOOKED_AT, NEAR, UNKNOWN, WITHOUT_SPACES, code_of, language_of
from redraft.documents.gates.words import set_of

# A quotation is no fault; a text of which more than this is in another language is.
MOST = 1 / 3
# A text is weighed in pieces of so many words: long enough to be sure of, and no word is cut.
_PIECE = 30
# Where common words tell nothing, so many pieces are asked about, spread over the text.
_MOST_PIECES = 8
# Every seventh word of prose and more is one of these, and next to none of prose in the others' languages.
_SHARE = 1 / 7
# No prose has so many of them that a third of the text could be without.
_ALL_OF_IT = 0.32
# Of a whole text every third word says as much.
_EVERY = 3
_COMMON = {
    "en": set_of("a an in on but the and of to that with for is are has have had this which been will would they "
                 "their it its by from be as at we you our or if not what were"),
    "de": set_of("in an aber der die das und ist nicht mit ein eine den dem von zu für auf des sich im wir "
                 "werden wird sind bei haben hat als dass oder auch noch einen einer sie ich wie zum zur"),
    "fr": set_of("le les des et est dans pour qui une du au aux sur pas nous vous ce avec sont par plus ont été "
                 "il elle je cette sa ses"),
    "es": set_of("el los las y en del con una su es al lo pero son fue ya muy sus está han más ha sin esta"),
}  # fmt: skip
# Near in a few words, not in pieces of this length.
_TOLD_APART = {"es", "pt"}


def foreign_share(text: str, language: str) -> tuple[float, str]:
    """The share of a text, from 0 to 1, that is surely in another language than `language` (a code or a name), and the
    code of the one that most of it is in. 0.0 for a language that detection does not know, and where it is too little
    to matter (`MOST`) without looking close."""
    expected = code_of(language)
    if expected == UNKNOWN:
        return 0.0, UNKNOWN
    common = _COMMON.get(expected)
    if common is not None and _hits(text.lower().split()[::_EVERY], common) > _ALL_OF_IT:
        return 0.0, UNKNOWN
    pieces = list(_pieces(text))
    doubtful = pieces
    if common is None:
        doubtful = pieces = pieces[:: -(-len(pieces) // _MOST_PIECES) or 1]
    else:
        doubtful = [one for one in pieces if _hits(one.lower().split(), common) < _SHARE]
    total = sum(map(_weight, pieces))
    if sum(map(_weight, doubtful)) <= MOST * total:
        return 0.0, UNKNOWN
    found: dict[str, int] = {}
    for one in doubtful:
        if _differ(expected, code := language_of(one)):
            found[code] = found.get(code, 0) + _weight(one)
    return sum(found.values()) / total, max(found, key=lambda code: found[code], default=UNKNOWN)


def _pieces(text: str) -> Iterator[str]:
    words = text.split()
    for at in range(0, len(words), _PIECE):
        piece = " ".join(words[at : at + _PIECE])
        # Scripts without spaces have words as long as their sentences.
        yield from (piece[start : start + LOOKED_AT] for start in range(0, len(piece), LOOKED_AT))


def _weight(piece: str) -> int:
    return len(piece) if piece.isascii() else len(piece) + 2 * len(WITHOUT_SPACES.findall(piece))


def _hits(words: list[str], common: frozenset[str]) -> float:
    return sum(map(common.__contains__, words)) / max(1, len(words))


def _differ(expected: str, found: str) -> bool:
    if found in (UNKNOWN, expected):
        return False
    return {found, expected} == _TOLD_APART or not any({found, expected} <= near for near in NEAR)
