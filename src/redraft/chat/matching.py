"""Finds replies again in training messages: the longest run of words that stands in one, exactly.

Neighbours: `reciting` asks whether that is more than chance, `words` says what a word is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec

from redraft.chat.words import words


class Match(msgspec.Struct, frozen=True):
    """`words` of a reply, the `longest` run of them that stands in one training message, with its `text`, and the
    `characters` of the run that has most of these, a space between words. `verbatim` says that the whole reply is a
    message, or a line of one."""

    words: int
    longest: int
    characters: int
    text: str
    verbatim: bool


class Matcher:
    """Finds replies again in any number of training messages, each seen once: a suffix automaton of the replies' words.

    Exact, and it holds the replies alone: some 500 bytes a distinct word in a distinct reply.
    """

    def __init__(self, replies: Iterable[str]) -> None:
        self._numbers: dict[str, int] = {}
        self._next: list[dict[int, int]] = [{}]
        self._link, self._size = [-1], [0]
        self._whole: dict[str, bool] = {}
        last = 0
        for reply in replies:
            found = words(reply)
            if (key := " ".join(found)) in self._whole:
                continue
            self._whole[key] = False
            for word in found:
                last = self._extended(last, self._numbers.setdefault(word, len(self._numbers)))
            # No word of a message: no match reaches from one reply into the next.
            last = self._extended(last, -len(self._whole))
        self._best = [0] * len(self._size)

    def read(self, text: str) -> None:
        """One training message."""
        found = words(text)
        self._mark(" ".join(found))
        if "\n" in text:
            for line in text.split("\n"):
                self._mark(" ".join(words(line)))
        follow, link, size, best = self._next, self._link, self._size, self._best
        state = length = 0
        for number in map(self._numbers.get, found):
            if number is None:
                state = length = 0
                continue
            while number not in follow[state]:  # a known word follows at least nothing
                state = link[state]
                length = size[state]
            state = follow[state][number]
            length += 1
            if length > best[state]:
                best[state] = length

    def matches(self, replies: Iterable[str]) -> list[Match]:
        """What was read of each reply; they are among those that the matcher was made of."""
        reached = self._reached()
        return [self._match(words(reply), reached) for reply in replies]

    def _mark(self, key: str) -> None:
        if key in self._whole:
            self._whole[key] = True

    def _match(self, found: Sequence[str], reached: Sequence[int]) -> Match:
        ends = list(accumulate((len(word) + 1 for word in found), initial=0))
        state = longest = characters = end = 0
        for place, word in enumerate(found, start=1):
            state = self._next[state][self._numbers[word]]
            if (length := reached[state]) > longest:
                longest, end = length, place
            characters = max(characters, ends[place] - ends[place - length] - 1)
        text = " ".join(found[end - longest : end])
        return Match(len(found), longest, characters, text, bool(found) and self._whole[" ".join(found)])

    def _reached(self) -> list[int]:
        """For each state the longest match that ends where its runs of words end."""
        order = sorted(range(1, len(self._size)), key=self._size.__getitem__)
        best = self._best.copy()
        for state in reversed(order):
            if best[state] and (shorter := self._link[state]) > 0:
                best[shorter] = self._size[shorter]
        for state in order:
            best[state] = best[state] or best[self._link[state]]
        return best

    def _extended(self, last: int, number: int) -> int:
        """The state of all that was added and `number` (Blumer et al. 1985)."""
        made = self._state({}, self._size[last] + 1, 0)
        state = last
        while state != -1 and number not in self._next[state]:
            self._next[state][number] = made
            state = self._link[state]
        if state == -1:
            return made
        known = self._next[state][number]
        if self._size[known] != self._size[state] + 1:
            twin = self._state(self._next[known].copy(), self._size[state] + 1, self._link[known])
            self._link[known] = twin
            while state != -1 and self._next[state].get(number) == known:
                self._next[state][number] = twin
                state = self._link[state]
            known = twin
        self._link[made] = known
        return made

    def _state(self, follow: dict[int, int], size: int, link: int) -> int:
        self._next.append(follow)
        self._size.append(size)
        self._link.append(link)
        return len(self._size) - 1
