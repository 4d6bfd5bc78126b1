"""Another chat's export that somebody pasted into a message: its lines look like messages, and go back in time.

Neighbours: `surveying` shows every line here, `whatsapp` leaves what was found in the message that it stands in.
"""

from __future__ import annotations

from typing import NamedTuple

from redraft.chat.exports.roster import Votes, colon_of

# So many minutes may a message stand before the one above: phones that were offline send late.
_LATE = 5
# Longer runs are no paste but a clock that was wrong.
_MOST_LINES, _MOST_RUNS = 100, 1000
_ENOUGH = 300


class _Seen(NamedTuple):
    body: str
    line: int
    main: bool
    bracket: bool


class Pastes:
    """Counts the votes of all lines but those that were pasted, which are `found` when the file is at its end.

    Pasted is a run of lines that go back in time and end where time goes on, under names of which none ever writes in
    the chat itself. What members of the chat wrote cannot be told from messages that came late: it stays.
    """

    def __init__(self, votes: Votes) -> None:
        self._votes = votes
        self._run: list[_Seen] = []
        self._open: list[list[_Seen]] = []
        self._last = 0
        self._lines = 0

    def add(self, body: str, line: int, minute: int, *, main: bool, bracket: bool) -> None:
        """A message, which begins at `line`. `minute` counts from the beginning of time, `main` tells the format that
        most messages have, `bracket` a file of an iPhone's."""
        self._lines += 1
        if minute >= self._last - _LATE:
            if self._run:
                self._close()
            self._last = minute
            self._votes.add(body, bracket=bracket)
            return
        self._run.append(_Seen(body[:_ENOUGH], line, main, bracket))
        if len(self._run) > _MOST_LINES or self._votes.names(body):
            self._last = minute
            self._keep(self._run)
            self._run = []

    def found(self) -> tuple[tuple[int, int], ...]:
        """The first and the last line of each paste, in the order of the file; to be called once, at its end."""
        self._keep(self._run)
        pasted = [run for run in self._open if self._is_paste(run)]
        if 2 * sum(map(len, pasted)) > self._lines:
            pasted = []
        for run in self._open:
            if run not in pasted:
                self._keep(run)
        return tuple((run[0].line, run[-1].line) for run in pasted)

    def _close(self) -> None:
        if len(self._open) < _MOST_RUNS:
            self._open.append(self._run)
        else:
            self._keep(self._run)
        self._run = []

    def _is_paste(self, run: list[_Seen]) -> bool:
        if any(self._votes.names(seen.body) for seen in run):
            return False
        return any(colon_of(seen.body) > 0 or not seen.main for seen in run)

    def _keep(self, run: list[_Seen]) -> None:
        for seen in run:
            self._votes.add(seen.body, bracket=seen.bracket)
