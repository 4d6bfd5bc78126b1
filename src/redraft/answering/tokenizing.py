"""What a model's tokenizer makes of a text and what it leaves of it: the model's own, or an estimate to the safe side.

Needs `tokenizers`, never torch. Neighbours: `cutting` makes contexts fit, `grounding` looks at what is left.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from redraft.errors import ConfigurationError

Span = tuple[int, int]

# Letters a token in the estimate. Small vocabularies of English make one of about four letters, others of fewer.
_LETTERS = 3
_PIECE = re.compile(r"[A-Za-z]+|\s+|.", re.DOTALL)
_WORD = re.compile(r"\s*\S+")


class Tokenizer(Protocol):
    """Counts are in tokens, places in characters of the text.

    `exact` says that counts are the model's own. `special` is how many tokens stand around every text.
    """

    name: str
    exact: bool
    special: int
    digest: str

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, those around it included."""
        ...

    def spans(self, text: str) -> list[Span]:
        """(start, end) of each token of the bare text."""
        ...

    def left_of(self, text: str, max_tokens: int) -> Span:
        """(start, end) of what is left of the text when it is cut at `max_tokens`, those around it included.

        A character of which only a part is left counts as lost.
        """
        ...

    def unknown(self, text: str) -> str:
        """The first piece of the text that becomes the token for what is unknown: a model never sees it. "" if none."""
        ...


class EstimatedTokens:
    """Without a tokenizer: more tokens than one makes of an English text whose vocabulary is 8,000 or larger, so that
    less is sent than could be (by a third to a half).

    Three letters a token, every digit and punctuation mark one, one for each byte of another script.
    """

    name = "estimate"
    exact = False
    special = 2
    digest = ""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [self.special + sum(_estimated(match[0]) for match in _PIECE.finditer(text)) for text in texts]

    def spans(self, text: str) -> list[Span]:
        return [span for match in _PIECE.finditer(text) for span in _shared_out(match.span(), _estimated(match[0]))]

    def left_of(self, text: str, max_tokens: int) -> Span:
        return _kept(self.spans(text), max_tokens - self.special, text, "right")

    def unknown(self, text: str) -> str:
        return ""


class FastTokenizer:
    """A `tokenizers.Tokenizer`; `side` is where transformers cuts ("right" unless the model's files say otherwise)."""

    exact = True

    def __init__(self, backend: Any, name: str, side: str = "right") -> None:
        backend.no_truncation()
        backend.no_padding()
        self.name, self._backend, self._side = name, backend, side
        self.special: int = backend.num_special_tokens_to_add(False)
        settings = backend.to_str()
        self.digest = hashlib.sha256(settings.encode()).hexdigest()
        self._unknown = _unknown_id(settings, backend)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(encoding.ids) for encoding in self._backend.encode_batch_fast(list(texts))]

    def spans(self, text: str) -> list[Span]:
        return self._backend.encode(text, add_special_tokens=False).offsets

    def left_of(self, text: str, max_tokens: int) -> Span:
        return _kept(self.spans(text), max_tokens - self.special, text, self._side)

    def unknown(self, text: str) -> str:
        if self._unknown is None:
            return ""
        encoding = self._backend.encode(text, add_special_tokens=False)
        places = (span for one, span in zip(encoding.ids, encoding.offsets, strict=True) if one == self._unknown)
        return next((text[start:end].strip() or text for start, end in places), "")


class SlowTokenizer:
    """A tokenizer of transformers' that tells no places (ByT5's): counts are its own, places are found by counting."""

    exact = True

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.name, self._tokenizer = name, tokenizer
        self.special: int = tokenizer.num_special_tokens_to_add(False)
        self.digest = ""
        if tokenizer.truncation_side != "right":
            raise ConfigurationError(f"the tokenizer {name} cuts on the left, which cannot be followed; name another")

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(text)) for text in texts]

    def spans(self, text: str) -> list[Span]:
        words = _WORD.finditer(text)
        return [span for word in words for span in _shared_out(word.span(), self._bare(word[0]))]

    def left_of(self, text: str, max_tokens: int) -> Span:
        most = max_tokens - self.special
        if self._bare(text) <= most:
            return 0, len(text)
        return 0, bisect_right(range(1, len(text) + 1), most, key=lambda end: self._bare(text[:end]))

    def unknown(self, text: str) -> str:
        unknown = self._tokenizer.unk_token_id
        # ByT5 has such a token, and for every byte another.
        return text if unknown is not None and unknown in self._tokenizer.encode(text, add_special_tokens=False) else ""

    def _bare(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))


