"""Rows as tokens: the loss is on the completion alone, and what is too long loses its oldest messages, never its end.

Neighbours: `rows` reads them, `spelling` makes the tokens, `lora` trains on what is encoded here and `generating` asks
with it, so that both see a prompt alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.models import single_ids
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.rows import Prompt, Row
from redraft.training.adapting.spelling import Spelling
from redraft.training.local.encoding import Encoded

# What a label says of a token whose likelihood is not trained.
UNTRAINED = -100
# Texts that go to the tokenizer at once; it has its own threads.
_AT_ONCE = 1000


class EncodedRows(msgspec.Struct, frozen=True):
    """Rows to train on. `shortened`: how many lost their oldest messages; `left_out`: the numbers (from 1) of those
    whose newest message alone is too long; `longest`: tokens of the longest."""

    encoded: Encoded
    shortened: int
    left_out: tuple[int, ...]
    longest: int


class Examples(Sequence[dict[str, Any]]):
    """Encoded rows as a trainer reads them: `{"input_ids": [...], "labels": [...]}` by place."""

    def __init__(self, encoded: Encoded) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, place: Any) -> Any:
        prompt = self._encoded.inputs(cast(int, place))
        completion = self._encoded.outputs(cast(int, place))
        return {"input_ids": prompt + completion, "labels": [UNTRAINED] * len(prompt) + completion}


class Encoder:
    """Makes tokens of rows that have at most `max_tokens` of them."""

    def __init__(self, tokenizer: Any, tokens: Tokens, max_tokens: int) -> None:
        self._spelling = Spelling(tokenizer, tokens)
        self._most = max_tokens
        self._separator = single_ids(tokenizer, [tokens.separator])[0] if tokens.separator else None
        self._end: int | None = tokenizer.eos_token_id
        begin: int | None = tokenizer.bos_token_id
        # Whether the tokenizer begins texts with its mark; what it puts at their ends does not belong before a reply.
        self._begin = begin if begin is not None and tokenizer("a")["input_ids"][:1] == [begin] else None
        # Where it is written already, as templates do, it is not set before a text again; elsewhere it is text.
        self._begin_word: str = tokenizer.bos_token if self._begin is not None else ""

    def rows(self, rows: Sequence[Row], path: Path) -> EncodedRows:
        """The rows of a file. Raises InputError for completions that are too long, and where prompt and completion
        share a token: there the model would be asked with other tokens than it was trained on."""
        encoded, shortened, longest = Encoded(), 0, 0
        left_out, too_long = list[int](), list[tuple[int, int]]()
        for number, (prompt, completion) in enumerate(self._pairs(rows, path), 1):
            least = len(self._cue(prompt)) + len(completion)
            if least > self._most:
                too_long.append((number, least))
                continue
            fitting = fitted(prompt, self._most - len(completion), self._separator, self._begin)
            if fitting is None:
                left_out.append(number)
                continue
            shortened += len(fitting) < len(prompt)
            longest = max(longest, len(fitting) + len(completion))
            encoded.add(fitting, completion)
        if too_long:
            number, length = too_long[0]
            raise InputError(
                f"{path} row {number}: completion of {length} tokens with its cue, and {self._most} are allowed "
                f"({len(too_long)} such rows, the longest {max(too_long, key=lambda one: one[1])[1]}); raise "
                "max_tokens, or leave such rows out"
            )
        if not len(encoded):
            raise InputError(f"{path}: every row is longer than {self._most} tokens; raise max_tokens")
        return EncodedRows(encoded, shortened, tuple(left_out), longest)

    def prompts(self, rows: Sequence[Prompt], room: int) -> list[list[int] | None]:
        """The prompts in at most `room` tokens each; None for one whose newest message alone is longer."""
        return [
            fitted(prompt, room, self._separator, self._begin)
            for texts in _parts([row.prompt for row in rows])
            for prompt in map(self._begun, self._ids(texts))
        ]

    def _pairs(self, rows: Sequence[Row], path: Path) -> Iterator[tuple[list[int], list[int]]]:
        number = 0
        for part in _parts(rows):
            prompts = self._ids([row.prompt for row in part])
            wholes = self._ids([row.prompt + row.completion for row in part])
            for prompt, whole in zip(prompts, wholes, strict=True):
                number += 1
                if whole[: len(prompt)] != prompt:
                    raise InputError(
                        f"{path} row {number}: the prompt's end and the completion's beginning are one token; end "
                        "prompts with a special token"
                    )
                yield self._begun(prompt), self._ended(whole[len(prompt) :])

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return self._spelling.ids([text.removeprefix(self._begin_word) for text in texts])

    def _begun(self, prompt: list[int]) -> list[int]:
        return prompt if self._begin is None else [self._begin, *prompt]

    def _ended(self, completion: list[int]) -> list[int]:
        """With the model's own end, unless it was cut: who learned that a text ends there would end all in its middle.
        Whole is what ends with the separator, where texts have one."""
        cut = self._separator is not None and completion[-1:] != [self._separator]
        return completion if cut or self._end is None or completion[-1:] == [self._end] else [*completion, self._end]

    def _cue(self, prompt: list[int]) -> list[int]:
        """What follows the last message, such as the mark of who is to reply; it is never left out."""
        begin = prompt[:1] if prompt[:1] == [self._begin] else []
        last = _last(prompt, self._separator)
        return begin if last is None else begin + prompt[last + 1 :]


def fitted(prompt: list[int], room: int, separator: int | None, begin: int | None) -> list[int] | None:
    """The prompt without as many of its oldest messages as it must lose to have at most `room` tokens: cut after a
    separator, its beginning mark kept. None where it does not fit with its newest message alone."""
    if len(prompt) <= room:
        return prompt
    last = _last(prompt, separator)
    if last is None:
        return None
    mark = prompt[:1] if begin is not None and prompt[:1] == [begin] else []
    start = len(prompt) - max(0, room - len(mark))
    # The first place after a separator from which on it fits; the last separator ends the newest message.
    for place in range(max(start, 1), last + 1):
        if prompt[place - 1] == separator:
            return mark + prompt[place:]
    return None


def _last(ids: list[int], separator: int | None) -> int | None:
    """The place of the last separator; None: there is none."""
    return next((place for place in range(len(ids) - 1, -1, -1) if ids[place] == separator), None)


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
