"""How single rows of one batch are drawn and when each of them ends, whatever its neighbours asked for.

Neighbour: `answering` hands these to transformers' `generate`, which calls them once a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from redraft.serving.asked import Asked


class Drawing:
    """Draws the next token of each row with a temperature by that row's own seed; rows without one stay as they are.

    `generate` takes the likeliest token: of a drawn row all others are ruled out. The draws are made on the CPU in
    single precision, so that a seed gives the same numbers on every device and beside any neighbours. Only the first
    `known` are tokens, where that is given; what else the matrix has fills it up.
    """

    def __init__(self, calls: Sequence[Asked], known: int | None = None) -> None:
        import torch

        self._known = known
        self._rows = [
            (row, asked, torch.Generator().manual_seed(asked.seed))
            for row, asked in enumerate(calls)
            if asked.temperature
        ]

    def __call__(self, _: Any, scores: Any) -> Any:
        import torch

        if self._known is not None:
            scores[:, self._known :] = float("-inf")
        for row, asked, generator in self._rows:
            chances = _nucleus(scores[row].float().cpu(), asked.temperature, asked.top_p)
            token = int(torch.multinomial(chances, 1, generator=generator))
            scores[row] = float("-inf")
            scores[row, token] = 0.0
        return scores


def _nucleus(scores: Any, temperature: float, top_p: float) -> Any:
    """Chances of the smallest set of likeliest tokens that have `top_p` together; the first one always belongs."""
    # From the highest downwards, so that a small temperature divides nothing into infinity.
    chances = ((scores - scores.max()) / temperature).softmax(-1)
    if top_p < 1:
        ordered, places = chances.sort(descending=True, stable=True)
        chances[places[ordered.cumsum(-1) - ordered >= top_p]] = 0.0
    return chances


class Ending:
    """Ends rows at their own limit of tokens, at their own stop texts, or all of them once `halt` is set.

    `ends` has, for each row that was ended here, how many tokens it had, and why: length, stop or halted. `start` is
    where answers begin in what `generate` writes, `text` makes text of tokens.
    """

    def __init__(self, calls: Sequence[Asked], start: int, text: Callable[[Sequence[int]], str], halt: Event) -> None:
        self.ends: list[tuple[int, str] | None] = [None] * len(calls)
        self._calls, self._start, self._text, self._halt = calls, start, text, halt

    def __call__(self, ids: Any, _: Any, **__: Any) -> Any:
        import torch

        written = ids.shape[1] - self._start
        for row, asked in enumerate(self._calls):
            if self.ends[row] is None and (reason := self._reason(asked, ids[row], written)):
                self.ends[row] = (written, reason)
        return torch.tensor([end is not None for end in self.ends], device=ids.device)

    def _reason(self, asked: Asked, row: Any, written: int) -> str:
        if self._halt.is_set():
            return "halted"
        if asked.stop:
            text = self._text(row[self._start :].tolist())
            if any(stop in text for stop in asked.stop):
                return "stop"
        return "length" if asked.max_tokens is not None and written >= asked.max_tokens else ""


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """The text before the first of the stop texts."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]
