"""What the page is told, as plain values: texts made safe to read, never a model's name, a context's id or a verdict.

Neighbour: `server` sends them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.judging.labels.session import Drawn, Session
from redraft.judging.untrusted import clipped

Act = Literal["left", "right", "tie", "skip", "undo", "revisit", "note"]

# Of a conversation the page shows the last messages; what is answered stands at its end.
SHOWN_MESSAGES = 100
# Characters of one text, about 30 pages; the judge sees less of an answer.
SHOWN_CHARACTERS = 100_000


class Visible(msgspec.Struct, frozen=True):
    """A text safe to show, up to the limit; `length` counts the characters of the whole, `left_out` those not shown."""

    text: str
    length: int
    left_out: int


class Said(msgspec.Struct, frozen=True):
    role: str
    text: Visible


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The pair in front: its place from 1 on, the conversation (its `left_out` first messages aside), the answers."""

    place: int
    messages: list[Said]
    left_out: int
    left: Visible
    right: Visible
    note: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Where the person stands; `pair` is None where all is labelled or skipped."""

    version: int
    total: int
    labelled: int
    skipped: int
    undoable: bool
    pair: Pair | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same while the page is open."""

    by: str
    criteria: list[str]
    simulated: bool


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page asks for, of the state of that `version`."""

    version: int
    act: Act
    note: str | None = None


def view_of(session: Session) -> View:
    """The session as the page shows it; the time for the pair in front runs from now on."""
    done, now = session.done, session.show()
    return View(
        version=session.version, total=len(session.pairs), labelled=len(done) - session.skipped,
        skipped=session.skipped, undoable=bool(done), pair=_pair(session, now) if now else None,
    )  # fmt: skip


def _pair(session: Session, drawn: Drawn) -> Pair:
    context = drawn.comparison.context
    left, right = (_visible(text) for text in drawn.texts)
    return Pair(
        place=session.pairs.index(drawn) + 1,
        messages=[Said(one.role, _visible(one.content)) for one in context[-SHOWN_MESSAGES:]],
        left_out=max(0, len(context) - SHOWN_MESSAGES),
        left=left, right=right, note=session.note,
    )  # fmt: skip


def _visible(text: str) -> Visible:
    shown, left_out = clipped(text, SHOWN_CHARACTERS)
    return Visible(shown, len(text), left_out)


def obey(session: Session, order: Order) -> None:
    """Does what the page asks; a note that comes with an act is kept first. Errors as of `Session`."""
    if order.note is not None:
        session.write_note(order.note)
    match order.act:
        case "left" | "right" | "tie":
            session.label(order.act)
        case "skip":
            session.skip()
        case "undo":
            session.undo()
        case "revisit":
            session.revisit()
        case "note":
            pass
