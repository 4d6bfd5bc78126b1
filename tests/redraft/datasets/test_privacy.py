"""What is personal data or a secret, and what only looks so."""

from __future__ import annotations

import time

import pytest

from redraft.datasets.privacy import redact


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail bob.o'neil+x@mail.example.org now", "[EMAIL]"),
        ("call +49 151 23456789 now", "[PHONE]"),
        ("call (415) 555-2671 or 415-555-2671", "[PHONE]"),
        ("number 0044 20 7946 0958", "[PHONE]"),
        ("card 4111 1111 1111 1111 exp", "[CARD]"),
        ("card 4111111111111111", "[CARD]"),
        ("to DE89 3704 0044 0532 0130 00 please", "[IBAN]"),
        ("key sk-abcdefghijklmnopqrstuvwx12", "[SECRET]"),
        ("key AKIAIOSFODNN7EXAMPLE", "[SECRET]"),
        ("key ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[SECRET]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- x", "[SECRET]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    result = redact(text)
    assert masked in result
    assert not any(
        rest in result for rest in ("bob", "2345", "2671", "1111", "0532", "7946", "abcdefgh", "IOSFOD", "RSA")
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The year 2024-11-27 10:30:00 and 1234567890 apples",
        "pi is 3.14159265358979323846",
        "ISBN 978-3-16-148410-0",
        "1111 1111 1111 1111",
        "version 10.12.104.2 at 192.168.100.200",
        "compute 123456789 + 987654321 = 1111111110",
        "@mention and a@b",
        "order 4111111111111112",
        "the range 1000-2000-3000",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert redact(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    once = redact("bob@example.org, +1 415 555 2671, 4111 1111 1111 1111")
    assert redact(once) == once


def test_long_texts_are_searched_in_a_moment() -> None:
    """The phone library alone takes many times as long for so many digits."""
    start = time.process_time()
    assert redact("call +49 151 23456789, " + "1234567 " * 30_000).startswith("call [PHONE], 1234567")
    assert time.process_time() - start < 2
