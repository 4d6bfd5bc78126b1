"""Which tokens of a row are trained: shown, and held against what must be.

Neighbours: `tokenizing` makes masks with the model's own tokenizer, `preview` asks the provider for its own.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from redraft.training.checking.contents import texts_in
from redraft.training.checking.findings import Finding
from redraft.training.checking.shapes import Format
from redraft.training.checking.turns import answers

# Marks of a chat template are tokens of their own, such as <|im_end|> or </s>.
_SPECIAL = re.compile(r"<[^\s<>]+>|\[/?[A-Z_]+\]")
# So many tokens a chat template may put after the last message.
MARKS_AT_END = 4
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Mask(msgspec.Struct, kw_only=True):
    """The tokens of one row and, for each, whether it is trained. `last`: the tokens (from, to) of the assistant's last
    message where that is known. `cut`: the row is longer than the model takes, and the tokens beyond are gone.

    A preference row has two masks, one for each `output`.
    """

    row: int
    tokens: list[str]
    trained: list[bool]
    last: tuple[int, int] | None = None
    cut: bool = False
    output: str = ""

    @property
    def spans(self) -> list[tuple[int, int]]:
        """(from, to) of each run of trained tokens."""
        ends, end = list[tuple[int, int]](), 0
        for trained, run in groupby(self.trained):
            start, end = end, end + sum(1 for _ in run)
            if trained:
                ends.append((start, end))
        return ends


def untrained_last(mask: Mask, row: Mapping[str, Any], format: Format) -> Finding | None:
    """Where the assistant's last message (or the completion, or the text) is not trained: that, and the mend.

    One that is cut short at the model's limit counts as trained; one that lies beyond it does not.
    """
    if not any(mask.trained):
        return Finding("untrained", "row", "no token would be trained; give the assistant's message weight 1")
    field, text, functions = _last(row, format, mask.output)
    if mask.last is not None:
        start, end = mask.last
        seen = mask.trained[start:end]
        trained, beyond = bool(seen) and all(seen), not seen
        if trained and end <= len(mask.tokens) and not _rendered(mask.tokens[start:end], text, functions):
            return _not_rendered(field)
    else:
        found = _found(mask, text)
        shown = "".join(texts_of_tokens(mask.tokens)) if functions and not mask.cut else ""
        if shown and not all(name in shown for name in functions):
            return _not_rendered(field)
        # Where the text does not stand as it was written, cut short or rendered otherwise, the end of the row tells.
        trained = any(mask.trained[-MARKS_AT_END:]) if found is None else found
        beyond = found is None and mask.cut
    if trained:
        return None
    if beyond:
        return Finding("untrained", field, "lies beyond the tokens that the model takes; shorten what stands before it")
    return Finding("untrained", field, "is not trained; give it weight 1, or end the row with a message that is")


def _rendered(tokens: Sequence[str], text: str, functions: Sequence[str]) -> bool:
    """Whether the tokens show more than marks of the template, and the functions that are called."""
    pieces = texts_of_tokens(tokens)
    shows = any(piece.strip() and not _is_mark(piece, text) for piece in pieces)
    said = "".join(pieces)
    return shows and all(name in said for name in functions)


def _is_mark(piece: str, text: str) -> bool:
    """Whether the piece is a mark of the chat template, and not what the text itself says."""
    return _SPECIAL.fullmatch(piece.strip()) is not None and piece.strip() not in text


def _not_rendered(field: str) -> Finding:
    mend = "is not rendered by the model's chat template: nothing of what it says is trained; choose a model whose "
    return Finding("untrained", field, f"{mend}template knows tool calls, or write the call as content")


def texts_of_tokens(tokens: Sequence[str]) -> list[str]:
    """The text of each token, for tokens as a tokenizer's vocabulary spells them; a character whose bytes are spread
    over several tokens comes with the last of them."""
    spelt_in_bytes = any("Ġ" in token or "Ċ" in token for token in tokens)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [_text(token, spelt_in_bytes, decoder) for token in tokens]


def _text(token: str, spelt_in_bytes: bool, decoder: codecs.IncrementalDecoder) -> str:
    if spelt_in_bytes:
        # A mark of the template may hold characters that no byte is spelt with; it stands for itself.
        return decoder.decode(bytes(map(_BYTES.__getitem__, token))) if _BYTES.keys() >= set(token) else token
    if byte := _BYTE_TOKEN.fullmatch(token):
        return decoder.decode(bytes([int(byte[1], 16)]))
    return token.replace("▁", " ")


def _byte_letters() -> Iterator[tuple[str, int]]:
    """The letter that byte-level tokenizers spell each byte with: its own where that is visible, else one from 256."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    yield from ((chr(byte), byte) for byte in visible)
    yield from ((chr(256 + place), byte) for place, byte in enumerate(hidden))


_BYTES = dict(_byte_letters())


def _last(row: Mapping[str, Any], format: Format, output: str) -> tuple[str, str, list[str]]:
    """The field that must be trained, its first text, and the functions that it calls."""
    match format:
        case Format.CONVERSATION:
            place = answers(row["messages"])[-1]
            return f"messages[{place}]", *_said(row["messages"][place])
        case Format.PREFERENCE:
            return f"{output}[0]", *_said(row[output][0])
        case Format.INSTRUCTION:
            return "completion", row["completion"], []
        case _:
            return "text", row["text"], []


def _said(message: Mapping[str, Any]) -> tuple[str, list[str]]:
    return texts_in(message)[0], [call["function"]["name"] for call in message.get("tool_calls") or ()]


def _found(mask: Mask, text: str) -> bool | None:
    """Whether the last place where the text stands among the tokens is trained; None where it stands nowhere."""
    letters, trained = list[str](), list[bool]()
    for piece, is_trained in zip(texts_of_tokens(mask.tokens), mask.trained, strict=True):
        if _is_mark(piece, text):
            continue
        # Templates trim and pad; only what can be seen is compared.
        visible = "".join(piece.split())
        letters.append(visible)
        trained += [is_trained] * len(visible)
    wanted = "".join(text.split())
    start = "".join(letters).rfind(wanted)
    return None if start < 0 else all(trained[start : start + len(wanted)])
