"""Several exports of one chat as one stream: in the order of time, each message once.

Neighbours: `opening` opens the exports, `raw` says what they are.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from redraft.chat.exports.raw import Export, RawMessage
from redraft.records import Rejection

# What an export knows of a time, in millionths of a second.
EXACT, SECOND, MINUTE = 1, 1_000_000, 60_000_000
# So many messages tell whether an export knows seconds.
SAMPLE = 500
# So many messages are held to put late ones in their place.
WINDOW = 1000

# What makes two messages one: time, author and text.
_Key = tuple[int, str, str]
# And the how-manieth of such a message it is.
_Token = tuple[_Key, int]


class _Seen(msgspec.Struct, gc=False):
    """A message, its time in millionths of a second since 1970, and the resolution of the export it is from."""

    message: RawMessage
    at: int
    unit: int


_Stream = Iterator[_Seen | Rejection]


def merged(exports: Sequence[Export]) -> Iterator[RawMessage | Rejection]:
    """The messages of all `exports` in the order of time; rejections come as they are met. One export stays as it is.

    A message is the same in two exports where author, text and time are, the time at the resolution of the coarser one
    (Android tells minutes, iOS seconds); the finer is kept. Of media only author and time are compared: with media and
    without, their text is another. Two equal messages of one export are two. Messages of one time stand as in the
    files; one that is known to the minute only, and stands behind one that is known to the second, takes its time. In
    whatever order the exports are given, the result is the same. What cannot be told: where one export ends between two
    equal messages of one minute and the next begins there, they are taken for one. Holds the messages of one minute of
    each export, and `WINDOW` of each to put late ones in place.
    """
    if len(exports) == 1:
        yield from exports[0].messages()
        return
    units = [_resolution(export) for export in exports]
    streams: list[_Stream] = []
    # Exports of one resolution first; what comes out is one more beside those of the next.
    for unit in sorted(set(units)):
        streams += [_in_order(export, unit) for export, its in zip(exports, units, strict=True) if its == unit]
        streams = [_merged_streams(streams, unit)]
    for seen in streams[0] if streams else ():
        yield seen if isinstance(seen, Rejection) else seen.message


def _resolution(export: Export) -> int:
    finest = MINUTE
    for message in islice(export.messages(), SAMPLE):
        if not isinstance(message, Rejection):
            if message.time.microsecond:
                return EXACT
            finest = SECOND if message.time.second else finest
    return finest


def _in_order(export: Export, unit: int) -> _Stream:
    """The messages by time; those of one time in the order of the file. A message that is later than `WINDOW` others
    stays where it is."""
    held: list[tuple[int, int, RawMessage]] = []
    for number, message in enumerate(export.messages()):
        if isinstance(message, Rejection):
            yield message
            continue
        heapq.heappush(held, (round(message.time.timestamp() * 1_000_000), number, message))
        if len(held) > WINDOW:
            at, _, first = heapq.heappop(held)
            yield _Seen(first, at, unit)
    while held:
        at, _, first = heapq.heappop(held)
        yield _Seen(first, at, unit)


class _Reader:
    """A stream by slots of time: `held` are the messages of the slot it is at, `first` and `ended` say that none came
    before them, or comes after. `slot` is None behind the end."""

    def __init__(self, stream: _Stream, unit: int) -> None:
        self.held: list[_Seen] = []
        self.slot: int | None = None
        self.first, self.ended = False, False
        self._stream, self._unit = stream, unit
        self._rejections: list[Rejection] = []
        self._ahead = self._next()
        self._begun = False
        self.advance()

    def advance(self) -> None:
        """To the next slot that holds a message; where one is later than `WINDOW` others, that is an earlier slot."""
        ahead, self.first, self._begun = self._ahead, not self._begun, True
        if ahead is None:
            self.held, self.slot = [], None
            return
        self.slot = ahead.at // self._unit
        self.held = [ahead]
        while (following := self._next()) is not None and following.at // self._unit == self.slot:
            self.held.append(following)
        self._ahead, self.ended = following, following is None

    def rejections(self) -> Iterator[Rejection]:
        """Those that were met on the way; each once."""
        met, self._rejections = self._rejections, []
        yield from met

    def _next(self) -> _Seen | None:
        for seen in self._stream:
            if not isinstance(seen, Rejection):
                return seen
            self._rejections.append(seen)
        return None


def _merged_streams(streams: Sequence[_Stream], unit: int) -> _Stream:
    """One stream of streams that are in order, compared at `unit`; at most one of them knows more than that."""
    readers = [_Reader(stream, unit) for stream in streams]
    while True:
        for reader in readers:
            yield from reader.rejections()
        slots = [reader.slot for reader in readers if reader.slot is not None]
        if not slots:
            return
        now = [reader for reader in readers if reader.slot == min(slots)]
        yield from now[0].held if len(now) == 1 else _one_slot(now, unit)
        for reader in now:
            reader.advance()


def _one_slot(readers: Sequence[_Reader], unit: int) -> Iterator[_Seen]:
    """The union of what `readers` hold of one time, each as often as in the one that has it most often, in an order
    that agrees with each of theirs (as far as they agree)."""
    keys = [[_key(seen, unit) for seen in reader.held] for reader in readers]
    if all(one == keys[0] for one in keys):
        yield from (min(same, key=_preference) for same in zip(*(reader.held for reader in readers), strict=True))
        return
    most = Counter[_Key]()
    for its in keys:
        most |= Counter(its)
    chains = [_tokens(reader, its, most) for reader, its in zip(readers, keys, strict=True)]
    kept: dict[_Token, _Seen] = {}
    for reader, chain in zip(readers, chains, strict=True):
        for seen, token in zip(reader.held, chain, strict=True):
            kept[token] = min(seen, kept.get(token, seen), key=_preference)
    earlier = [chain for reader, chain in zip(readers, chains, strict=True) if not reader.first]
    later = set(kept).difference(*earlier)
    before = 0
    for token in _interleaved(chains, kept, later):
        seen = kept[token]
        if seen.at < before:
            seen = _lifted(seen, before)
        before = max(before, seen.at)
        yield seen


def _key(seen: _Seen, unit: int) -> _Key:
    message = seen.message
    return seen.at // unit, message.author, "" if message.kind == "media" else message.text


def _preference(seen: _Seen) -> tuple[int, int, int, int, str, str]:
    """The smallest is kept of several that are one message: who knows the time best, then who has the caption."""
    message = seen.message
    return seen.unit, -len(message.text), message.line, seen.at, message.text, message.kind


def _tokens(reader: _Reader, keys: Sequence[_Key], most: Counter[_Key]) -> list[_Token]:
    """What `reader` holds, by name. An export that begins within this time lacks the first of equal messages."""
    lacks_first = reader.first and not reader.ended
    own, met = Counter(keys), Counter[_Key]()
    tokens: list[_Token] = []
    for key in keys:
        tokens.append((key, met[key] + (most[key] - own[key] if lacks_first else 0)))
        met[key] += 1
    return tokens


def _interleaved(chains: Sequence[list[_Token]], kept: dict[_Token, _Seen], later: set[_Token]) -> Iterator[_Token]:
    """All tokens once, each behind those before it in every chain. Where chains contradict each other, the one that
    knows times best is followed. `later` are tokens only of exports that begin here: they yield to others."""
    heads = [0] * len(chains)
    waiting = Counter(token for chain in chains for token in chain)
    done = set[_Token]()

    def order(token: _Token) -> tuple[bool, int, _Token]:
        return token in later, kept[token].at, token

    for _ in range(len(kept)):
        tops: list[_Token] = []
        for number, chain in enumerate(chains):
            while heads[number] < len(chain) and chain[heads[number]] in done:
                heads[number] += 1
            if heads[number] < len(chain):
                tops.append(chain[heads[number]])
        free = [token for token, count in Counter(tops).items() if count == waiting[token]]
        chosen = min(free, key=order) if free else min(tops, key=lambda token: (kept[token].unit, *order(token)))
        done.add(chosen)
        yield chosen


def _lifted(seen: _Seen, at: int) -> _Seen:
    """The message with its time, of which only the minute is known, moved to `at` within it."""
    message = seen.message
    time = message.time.fromtimestamp(at / 1_000_000, message.time.tzinfo)
    return _Seen(msgspec.structs.replace(message, time=time), at, seen.unit)
