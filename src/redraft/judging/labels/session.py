"""One person going through what was drawn: the pair in front of them, and what each of their acts does.

Neighbours: `storage` keeps every act before the next pair is shown, `redraft.labelling` puts a page in front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from redraft.errors import InputError
from redraft.judging.labels import drawing
from redraft.judging.labels.judged import JudgedPair
from redraft.judging.labels.records import (
    NOTE_LIMIT,
    Choice,
    Event,
    Labelled,
    Letter,
    Noted,
    Opened,
    Revisited,
    Skipped,
    Undone,
    fingerprint,
    verdict_of,
)
from redraft.judging.labels.storage import Sheet, SheetWriter
from redraft.records import Comparison

DEFAULT_COUNT = 50

Clock = Callable[[], datetime]


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of answers on the table. `shown` is the fingerprint of its texts."""

    comparison: Comparison
    left: Letter
    shown: str

    @property
    def context_id(self) -> str:
        return self.comparison.context_id

    @property
    def texts(self) -> tuple[str, str]:
        """The answers as they stand, left and right."""
        a, b = self.comparison.response_a or "", self.comparison.response_b or ""
        return (a, b) if self.left == "A" else (b, a)


def seed_of(sheets: Sequence[Sheet], by: str, models: tuple[str, str], wanted: int | None) -> int:
    """The seed to draw with: `wanted`, or the person's own before, or another person's of this pair, or 0.

    InputError where the person has labelled with another seed than `wanted`.
    """
    of_pair = [one.head for one in sheets if (one.head.model_a, one.head.model_b) == models]
    own = next((head.seed for head in of_pair if head.by == by), None)
    if wanted is not None:
        if own not in (None, wanted):
            raise InputError(f"{by} labels these answers with seed {own}; leave --seed out to go on")
        return wanted
    return own if own is not None else of_pair[0].seed if of_pair else 0


def draw(pair: JudgedPair, count: int, *, seed: int) -> list[str]:
    """The context ids to label. InputError where no context has a usable verdict."""
    contexts = drawing.eligible(pair.judged.values())
    if not contexts:
        raise InputError("no context has a usable verdict, so there is nothing that labels could correct")
    return drawing.ordered(contexts, seed=seed, models=pair.models)[:count]


def deck(contexts: Sequence[str], answers: Mapping[str, Comparison], *, seed: int, by: str) -> list[Drawn]:
    """What is drawn, with the sides of each. InputError where the answers to a context are not there."""
    if lost := next((one for one in contexts if one not in answers), None):
        raise InputError(f"the results have judgments of context {lost}, but not the answers")
    models = next(((one.model_a, one.model_b) for one in answers.values()), ("", ""))
    left = drawing.sides(len(contexts), seed=seed, by=by, models=models)
    return [
        Drawn(comparison=answers[one], left=side, shown=fingerprint(answers[one]))
        for one, side in zip(contexts, left, strict=True)
    ]


class Session:
    """A person's way through a deck. Each act is on the disk when its method returns; StorageError changes nothing."""

    def __init__(self, pairs: Sequence[Drawn], writer: SheetWriter, criteria: str, clock: Clock) -> None:
        self.pairs, self._writer, self._clock = list(pairs), writer, clock
        self._since: tuple[str, datetime] | None = None
        before = writer.standing
        if before.count != len(pairs) or before.criteria[-1:] != (criteria,):
            self._append(Opened(at=self._at(), count=len(pairs), criteria=criteria))

    @property
    def version(self) -> int:
        """Changes with every act."""
        return self._writer.version

    @property
    def done(self) -> list[Drawn]:
        """What is labelled or skipped, in the order in which that was done."""
        here = {one.context_id: one for one in self.pairs}
        decided = self._writer.standing.decided
        # A label of other texts, from before the run was made again, does not stand for these.
        return [here[key] for key, one in decided.items() if key in here and one.shown == here[key].shown]

    @property
    def skipped(self) -> int:
        return sum(one.context_id in self._writer.standing.skipped for one in self.done)

    @property
    def note(self) -> str:
        """The note on the pair in front."""
        now = self.current
        return self._writer.standing.notes.get(now.context_id, "") if now else ""

    @property
    def current(self) -> Drawn | None:
        """The first pair that is neither labelled nor skipped; None where there is none."""
        done = {one.context_id for one in self.done}
        return next((one for one in self.pairs if one.context_id not in done), None)

    def show(self) -> Drawn | None:
        """`current`, and the time that is taken for it begins, unless it began already."""
        now = self.current
        if now is None:
            self._since = None
        elif self._since is None or self._since[0] != now.context_id:
            self._since = now.context_id, self._clock()
        return now

    def label(self, choice: Choice) -> None:
        now, moment = self._required(), self._clock()
        self._append(
            Labelled(
                at=_utc(moment), context_id=now.context_id, shown=now.shown, left=now.left, choice=choice,
                verdict=verdict_of(choice, now.left), seconds=self._seconds(now, moment),
            )
        )  # fmt: skip

    def skip(self) -> None:
        now, moment = self._required(), self._clock()
        self._append(
            Skipped(
                at=_utc(moment), context_id=now.context_id, shown=now.shown, left=now.left,
                seconds=self._seconds(now, moment),
            )
        )  # fmt: skip

    def undo(self) -> None:
        """Back to what was decided last. InputError where there is nothing."""
        if not self.done:
            raise InputError("there is nothing to undo")
        self._append(Undone(at=self._at(), context_id=self.done[-1].context_id))

    def revisit(self) -> None:
        """What was skipped is asked again. InputError where nothing was."""
        if not self.skipped:
            raise InputError("nothing was skipped")
        self._append(Revisited(at=self._at()))

    def write_note(self, note: str) -> None:
        """Keeps the note on the pair in front; an empty one removes it. InputError for a longer one than fits."""
        if len(note) > NOTE_LIMIT:
            raise InputError(f"a note has at most {NOTE_LIMIT} characters, not {len(note)}")
        clean = note.strip().encode("utf-8", "replace").decode()
        if clean != self.note:
            self._append(Noted(at=self._at(), context_id=self._required().context_id, note=clean))

    def _required(self) -> Drawn:
        now = self.current
        if now is None:
            raise InputError("everything that was drawn is labelled or skipped")
        return now

    def _seconds(self, now: Drawn, moment: datetime) -> float | None:
        if self._since is None or self._since[0] != now.context_id:
            return None
        return round(max(0.0, (moment - self._since[1]).total_seconds()), 1)

    def _append(self, event: Event) -> None:
        self._writer.append(event)

    def _at(self) -> str:
        return _utc(self._clock())


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
