"""Personal data and secrets out of messages: e-mail addresses, phone and card numbers, bank accounts, keys.

Names stay: nothing finds them without a model. Neighbours: `redraft.feedback.selection` masks and flags,
`redraft.documents.gates` refuses.
"""

from __future__ import annotations

import re
from typing import Any, cast

import phonenumbers

EMAIL = re.compile(r"(?<![\w.+-])\w[\w.+'-]{0,63}@(?:[\w-]{1,63}\.)+[a-zA-Z]{2,24}\b")
DIGIT = re.compile(r"\d")
# Each of the next three begins with the characters that it can begin with, and looks back from there: thus the search
# skips the rest of a text, which is four times as fast.
CARD = re.compile(r"\d(?<![\w.-]\d)(?:[ -]?\d){12,18}(?![\w-])")
IBAN = re.compile(r"[A-Z](?<=\b[A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
# Where a number may begin: an international prefix, or an American number in its groups.
PHONE_HINT = re.compile(
    r"[+(\d](?:(?<=\+)\s?\(?\d|(?<=\b0)0[1-9]\d|(?<=\()\d{3}\)\s?\d{3}-\d{4}"
    r"|(?<=\b\d)\d{2}[-. ]\d{3}[-. ]\d{4}\b)"
)
SECRETS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{20,}|\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}|\btgp_v1_[\w-]{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bA(?:KIA|SIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{35}|\bey[JK][\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
# Each of them begins with one of these; to look for plain words first is ten times as fast.
SECRET_STARTS = ("sk-", "pk-", "rk-", "glpat-", "xox", "AKIA", "ASIA", "AIza", "eyJ", "eyK", "pypi-", "-----BEGIN")
UNDERSCORED = ("sk_", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "hf_", "tgp_v1_", "npm_")
AROUND = 30


def redact(text: str) -> str:
    """`text` with what was found replaced by [EMAIL], [PHONE], [CARD], [IBAN] or [SECRET]."""
    hints = SECRET_STARTS + UNDERSCORED if "_" in text else SECRET_STARTS
    masked = SECRETS.sub("[SECRET]", text) if any(start in text for start in hints) else text
    if "@" in masked:
        masked = EMAIL.sub("[EMAIL]", masked)
    if _digits(masked) < 7:
        return masked
    masked = IBAN.sub(lambda found: "[IBAN]" if _iban_fits(found[0]) else found[0], masked)
    masked = _without_phones(masked)
    return CARD.sub(lambda found: "[CARD]" if _luhn_fits(found[0]) else found[0], masked)


def _digits(text: str) -> int:
    return sum(map(text.count, "0123456789")) if text.isascii() else len(DIGIT.findall(text))


def _without_phones(text: str) -> str:
    """Only what follows a hint is searched: the library's search costs a hundred times the rest."""
    kept: list[str] = []
    end = 0
    for hint in PHONE_HINT.finditer(text):
        if hint.start() < end:
            continue
        window = text[hint.start() : hint.end() + AROUND]
        # The library knows the prefix 00 for some countries only, and + for all.
        shift = 1 if window.startswith("00") else 0
        matcher = phonenumbers.PhoneNumberMatcher("+" + window[2:] if shift else window, "US")
        found = next(iter(matcher), None)
        if found is not None:
            kept += [text[end : hint.start() + found.start + (shift if found.start else 0)], "[PHONE]"]
            end = hint.start() + found.end + shift
    return "".join([*kept, text[end:]])


def _luhn_fits(number: str) -> bool:
    digits = [int(character) for character in number if character.isdigit()]
    if len(set(digits)) == 1:
        return False
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def _iban_fits(account: str) -> bool:
    """ISO 13616: moved about and read as a number, the account is 1 modulo 97."""
    text = account.replace(" ", "")
    return 15 <= len(text) <= 34 and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def redact_values(value: Any) -> Any:
    """A value of JSON with every text in it masked; names and numbers stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_values(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: redact_values(item) for name, item in cast("dict[str, Any]", value).items()}
    return value
