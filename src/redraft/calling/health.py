"""What one provider has shown of itself during a run: whether it is there, and since when it only refuses."""

from __future__ import annotations

from redraft.providers.wire import DOWN, FaultKind

# This many requests in a row given up although sent again: the provider is down, not the row at fault.
DOWN_IN_A_ROW = 20


class Health:
    """`reached`: something answered, if only with an error."""

    def __init__(self) -> None:
        self.reached = False
        self._given_up = 0
        self._limited_since: float | None = None

    def answered(self) -> None:
        """A call was answered: the provider works."""
        self.reached = True
        self._given_up = 0
        self._limited_since = None

    def failed(self, kind: FaultKind) -> None:
        """One attempt failed."""
        self.reached = self.reached or kind != "unreachable"

    def limited(self, now: float) -> float:
        """One attempt was refused as too many; for how many seconds that has been all there was."""
        self._limited_since = now if self._limited_since is None else self._limited_since
        return now - self._limited_since

    def given_up(self, kind: FaultKind) -> bool:
        """A request was given up; whether that means that the provider cannot be used at all."""
        self._given_up = self._given_up + 1 if kind in DOWN else 0
        return self._given_up >= DOWN_IN_A_ROW or (kind == "unreachable" and not self.reached)
