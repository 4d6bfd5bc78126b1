"""Which columns of a table hold the author, the time and the text of a message.

Neighbours: `tables` reads the rows, `discord` knows the columns of its exporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from redraft.chat.exports.discord import is_discord_table
from redraft.errors import ConfigurationError, InputError

# Names of columns that programs give, in lower case without spaces and signs; the first that is there is taken.
AUTHORS = ("author", "sender", "sendername", "from", "fromname", "name", "username", "user", "nickname", "speaker")
TIMES = (
    "timestamp", "datetime", "timestampms", "dateunixtime", "sentat", "createdat", "sent", "date", "time", "when", "ts",
)  # fmt: skip
TEXTS = ("text", "content", "message", "body", "messagetext", "msg")
WANTED = ("author", "time", "text")


class Columns(msgspec.Struct, frozen=True):
    """What the columns of a table are called; `time` is two columns where date and time of day stand apart."""

    author: str
    time: tuple[str, ...]
    text: str
    kind: str = ""
    attachments: str = ""


def named_columns(text: str) -> dict[str, str]:
    """`author=Sender,time=Sent at,text=Body` as a dictionary. ConfigurationError where a word is another."""
    pairs = [part.partition("=") for part in text.split(",")]
    named = {key.strip(): value.strip() for key, sign, value in pairs if sign and value.strip()}
    if len(named) < len(pairs) or not set(named) <= set(WANTED):
        raise ConfigurationError(f"columns {text!r}: write author=COLUMN,time=COLUMN,text=COLUMN, or some of the three")
    return named


def find_columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> Columns | None:
    """Which column is what; None where one of the three is not there."""
    by_word = {re.sub(r"[\W_]", "", name.casefold()): name for name in reversed(header)}
    for name in named.values():
        if name not in header:
            raise InputError(f"{path}: has no column {name!r}; name the columns of its author, time and text")
    author = named.get("author") or _first(by_word, AUTHORS)
    text = named.get("text") or _first(by_word, TEXTS)
    apart = {"date", "time"} <= set(by_word) and not set(TIMES[:7]) & set(by_word)
    time = (by_word["date"], by_word["time"]) if apart else (_first(by_word, TIMES),)
    time = (named["time"],) if "time" in named else time
    if not (author and text and all(time)):
        return None
    attachments = by_word["attachments"] if is_discord_table(frozenset(by_word)) else ""
    return Columns(author, time, text, by_word.get("kind", ""), attachments)


def _first(by_word: Mapping[str, str], words: Sequence[str]) -> str:
    return next((by_word[word] for word in words if word in by_word), "")
