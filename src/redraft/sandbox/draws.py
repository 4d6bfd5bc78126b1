"""Randomness made of hashes: the same seed and content give the same draw, in any order of arrival.

Also the canonical form of a request, in which a nonce that is fresh for every call does not count.
Neighbours: `truth`, `prose` and `faults` draw from here, `accounts` counts by content.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from itertools import count
from statistics import NormalDist
from typing import TypeVar

import msgspec

# A nonce is 128 bit in hex; 32 digits inside a longer hex string are no nonce.
NONCE = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_STANDARD = NormalDist()
_BLOCK = 512  # choices that are hashed at once

One = TypeVar("One")


def canonical(body: object) -> bytes:
    """The JSON body with sorted keys and every nonce replaced by a placeholder."""
    return NONCE.sub(b"(nonce)", msgspec.json.encode(body, order="sorted"))


class Draws:
    """Four numbers from 0 to 1 that a hash of `parts` decides."""

    __slots__ = ("_bytes",)

    def __init__(self, *parts: str | bytes | int) -> None:
        hasher = hashlib.blake2b(digest_size=32)
        for part in parts:
            piece = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            # The length keeps ("ab", "c") and ("a", "bc") apart.
            hasher.update(len(piece).to_bytes(8, "big"))
            hasher.update(piece)
        self._bytes = hasher.digest()

    def uniform(self, index: int) -> float:
        """A number above 0 and below 1; `index` is 0 to 3."""
        return (int.from_bytes(self._bytes[8 * index : 8 * index + 8], "big") + 0.5) / 2**64

    def normal(self, index: int) -> float:
        return _STANDARD.inv_cdf(min(self.uniform(index), 1 - 1e-16))

    @property
    def raw(self) -> bytes:
        """All 32 bytes, for choices out of short lists."""
        return self._bytes


class Choices:
    """An endless row of choices that a hash of `parts` decides."""

    def __init__(self, *parts: str | bytes | int) -> None:
        # The next number, from 0 to 65,535: for what is drawn a thousand times a document, without a call more.
        self.number = _numbers(Draws(*parts).raw).__next__

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1, which is below 65,536."""
        return self.number() % limit

    def of(self, offered: Sequence[One]) -> One:
        return offered[self.number() % len(offered)]


def _numbers(key: bytes) -> Iterator[int]:
    """Numbers of 16 bits without an end."""
    for block in count():
        hashed = hashlib.shake_128(key + block.to_bytes(4, "big")).digest(2 * _BLOCK)
        yield from struct.unpack(f">{_BLOCK}H", hashed)
