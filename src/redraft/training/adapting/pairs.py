"""Pairs of outputs to one prompt, the preferred one first: read, split by group, and made tokens of.

The tokens of a prompt and an output are those that `encoding` makes, wherever a pair is trained on or an output scored:
a reward model never sees a text in another form. Neighbours: `preference_steps` trains on them, `scoring` scores.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.encoding import UNTRAINED, Encoder, fitted
from redraft.training.adapting.models import single_ids
from redraft.training.adapting.plans import PlannedRows, Tokens
from redraft.training.adapting.rows import Prompt, Row, read_rows

# No row is as long: what is too long is found here, with both outputs in view.
_WHOLE = 2**40
# Bytes of a hash that groups are ordered by.
_HASHED = 8


class Pair(Prompt, frozen=True):
    """Two outputs to a prompt; `chosen` is preferred. `group`: what prompts with messages in common share, such as
    their session; "" for a prompt that stands by itself."""

    chosen: str
    rejected: str
    group: str = ""

    @property
    def kin(self) -> tuple[str, str]:
        """Equal for pairs that go together."""
        return ("", self.prompt) if not self.group else (self.group, "")


class EncodedPair(msgspec.Struct, frozen=True):
    """A pair as tokens: the prompt that both outputs fit, and each output, with the model's end where it was not cut.
    `number` is its place among the rows (from 0)."""

    number: int
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


class EncodedPairs(msgspec.Struct, frozen=True):
    """Pairs to train on. `shortened`: how many lost their oldest messages; `left_out`: the numbers (from 1) of the rows
    whose newest message alone is too long; `longest`: tokens of the longest prompt and output."""

    pairs: tuple[EncodedPair, ...]
    shortened: int
    left_out: tuple[int, ...]
    longest: int


def read_pairs(folder: Path, file: PlannedRows) -> list[Pair]:
    """The pairs of a planned file. Raises InputError for an empty output, and for two equal ones: they prefer none."""
    pairs = read_rows(folder, file, Pair)
    for number, pair in enumerate(pairs, 1):
        if not pair.chosen or not pair.rejected:
            raise InputError(f"{folder / file.file} row {number}: an empty output teaches nothing; leave the row out")
        if pair.chosen == pair.rejected:
            raise InputError(f"{folder / file.file} row {number}: both outputs are the same; leave the row out")
    return pairs


def split_by_group(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """(pairs to train on, pairs held out): all pairs of a group on one side, groups held out as long as they have at
    most `share` of the prompts together; where each has more, the smallest. Which ones does not depend on the others'
    order. A prompt of theirs that another group has too is held out there as well. Raises InputError for a single
    group, and where nothing is left."""
    prompts = dict[tuple[str, str], set[str]]()
    for pair in pairs:
        prompts.setdefault(pair.kin, set()).add(pair.prompt)
    order = sorted(prompts, key=lambda kin: _draw(kin[0] or kin[1], seed))
    if len(order) < 2:
        raise InputError(f"all pairs are of one {_kind(pairs)}, and none can be held out; give pairs of several")
    wanted, found = max(1, round(share * sum(map(len, prompts.values())))), 0
    held_out = set[tuple[str, str]]()
    for kin in order:
        # One long session would else be held out whole, and little be left to train on.
        if found + len(prompts[kin]) <= wanted and len(held_out) < len(order) - 1:
            held_out.add(kin)
            found += len(prompts[kin])
    if not held_out:
        held_out.add(min(order, key=lambda kin: len(prompts[kin])))
    # The same words can begin two sessions: no prompt is on both sides.
    asked = {prompt for kin in held_out for prompt in prompts[kin]}
    trained = [pair for pair in pairs if pair.kin not in held_out and pair.prompt not in asked]
    if not trained:
        raise InputError("all pairs have the prompts of those that are held out; give pairs of other prompts")
    return trained, [pair for pair in pairs if pair.kin in held_out or pair.prompt in asked]


def by_themselves(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs, each prompt as if it stood by itself, where all are of one group: nothing could be held out else."""
    single = len({pair.kin for pair in pairs}) == 1
    return [msgspec.structs.replace(pair, group="") for pair in pairs] if single else list(pairs)


