"""Texts as tokens and tokens as text, where of all special tokens only the plan's are more than text: what somebody
wrote, such as `<eos>`, neither ends a text nor begins a turn.

Neighbours: `encoding` makes rows and prompts of what is spelled here, `writing` reads outputs with it.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from redraft.errors import InputError
from redraft.training.adapting.plans import Tokens


class Spelling:
    """How a tokenizer spells texts that the plan's tokens structure. The tokenizer itself stays as it is."""

    def __init__(self, tokenizer: Any, tokens: Tokens) -> None:
        self._tokenizer = tokenizer
        self._planned = frozenset(word for word in (*tokens.special, *tokens.stop, tokens.separator) if word)
        special = {place for place, one in tokenizer.added_tokens_decoder.items() if one.special}
        words: dict[int, str] = {
            place: tokenizer.convert_ids_to_tokens(place) for place in (*special, *tokenizer.all_special_ids)
        }
        self._others = {place: word for place, word in words.items() if word not in self._planned}
        unknown = tokenizer.unk_token_id
        # It stands for characters that there is no token for, too.
        self._unknown: str | None = self._others.get(unknown)
        self._never_text = frozenset(self._others) - {unknown}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without a mark of its beginning or end. Raises InputError for a text that holds the
        word of a special token where the tokenizer cannot take that for text."""
        found: list[list[int]] = self._tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )["input_ids"]
        return [
            ids if self._is_text(text, ids) else self._literal(text) for text, ids in zip(texts, found, strict=True)
        ]

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens that a model wrote; special tokens other than the plan's are none of it."""
        shown = [one for one in ids if one not in self._others]
        return self._tokenizer.decode(shown, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _is_text(self, text: str, ids: Sequence[int]) -> bool:
        return self._never_text.isdisjoint(ids) and (self._unknown is None or self._unknown not in text)

    def _literal(self, text: str) -> list[int]:
        ids: list[int] = [] if self._literally is None else self._literally.encode(text, add_special_tokens=False).ids
        if self._literally is None or not self._never_text.isdisjoint(ids):
            raise InputError(
                f"a text holds one of {', '.join(sorted(self._others.values()))[:200]}, which this model's tokenizer "
                "takes for more than text; leave such texts out"
            )
        return ids

    @cached_property
    def _literally(self) -> Any:
        """The tokenizer with special tokens as text, and the plan's as words of it that stay whole; None: it cannot be
        made."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return None
        tokenizers: Any = importlib.import_module("tokenizers")
        spelled = json.loads(backend.to_str())
        for one in spelled["added_tokens"]:
            one["special"] = one["special"] and one["content"] not in self._planned
        # One that learnt its words of texts with such a word would put it together again.
        words, merges = frozenset(self._others.values()), spelled["model"].get("merges", [])
        spelled["model"] |= {"merges": [pair for pair in merges if "".join(pair) not in words]} if merges else {}
        literally = tokenizers.Tokenizer.from_str(json.dumps(spelled))
        literally.no_padding()
        literally.no_truncation()
        literally.encode_special_tokens = True
        return literally
