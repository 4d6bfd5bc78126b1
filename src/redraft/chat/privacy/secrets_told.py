"""Passwords and codes behind the words for them, keys of programs and purses, addresses spelt out.

Neighbours: `masks` asks here first; `redraft.datasets.privacy` knows what programs call secrets.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata

_WORDS = (
    "passwords?|passwd|passwort|passphrase|passcode|pwd?|kennwort|contraseña|contrasena|clave|mot de passe|mdp|senha"
    "|palavra-passe|wachtwoord|hasło|haslo|пароль|parola|şifre|sifre|lösenord|losenord|adgangskode|passord|salasana"
    "|jelszó|heslo|κωδικός|סיסמה|كلمة السر|كلمة المرور|パスワード|密码|密碼|비밀번호|पासवर्ड"
    "|(?:wi-?fi|wlan)[ -]?(?:pass|key|code|schlüssel|passwort|password|pw)?|pass"
)
_HINTS = (
    "pass", "pw", "mdp", "kennw", "contrase", "clave", "senha", "wachtw", "has", "парол", "parol", "ifre", "senord",
    "adgang", "salas", "jelsz", "heslo", "κωδ", "סיסמ", "كلمة", "パスワ", "密", "비밀", "पास", "wifi", "wi-fi", "wlan",
)  # fmt: skip
_IS = "is|ist|lautet|es|est|é|è|to|är|er|on|это"
_VALUE = r"[^\s\"'\[\]”“]"
# Behind a colon a word will do; behind `is`, or with words between, it needs a digit to be a password.
_TOLD = re.compile(
    rf"(?<![^\W_])((?:{_WORDS})(?![^\W_])(?:"
    rf"[\"']?\s{{0,2}}[:=：]\s{{0,2}}[\"'“„]?(?!https?:)(?={_VALUE}{{4}})"
    rf"|(?:[^\n:=：]{{1,20}}[:=：]| (?:{_IS}):?|) ?[\"'“„]?(?!https?:)(?={_VALUE}{{0,40}}\d)"
    rf"(?={_VALUE}{{0,40}}[^\W\d_])(?={_VALUE}{{6}})))({_VALUE}+)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(\b(?:(?:PIN|TAN|OTP|PUK|(?i:cvv2?|cvc2?))(?:[- ]?(?:code|nummer|number|Code))?(?: ?[:=]| is| ist| es| est)?"
    r"|(?i:\w{0,12}code|código|codigo|codice) ?[:=]) ?)\d{3,8}\b"
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
    rf"\b[\w.+-]{{1,64}}(?:{_SIGN}[\w-]{{1,40}}(?:{_DOT}[\w-]{{1,40}}){{0,3}}?{_DOT}{_ENDS}"
    rf"| (?:at|ät) (?:(?:{_HOSTS}){_DOT}|[\w-]{{1,40}} (?:dot|punkt|punto) ){_ENDS})",
    re.IGNORECASE,
)
_SPELT_HINTS = (" at ", "(at", "[at", "{at", "( at", "[ at", "ät", "arroba", "chiocciola")
_WIDE = re.compile("[＠﹫]")


def without_secrets(text: str) -> str:
    """The text with [SECRET] and [EMAIL] for them, and common signs for the wide ones of Chinese and Japanese."""
    if not text.isascii() and _WIDE.search(text):
        text = unicodedata.normalize("NFKC", text)
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        text = _TOLD.sub(lambda found: f"{found[1]}[SECRET]", text)
    if any(hint in lower for hint in _SPELT_HINTS):
        text = _SPELT.sub("[EMAIL]", text)
    return _CODE.sub(r"\1[SECRET]", _KEY.sub("[SECRET]", text))