def require_apart(trained: Sequence[Pair], held_out: Sequence[Pair], path: Path) -> None:
    """Raises InputError where a group or a prompt is on both sides: its pairs would be judged by what was learned of
    it."""
    known, prompts = {pair.kin for pair in trained}, {pair.prompt for pair in trained}
    for number, pair in enumerate(held_out, 1):
        if pair.kin in known or pair.prompt in prompts:
            raise InputError(f"{path} row {number}: its {_kind([pair])} is trained on too; split the rows by it")


class PairEncoder:
    """Makes tokens of prompts and outputs that have at most `max_tokens` together."""

    def __init__(self, tokenizer: Any, tokens: Tokens, max_tokens: int) -> None:
        self._whole = Encoder(tokenizer, tokens, _WHOLE)
        self._most = max_tokens
        self._separator = single_ids(tokenizer, [tokens.separator])[0] if tokens.separator else None
        self._begin: int | None = tokenizer.bos_token_id

    def pairs(self, pairs: Sequence[Pair], path: Path) -> EncodedPairs:
        """The pairs of a file, the prompt of both outputs cut alike. Raises InputError for an output that leaves its
        prompt no room, and where all are left out."""
        prompts, chosen = self._ids([Row(pair.prompt, pair.chosen) for pair in pairs], path)
        _, rejected = self._ids([Row(pair.prompt, pair.rejected) for pair in pairs], path)
        kept, left_out, shortened = list[EncodedPair](), list[int](), 0
        for number, prompt in enumerate(prompts):
            longer = max(len(chosen[number]), len(rejected[number]))
            if longer >= self._most:
                raise InputError(
                    f"{path} row {number + 1}: an output of {longer} tokens, and {self._most} are allowed with its "
                    "prompt; raise max_tokens, or leave such rows out"
                )
            cut = fitted(prompt, self._most - longer, self._separator, self._begin)
            if cut is None:
                left_out.append(number + 1)
                continue
            shortened += len(cut) < len(prompt)
            kept.append(EncodedPair(number, cut, chosen[number], rejected[number]))
        if not kept:
            raise InputError(f"{path}: every row is longer than {self._most} tokens; raise max_tokens")
        longest = max(len(one.prompt) + max(len(one.chosen), len(one.rejected)) for one in kept)
        return EncodedPairs(tuple(kept), shortened, tuple(left_out), longest)

    def outputs(self, rows: Sequence[Row], path: Path) -> list[list[int] | None]:
        """Each prompt with its output, as in a pair; None for one that does not fit with its newest message alone."""
        prompts, outputs = self._ids(rows, path)
        return [
            None if (cut := self._cut(prompt, output)) is None else cut + output
            for prompt, output in zip(prompts, outputs, strict=True)
        ]

    def _cut(self, prompt: list[int], output: list[int]) -> list[int] | None:
        if len(output) >= self._most:
            return None
        return fitted(prompt, self._most - len(output), self._separator, self._begin)

    def _ids(self, rows: Sequence[Row], path: Path) -> tuple[list[list[int]], list[list[int]]]:
        encoded = self._whole.rows(rows, path).encoded
        places = range(len(encoded))
        return [encoded.inputs(place) for place in places], [encoded.outputs(place) for place in places]


def batch_of(pairs: Sequence[EncodedPair], filling: int) -> dict[str, Any]:
    """The preferred outputs of the pairs and then the others, each after its prompt, filled up at the right: tensors
    (2 x pairs, tokens) of `input_ids`, `attention_mask`, and `labels`, which are the outputs' tokens alone."""
    torch: Any = importlib.import_module("torch")
    rows = [(one.prompt, one.chosen) for one in pairs] + [(one.prompt, one.rejected) for one in pairs]
    width = max(len(prompt) + len(output) for prompt, output in rows)

    def filled(ids: list[int], filler: int) -> list[int]:
        return ids + [filler] * (width - len(ids))

    columns = {
        "input_ids": [filled(prompt + output, filling) for prompt, output in rows],
        "attention_mask": [filled([1] * (len(prompt) + len(output)), 0) for prompt, output in rows],
        "labels": [filled([UNTRAINED] * len(prompt) + output, UNTRAINED) for prompt, output in rows],
    }
    return {name: torch.tensor(values) for name, values in columns.items()}


def _kind(pairs: Sequence[Pair]) -> str:
    return "group" if pairs and pairs[0].group else "prompt"


def _draw(group: str, seed: int) -> tuple[int, str]:
    digest = hashlib.sha256(f"{seed}/{group}".encode()).digest()
    return int.from_bytes(digest[:_HASHED], "big"), group
