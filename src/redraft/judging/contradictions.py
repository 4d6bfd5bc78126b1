"""Verdicts of a results file against the judge's own answers beside them: whoever edits one edits what it counts.

Neighbours: `rescoring` counts them; `replies` reads answers, `protocol` makes records of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from redraft.errors import InputError
from redraft.judging.replies import Choice, read_json_reply, read_text_reply
from redraft.records import Judgment


class _Said(msgspec.Struct):
    verdict: str


_CHOICES: dict[tuple[str, str], Choice] = {
    ("AB", "A"): "answer_1", ("AB", "B"): "answer_2", ("BA", "A"): "answer_2", ("BA", "B"): "answer_1",
}  # fmt: skip
_LAST_LINES: dict[str, Choice] = {"VERDICT: 1": "answer_1", "VERDICT: 2": "answer_2", "VERDICT: TIE": "tie"}
_decode = msgspec.json.Decoder(_Said).decode


class Consistent:
    """The judgments, one by one, each compared with what its answer (`raw`) reads as; those without one pass.

    InputError at their end, with how many differ and the first of them, if any does. An answer that cannot be read
    says nothing against a verdict.
    """

    def __init__(self, judgments: Iterable[Judgment], path: Path) -> None:
        self._judgments, self._path = judgments, path

    def __iter__(self) -> Iterator[Judgment]:
        differ, first = 0, ""
        for item in self._judgments:
            if item.raw and (said := _contradicted(item)) is not None:
                differ += 1
                first = first or _words(item, said)
            yield item
        if differ:
            raise InputError(
                f"{self._path}: {differ} of the verdicts are not what the judge answered (`raw`); the first is {first};"
                " take back what was changed, or run the same command again, which asks nothing anew"
            )


def _contradicted(item: Judgment) -> Choice | None:
    """What the judge chose, where the record says something else."""
    if item.status not in ("ok", "tie"):
        return None
    tie = item.status == "tie" and item.winner is None
    kept = "tie" if tie else _CHOICES.get((item.order, item.winner or "")) if item.status == "ok" else None
    if kept is not None and _at_a_glance(item.raw) == kept:
        return None
    reply = read_json_reply(item.raw) or read_text_reply(item.raw)
    return reply.choice if reply is not None and reply.choice != kept else None


def _at_a_glance(raw: str) -> str | None:
    """What an answer seems to say, in a tenth of the time of reading it strictly."""
    if not raw.startswith("{"):
        return _LAST_LINES.get(raw.rstrip().rpartition("\n")[2])
    try:
        return _decode(raw).verdict
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _words(item: Judgment, said: Choice) -> str:
    kept = f"{item.status}, winner {item.winner}" if item.winner else item.status
    winner = next((name for (order, name), choice in _CHOICES.items() if (order, choice) == (item.order, said)), None)
    return (
        f"that of {item.judge} on context {item.context_id}, {item.model_a} (A) against {item.model_b} (B), order "
        f"{item.order}: it stands as {kept}, and the answer says {f'winner {winner}' if winner else 'tie'}"
    )
