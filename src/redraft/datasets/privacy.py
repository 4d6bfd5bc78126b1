"""Personal data and secrets out of messages: e-mail addresses, phone and card numbers, bank accounts, keys.

Names stay: nothing finds them without a model. Neighbours: `redraft.feedback.selection` masks and flags,
`redraft.documents.gates` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import phonenumbers

EMAIL = re.compile(r"(?<![\w.+-])\w[\w.+'-]{0,63}@(?:[\w-]{1,63}\.)+[a-zA-Z]{2,24}\b")
DIGIT = re.compile(r"\d")
# What a card, an account or a phone number holds: a text without it needs no closer look.
NUMBER = re.compile(r"\d(?:[ ().\-/\u00a0\u2010-\u2015]{0,3}\d){6}")
# Each of the next three begins with the characters that it can begin with, and looks back from there: thus the search
# skips the rest of a text, which is four times as fast.
CARD = re.compile(r"\d(?<![\w.-]\d)(?:[ -]?\d){12,18}(?![\w-])")
IBAN = re.compile(r"\d(?<=\b[A-Za-z]{2}\d)\d(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b")
# Where a number may begin: an international prefix, an American number in its groups, or 0 and the code of a town or
# network, as in Europe.
PHONE_HINT = re.compile(
    r"[+(\d](?:(?<=\+)\s?\(?\d|(?<=\b0)0[1-9]\d|(?<=\()\d{3}\)\s?\d{3}[-. ]\d{4}"
    r"|(?<=\b\d)\d{2}[-. ]\d{3}[-. ]\d{4}\b"
    r"|(?<=0)(?<![\w/.,-]0)(?<!\d 0)[1-9](?:\d{1,3} ?[ /] ?\d{3}|(?: \d\d){4}\b)"
    r"|(?<=\()(?<!\d\()0[1-9]\d{0,3}\)\s?\d{3})"
)
IN_PHONES = re.compile(r"[+(]{0,2}[\d \t\u00a0()./\[\]~\u00ad\u2010-\u2015\u2212-]+")
FEWEST_DIGITS, FEWEST_NATIONAL, MOST_NATIONAL = 8, 9, 20
SECRETS = re.compile(
    # A word with hyphens, such as sk-learn-compatible-pipelines, is none.
    r"\b(?:sk|pk|rk)-(?=[\w-]{0,60}?(?:\d|[A-Za-z]{16}))[A-Za-z0-9_-]{20,}|\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}"
    r"|\btgp_v1_[\w-]{20,}|\bgsk_[A-Za-z0-9]{40,}|\bxai-[A-Za-z0-9]{40,}|\br8_[A-Za-z0-9]{30,}"
    r"|\bwhsec_[A-Za-z0-9+/]{24,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bA(?:KIA|SIA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{35}|\bey[JK][\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
# Each of them begins with one of these; to look for plain words first is ten times as fast.
SECRET_STARTS = (
    "sk-",
    "pk-",
    "rk-",
    "glpat-",
    "xox",
    "KIA",
    "SIA",
    "AIza",
    "eyJ",
    "eyK",
    "pypi-",
    "xai-",
    "SG.",
    "-----BEGIN",
)
UNDERSCORED = (
    "sk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "hf_",
    "tgp_v1_",
    "npm_",
    "r8_",
    "whsec_",
)
# What stands behind a word for it, or between a name and an address.
LABELLED = re.compile(
    r"(\b(?:pass(?:word|wd|code|phrase)|pwd|(?:api|access|auth|secret|private|client)[ _-]?(?:key|token|secret)"
    r"|(?:aws_)?secret_access_key)\b[\"']?\s{0,2}[:=]\s{0,2}[\"']?)(?!https?:)(?=\S{0,80}?\d)(?=\S{0,80}?[a-z])"
    r"[^\s\"'\[]{8,}|(\bbearer )(?=\S{0,80}?\d)[\w.~+/-]{20,}=*|(://[^\s/:@]{1,64}:)[^\s/@\[]{1,64}(?=@)",
    re.IGNORECASE,
)
LABELS = ("password", "passwd", "passcode", "passphrase", "pwd", "key", "token", "secret")
SSN = re.compile(r"\b(SSN|[Ss]ocial [Ss]ecurity(?: [Nn]umber| [Nn]o\.?)?)(\W{1,4})\d{3}-\d{2}-\d{4}\b")
AROUND = 30
# Where a number that begins with a single 0 may be from.
NATIONAL = ("DE", "GB", "FR", "IT", "NL")


def redact(text: str) -> str:
    """`text` with what was found replaced by [EMAIL], [PHONE], [CARD], [IBAN], [SSN] or [SECRET].

    Of phone numbers without a country's prefix those of the United States and of a few countries of Europe are known.
    """
    masked = SECRETS.sub("[SECRET]", text) if _has_start(text) else text
    if (":" in masked or "=" in masked or "earer " in masked.lower()) and _has_label(masked):
        masked = LABELLED.sub(lambda found: f"{found[1] or found[2] or found[3]}[SECRET]", masked)
    if "@" in masked:
        masked = EMAIL.sub("[EMAIL]", masked)
    if NUMBER.search(masked) is None:
        return masked
    masked = SSN.sub(r"\1\2[SSN]", masked)
    masked = _without_phones(_without_accounts(masked))
    return CARD.sub(lambda found: "[CARD]" if _luhn_fits(found[0]) else found[0], masked)


def _has_start(text: str) -> bool:
    """Whether one of the plain words stands there. Most texts lack the signs that all of them hold."""
    if "_" in text:
        return any(map(text.__contains__, SECRET_STARTS + UNDERSCORED))
    if "-" in text or "." in text:
        return any(map(text.__contains__, SECRET_STARTS))
    return "IA" in text or "AIza" in text or "eyJ" in text or "eyK" in text or "xox" in text


def _has_label(text: str) -> bool:
    lower = text.lower()
    if "bearer " in lower or ("@" in text and "://" in text):
        return True
    for label in LABELS:
        place = lower.find(label)
        while place >= 0:
            place += len(label)
            # A quotation mark, two spaces, a colon: nothing else stands between.
            behind = lower[place : place + 4]
            if ":" in behind or "=" in behind:
                return True
            place = lower.find(label, place)
    return False


def _digits(text: str) -> int:
    return len(DIGIT.findall(text))


def _without_accounts(text: str) -> str:
    kept: list[str] = []
    end = 0
    for found in IBAN.finditer(text):
        # A word of the text may stand behind the number like a group of it.
        account = text[found.start() - 2 : found.end()]
        while account and not _iban_fits(account):
            account = account[: max(account.rfind(" "), account.rfind("-"), 0)]
        if account:
            kept += [text[end : found.start() - 2], "[IBAN]"]
            end = found.start() - 2 + len(account)
    return "".join([*kept, text[end:]])


def _without_phones(text: str) -> str:
    """Only what follows a hint is searched: the library's search costs a hundred times the rest."""
    kept: list[str] = []
    end = 0
    for hint in PHONE_HINT.finditer(text):
        if hint.start() < end:
            continue
        window = text[hint.start() : hint.end() + AROUND]
        run = IN_PHONES.match(window)
        alone = run[0] if run is not None else ""
        national = window.lstrip("(").startswith("0") and not window.startswith("00")
        count = _digits(alone)
        if count < (FEWEST_NATIONAL if national else FEWEST_DIGITS) or (national and count > MOST_NATIONAL):
            continue
        # The library knows the prefix 00 for some countries only, and + for all.
        shift = 1 if window.startswith("00") else 0
        found = _phone(alone, NATIONAL) if national else _phone("+" + window[2:] if shift else window, ("US",))
        if found is not None:
            kept += [text[end : hint.start() + found.start + (shift if found.start else 0)], "[PHONE]"]
            end = hint.start() + found.end + shift
    return "".join([*kept, text[end:]])


