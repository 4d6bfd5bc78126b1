"""Which language a text is in, where that can be told."""

from __future__ import annotations

import pytest

from redraft.datasets.languages import language_of, mismatch


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


def test_short_text_has_no_known_language() -> None:
    assert language_of("gracias amigo") == language_of("ok thanks bye") == "unknown"
