"""What is masked of anybody, and what only looks so."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.exports.opening import open_exports
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.privacy.masks import count_masks, masked, titles_in, without_file, without_titles


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mail o'neil+x@mail.example.org now", "mail [EMAIL] now"),
        ("b@xn--e1afmkfd.xn--p1ai", "[EMAIL]"),
        ("see https://example.org/a?token=c:d.", "see [LINK]."),
        ("https://youtu.be/abc?t=1 (https://www.youtube.com/watch?v=1)", "[LINK youtu.be] ([LINK youtube.com])"),
        ("chat.whatsapp.com/AbC1 wa.me/4915112345678 t.me/joinchat/xyz", "[LINK] [LINK] [LINK]"),
        ("instagram.com/john.doe and www.facebook.com/john", "[LINK] and [LINK]"),
        ("location: https://maps.google.com/?q=50.9425526,6.9523387", "location: [LINK]"),
        ("50.9425526, 6.9523387", "[PLACE]"),
        ("52° 31' 12\" N", "[PLACE]"),
        ("at 12 Baker Street or Hauptstraße 12a, 12345 Berlin!", "at [ADDRESS] or [ADDRESS]!"),
        ("12 rue de la Paix, Calle Mayor 3", "[ADDRESS], [ADDRESS]"),
        ("SW1A 1AA", "[ADDRESS]"),
        ("N 52.5200 E 13.4050", "[PLACE]"),
        ("N 52° 31.200 E 013° 24.300", "[PLACE]"),
        ("lat: 52.52, lon: 13.405", "[PLACE]"),
        ("52.520, 13.405", "[PLACE]"),
        ("call 015123456789 or +49 151 23456789", "call [PHONE] or [PHONE]"),
        ("Tel:0176 1234567, TEL:(0176) 1234567", "Tel:[PHONE], TEL:[PHONE]"),
        ("tel:+491761234567 or tel:0176-1234567", "[LINK] or [LINK]"),
        ("1:0176 12345678 and 1:01 76 12 34 56 78", "1:[PHONE] and 1:[PHONE]"),
        ("id 4155552671", "id [NUMBER]"),
        ("@john_doe hi", "@[NAME] hi"),
        ("my password: hunter2abc", "my password: [SECRET]"),
    ],
)
def test_what_tells_of_a_person(text: str, wanted: str) -> None:
    assert masked(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "see you at 10:30 on 27/11/2024, or 2024-11-27 10:30:00", "1/2/24 is the deadline",
        "Price: 12,50 EUR - not bad",
        "0.123456789 and 1 200 000 euros", "@all @everyone", "ok.thanks", "e.g. this... or that", "12 new messages",
        "order 0123456",
        "1,000,000,000 dollars", "1,234,123,891 stars", "10.500, 12.300 Euro", "24.12. 25.12. 26.12. 31.12.",
        "120 130 140 150 145", "01.05. 02.05.", "01.12.-05.12.", "08.30 - 09.15",
        "9:01 01.01.24, 18:30 - 1/2/24", "0:01 00.00 10:00", "a@b", "me at 5 in the way", "3.14159",
    ],
)  # fmt: skip
def test_what_stays(text: str) -> None:
    assert masked(text) == text


PRIVATE = st.sampled_from(
    [
        "a@b.cd",
        "0151 23456789",
        "https://x.yz/a",
        "12 Elm Street",
        "@xy",
        "50.9425526,6.9523387",
        "4111 1111 1111 1111",
        "key:",
    ]
)


@given(st.lists(PRIVATE | st.text(max_size=5)).map(" ".join))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@given(st.emails())
def test_no_address_is_left(address: str) -> None:
    assert address not in masked(f"write to {address} now")


def test_files_keep_their_ending() -> None:
    assert without_file("CV John Roe.pdf (file attached)\nlook") == "[FILE].pdf (file attached)\nlook"
    assert without_file("<attached: Roe.vcf>") == "<attached: [FILE].vcf>"
    for text in (
        "IMG-20241201-WA0001.jpg (file attached)",
        "<attached: 00000012-PHOTO-2024-01-01-10-10-10.jpg>",
        "<Media>",
    ):
        assert without_file(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Vertrag Gisela Roe.pdf \u2022 \u200e3 pages \u200e<attached: 00000014-Vertrag Gisela Roe.pdf>",
            "[FILE].pdf \u2022 \u200e3 pages \u200e<attached: [FILE].pdf>",
        ),
        (
            "Roe CV.pdf \u2022 \u200e2 pages \u200edocument omitted",
            "[FILE].pdf \u2022 \u200e2 pages \u200edocument omitted",
        ),
        ("Roe CV.pdf document omitted", "[FILE].pdf document omitted"),
        ("Roe.CV.docx \u200eDokument weggelassen", "[FILE].docx \u200eDokument weggelassen"),
        ("look <attached: Roe.docx>", "look <attached: [FILE].docx>"),
        ("Gisela Roe (file attached)", "[FILE] (file attached)"),
        ("Gisela <Roe>.pdf (file attached)", "[FILE].pdf (file attached)"),
        ("Roe: CV.pdf (file attached)\nRoe: CV.pdf", "[FILE].pdf (file attached)\n[FILE].pdf"),
        ("Roe.pdf (fichier quelconque)", "[FILE].pdf (fichier quelconque)"),
    ],
)
def test_names_of_files_anywhere(text: str, wanted: str) -> None:
    assert without_file(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "schau mal 5.pdf an",
        "image omitted\nthe x.pdf is new",
        "<Media omitted>\nlook (so good)",
        "image omitted",
        "nice one. really",
        "video omitted\nsee you at www.a.b",
    ],
)
def test_captions_stay(text: str) -> None:
    assert without_file(text) == text


def test_of_the_published_chats_nothing_more_is_masked_than_there_is(shared: Path) -> None:
    changed = Counter[str]()
    for file in sorted((shared / "data" / "whatsapp").rglob("*.txt")):
        [export] = open_exports(file, ReadOptions(), None)
        for message in export.messages():
            if isinstance(message, RawMessage) and message.kind in ("text", "edited"):
                count_masks(masked(message.text), changed)
    assert set(changed) <= {"link", "number"} and changed["number"] == 1, changed


def test_titles_with_quotation_marks() -> None:
    assert without_titles('to "Kitchen "Zorro" Table"') == 'to "[GROUP]"'
    assert titles_in('from "A "b" c" to "D"') == ['A "b" c', "D"]


def test_titles_of_groups() -> None:
    line = 'Bob changed the subject from "Project: Alpha" to “A: B”. {}'
    rest = "Alice's code isn't known, nor Bob's dogs' one"
    assert without_titles(line.format(rest)) == f'Bob changed the subject from "[GROUP]" to "[GROUP]". {rest}'
    assert titles_in(line.format(rest)) == ["Project: Alpha", "A: B"]


@pytest.mark.parametrize(
    "piece",
    [
        "a@",
        "1 ",
        "a.",
        "Aa ",
        "0 1",
        "@a",
        "12 A ",
        '"',
        "x-",
        "+1(",
        "https://a.",
        "Aa-",
        "1 1-",
        "via a ",
        "1 A-",
        "pw is ",
        "a at ",
        "pw: ",
        "1.1/2 ",
        "code: ",
        "(1) ",
        "0x",
    ],
)
def test_long_texts_are_searched_in_a_moment(piece: str) -> None:
    start = time.process_time()
    masked("@ 1. :// " + piece * (60_000 // len(piece)))
    without_file(piece * (60_000 // len(piece)))
    without_titles(piece * (6_000 // len(piece)))
    assert time.process_time() - start < 2
