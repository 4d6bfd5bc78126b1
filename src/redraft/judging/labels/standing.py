"""What a person's events come to: the labels that count, what was skipped, what can be undone. A pure replay."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from redraft.judging.labels.records import Event, Labelled, Noted, Opened, Revisited, Skipped, Undone


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`decided` has each context's label or skip, in the order in which they were made; the last may be undone.

    `notes` has each context's note; `count` is how many contexts were asked for last, `criteria` what was shown.
    """

    decided: dict[str, Labelled | Skipped] = {}
    notes: dict[str, str] = {}
    count: int | None = None
    criteria: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, Labelled]:
        return {key: one for key, one in self.decided.items() if isinstance(one, Labelled)}

    @property
    def skipped(self) -> dict[str, Skipped]:
        return {key: one for key, one in self.decided.items() if isinstance(one, Skipped)}

    def after(self, event: Event) -> Standing:
        """The standing with one more event."""
        match event:
            case Labelled() | Skipped():
                kept = {key: one for key, one in self.decided.items() if key != event.context_id}
                return msgspec.structs.replace(self, decided=kept | {event.context_id: event})
            case Undone():
                kept = {key: one for key, one in self.decided.items() if key != event.context_id}
                return msgspec.structs.replace(self, decided=kept)
            case Noted():
                kept_notes = {key: note for key, note in self.notes.items() if key != event.context_id}
                more = {event.context_id: event.note} if event.note else {}
                return msgspec.structs.replace(self, notes=kept_notes | more)
            case Revisited():
                return msgspec.structs.replace(self, decided=dict(self.labels))
            case Opened():
                known = tuple(dict.fromkeys((*self.criteria, event.criteria)))
                return msgspec.structs.replace(self, count=event.count, criteria=known)


def standing(events: Iterable[Event]) -> Standing:
    """What the events come to, the earliest first."""
    now = Standing()
    for event in events:
        now = now.after(event)
    return now
