"""The exchange of judging between a training and whoever watches it: outputs are asked about in files of the run's
folder and answered there, each file whole or not there at all.

So the training needs no key and no network, and what was said is read again where it goes on after a kill. Neighbours:
`rl` asks, whoever began the run answers.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.training.adapting.running import Run
from redraft.training.setting_types import number

FOLDER = "judging"
_PAUSE = 0.1
# Between two words that it still waits: less than what makes a run count as silent.
_SIGN = 600.0
# Where nobody answered, the next wait is shorter by this: who is gone is not waited for all night.
_SHORTER = 4.0
_SHORTEST = 8

# (step, prompts, outputs) -> ratings, higher for better; None where the judge gave none, () where it was not waited for
Judge = Callable[[int, Sequence[str], Sequence[str]], Sequence[float | None]]


class AskedRow(msgspec.Struct, frozen=True):
    """An output to a prompt, with what ends it as completions have it."""

    prompt: str
    output: str


class Question(msgspec.Struct, frozen=True):
    """The outputs of a step that are to be rated; `sha256` (hex) is of the file that asks."""

    step: int
    rows: tuple[AskedRow, ...]
    sha256: str


class _Asked(msgspec.Struct, frozen=True):
    step: int
    rows: tuple[AskedRow, ...]


class _Said(msgspec.Struct, frozen=True, omit_defaults=True):
    ratings: tuple[float | None, ...]
    asked_sha256: str = ""
    given_up: bool = False


def open_questions(run: Path) -> list[Question]:
    """What the run in a folder asks and nobody has answered, by its steps."""
    return [one for one in _questions(run) if _said(run, one) is None]


def answer(run: Path, question: Question, ratings: Sequence[float | None]) -> None:
    """Writes the ratings of a question's outputs, in their order; what has been said stays. ValueError where there are
    not as many of each, StorageError."""
    if len(ratings) != len(question.rows):
        raise ValueError(f"{len(ratings)} ratings of {len(question.rows)} outputs; give one of each")
    if _said(run, question) is None:
        _say(run, question, _Said(tuple(ratings), question.sha256))


class Exchange:
    """A judge that is asked by files. It is waited for at most `patience` seconds, and not at all once the run is asked
    to end; every wait and its end are told."""

    def __init__(self, run: Run, patience: float) -> None:
        self._run, self._patience = run, patience
        self._in_vain, self._caught_up = 0, False

    def __call__(self, step: int, prompts: Sequence[str], outputs: Sequence[str]) -> Sequence[float | None]:
        """The ratings of a step's outputs; what was said of the very same ones before is not asked again."""
        rows = tuple(AskedRow(*row) for row in zip(prompts, outputs, strict=True))
        return self._answered(_ask(self._run.folder, step, rows))

    def until(self, step: int, known: Collection[int]) -> Iterator[tuple[int, Sequence[float | None]]]:
        """(step, ratings) of what was asked up to a step, but for the steps that are `known`: a run that was asked to
        end while it waited has not heard them. Only the first time; later there are none."""
        if self._caught_up:
            return
        self._caught_up = True
        for one in _questions(self._run.folder):
            if one.step <= step and one.step not in known:
                yield one.step, self._answered(one)

    def _answered(self, question: Question) -> Sequence[float | None]:
        said = _said(self._run.folder, question)
        if said is None:
            said = self._waited(question)
            if said is not None and not any(one is not None for one in said.ratings) and not said.given_up:
                self._tell(question, "judge_silent", "the judge could rate no output", "warning")
        return () if said is None else said.ratings

    def _waited(self, question: Question) -> _Said | None:
        patience = self._patience / _SHORTER ** min(self._in_vain, _SHORTEST)
        self._tell(question, "judge_asked", f"{len(question.rows):,} outputs wait for the judge")
        began = sign = time.monotonic()
        while (said := _said(self._run.folder, question)) is None:
            now = time.monotonic()
            if self._run.stop.asked:
                self._tell(question, "judge_left", "the judge is heard when the training goes on")
                return None
            if now - began >= patience:
                return self._given_up(question, patience)
            if now - sign >= _SIGN:
                sign = now
                self._tell(question, "judge_asked", "outputs still wait for the judge")
            self._run.teller.beat()
            time.sleep(min(_PAUSE, patience))
        self._in_vain = 0
        return said

    def _given_up(self, question: Question, patience: float) -> _Said:
        # Written down: an answer that comes too late would make what follows another one after a kill.
        said = _Said((None,) * len(question.rows), question.sha256, given_up=True)
        _say(self._run.folder, question, said)
        self._in_vain += 1
        self._tell(
            question,
            "judge_missing",
            f"nobody judged the outputs within {number(patience)} seconds: it goes on without, "
            "and cannot see there whether the reward is hacked",
            "warning",
        )
        return said

    def _tell(self, question: Question, kind: str, words: str, level: str = "info") -> None:
        self._run.teller.event(kind, f"step {question.step}: {words}", level, step=question.step)


def _ask(run: Path, step: int, rows: tuple[AskedRow, ...]) -> Question:
    content = msgspec.json.encode(_Asked(step, rows))
    path = run / FOLDER / f"asked-{step}.json"
    with storage_faults(path):
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
    return Question(step, rows, hashlib.sha256(content).hexdigest())


def _questions(run: Path) -> list[Question]:
    found: list[Question] = []
    folder = run / FOLDER
    with storage_faults(folder):
        for path in folder.glob("asked-*.json"):
            content = path.read_bytes()
            asked = msgspec.json.decode(content, type=_Asked)
            found.append(Question(asked.step, asked.rows, hashlib.sha256(content).hexdigest()))
    return sorted(found, key=lambda one: one.step)


def _said(run: Path, question: Question) -> _Said | None:
    """What was said of these very outputs; what cannot be read, or is of other outputs, is no answer."""
    path = run / FOLDER / f"said-{question.step}.json"
    if not path.is_file():
        return None
    try:
        with storage_faults(path):
            said = msgspec.json.decode(path.read_bytes(), type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    fits = said.asked_sha256 in ("", question.sha256) and len(said.ratings) == len(question.rows)
    return said if fits else None


def _say(run: Path, question: Question, said: _Said) -> None:
    write_whole(run / FOLDER / f"said-{question.step}.json", msgspec.json.encode(said))
