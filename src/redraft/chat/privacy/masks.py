"""Numbers, addresses, links and secrets of anybody, out of a text that names are out of already.

Not found: addresses without a number or in orders that the patterns do not know, places that are only named, birthdays,
account names without `@`, numbers written as words. Neighbours: `redraft.datasets.privacy` finds most; `replacing` uses
this.
"""

from __future__ import annotations

import re
from collections import Counter

from redraft.chat.exports.kind_words import ATTACHED, MEDIA_OMITTED
from redraft.chat.privacy.numbers import without_numbers
from redraft.chat.privacy.secrets_told import without_secrets
from redraft.datasets.privacy import DIGIT, redact

_MAIL = re.compile(r"[^\s@<>()\[\]{},;:\"]{1,64}@(?:[^\s@<>()\[\]{},;:\"'/?#.]{1,63}\.)+[^\W\d_][\w-]{1,62}")
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bmailto:|\btel:|\bgeo:)[^\s<>\"]+"
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
_PLACE = re.compile(
    r"(?<![\w.])[-+]?\d{1,3}[.,]\d{3,}\s*°?\s*[NSns]?\s*[,;/ ]\s*[-+]?\d{1,3}[.,]\d{3,}\s*°?\s*[EWOewo]?(?![\w.])"
    r"|\d{1,3}\s*°\s*\d{1,2}\s*['\u2032\u2019]\s*(?:\d{1,2}(?:[.,]\d+)?\s*[\"\u2033\u201d]\s*)?[NSEWO]?"
)
_ENDS = r"(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|ufer|damm|straat|laan|gracht|plein|gatan|vägen|katu)"
_STREET = rf"[^\W\d_][\w.-]{{0,40}}{_ENDS}"
_ADDRESS = re.compile(
    rf"\b(?:{_STREET}"
    r"|(?:[^\W\d_][^\W_]{0,40}[ -]){1,3}(?:Stra(?:ß|ss)e|Str\.|Weg|Allee|Platz|Ring|Damm))"
    r" {0,2}\d{1,4} ?[a-zA-Z]?\b(?:,? *\d{4,5} +[^\W\d_][\w-]+)?"
    r"|\b\d{1,5}[a-zA-Z]?,? (?:[NSEW]\.? )?(?:[A-Z0-9][\w'-]{0,40} ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Close|Terrace|Crescent|Square|Sq|Way"
    r"|Place|Pl)\b\.?"
    r"|\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|impasse|allée|chemin|quai|place) "
    r"(?:de |du |des |la |le |l['\u2019]|d['\u2019])*"
    r"[^\W\d_][\w'\u2019-]{1,40}(?: [A-ZÀ-Ý][\w'\u2019-]{1,40}){0,4}"
    r"|\b(?:[Cc]alle|[Aa]venida|[Aa]vda\.?|[Pp]laza|[Pp]aseo|[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Rr]ua|[Uu]l(?:ica|\.))"
    r" (?:[^\W\d_][\w'\u2019.-]{0,40} ){0,3}?[^\W\d_][\w'\u2019.-]{0,40},? (?:n[.º°] ?)?\d{1,4}\b"
    r"|\b(?:D-|A-|CH-)?\d{5} [A-ZÄÖÜ][a-zäöüß]{2,}(?:[ -][A-ZÄÖÜ][a-zäöüß]+)?\b"
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]{2} \d{5}(?:-\d{4})?\b"
)
_DATE = r"(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b)(?!\d{4}[./-]\d{1,2}[./-]\d{1,2}\b)"
_PHONE = re.compile(
    rf"(?<![\w.,/+-]){_DATE}(?:\+ ?\(?\d|00[1-9]|0[1-9]|\(\+?0)\d{{0,4}}\)?"
    r"(?:[ \u00a0./()\u2010-\u2015-]{0,3}\d){5,16}(?![\w])"
)
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
_ENDED = re.compile(rf"(?:(?<=>)|^)([^\n<>]{{1,250}})(\.(?:{_ENDINGS}))(?![\w.@/])", re.IGNORECASE | re.MULTILINE)
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
_LONGEST_ENDING = 9


def masked(text: str) -> str:
    """The text without what tells of a person by itself."""
    text = without_secrets(text)
    if "@" in text:
        text = _MAIL.sub("[EMAIL]", text)
    if "." in text or ":" in text:
        text = _LINK.sub(_link, text)
    digits = _has_digits(text)
    if digits:
        text = _ADDRESS.sub("[ADDRESS]", _PLACE.sub("[PLACE]", text))
    text = redact(text)
    if digits:
        text = without_numbers(_PHONE.sub(_phone, text))
    return _HANDLE.sub(_handle, text) if "@" in text else text


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


def _has_digits(text: str) -> bool:
    return any(map(text.__contains__, "0123456789")) if text.isascii() else DIGIT.search(text) is not None


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
