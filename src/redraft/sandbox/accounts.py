"""Counts what the sandbox received, so that a test can prove what was paid and what was paid twice.

One row of 41 bytes a call and about 170 bytes a distinct content, so that a million calls fit in memory.
Neighbours: `calls` reports every model call here, `control` shows the numbers.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

import msgspec

from redraft.sandbox.options import ANSWER_DEFECTS, ANSWER_KINDS, DEFECTS, STUDY_KINDS

_ROW = struct.Struct("<32sHHHBBB")
_PAID, _ANSWERED = 1, 2
_ATTEMPT = 1 << 32
_SOUND = ("none", "huge")


class Call(msgspec.Struct, frozen=True):
    """One model call. `n` counts from 1. `status` is 0 where the connection ended without an answer.

    `paid`: the provider would have charged for it. `answered`: a whole and sound answer was sent.
    `kind` is chat, judge, structured or one of the two studies'; `fault` is what the sandbox did to the answer, the
    defect that it planted there, or none.
    """

    n: int
    route: str
    model: str
    content_hash: str
    status: int
    paid: bool
    answered: bool
    kind: str
    fault: str


class Accounts:
    def __init__(self) -> None:
        self._rows = bytearray()
        self._names: dict[str, int] = {}
        self._contents: dict[bytes, int] = {}
        self._given: dict[bytes, int] = {}
        self.requests: Counter[tuple[str, int]] = Counter()
        self.paid_by_model: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.input_tokens = self.output_tokens = self.uploads = self.repeated = self.lost = 0

    def attempt(self, digest: bytes) -> int:
        """Notes that a content has arrived; how often it had arrived before."""
        count = self._contents.get(digest[:16], 0)
        self._contents[digest[:16]] = count + _ATTEMPT
        return count // _ATTEMPT

    def given(self, digest: bytes) -> int:
        """How often a content of the documents study was answered as a whole, with or without a defect."""
        return self._given.get(digest[:16], 0)

    def record(
        self, route: str, model: str, digest: bytes, status: int, kind: str, fault: str, paid: bool, whole: bool
    ) -> None:
        """Notes how a call ended; `whole` says that the client could receive all of the answer."""
        answered = paid and whole and status == 200 and fault in _SOUND
        flags = _PAID * paid | _ANSWERED * answered
        names = [self._name(word) for word in (route, model[:200], kind, fault)]
        self._rows += _ROW.pack(digest, names[0], names[1], status, flags, names[2] & 255, names[3] & 255)
        if answered:
            count = self._contents.get(digest[:16], 0)
            self._contents[digest[:16]] = count + 1
            self.repeated += (count % _ATTEMPT) == 1
        if paid and whole and status == 200 and kind in STUDY_KINDS:
            self._given[digest[:16]] = self._given.get(digest[:16], 0) + 1
        if paid:
            self.paid_by_model[model] += 1
            self.lost += not whole
        if fault != "none":
            self.faults[fault] += 1

    def calls(self, repeated_only: bool = False, since: int = 0) -> Iterator[Call]:
        """The calls in order of arrival of their answers, from the one after number `since` on."""
        names = list(self._names)
        for n in range(since, len(self._rows) // _ROW.size):
            row: tuple[bytes, int, int, int, int, int, int] = _ROW.unpack_from(self._rows, n * _ROW.size)
            digest, route, model, status, flags, kind, fault = row
            if repeated_only and self._contents.get(digest[:16], 0) % _ATTEMPT < 2:
                continue
            paid, answered = bool(flags & _PAID), bool(flags & _ANSWERED)
            yield Call(
                n + 1, names[route], names[model], digest.hex(), status, paid, answered, names[kind], names[fault]
            )

    def totals(self) -> dict[str, object]:
        """The numbers of `GET /sandbox/stats` that are counted here."""
        requests: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.requests.items()):
            requests.setdefault(route, {})[str(status)] = count
        return {
            "requests": requests,
            "calls": len(self._rows) // _ROW.size,
            "paid_calls": self.paid_by_model.total(),
            "paid_by_model": dict(self.paid_by_model),
            "lost": self.lost,
            "distinct_contents": len(self._contents),
            "repeated": self.repeated,
            "faults": dict(self.faults),
            "tokens": {"input": self.input_tokens, "output": self.output_tokens},
            "uploads": self.uploads,
        }

    def _name(self, word: str) -> int:
        """A small number for a word; kinds and faults come first so that they fit in one byte."""
        if not self._names:
            self._names = {known: number for number, known in enumerate(dict.fromkeys(KNOWN_WORDS))}
        number = self._names.setdefault(word, len(self._names))
        if number > 60_000:
            # Tens of thousands of model names are somebody's mistake, not a study.
            del self._names[word]
            return self._names["other"]
        return number


KNOWN_WORDS = (
    "other",
    "none",
    "chat",
    "judge",
    "structured",
    "error",
    "limited",
    "dropped",
    "malformed",
    "empty",
    "refused",
    "truncated",
    "scripted",
    "unreadable",
    "huge",
    "stall",
    "drip",
    "reset_headers",
    "reset_body",
    "cut_json",
    "html",
    "garbage",
    "spend_limit",
    "ramp_limit",
    "limited_seconds",
    "limited_ms",
    "limited_date",
    "error_500",
    "error_502",
    "error_503",
    "error_529",
    "error_list",
    "error_in_200",
    *STUDY_KINDS,
    *DEFECTS,
    *ANSWER_KINDS,
    *ANSWER_DEFECTS,
)
