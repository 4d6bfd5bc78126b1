"""Addresses of houses in a text, in the orders in which a few countries write them.

What ends like a street and goes on with a measure is none: `der Weg 12 km`, `10000 Schritte`. Neighbour: `masks` uses
this.
"""

from __future__ import annotations

import re

_ENDS = r"(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|ufer|damm|straat|laan|gracht|plein|gatan|vägen|katu)"
# Words that end so and are no street.
_NO_STREETS = (
    r"(?!(?:[Hh]eim|[Uu]m|[Rr]ück|[Hh]in|[Ss]chul|[Aa]rbeits|[Aa]us|[Rr]ad|[Ff]eld|[Pp]ark|[Ss]tell|[Ss]itz|[Ss]chlaf"
    r"|[Ss]piel|[Cc]amping|[Ss]tudien|[Ss]peicher|[Ll]iege|[Tt]abellen|[Aa]utobahn|[Dd]aten|[Ii]rr)(?:weg|platz|straße)\b)"
)
_STREET = rf"{_NO_STREETS}[^\W\d_][\w.-]{{0,40}}{_ENDS}"
# Before `Weg 12` stands a name, no article.
_NAMED = (
    r"(?!(?i:d(?:er|ie|as|en|em|es)|(?:k|m|d|s)?ein\w{0,2}|ihr\w{0,2}|unser\w{0,2}|auf|jede\w|diese\w|erste\w"
    r"|zweite\w|letzte\w)\b)"
)
# What is counted stands behind its number.
_UNIT = (
    r"(?! ?(?:km|m|cm|kg|g|Uhr|h|Std|Stunden?|Min(?:uten)?|min|Euro?|EUR|€|%|°|am|pm|Mal|mal|Leuten?|Personen|Tagen?"
    r"|Wochen?|Jahren?|Monaten?|Schritten?|:\d\d|[.,]\d)(?![^\W\d_]))"
)
_TIMES = (
    r"(?!(?i:um|at|ab|gegen|bis|alle|dalle|ore|ora|às|as|las|hasta|sobre|o|à|vers|on|in|en|for|per|für|mit|con|por"
    r"|whatsapp|zoom|teams|skype|signal|telegram|discord|paypal|e?-?mail|sms|app|facebook|instagram|google|airbnb"
    r"|bluetooth|usb|chat)\b)"
)
_WORD = rf"{_TIMES}[^\W\d_][\w'\u2019.-]{{0,40}}"
_CAPITAL = rf"{_TIMES}[^\W\d_a-zß-ÿ][\w'\u2019.-]{{0,40}}"
_OF = r"(?:(?:de[il]?|degli|dell[aeo]|da|san|santa|dos?|das) )"
# The areas and inward letters that codes of the United Kingdom have.
_AREAS = (
    "AB|AL|B|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G"
    "|GL|GU|HA|HD|HG|HP|HR|HS|HU|HX|IG|IP|IV|KA|KT|KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA"
    "|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN"
    "|WR|WS|WV|YO|ZE"
)
_STATES = (
    "AK|AR|AZ|CA|CT|DC|FL|GA|IA|IL|KS|KY|MD|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV|NY|RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY"
)
_WORDLIKE = "AL|CO|DE|HI|ID|IN|LA|MA|ME|OH|OK|OR|PA"
_TOWN = r"[A-ZÄÖÜ][a-zäöüß]{2,}(?:[ -][A-ZÄÖÜ][a-zäöüß]+)?\b"
ADDRESS = re.compile(
    rf"\b(?:{_STREET}"
    rf"|(?:[^\W\d_][^\W_]{{0,40}}[ -]){{0,2}}{_NAMED}[A-ZÄÖÜ][^\W_]{{0,40}}[ -]"
    r"(?:Stra(?:ß|ss)e|Str\.|Weg|Allee|Platz|Ring|Damm))"
    rf" {{0,2}}\d{{1,4}}(?!\d){_UNIT} ?(?:[a-zA-Z]\b)?(?:,? *\n?\d{{4,5}} +[^\W\d_][\w-]+)?"
    r"|\b\d{1,5}[a-zA-Z]?,? (?:[NSEW]\.? )?(?:[A-Z0-9][\w'-]{0,40} ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Close|Terrace|Crescent|Square|Sq|Way"
    r"|Place|Pl)\b\.?"
    r"|\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|impasse|allée|chemin|quai|place) "
    r"(?:de |du |des |la |le |l['\u2019]|d['\u2019])*"
    r"[^\W\d_][\w'\u2019-]{1,40}(?: [A-ZÀ-Ý][\w'\u2019-]{1,40}){0,4}"
    r"|\b(?:[Cc]alle|[Aa]venida|[Aa]vda\.?|[Pp]laza|[Pp]aseo|[Vv]iale|[Pp]iazza|[Cc]orso|[Rr]ua|[Uu]l(?:ica|\.))"
    rf" (?:{_WORD} ){{0,3}}?{_WORD},? (?:n[.º°] ?)?\d{{1,4}}\b{_UNIT}"
    # Via is a word of other languages, too.
    rf"|\b[Vv]ia {_OF}{{0,2}}(?:{_CAPITAL} ){{0,3}}?{_CAPITAL},? (?:n[.º°] ?)?\d{{1,4}}\b{_UNIT}"
    rf"|\b(?:D-|A-|CH-)\d{{4,5}} {_TOWN}"
    rf"|(?:(?<=\bin )|(?<=\baus )|(?<=\bnach )|(?<=\bPLZ ))(?!\d{{3}}00)\d{{5}} {_TOWN}"
    rf"|\b(?:{_AREAS})\d[A-Z\d]? ?\d(?![GT]B\b)[ABD-HJLNP-UW-Z]{{2}}\b"
    rf"|\b(?:{_STATES}) \d{{5}}(?:-\d{{4}})?\b|[A-Z][a-z]{{1,30}},? (?:{_WORDLIKE}) \d{{5}}(?:-\d{{4}})?\b"
)