def load_tokenizer(source: str | None) -> Tokenizer:
    """The tokenizer in a folder or a tokenizer.json, or that of a model by its id, which is downloaded once; the
    estimate for None or "". One from a folder or file is named by its whole path, so that it is found from elsewhere,
    and never taken for a model's id once it is gone.

    Raises ConfigurationError, one line with the mend, where there is none or it cannot be had.
    """
    if not source:
        return EstimatedTokens()
    import tokenizers

    path = Path(source)
    if path.exists():
        path = path.absolute()
        source = str(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        return _from_transformers(source)
    try:
        if file.is_file():
            return FastTokenizer(tokenizers.Tokenizer.from_file(str(file)), source, _side(file.parent))
        if path.suffix == ".json" or source.startswith((".", "/", "~")) or source.count("/") > 1:
            raise ConfigurationError(f"{source}: no such tokenizer; name a folder, a tokenizer.json or a model's id")
        return FastTokenizer(tokenizers.Tokenizer.from_pretrained(source), source)
    except ConfigurationError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:160]
        mend = "give a folder with tokenizer.json" if file.is_file() else "give a folder that holds it, or go online"
        raise ConfigurationError(f"no tokenizer from {source} ({said}); {mend}") from error


def of_transformers(tokenizer: Any, name: str) -> Tokenizer:
    """The tokenizer that a trainer has loaded with transformers, as it cuts there."""
    if getattr(tokenizer, "is_fast", False):
        import tokenizers

        # A copy: the trainer's own has its own settings of truncation and padding.
        backend = tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        return FastTokenizer(backend, name, tokenizer.truncation_side)
    return SlowTokenizer(tokenizer, name)


def _from_transformers(folder: str) -> Tokenizer:
    try:
        import transformers  # pyright: ignore[reportMissingImports]

        loaded: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)  # pyright: ignore
    except ImportError:
        raise ConfigurationError(
            f"{folder}: no tokenizer.json; save the tokenizer with it, or install the extra local: "
            "pip install 'redraft[local]'"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:160]
        raise ConfigurationError(f"{folder}: no usable tokenizer ({said})") from error
    return of_transformers(loaded, folder)


def _side(folder: Path) -> str:
    import msgspec

    try:
        settings = msgspec.json.decode((folder / "tokenizer_config.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return "right"
    return settings.get("truncation_side", "right")


def _kept(spans: list[Span], most: int, text: str, side: str) -> Span:
    if len(spans) <= most:
        return 0, len(text)
    if most <= 0:
        return 0, 0
    if side == "left":
        return max(spans[-most][0], spans[-most - 1][1]), len(text)
    return 0, min(spans[most - 1][1], spans[most][0])


def _unknown_id(settings: str, backend: Any) -> int | None:
    """Of a tokenizer.json: Unigram names the token for what is unknown by its number, others by its text."""
    import msgspec

    model = msgspec.json.decode(settings, type=dict[str, Any])["model"]
    if (number := model.get("unk_id")) is not None:
        return number
    return backend.token_to_id(model["unk_token"]) if model.get("unk_token") else None


def _shared_out(whole: Span, tokens: int) -> Iterator[Span]:
    """Places for the tokens of a piece whose own are not known: parts of it as equal as can be."""
    start, length = whole[0], whole[1] - whole[0]
    for number in range(tokens):
        # At least a character each, though several tokens may make one.
        first = start + number * length // tokens
        yield first, max(start + (number + 1) * length // tokens, first + 1)


def _estimated(piece: str) -> int:
    if piece.isspace():
        return len(piece) - 1
    if piece[0].isascii() and piece[0].isalpha():
        return -(-len(piece) // _LETTERS)
    return len(piece.encode("utf-8", "surrogatepass"))
