"""Numbers, addresses, links and secrets of anybody, out of a text that names are out of already.

Not found: addresses without a number or in orders that the patterns do not know, places that are only named, birthdays,
account names without `@`, numbers written as words. Neighbours: `redraft.datasets.privacy` finds most; `replacing` uses
this.
"""

from __future__ import annotations

import re
from collections import Counter

from redraft.chat.exports.kind_words import ATTACHED, MEDIA_OMITTED
from redraft.chat.privacy.addresses import ADDRESS
from redraft.chat.privacy.numbers import hidden, is_amount, without_numbers
from redraft.chat.privacy.secrets_told import is_told_in_words, without_secrets
from redraft.datasets.privacy import DIGIT, NUMBER, redact

_MAIL = re.compile(r"[^\s@<>()\[\]{},;:\"]{1,64}@(?:[^\s@<>()\[\]{},;:\"'/?#.]{1,63}\.)+[^\W\d_][\w-]{1,62}")
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bmailto:|\btel:(?=\+?[\d-]{6})|\bgeo:)[^\s<>\"]+"
    r"|(?<![\w@.])(?:[\w-]{1,63}\.){1,4}(?:(?:com|net|org|de|io|gg|gl|ly|uk|fr|eu|info)(?![\w@.-])(?:[/?#][^\s<>\"]*)?"
    r"|[a-z]{2,12}[/?#][^\s<>\"]+)",
    re.IGNORECASE,
)
_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?(?:www\.|m\.|mobile\.)?([^/:?#\s]+)", re.IGNORECASE)
_TRAIL = ".,;:!?)]}'\"*_~»\u201d\u2019"
# Where everybody goes: the host tells nothing of who went.
_KNOWN_HOSTS = """
youtube.com youtu.be wikipedia.org en.wikipedia.org de.wikipedia.org fr.wikipedia.org es.wikipedia.org imdb.com
spotify.com open.spotify.com music.apple.com soundcloud.com netflix.com amazon.com amazon.de amazon.co.uk ebay.com
ebay.de ikea.com google.com bing.com duckduckgo.com bbc.com bbc.co.uk nytimes.com theguardian.com cnn.com spiegel.de
zeit.de tagesschau.de faz.net sueddeutsche.de lemonde.fr elpais.com repubblica.it stackoverflow.com python.org
arxiv.org giphy.com tenor.com 9gag.com booking.com tripadvisor.com chefkoch.de steampowered.com store.steampowered.com
"""
_DEGREES = r"\s*°\s*(?:\d{1,2}(?:[.,]\d+)?\s*['\u2032\u2019]?\s*)?"
_PLACE = re.compile(
    # Two decimals; what a letter, degrees or words before it make a place.
    r"(?<![\w.,])(?P<north>[-+]?\d{1,3}[.,]\d{3,})(?P<sign>\s*°?\s*[NSns]?)(?P<between>\s*[,;/ ]\s*)"
    r"(?P<east>[-+]?\d{1,3}[.,]\d{3,})(?P<signs>\s*°?\s*[EWOewo]?)(?![\w.]|,\d)"
    rf"|\b[NS]\s?(?:\d{{1,2}}[.,]\d{{3,}}|\d{{1,2}}{_DEGREES})\s*[,;/]?\s*[EWO]\s?(?:\d{{1,3}}[.,]\d{{3,}}|\d{{1,3}}{_DEGREES})"
    r"|\b[Ll]at(?:itude)?\W{1,3}-?\d{1,2}[.,]\d{2,}\W{1,4}[Ll](?:on|ng|ong(?:itude)?)\W{1,3}-?\d{1,3}[.,]\d{2,}"
    r"|\d{1,3}\s*°\s*\d{1,2}\s*['\u2032\u2019]\s*(?:\d{1,2}(?:[.,]\d+)?\s*[\"\u2033\u201d]\s*)?[NSEWO]?"
)
# So many decimals no amount has.
_EXACT, _FARTHEST_NORTH, _FARTHEST_EAST = 4, 90, 180
_DATE = r"(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?![./-]?\d)\b)(?!\d{4}[./-]\d{1,2}[./-]\d{1,2}\b)"
# 9:01 01.01.24, 9:01 10.30: the minutes of a time before a date or another time begin no number.
_MINUTES = (
    r"(?!(?<=\d:)[0-5]\d[ \u00a0,\u2010-\u2015-]{1,3}"
    r"\d{1,2}(?:[./-]\d{1,2}[./-]\d\d(?:\d\d)?|[.:]\d\d\.?|/\d{1,2})(?![./-]?\d))"
)
_PHONE = re.compile(
    rf"(?<![\w.,/+-]){_DATE}{_MINUTES}(?:\+ ?\(?\d|00[1-9]|0[1-9]|\(\+?0)\d{{0,4}}\)?"
    r"(?:[ \u00a0./()\u2010-\u2015-]{0,3}\d){5,16}(?![\w])"
)
# Without one of these signs nothing is masked but what is told in words.
_SIGN = re.compile(r"[\d@.:=_(\[{/\uff20\ufe6b\uff1a-]")
_HANDLE = re.compile(r"(?<![\w@.])@(?!Person\d)[^\W_][\w.-]{1,60}")
_EVERYBODY = "@all @alle @everyone @everybody @here @channel @home @work @todos @tutti @tous @iedereen"
# What stands behind the name of a file, and what it ends with.
_NOTE = rf" ?\u200e?\((?:{'|'.join(map(re.escape, (*ATTACHED, *MEDIA_OMITTED)))})\)"
_PAGES = r"\s{0,2}\u2022 ?\u200e?\d+ [^\W\d_]+"
_OMITTED = rf"(?: \u200e?|\u200e)(?:{'|'.join(map(re.escape, MEDIA_OMITTED))})\.?(?=\n|\Z)"
_BRACKETED = re.compile(r"<([^<>:\n]{2,30}): ?([^<>\n]{1,250})>")
_NAMED = re.compile(
    rf"^([^\n]{{1,250}}?)({_NOTE}|{_PAGES}|{_OMITTED}|(?<=\w) \u200e?\((?<=\.\w\w\w \()[^()\n]{{2,40}}\)$)",
    re.IGNORECASE | re.MULTILINE,
)
_ENDINGS = (
    "pdf|docx?|xlsx?|pptx?|odt|ods|odp|rtf|txt|csv|pages|numbers|epub|html?|json|xml|zip|rar|7z|tar|gz|apk|vcf|ics|eml"
    "|msg|p7m|jpe?g|png|gif|webp|heic|tiff?|bmp|svg|psd|mp3|m4a|opus|ogg|wav|aac|amr|mp4|mov|avi|mkv|3gp|webm"
)
# A line that goes on behind it is somebody's.
_ENDED = re.compile(
    rf"(?:(?<=>)|^)([^\n<>]{{1,250}})(\.(?:{_ENDINGS}))(?![\w.@/])(?=\W*(?:$|<|\())", re.IGNORECASE | re.MULTILINE
)
_APPS_OWN = re.compile(
    r"(?:IMG|VID|PTT|AUD|STK|DOC)-\d{8}-WA\d+|\d{8}-[A-Z_]+-[\d-]+|image|video|audio|sticker", re.IGNORECASE
)
_QUOTED = re.compile(
    # A title may hold quotation marks itself: an inner one opens behind a space.
    r"\"([^\"\s](?:[^\"]|(?<=\s)\"[^\"\n]{1,80}\"){0,200}?)\"(?!\w)|[\"\u201c\u201e«「『]\s*(.{1,200}?)\s*[\"\u201d\u201c»」』]|(?<!\w)[\u2018'\u201a](.{1,200}?)[\u2019'\u2018](?!\w)",
    re.DOTALL,
)
KNOWN_HOSTS, _ALL = frozenset(_KNOWN_HOSTS.split()), frozenset(_EVERYBODY.split())
_MASKS = re.compile(
    r"\[(EMAIL|PHONE|CARD|IBAN|SSN|SECRET|LINK|PLACE|ADDRESS|NUMBER|NAME|FILE|CONTACT|GROUP|REMOVED|NOTICE)\b"
)
FEWEST_DIGITS = 8
# Signs of no script, each of which stands for a number that is set aside.
_FIRST_ASIDE, _MOST_ASIDE = 0x100000, 0xFFFD
_ASIDE = re.compile(f"[{chr(_FIRST_ASIDE)}-{chr(_FIRST_ASIDE + _MOST_ASIDE - 1)}]")
_LONGEST_ENDING = 9


def masked(text: str) -> str:
    """The text without what tells of a person by itself."""
    if _SIGN.search(text) is None and not is_told_in_words(text):
        return text
    text = without_secrets(text)
    if "@" in text:
        text = _MAIL.sub("[EMAIL]", text)
    if "." in text or ":" in text:
        text = _LINK.sub(_link, text)
    text = _without_digits(text) if DIGIT.search(text) else redact(text)
    return _HANDLE.sub(_handle, text) if "@" in text else text


def _without_digits(text: str) -> str:
    """A text with digits. Dates, times and amounts are set aside first: what looks for numbers never sees them."""
    text = ADDRESS.sub("[ADDRESS]", _PLACE.sub(_place, text))
    aside: list[str] = []
    if NUMBER.search(text) and not _ASIDE.search(text):
        text, aside = hidden(text, _FIRST_ASIDE, _MOST_ASIDE)
    text = without_numbers(_PHONE.sub(_phone, redact(text)))
    return _ASIDE.sub(lambda one: aside[ord(one[0]) - _FIRST_ASIDE], text) if aside else text


def without_file(text: str) -> str:
    """A message with a file: its name stays only where the app gave it, wherever it stands. A caption stays."""
    text = _BRACKETED.sub(lambda found: f"<{found[1]}: {_file(found[2])}>", text)
    text = _NAMED.sub(lambda found: _file(found[1]) + found[2], text)
    return _ENDED.sub(lambda found: _file(found[0]), text)


def _file(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if _APPS_OWN.fullmatch(stem.strip("\u200e ")):
        return name
    return f"[FILE].{ending}" if dot and ending.isalnum() and len(ending) < _LONGEST_ENDING else "[FILE]"


def without_titles(text: str) -> str:
    """A line of the app itself: what it quotes is the name of a group, or what somebody wrote."""
    return _QUOTED.sub('"[GROUP]"', text)


def titles_in(text: str) -> list[str]:
    """What a line of the app quotes."""
    return [found[1] or found[2] or found[3] for found in _QUOTED.finditer(text)]


def count_masks(text: str, into: Counter[str]) -> None:
    """Adds the masks of a text to `into`, by their words in lower case."""
    if "[" in text:
        into.update(found.lower() for found in _MASKS.findall(text))


def _place(found: re.Match[str]) -> str:
    """Two decimals are a place only within its bounds, and where they are exact, or say where they are."""
    if found["north"] is None:
        return "[PLACE]"
    both = found["north"], found["east"]
    north, east = (float(one.replace(",", ".")) for one in both)
    thousands = "," in found[0] and "," in found["between"] and " " not in found["between"]
    if abs(north) > _FARTHEST_NORTH or abs(east) > _FARTHEST_EAST or thousands:
        return found[0]
    exact = all(len(one) - 1 - max(one.find("."), one.find(",")) >= _EXACT for one in both)
    amounts = all(one.endswith("0") for one in both) or is_amount(found.string[found.end() :])
    return "[PLACE]" if exact or found["sign"].strip() or not amounts else found[0]


def _link(found: re.Match[str]) -> str:
    link = found[0].rstrip(_TRAIL)
    host = _HOST.match(link)
    name = host[1].lower() if host else ""
    shown = f"[LINK {name}]" if name in KNOWN_HOSTS else "[LINK]"
    return shown + found[0][len(link) :]


def _phone(found: re.Match[str]) -> str:
    return "[PHONE]" if sum(map(str.isdecimal, found[0])) >= FEWEST_DIGITS else found[0]


def _handle(found: re.Match[str]) -> str:
    return found[0] if found[0].lower() in _ALL else "@[NAME]"
