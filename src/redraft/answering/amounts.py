"""What belongs to a number beside its value: the currency that it is in, and a sign before or "below zero" behind it.

Neighbours: `number_words` finds the numbers, `keeping` compares the answer's with those of a text, `facts` tells
amounts in a currency that nothing speaks of.
"""

from __future__ import annotations

import re

import msgspec

from redraft.answering.number_words import Number
from redraft.answering.spelling import any_of

# What is written for a currency. All dollars are one, as nobody says again whose they are; so are all crowns.
_WRITTEN = {
    "dollar": "$ dollar dollars usd", "euro": "€ euro euros eur", "pound": "£ pound pounds gbp sterling quid",
    "yen": "¥ yen jpy", "yuan": "¥ yuan renminbi rmb cny", "rupee": "₹ rupee rupees inr",
    "ruble": "₽ ruble rubles rouble roubles", "won": "₩ krw", "franc": "franc francs chf",
    "crown": "krona kronor krone kroner sek nok dkk", "peso": "peso pesos", "shekel": "₪ shekel shekels",
    "lira": "₺ lira liras lire", "guilder": "guilder guilders florin florins", "mark": "reichsmark reichsmarks",
    "cent": "¢ cent cents", "penny": "pence penny pennies",
}  # fmt: skip
_MEANT: dict[str, frozenset[str]] = {
    word: frozenset(name for name, all_of in _WRITTEN.items() if word in all_of.split())
    for words in _WRITTEN.values()
    for word in words.split()
}
_SYMBOLS = "".join(word for word in _MEANT if not word.isalpha())
_NAMES = any_of(word for word in _MEANT if word.isalpha())
_SYMBOL_BEFORE = rf"(?:[a-z]{{0,3}}[{_SYMBOLS}]\s?)"
_BEFORE = re.compile(rf"(?:(?P<symbol>[{_SYMBOLS}])\s?|\b(?P<name>{_NAMES})\s)[-\u2212\u2013\u2012]?\Z", re.IGNORECASE)
_BEHIND = re.compile(
    rf"\s?(?P<symbol>[{_SYMBOLS}])(?!\s?\d)"
    rf"|[\s-]*(?:(?:u\.?s\.?|[a-z]+(?:an|sh|ch|ss|ese))\s)?(?P<name>{_NAMES})\b",
    re.IGNORECASE,
)
# A dash with nothing but a space, a bracket or a mark before it is a sign; so is a word.
_MINUS = re.compile(
    rf"(?:(?:\A|(?<=[\s(\[,;:/\"'{_SYMBOLS}]))[-\u2212\u2013\u2012]|\b(?:minus|negative)\s){_SYMBOL_BEFORE}?\Z",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"[\s-]*(?:\u00b0|degrees?\b)?\s*(?:(?:c|f|celsius|fahrenheit|centigrade)\b)?\s*(?P<below>below (?:zero|0)\b)",
    re.IGNORECASE,
)
_WINDOW = 24


class Amount(msgspec.Struct, frozen=True):
    """A number's `currencies`, of which it is in one (empty where none is said), and whether it is below zero.

    `written` is the number with its currency; `beside` are the places of words that say the sign.
    """

    written: str
    currencies: frozenset[str] = frozenset()
    negative: bool = False
    beside: tuple[tuple[int, int], ...] = ()

    def differs(self, other: Amount) -> bool:
        """Whether both are surely not the same, whatever their numbers: in another currency, or of another sign."""
        told = bool(self.currencies and other.currencies)
        return self.negative != other.negative or (told and self.currencies.isdisjoint(other.currencies))


def amount_of(text: str, number: Number) -> Amount:
    """What belongs to a number of the text."""
    window = max(0, number.start - _WINDOW)
    before = text[window : number.start]
    start, end, currencies = number.start, number.end, frozenset[str]()
    if (found := _BEFORE.search(before)) is not None:
        start, currencies = window + found.start(), _meant(found)
    elif (found := _BEHIND.match(text, number.end)) is not None:
        end, currencies = found.end(), _meant(found)
    beside: list[tuple[int, int]] = []
    minus, below = _MINUS.search(before), _BELOW.match(text, number.end)
    if minus is not None and before[: minus.start()].rstrip()[-1:].isdigit():  # from 20 -40, ten minus 4
        minus = None
    if minus is not None:
        beside.append((window + minus.start(), number.start))
    if below is not None:
        beside.append(below.span("below"))
    return Amount(text[start:end], currencies, bool(beside), tuple(beside))


def _meant(found: re.Match[str]) -> frozenset[str]:
    return _MEANT[(found["symbol"] or found["name"]).lower()]
