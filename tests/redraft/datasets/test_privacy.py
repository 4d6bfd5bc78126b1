"""What is personal data or a secret, and what only looks so."""

from __future__ import annotations

import json
import time

import pytest

from redraft.datasets.privacy import redact, redact_answer


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
        ("to DE89-3704-0044-0532-0130-00 or at61 1904 3002 3457 3201 from me", "to [IBAN] or [IBAN] from me"),
        ("SSN: 219-09-2345", "SSN: [SSN]"),
        ("call 0151 23456789 or (0151) 23456789", "call [PHONE] or [PHONE]"),
        ("call 07911 123456 or (415) 867 2671", "call [PHONE] or [PHONE]"),
        ("01 42 68 53 00 in Paris, 030/12345678 in Berlin", "[PHONE] in Paris, [PHONE] in Berlin"),
        ("key sk-abcdefghijklmnopqrstuvwx12", "[SECRET]"),
        ("key AKIAIOSFODNN7EXAMPLE", "[SECRET]"),
        ("key ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[SECRET]"),
        ("key gsk_abcdefghijklmnopqrstuvwxyz1234567890abcdefghijklmnop", "[SECRET]"),
        ("Authorization: Bearer abcdefgh1234567890abcdef", "Bearer [SECRET]"),
        ('the password: "abcdefgh1!", as ever', 'password: "[SECRET]",'),
        ("at postgres://app:abcdefgh@db/app", "://app:[SECRET]@db"),
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
        "sk-learn-compatible-pipelines-for-imaging",
        "+12 to +41 minutes, a swing of (+3.2 %), +1 200 000 euros, 1 095 742 719 euros",
        "EU 2025/S 094-312345, case 2025-004-1187, id de891234-5678-1234-1234-123456789012",
        "The key: 3 months' notice; the password: see section 4; token = a word",
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
    changes = "1234567 rows\n" + "+3.2 % of (+1 200) rows, +1 and +41 4\n" * 5_000
    assert redact(changes) == changes
    assert time.process_time() - start < 2


def test_an_answer_in_json_stays_json() -> None:
    """A key at the start of a line has a letter before it there: that of the escape."""
    text = "Write to\nbob@example.org\nAKIAIOSFODNN7EXAMPLE."
    answer = json.dumps({"title": "T", "text": text})
    assert json.loads(redact_answer(answer)) == {"title": "T", "text": "Write to\n[EMAIL]\n[SECRET]."}
    assert redact_answer(answer[:-2]) == '{"title": "T", "text": "Write to\\n[EMAIL]\\n[SECRET].'
    assert redact_answer(text) == "Write to\n[EMAIL]\n[SECRET]."
    assert redact_answer('{"n" : 1}') == '{"n" : 1}'
