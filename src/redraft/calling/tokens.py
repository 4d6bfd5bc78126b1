"""How many input tokens a request will come to: what is expected, and what no tokenizer exceeds.

Called for every request, so without patterns or tables. Neighbours: `limits` reserves the expected number, a budget
sets the bound aside; `prices` makes money of both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import msgspec

from redraft.records import Request

# What a chat template puts around a message and around the whole: role words, separators, a date, a preamble.
_AROUND_MESSAGE, _AROUND_ALL = 4, 8
_MOST_AROUND_MESSAGE, _MOST_AROUND_ALL = 32, 256
# Providers explain a schema to the model in words of their own, which count as input.
_MOST_AROUND_SCHEMA = 2048


# English prose, about: of a text that is yet to be written only the words are known that were asked for.
A_WORD = 1.35


def estimate(request: Request) -> int:
    """Expected input tokens: four Latin letters a token, and about one for each character of other scripts."""
    tokens = estimate_chat([message.content for message in request.messages])
    if request.output_schema is not None:
        tokens += len(msgspec.json.encode(request.output_schema)) / 3
    return round(tokens)


def estimate_chat(contents: Iterable[str]) -> float:
    """The same for the contents of a conversation's messages; unrounded."""
    texts = list(contents)
    joined = "".join(texts)
    return _AROUND_ALL + _AROUND_MESSAGE * len(texts) + len(joined) / 4 + _beyond_ascii(joined)


def estimate_text(text: str) -> float:
    """The same for a bare text, without what a chat template puts around it; unrounded."""
    return len(text) / 4 + _beyond_ascii(text)


def _beyond_ascii(text: str) -> float:
    return 0.0 if text.isascii() else (len(text.encode("utf-8", "surrogatepass")) - len(text)) / 3


def bound(request: Request) -> int:
    """No more input tokens than this: a tokenizer makes at most one token of a byte."""
    tokens = _MOST_AROUND_ALL
    for message in request.messages:
        tokens += _MOST_AROUND_MESSAGE + _bytes(message.content)
    if request.output_schema is not None:
        tokens += _MOST_AROUND_SCHEMA + len(msgspec.json.encode(request.output_schema))
    return tokens


def _bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    size = len(text.encode("utf-8", "surrogatepass"))
    if unicodedata.is_normalized("NFKC", text):
        return size
    # Some tokenizers normalise first, and a few characters become longer by it.
    return max(size, len(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")))
