"""How much of a text is in another language: a quotation is no fault, more than a third is, wherever it stands."""

from __future__ import annotations

import pytest

from redraft.documents.gates import document_findings
from redraft.documents.gates.foreign import MOST, foreign_share

ENGLISH = (
    "Over the past six weeks the unit has covered every weekend with two people instead of three. Nobody was hurt, but "
    "on 3 May a patient waited 41 minutes for a scan, because the second room was closed. I was on shift and signed "
    "the "
    "delay form myself. Finance would like to keep the rota until the end of the quarter, which saves a lot of money. "
)
GERMAN = (
    "In den vergangenen sechs Wochen war die Radiologie an jedem Wochenende nur mit zwei statt mit drei Kräften "
    "besetzt. "
    "Am 3. Mai wartete ein Patient 41 Minuten, weil der zweite Raum geschlossen war. Verletzt wurde niemand, aber die "
    "Kollegen sind in Sorge, und die Verwaltung möchte den Dienstplan bis zum Ende des Quartals beibehalten. "
)
SPANISH = (
    "Nadie resultó herido, pero el 3 de mayo un paciente esperó porque la segunda sala estaba cerrada por la tarde. "
)
PORTUGUESE = (
    "Ninguém ficou ferido, mas no dia 3 de maio um doente esperou porque a segunda sala estava fechada à tarde. "
)
POLISH = "Nikt nie ucierpiał, ale 3 maja pacjent czekał czterdzieści minut, ponieważ druga sala była wtedy zamknięta. "


def mixed(words: int, share: float, where: str) -> str:
    other = (GERMAN * 20).split()[: round(words * share)]
    own = (ENGLISH * 20).split()[: words - len(other)]
    half = len(own) // 2 if where == "middle" else len(other) // 2
    parts = {
        "head": [other, own], "tail": [own, other], "middle": [own[:half], other, own[half:]],
        "ends": [other[:half], own, other[half:]],
    }[where]  # fmt: skip
    return "\n\n".join(" ".join(one) for one in parts)


@pytest.mark.parametrize("words", [150, 400, 900])
@pytest.mark.parametrize("where", ["head", "tail", "middle", "ends"])
def test_a_share_counts_and_not_the_place(words: int, where: str) -> None:
    assert foreign_share(mixed(words, 0.2, where), "en")[0] <= MOST
    for share in (0.55, 0.8):
        found, language = foreign_share(mixed(words, share, where), "en")
        assert abs(found - share) < 0.2 and found > MOST and language == "de"
    assert foreign_share(mixed(words, 0.2, where), "de")[0] > MOST, "English in a German text"


def test_every_part_of_english_is_english() -> None:
    text = ENGLISH * 3
    assert [text[at : at + 150] for at in range(0, 700, 7) if foreign_share(text[at : at + 150], "en")[0] > MOST] == []


@pytest.mark.parametrize(
    ("text", "language", "other"),
    [
        (SPANISH * 6, "es", ""), (PORTUGUESE * 6, "es", "pt"), (SPANISH * 6, "pt", "es"), (PORTUGUESE * 6, "pt", ""),
        (POLISH * 6, "pl", ""), (POLISH * 6, "English", "pl"), (SPANISH * 6, "pl", "es"), (SPANISH * 6, "tlh", ""),
        ("\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059\u3002" * 40, "ja", ""),
        ("\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059\u3002" * 40, "en", "ja"), ("", "en", ""),
    ],
)  # fmt: skip
def test_languages_with_common_words_and_without(text: str, language: str, other: str) -> None:
    share, found = foreign_share(text, language)
    assert (share > MOST, found if share > MOST else "") == (bool(other), other)


def test_the_finding_says_how_much() -> None:
    (found,) = document_findings("Rota", f"{mixed(400, 0.5, 'tail')}.", words=(100, 900))
    assert found.reason == "wrong_language" and "% of the document is in German, not in English" in found.detail
