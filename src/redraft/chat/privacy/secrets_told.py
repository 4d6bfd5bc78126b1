"""Passwords and codes behind the words for them, keys of programs and purses, addresses spelt out.

Neighbours: `masks` asks here first; `redraft.datasets.privacy` knows what programs call secrets.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata

_WORDS = (
    "passwords?|passwd|passwort|passphrase|passcode|pwd?|kennwort|contraseña|contrasena|mot de passe|mdp|senha"
    "|palavra-passe|wachtwoord|hasło|haslo|пароль|parola|şifre|sifre|lösenord|losenord|adgangskode|passord|salasana"
    "|jelszó|κωδικός|סיסמה|كلمة السر|كلمة المرور|パスワード|密码|密碼|비밀번호|पासवर्ड"
    "|(?:wi-?fi|wlan)[ -]?(?:pass|key|code|schlüssel|passwort|password|pw)"
)
# These mean much else: only what has a digit is a password behind them.
_UNSURE = "pass|clave|heslo|wi-?fi|wlan"
_HINTS = (
    "pass", "pw", "mdp", "kennw", "contrase", "clave", "senha", "wachtw", "has", "парол", "parol", "ifre", "senord",
    "adgang", "salas", "jelsz", "heslo", "κωδ", "סיסמ", "كلمة", "パスワ", "密", "비밀", "पास", "wifi", "wi-fi", "wlan",
)  # fmt: skip
_IS = "is|ist|lautet|es|est|é|è|to|är|er|on|это"
_VALUE = r"[^\s\"'\[\]”“]"
# Behind a colon a word will do; behind `is`, or with words between, it needs a digit to be a password.
_TOLD = re.compile(
    rf"(?<![^\W_])((?:(?P<sure>{_WORDS})|{_UNSURE})(?![^\W_])(?:"
    rf"[\"']?\s{{0,2}}[:=：]\s{{0,2}}[\"'“„]?(?!https?:)(?={_VALUE}{{4}})(?(sure)|(?={_VALUE}{{0,40}}\d))"
    rf"|(?:[^\n:=：]{{1,20}}[:=：]| (?:{_IS}):?|) ?[\"'“„]?(?!https?:)(?={_VALUE}{{0,40}}\d)"
    rf"(?={_VALUE}{{0,40}}[^\W\d_])(?={_VALUE}{{6}})))({_VALUE}+)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(\b(?:(?:PIN|TAN|OTP|PUK|(?i:cvv2?|cvc2?))(?:[- ]?(?:code|nummer|number|Code))?"
    r"(?: ?[:=]| is| ist| es| est|(?! (?:19|20)\d\d\b))"
    r"|(?P<code>(?i:(?:\w{1,12}[ -])?\w{0,12}code|código|codigo|codice)) ?[:=]) ?)\d{3,8}\b"
    # In two halves, as messengers send it.
    r"|(\b(?i:(?:\w{1,12}[ -])?\w{0,12}code|código|codigo|codice)(?: is| ist| lautet| es| est| è)?:? ?)\d{3}[- ]\d{3}\b"
)
# Codes that everybody may know.
_PUBLIC = re.compile(
    r"(?:error|fehler|status|exit|return|zip|post(?:al)?|bar|qr|discount|rabatt|gutschein|promo|coupon|voucher|area"
    r"|country|länder|dress|source|quell|color|colour|farb|airport|product|produkt|key|morse|http|response|char)"
    r"[ -]?code\Z|(?:código|codigo) postal\Z",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\w{1,20}) [A-Za-z0-9+/=]{16,}(?: \S{1,64}@\S{1,64})?"
    r"|\b0x[0-9a-fA-F]{40,64}\b|\bbc1[a-z0-9]{25,60}\b|\b[13](?=[A-Za-z1-9]{0,30}\d)(?=\d{0,30}[A-Za-z])[1-9A-HJ-NP-Za-km-z]{25,34}\b"
)
_SIGN = r"\s?[(\[{]\s?(?:at|ät|arroba|chiocciola)\s?[)\]}]\s?"
_DOT = r"(?:\s?[(\[{]\s?(?:dot|punkt|punto|point)\s?[)\]}]\s?| (?:dot|punkt|punto) |\.)"
_ENDS = r"(?:com|org|net|de|fr|es|it|nl|uk|io|eu|at|ch|me)\b"
_HOSTS = "gmail|googlemail|gmx|web|hotmail|outlook|yahoo|icloud|proton|protonmail|aol|live"
# Without brackets `at` is a word: there the host is one for mail, or its dot is a word, too.
_SPELT = re.compile(
    rf"\b(?P<local>[\w.+-]{{1,64}})(?:{_SIGN}[\w-]{{1,40}}(?:{_DOT}[\w-]{{1,40}}){{0,3}}?{_DOT}{_ENDS}"
    rf"|(?P<word> (?:at|ät) )(?:(?:{_HOSTS}){_DOT}|[\w-]{{1,40}} (?:dot|punkt|punto) ){_ENDS})",
    re.IGNORECASE,
)
# Words before `at` that are nobody's account.
_BEFORE_AT = """
am was were is are be been being it there here look looks looked looking met meet meeting work works worked working
stay live sign signed register registered available me you him her us them one not now still found order ordered
buy bought search searched check checked up only also free bin ist war
"""
_NO_ACCOUNT = frozenset(_BEFORE_AT.split())
_SPELT_HINTS = (" at ", "(at", "[at", "{at", "( at", "[ at", "ät", "arroba", "chiocciola")
_DOTS = (".", "dot", "punkt", "punto", "point")
# Without one of these nothing but an address is told.
_TELLING = re.compile(r"[\d:=：]")
_BEHIND_CODE = " :="
_WIDE = re.compile("[＠﹫]")


def is_told_in_words(text: str) -> bool:
    """Whether a text without digits and signs may hold an address that is spelt out, or a key of capitals."""
    lower = text.lower()
    return "kia" in lower or "sia" in lower or "aiza" in lower or _may_spell(lower)


def without_secrets(text: str) -> str:
    """The text with [SECRET] and [EMAIL] for them, and common signs for the wide ones of Chinese and Japanese."""
    if not text.isascii() and _WIDE.search(text):
        text = unicodedata.normalize("NFKC", text)
    lower = text.lower()
    if _may_spell(lower):
        text = _SPELT.sub(_spelt, text)
    if _TELLING.search(text) is None:
        return text
    if any(map(lower.__contains__, _HINTS)):
        text = _TOLD.sub(lambda found: f"{found[1]}[SECRET]", text)
    return _CODE.sub(_code, _KEY.sub("[SECRET]", text))


def _may_spell(lower: str) -> bool:
    return any(map(lower.__contains__, _DOTS)) and any(map(lower.__contains__, _SPELT_HINTS))


def _spelt(found: re.Match[str]) -> str:
    return found[0] if found["word"] and found["local"].lower() in _NO_ACCOUNT else "[EMAIL]"


def _code(found: re.Match[str]) -> str:
    before = found[1] or found[3]
    return found[0] if _PUBLIC.search(before.rstrip(_BEHIND_CODE)) else f"{before}[SECRET]"
