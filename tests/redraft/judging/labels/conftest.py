"""Judged pairs, sheets of labels and sessions made to order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redraft.judging.folding import Fold, Label
from redraft.judging.labels.judged import JudgedPair
from redraft.judging.labels.records import FORMAT, Choice, Event, Head, Labelled, Letter, Opened, verdict_of
from redraft.judging.labels.session import Drawn, Session, deck
from redraft.judging.labels.storage import Sheet, SheetWriter
from redraft.records import Comparison, Message

AT = "2026-01-01T00:00:00Z"


def head(by: str = "ann", seed: int = 0, **fields: str) -> Head:
    return Head(at=AT, format=FORMAT, by=by, seed=seed, **({"model_a": "tuned", "model_b": "base"} | fields))


def pair_of(labels: Sequence[Label], judge: str = "judge") -> JudgedPair:
    """Contexts c0, c1 and so on with these folds."""
    folds = {f"c{number}": Fold(context_id=f"c{number}", label=label) for number, label in enumerate(labels)}
    return JudgedPair(model_a="tuned", model_b="base", judged={judge: folds})


def labelled(context: str, choice: Choice, left: Letter = "A", shown: str = "", seconds: float = 5.0) -> Labelled:
    return Labelled(
        at=AT, context_id=context, shown=shown or f"texts of {context}", left=left, choice=choice,
        verdict=verdict_of(choice, left), seconds=seconds,
    )  # fmt: skip


def sheet(events: Sequence[Event], by: str = "ann", seed: int = 0, **fields: str) -> Sheet:
    return Sheet(path=Path(f"{by}.jsonl"), head=head(by, seed, **fields), events=tuple(events), size=1)


def answers(count: int) -> dict[str, Comparison]:
    return {
        f"c{number}": Comparison(
            context_id=f"c{number}", context=(Message("user", f"question {number}"),), model_a="tuned", model_b="base",
            response_a=f"alpha {number}", response_b=f"beta {number}",
        )
        for number in range(count)
    }  # fmt: skip


class Clock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Desk:
    """A person's sessions on one file, one after another."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self._stack = path, stack
        self._open = stack.enter_context(ExitStack())

    def sit(self, contexts: Sequence[Drawn]) -> Session:
        """A new session, as after a restart."""
        self._open.close()
        self._open = self._stack.enter_context(ExitStack())
        return Session(contexts, self._open.enter_context(SheetWriter(self.path, head())), "helpful@1", Clock())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path / "labels" / "ann.jsonl", stack)


@pytest.fixture
def make_deck() -> Callable[..., list[Drawn]]:
    return lambda count, of=None: deck(
        [f"c{number}" for number in range(count)], answers(of or count), seed=0, by="ann"
    )


@pytest.fixture
def make_head() -> Callable[..., Head]:
    return head


@pytest.fixture
def make_pair() -> Callable[..., JudgedPair]:
    return pair_of


@pytest.fixture
def make_label() -> Callable[..., Labelled]:
    return labelled


@pytest.fixture
def make_sheet() -> Callable[..., Sheet]:
    return sheet


@pytest.fixture
def make_answers() -> Callable[[int], dict[str, Comparison]]:
    return answers


@pytest.fixture
def opened() -> Opened:
    return Opened(at=AT, count=50, criteria="helpful@1")
