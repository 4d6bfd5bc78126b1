"""The lines of a file of labels: what one person said of one pair of models' answers, in the order in which they did.

A file is JSON Lines. The first line is a `Head`, every other an event; nothing is ever changed or taken out, so
undoing is an event too. Neighbours: `storage` writes and reads the lines, `standing` says what they come to.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.records import Comparison

FORMAT = "redraft.labels@1"
# Characters of a note.
NOTE_LIMIT = 4_000

Side = Literal["left", "right"]
Choice = Literal["left", "right", "tie"]
Letter = Literal["A", "B"]
Verdict = Literal["win", "loss", "tie"]

_NAME = re.compile(r"\w(?:[\w .@+-]{0,62}[\w.])?")


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """`at` is the time in UTC, ISO 8601."""

    at: str


class Head(_Line, frozen=True, kw_only=True, tag="head"):
    """The first line: who labels which models' answers, and the seed that sample, order and sides are drawn with."""

    format: str
    by: str
    model_a: str
    model_b: str
    seed: int


class Opened(_Line, frozen=True, kw_only=True, tag="opened"):
    """From here on, `count` contexts are asked for, and `criteria` (name@version) shown as what counts."""

    count: int
    criteria: str


class Labelled(_Line, frozen=True, kw_only=True, tag="label"):
    """One label. `left` is the model whose answer stood there, `choice` the better side, and `verdict` what that
    makes from model A's side. `shown` is the fingerprint of what was read, `seconds` the time it took.
    """

    context_id: str
    shown: str
    left: Letter
    choice: Choice
    verdict: Verdict
    seconds: float | None = None


class Skipped(_Line, frozen=True, kw_only=True, tag="skip"):
    """A context that the person would not decide."""

    context_id: str
    shown: str
    left: Letter
    seconds: float | None = None


class Undone(_Line, frozen=True, kw_only=True, tag="undo"):
    """The latest label or skip of the context counts no longer."""

    context_id: str


class Noted(_Line, frozen=True, kw_only=True, tag="note"):
    """The person's note on the context; a later one replaces it, and an empty one removes it."""

    context_id: str
    note: str


class Revisited(_Line, frozen=True, kw_only=True, tag="revisit"):
    """All that was skipped is asked again."""


Event = Opened | Labelled | Skipped | Undone | Noted | Revisited


def verdict_of(choice: Choice, left: Letter) -> Verdict:
    """The choice from model A's side."""
    if choice == "tie":
        return "tie"
    return "win" if (choice == "left") == (left == "A") else "loss"


def fingerprint(comparison: Comparison) -> str:
    """sha256 (hex) of the texts that a person reads, so that a label never counts for other answers."""
    texts = [[[one.role, one.content] for one in comparison.context], comparison.response_a, comparison.response_b]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def require_name(by: str) -> str:
    """The name without spaces around it. ConfigurationError where it is none that a report could show."""
    name = " ".join(by.split())
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{by!r} cannot be the name of who labels: 1 to 64 letters, digits, spaces and . @ + - _"
        )
    return name
