"""Which language a text is in, where that can be told."""

from __future__ import annotations

import pytest

from redraft.datasets.languages import NAMES, code_of, language_of, mismatch


@pytest.mark.parametrize(
    ("stated", "text", "wrong"),
    [
        ("English", "¿Capital de Perú? No, es Lima", True),
        ("Spanish", "¿Capital de Perú? No, es Lima", False),
        ("es", "¿Capital de Perú? No, es Lima", False),
        ("English", "No, es Lima", False),
        ("en-US", "Wie komme ich am schnellsten zum Bahnhof?", True),
        (None, "Wie komme ich am schnellsten zum Bahnhof?", False),
        ("Klingon", "Wie komme ich am schnellsten zum Bahnhof?", False),
        ("English", "How do I sort a list in Python?\n\nThanks", False),
        ("Chinese", "请问秘鲁的首都是哪里不对应该是利马请再回答一次", False),
        ("English", "请问秘鲁的首都是哪里不对应该是利马请再回答一次", True),
    ],
)
def test_a_language_that_the_text_is_not_in(stated: str | None, text: str, wrong: bool) -> None:
    assert mismatch(stated, text) is wrong


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("af", "Die vergadering het besluit om die verslag eers volgende week te bespreek."),
        ("bs", "Sastanak je odgođen jer izvještaj o projektu još nije bio završen."),
        ("ga", "Tá an cruinniú curtha ar athló mar nach bhfuil an tuarascáil críochnaithe fós."),
        ("hy", "Ժողովը հետաձգվել է, քանի որ զեկույցը դեռ պատրաստ չէ"),
        ("is", "Fundinum var frestað vegna þess að skýrslan var ekki tilbúin í tæka tíð."),
        ("km", "កិច្ចប្រជុំ ត្រូវបានលើកពេល ដោយសារ របាយការណ៍ មិនទាន់រួចរាល់។"),
        ("lo", "ກອງປະຊຸມຖືກເລື່ອນອອກໄປເພາະບົດລາຍງານຍັງບໍ່ທັນສຳເລັດ"),
        ("mk", "Состанокот беше одложен затоа што извештајот сè уште не беше завршен."),
        ("mt", "Il-laqgħa ġiet posposta għax ir-rapport kien għadu mhux lest."),
        ("nb-NO", "Møtet ble utsatt fordi rapporten ikke var ferdig i tide."),
        ("sq", "Mbledhja u shty sepse raporti nuk ishte ende i përfunduar."),
    ],
)
def test_each_language_that_is_known_is_told_from_english(code: str, text: str) -> None:
    assert not mismatch(code, text)
    assert mismatch("en", text) or code == "bs", "what is near to several is sure of none"
    assert mismatch(code, "The meeting was put off because the report had not been finished in time.")
    assert NAMES[code_of(code)] and code_of(NAMES[code_of(code)]) == code_of(code)


@pytest.mark.parametrize("code", ["xx", "zu", "", "Klingon", "english-like"])
def test_a_code_that_detection_does_not_know(code: str) -> None:
    assert code_of(code) == "unknown"


def test_short_text_has_no_known_language() -> None:
    assert language_of("gracias amigo") == language_of("ok thanks bye") == "unknown"