def _phone(window: str, regions: Sequence[str]) -> phonenumbers.PhoneNumberMatch | None:
    matchers = (phonenumbers.PhoneNumberMatcher(window, region) for region in regions)
    return next((found for matcher in matchers for found in matcher), None)


def _luhn_fits(number: str) -> bool:
    digits = [int(character) for character in number if character.isdigit()]
    if len(set(digits)) == 1:
        return False
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def _iban_fits(account: str) -> bool:
    """ISO 13616: moved about and read as a number, the account is 1 modulo 97."""
    text = account.replace(" ", "").replace("-", "")
    return 15 <= len(text) <= 34 and int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def redact_answer(text: str) -> str:
    """What a model answered, masked: a text, or JSON, which stays JSON. What breaks off within JSON is masked, too."""
    if text.lstrip().startswith(("{", "[")):
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            # An escaped end of a line is a letter before the next word: as it stands, no key would begin there.
            return redact(text.replace("\\n", "\0\n")).replace("\0\n", "\\n")
        masked = redact_values(value)
        return text if masked == value else msgspec.json.encode(masked).decode()
    return redact(text)


def redact_values(value: Any) -> Any:
    """A value of JSON with every text in it masked; names and numbers stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_values(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: redact_values(item) for name, item in cast("dict[str, Any]", value).items()}
    return value
