"""Passwords in the languages of users, keys, addresses spelt out; and sentences about them."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest

from redraft.chat.privacy.masks import masked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Passwort: Sommer2024!", "Passwort: [SECRET]"),
        ("pw: hunter2secret", "pw: [SECRET]"),
        ("wifi pass: abcd1234efgh", "wifi pass: [SECRET]"),
        ("contraseña: Verano2024", "contraseña: [SECRET]"),
        ("mot de passe: Ete2024xx", "mot de passe: [SECRET]"),
        ("password is Sommer2024!", "password is [SECRET]"),
        ("Пароль: qwerty77", "Пароль: [SECRET]"),
        ("密码：abc12345", "密码：[SECRET]"),
        ("PIN 4711, TAN: 583920, cvv 123", "PIN [SECRET], TAN: [SECRET], cvv [SECRET]"),
        ("Kenncode: 123456", "Kenncode: [SECRET]"),
        ("code 123-456", "code [SECRET]"),
        ("Your WhatsApp code is 123-456", "Your WhatsApp code is [SECRET]"),
        ("clave: verano24", "clave: [SECRET]"),
        ("wlan: abc12345", "wlan: [SECRET]"),
        ("PIN: 2024", "PIN: [SECRET]"),
        ("write tom at gmail.com", "write [EMAIL]"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 tom@host", "[SECRET]"),
        ("0x742d35Cc6634C0532925a3b844Bc454e4438f44e", "[SECRET]"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "[SECRET]"),
        ("tom＠gmail.com tom＠ｇｍａｉｌ．ｃｏｍ", "[EMAIL] [EMAIL]"),
        ("tom (at) gmail (dot) com", "[EMAIL]"),
        ("tom at gmail dot com", "[EMAIL]"),
    ],
)  # fmt: skip
def test_what_is_secret(text: str, wanted: str) -> None:
    assert masked(text) == wanted
    assert masked(wanted) == wanted


@pytest.mark.parametrize(
    "text",
    ["I forgot my password again", "Passwort vergessen", "the wifi is slow", "pass the salt: thanks",
     "passport control", "see you at school", "look at this. Com on",
     "what has he said?", "my pin board", "code review at 5",
     "meet me at 10 dot", "clave: estudiar", "boarding pass: tomorrow", "error code: 404", "postcode: 12345",
     "zip code: 12345", "Rabattcode: 202412", "código postal: 28001", "PIN 2024", "error code 123-456"],
)  # fmt: skip
def test_what_is_said_of_it(text: str) -> None:
    assert masked(text) == text


def test_who_is_somewhere_has_no_address() -> None:
    assert masked("I am at web.de, look at web dot de") == "I am at [LINK], look at web dot de"
