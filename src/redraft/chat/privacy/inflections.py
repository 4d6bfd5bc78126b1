"""How a name changes in a sentence: Bobs, Annie, Marko's cases, Katarzyna who is called Katarzyno.

Endings and the commonest changes of a stem only. Neighbours: `forms` looks for what is made here, `common_words` has
the words that are no form of a name.
"""

# ruff: noqa: RUF001
from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from redraft.chat.privacy.common_words import EVERYDAY
from redraft.chat.privacy.spelling import fold


class Rule(IntEnum):
    """How sure a word is a name, surest last: where it begins with a capital within a sentence; where it begins with
    one; where it looks like a name (`replacing` decides); always."""

    INSIDE = 0
    CAPITAL = 1
    LOOKS = 2
    ALWAYS = 3


_VOWELS = frozenset("aeiouyаеиоуыэюяьη")
# What a name may end in within a sentence of German, Polish, Czech, Finnish, Hungarian ...
_LATIN = """
n en ns ens a u i e y em om ie iem owi ovi ou ow ego ami lle lla lta sta ssa nak nek val vel hoz hez ert ova ove ovou
"""
_LATIN_OPEN = "n ns y e i u o ie ou om nak nek val vel lle lla lta sta ssa hoz hez ert"
_CYRILLIC = """
а у ом ем е ы и ой ей ою ею ю я ам ами ах ов ова ову ин ина ину ины ке ку ка ки кой ым им ых их ыми ими овы ого ому его
ему ая ую
"""
_ADJECTIVES = ("ии", "ыи", "ои", "ая")
_OF_ADJECTIVES = ("ого", "ому", "им", "ым", "ом", "их", "ых", "ая", "ой", "ую")
_GREEK = "ς σ υ ου α η ο ε"
# (end of a name, what takes its place): the stem itself changes. Polish and Czech, Finnish, Russian, Greek; of several
# ends the first that fits.
_CHANGES = tuple(
    (end, tuple(ends.split()))
    for end, ends in (
        ("cki", "ckiego ckiemu ckim ckich cka ckiej"),
        ("ski", "skiego skiemu skim skich ska skiej"),
        ("cka", "ckiej cki ckim ckich"),
        ("ska", "skiej ski skim skich"),
        ("cha", "sze"),
        ("nen", "sen selle sella selta sessa seen sesta"),
        ("tti", "tin tille tilla tilta tia"),
        ("kki", "kin kille killa kilta"),
        ("sia", "si"),
        ("zia", "zi"),
        ("nia", "ni"),
        ("ta", "cie"),
        ("da", "dzie"),
        ("ka", "ce"),
        ("ga", "dze"),
        ("ra", "rze"),
        ("ek", "ka ku kowi kiem kom kove"),
        ("el", "la lu lowi lem le lovi"),
        ("ec", "ca cu cowi cem ce covi"),
        ("t", "cie"),
        ("d", "dzie"),
        ("r", "rze"),
        ("ос", "о е"),
        ("ек", "ка ку ком ке"),
        ("ец", "ца цу цом це"),
        ("авел", "авла авлу авлом авле"),
        ("ев", "ьва ьву ьвом ьве"),
        ("ья", "ьи"),
        ("я", "ь"),
        ("οσ", "ο ε"),
        ("ησ", "η"),
        ("ασ", "α"),
    )
)
_FEWEST = 4
# From how many letters on a form is a name with a capital at the beginning of a sentence, too; and in small letters,
# where the name itself has so many, without its last vowel.
_AT_BEGINNING = {"latin": 5, "cyrillic": 3, "greek": 3}
_SMALL = {"latin": (7, 5), "cyrillic": (5, 4), "greek": (5, 4)}


def inflections(word: str, sure: bool) -> Iterator[tuple[str, Rule, int]]:
    """(form, rule, letters at its end that stay) of a folded word; fewer where the word is not surely a name."""
    if word.isascii() and len(word) > 2:
        # The s stays, as it does in Bob's.
        yield f"{word}s", Rule.ALWAYS if sure and len(word) >= _FEWEST else Rule.LOOKS, 1
    if not sure or len(word) < _FEWEST or not (script := _script(word)):
        return
    for form in sorted({*_endings(word, script), *_changed(word)}):
        if form not in (word, f"{word}s") and form not in EVERYDAY and len(form) > 2:
            yield form, _rule(form, word, script), 0


def _script(word: str) -> str:
    if word.isascii():
        return "latin"
    return "cyrillic" if "а" <= word[0] <= "я" else "greek" if "α" <= word[0] <= "ω" else ""


def _endings(word: str, script: str) -> Iterator[str]:
    is_open = word[-1] in _VOWELS
    stem = word[:-1] if is_open or word[-1] == "σ" else word
    endings = {"latin": _LATIN_OPEN if is_open else _LATIN, "cyrillic": _CYRILLIC, "greek": _GREEK}[script]
    for ending in map(fold, endings.split()):
        yield word + ending
        yield stem + ending
    if script == "cyrillic":
        # Саш! And Чайковский ends in two letters, folded.
        yield from [stem] * (word[-1] in "ая")
        if word.endswith(_ADJECTIVES):
            yield from (word[:-2] + fold(ending) for ending in _OF_ADJECTIVES)


def _changed(word: str) -> Iterator[str]:
    for end, ends in _CHANGES:
        if word.endswith(end):
            # Marek is Marka, Daniel is not Danila.
            if end not in ("ek", "el", "ec") or word[-3] not in _VOWELS:
                yield from (word[: -len(end)] + ending for ending in ends)
            return


def _rule(form: str, word: str, script: str) -> Rule:
    letters, of_stem = _SMALL[script]
    stem = word[:-1] if word[-1] in _VOWELS and script == "cyrillic" else word
    if len(form) >= letters and len(stem) >= of_stem:
        return Rule.ALWAYS
    return Rule.CAPITAL if len(form) >= _AT_BEGINNING[script] else Rule.INSIDE
