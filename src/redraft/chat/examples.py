"""Examples of one person's replies: of a dataset of messages, each reply with the context that a strategy selects.

Every message of the person is in one example, or a Rejection that says why not. Neighbours: `timeline` holds a chat
while its examples are made, `splitting` says which are for the test, `training_rows` writes what trainers read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from redraft.chat.joining import Cutting, Unit, units
from redraft.chat.selection import Strategy, Targets
from redraft.chat.speakers import require_letters, speakers
from redraft.chat.splitting import Repetitions, Sides, split
from redraft.chat.timeline import Chat
from redraft.chat_records import ChatExample, ChatMessage, ChatSide, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter, require_target
from redraft.errors import ConfigurationError, InputError
from redraft.records import Rejection

MESSAGES, EXAMPLES = "chat_messages", "chat_examples"
Refuse = Callable[[Rejection], None]
# How many people an error names.
_NAMED = 10


class ExampleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`join_minutes`: what the person writes in a row, at most so far apart, is one reply; None keeps messages apart.
    `pause_hours`: a longer pause begins a session. `test_share` of each chat's replies, its last, are tested on, and to
    `preference_share` of the others, the last of them, alternatives are ranked. Replies of fewer than `least_words`
    words are left out."""

    join_minutes: float | None = 3.0
    pause_hours: float = 4.0
    test_share: float = 0.1
    least_words: int = 1
    preference_share: float = 0.0

    @property
    def cutting(self) -> Cutting:
        return Cutting(self.pause_hours * 3600, None if self.join_minutes is None else self.join_minutes * 60)


def build_examples(dataset: Dataset, person: str, strategy: Strategy, options: ExampleOptions, output: Path) -> Dataset:
    """The examples of a dataset of kind `chat_messages` as one of kind `chat_examples` at `output`; its manifest tells
    parent, person, strategy, options, sides, and how many test replies repeat what is trained on.

    Chats are read one after another; under 200 bytes a message in memory besides what the strategy needs. Reasons of
    rejection: those of `joining.units`, `too_short`, `no_context`. Raises InputError where the person wrote nothing
    that makes an example, ConfigurationError for options that cannot be, StorageError.
    """
    require_messages(dataset, person)
    require_target(output, EXAMPLES, dataset.path)
    sides: dict[str, int] = dict.fromkeys(Sides._fields, 0)
    repetitions = Repetitions()
    chats = 0
    with DatasetWriter(output, EXAMPLES) as writer, closing(chats_of(dataset, person, options, writer.reject)) as read:
        for chat in read:
            chats += 1
            require_letters(chat.name, chat.others, strategy.most)
            for example in _examples(chat, strategy, options, writer.reject, repetitions):
                sides[example.side] += 1
                writer.add(example)
        if not any(sides.values()):
            raise InputError(f"{dataset.path}: no reply of {person} has a context; choose another, or other options")
        return writer.finish(
            {
                "parents": [{"path": str(dataset.path.resolve()), "content_hash": dataset.content_hash}],
                "person": person,
                "strategy": strategy.name,
                "settings": strategy.settings(),
                "options": msgspec.to_builtins(options),
                "chats": chats,
                "sides": sides,
                "test_replies_trained_on": repetitions.counts(),
            }
        )


def require_messages(dataset: Dataset, person: str) -> None:
    """Raises InputError for a dataset of another kind, and where nobody of that pseudonym writes in it."""
    if dataset.kind != MESSAGES:
        raise InputError(f"{dataset.path}: a dataset of {dataset.kind}; give one of {MESSAGES}, as chat read writes it")
    if not any(message.author == person for message in dataset.rows()):
        raise InputError(f"{dataset.path}: nobody is called {person!r} there; choose {_people(dataset)}")


def chats_of(dataset: Dataset, person: str, options: ExampleOptions, refuse: Refuse) -> Generator[Chat]:
    """Each chat of the dataset, open until the next is asked for; the person's messages that are in none of its units
    go to `refuse`. Raises InputError where the messages of a chat do not stand together."""
    seen: set[str] = set()
    for name, messages in groupby(dataset.rows(), _chat_of):
        if name in seen:
            raise InputError(f"{dataset.path}: the messages of {name} do not stand together; read the chats again")
        seen.add(name)
        with Chat(name, person, accepted(units(messages, person, options.cutting), refuse)) as chat:
            yield chat


def accepted(parts: Iterable[Unit | Rejection], refuse: Refuse) -> Iterator[Unit]:
    """The units; rejections go to `refuse`."""
    for part in parts:
        if isinstance(part, Rejection):
            refuse(part)
        else:
            yield part


def sides_of(chat: Chat, options: ExampleOptions, refuse: Refuse) -> Sides:
    """The replies of a chat that are trained on, ranked and tested on; those that are too short go to `refuse`."""
    if options.least_words < 1:
        raise ConfigurationError(f"replies of at least {options.least_words} words cannot be; choose 1 or more")
    kept: list[bool] = []
    for position in chat.replies:
        unit = chat.unit(int(position))
        kept.append(len(unit.text.split()) >= options.least_words)
        if not kept[-1]:
            _refuse_all(unit, "too_short", f"fewer than {options.least_words} words", refuse)
    return split(chat.replies[np.array(kept, np.bool_)], options.test_share, options.preference_share)


def example_of(chat: Chat, target: int, context: tuple[int, ...], side: ChatSide, strategy: str) -> ChatExample:
    """The example of the reply at position `target` with the messages at the positions `context`, ascending. Its id is
    that of the reply's first message, whatever the strategy."""
    reply = chat.unit(target)
    before = [chat.unit(position) for position in context]
    named = speakers((unit.author for unit in before), chat.person)
    return ChatExample(
        example_id=reply.ids[0],
        chat=chat.name,
        side=side,
        context=tuple(ChatTurn(speaker, unit.text, unit.ids) for speaker, unit in zip(named, before, strict=True)),
        reply=reply.text,
        time=reply.time,
        strategy=strategy,
        context_ids=tuple(one for unit in before for one in unit.ids),
        reply_ids=reply.ids,
    )


def _examples(
    chat: Chat, strategy: Strategy, options: ExampleOptions, refuse: Refuse, repetitions: Repetitions
) -> Iterator[ChatExample]:
    sides = sides_of(chat, options, refuse)
    trained = np.zeros(len(chat), np.bool_)
    every: tuple[tuple[ChatSide, Targets], ...] = (
        ("train", sides.train), ("preference", sides.preference), ("test", sides.test),
    )  # fmt: skip
    for side, targets in every:
        positions = cast("list[int]", targets.positions.tolist())
        for position, context in zip(positions, strategy.select(chat, targets), strict=True):
            if not context:
                _refuse_all(chat.unit(position), "no_context", "nothing before it that a context could hold", refuse)
                continue
            yield example_of(chat, position, context, side, strategy.name)
            if side == "test":
                repetitions.test(chat.text(position))
            else:
                trained[[*context, position]] = True
    for position in np.flatnonzero(trained):
        repetitions.train(chat.text(int(position)))


def _refuse_all(unit: Unit, reason: str, detail: str, refuse: Refuse) -> None:
    for message_id in unit.ids:
        refuse(Rejection(reason=reason, detail=detail, place=unit.place, row_id=message_id))


def _chat_of(message: ChatMessage) -> str:
    return message.chat


def _people(dataset: Dataset) -> str:
    names = sorted({message.author for message in dataset.rows() if message.author}, key=lambda name: (len(name), name))
    return ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])]) or "another dataset: it names nobody"
