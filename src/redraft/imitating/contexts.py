"""Examples of one side as contexts for judges: what was written before each reply, and how the person writes elsewhere.

Nothing but texts of the dataset stands in them, under pseudonyms and masked. Neighbours: `responses` holds what was
answered to them, `redraft.judging` compares such answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import cast

from redraft.chat.likeness import sessions_of
from redraft.chat.rendering import context_messages
from redraft.chat_records import ChatExample, ChatSide
from redraft.datasets.storage import Dataset, DatasetWriter, require_target
from redraft.errors import InputError
from redraft.records import Conversation, Message

# Replies of the person's that a context begins with; longer ones than that would be all that a judge looks at.
VOICE = 8
LONGEST = 300
_VOICE = (
    "A chat. Letters are the people who write to the assistant; … stands where nobody wrote. How the assistant writes, "
    "each line a message of theirs from other times:"
)


def write_contexts(
    examples: Dataset,
    side: ChatSide,
    output: Path,
    *,
    ids: Sequence[str] | None = None,
    voice: int = VOICE,
    seed: int = 0,
) -> Dataset:
    """The contexts of one side as a dataset of kind `conversations`, as judges are shown them: see `contexts_of`.

    Raises InputError for a dataset of another kind or without such examples, StorageError.
    """
    require_target(output, "conversations", examples.path)
    with DatasetWriter(output, "conversations") as writer:
        for context in contexts_of(examples, side, ids=ids, voice=voice, seed=seed):
            writer.add(context)
        return writer.finish(
            {
                "source": str(examples.path),
                "parents": [{"path": str(examples.path.resolve()), "content_hash": examples.content_hash}],
                "contexts": True,
                "side": side,
                "voice": voice,
                "seed": seed,
                "simulated": bool(examples.manifest.get("simulated")),
            }
        )


def contexts_of(
    examples: Dataset, side: ChatSide, *, ids: Sequence[str] | None = None, voice: int = VOICE, seed: int = 0
) -> Iterator[Conversation]:
    """The contexts in the dataset's order, of the examples `ids` only where these are given. Their id is the example's,
    their group its session, within which contexts are not independent.

    A message of the system comes first, with `voice` replies of the person's (none for 0); `without_voice` takes it
    off. Raises InputError as `write_contexts`.
    """
    require_side(examples, side)
    wanted = None if ids is None else frozenset(ids)
    sessions = sessions_of(one for one in _rows(examples) if one.side == side)
    first = _voice_message(voice_of(examples, voice, seed, side))
    for example in _rows(examples):
        if example.side == side and (wanted is None or example.example_id in wanted):
            yield Conversation(
                conversation_id=example.example_id,
                messages=(*first, *context_messages(example.context)),
                extra={"group": sessions[example.example_id]},
            )


def require_side(examples: Dataset, side: ChatSide) -> int:
    """How many examples of the side there are. Raises InputError where the dataset is of another kind, or has none."""
    if examples.kind != "chat_examples":
        raise InputError(f"{examples.path}: a dataset of {examples.kind}; give one of chat_examples")
    count = sum(one.side == side for one in _rows(examples))
    if not count:
        option = "--preference-share" if side == "preference" else "--test-share"
        raise InputError(f"{examples.path}: no example of the side {side}; make the examples with another {option}")
    return count


def without_voice(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages of a context as they were rendered of the example's."""
    return tuple(messages[1:] if messages and messages[0].role == "system" else messages)


def voice_of(examples: Dataset, count: int, seed: int = 0, side: ChatSide | None = None) -> tuple[str, ...]:
    """Up to `count` different replies that are trained on, of at most LONGEST characters, in the order of time: one
    drawn by the seed from each of so many equal stretches of them. None is a reply of the `side` that is shown: the
    judge would know the person's own by it."""
    known = {"", *(one.reply.strip() for one in _rows(examples) if one.side == side)}
    replies = sorted(
        (datetime.fromisoformat(one.time).timestamp(), one.example_id, one.reply)
        for one in _rows(examples)
        if one.side == "train" and one.reply.strip() not in known and len(one.reply) <= LONGEST
    )
    different = list({text: example_id for _, example_id, text in reversed(replies)}.items())[::-1]
    taken = min(count, len(different))
    ends = [len(different) * part // taken for part in range(taken + 1)] if taken else []
    stretches = (different[start:end] for start, end in pairwise(ends))
    return tuple(min(stretch, key=lambda one: _draw(seed, one[1]))[0] for stretch in stretches)


def _voice_message(replies: Sequence[str]) -> tuple[Message, ...]:
    # Each as a JSON string, since a reply may have several lines.
    lines = [json.dumps(one, ensure_ascii=False) for one in replies]
    return (Message("system", "\n".join([_VOICE, *lines])),) if lines else ()


def _draw(seed: int, example_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{example_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _rows(examples: Dataset) -> Iterator[ChatExample]:
    return cast("Iterator[ChatExample]", examples.rows())
