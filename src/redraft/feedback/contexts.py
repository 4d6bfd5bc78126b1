"""Test contexts: what a model sees of a conversation when it is evaluated, and which of them it was trained on.

Neighbours: `splitting` recognises contexts, `judging` compares models on them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from pathlib import Path

import msgspec

from redraft.datasets.conversations import holds_questions, read_conversations, read_questions, refuse_processed
from redraft.datasets.privacy import redact
from redraft.datasets.reading import place_of, resolve_input
from redraft.datasets.seen import Seen
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError, OverlapError
from redraft.feedback.selection import MAX_BYTES
from redraft.feedback.splitting import context_fingerprint, is_held_out
from redraft.records import Conversation, Example, Message, Rejection

IDS_NAMED = 10


def to_context(conversation: Conversation) -> Conversation | Rejection:
    """The conversation without its last two turns (response and feedback), personal data masked.

    Reasons of rejection: no_feedback_turn, no_response, no_question, too_long.
    """
    messages = conversation.messages
    if not messages or messages[-1].role != "user":
        return _rejected(conversation, "no_feedback_turn", "it does not end with a user's feedback")
    last = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=None)
    if last is None:
        return _rejected(conversation, "no_response", "there is no response before the feedback")
    return whole_context(msgspec.structs.replace(conversation, messages=messages[:last]))


def whole_context(conversation: Conversation) -> Conversation | Rejection:
    """The conversation as it stands, which a model is to answer, personal data masked.

    Reasons of rejection: no_question, too_long.
    """
    context = conversation.messages
    if not context or context[-1].role != "user" or not context[-1].content.strip():
        return _rejected(conversation, "no_question", "no user message stands before the response")
    if (size := sum(len(message.content.encode()) for message in context)) > MAX_BYTES:
        return _rejected(conversation, "too_long", f"{size:,} bytes of text; at most {MAX_BYTES:,} are sent")
    return msgspec.structs.replace(conversation, messages=_masked(context))


def _masked(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(Message(message.role, redact(message.content)) for message in messages)


def last_contexts(source: Path, target: Path, count: int) -> Dataset:
    """The contexts of the last `count` conversations of a file, as a dataset; equal contexts count once.

    Rows with `input`, such as those that are held out of a curriculum, are contexts as they stand. They are ordered by
    article, so of more than `count` they are a spread over the whole file: always the same, and part of a larger one.
    """
    if count < 1:
        raise InputError(f"--test-size {count}: must be at least 1")
    source = resolve_input(source)
    refuse_processed(source)
    meta = {"test_size": count}
    if holds_questions(source):
        questions = nsmallest(count, enumerate(read_questions(source), 1), key=_draw)
        return _write(source, sorted(questions, key=lambda one: one[0]), target, meta, whole_context)
    return _write(source, deque(enumerate(read_conversations(source), 1), maxlen=count), target, meta)


def _draw(numbered: tuple[int, Conversation | Rejection]) -> bytes:
    number, read = numbered
    name = read.conversation_id if isinstance(read, Conversation) else f"row {number}"
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def fewer_contexts(source: Path, target: Path, count: int) -> Dataset:
    """The last `count` of the contexts in the dataset `source`."""
    contexts = Dataset.open(source)
    with DatasetWriter(target, "conversations") as writer:
        for context in deque(contexts.rows(), maxlen=count):
            writer.add(context)
        return writer.finish({"source": contexts.manifest["source"], "contexts": True, "test_size": count})


def split_held_out(source: Path, train: Path, test: Path, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Cuts a file in two before anything is made of it: conversations to train on, contexts to test on.

    `share` (between 0 and 1) of the openings goes to the test side; see `splitting.is_held_out`. Openings are compared
    as they are sent, with personal data masked: what differs in a masked word alone falls on one side.
    """
    if not 0 < share < 1:
        raise InputError(f"--test-share {share}: must lie between 0 and 1")
    source = resolve_input(source)
    refuse_processed(source)
    meta = {"source": str(source), "test_share": share, "seed": seed}
    with DatasetWriter(train, "conversations") as writer:
        for read in read_conversations(source):
            if isinstance(read, Rejection):
                writer.reject(read)
            elif not is_held_out(_masked(read.messages), share, seed):
                writer.add(read)
        trained = writer.finish({**meta, "side": "train"})
    held = (
        (number, read)
        for number, read in enumerate(read_conversations(source), 1)
        if isinstance(read, Conversation) and is_held_out(_masked(read.messages), share, seed)
    )
    return trained, _write(source, held, test, {**meta, "side": "test"})


def _write(
    source: Path,
    rows: Iterable[tuple[int, Conversation | Rejection]],
    target: Path,
    meta: Mapping[str, object],
    context_of: Callable[[Conversation], Conversation | Rejection] = to_context,
) -> Dataset:
    with Seen() as ids, Seen() as contexts, DatasetWriter(target, "conversations") as writer:
        for number, read in rows:
            context = context_of(read) if isinstance(read, Conversation) else read
            if isinstance(context, Conversation):
                context = _once(context, ids, contexts)
            if isinstance(context, Rejection):
                writer.reject(msgspec.structs.replace(context, place=place_of(source, number)))
            else:
                writer.add(context)
        return writer.finish({"source": str(source), "contexts": True, **meta})


def _once(context: Conversation, ids: Seen, contexts: Seen) -> Conversation | Rejection:
    fingerprint = context_fingerprint(context.messages)
    if contexts.check(fingerprint, b"") != "new":
        return _rejected(context, "duplicate", "the same context stands earlier")
    if ids.check(context.conversation_id, fingerprint.encode()) != "new":
        return _rejected(context, "id_clash", "an earlier conversation has this id")
    return context


def _rejected(conversation: Conversation, reason: str, detail: str) -> Rejection:
    row_id = conversation.conversation_id
    return Rejection(reason=reason, detail=f"{row_id}: {detail}", place="", row_id=row_id)


def trained_fingerprints(trained: Iterable[Example]) -> Iterator[str]:
    """Of every context that stands in what is trained on, be it as the beginning of a longer conversation."""
    for example in trained:
        for end, message in enumerate(example.messages):
            if message.role == "assistant":
                yield context_fingerprint(example.messages[:end])


def trained_overlap(contexts: Dataset, trained: Iterable[str]) -> list[str]:
    """Ids of the contexts whose fingerprints are among those of what was trained on."""
    wanted = {context_fingerprint(context.messages): context.conversation_id for context in contexts.rows()}
    return list(dict.fromkeys(wanted[one] for one in trained if one in wanted))


def refuse_overlap(contexts: Dataset, trained: Iterable[str], model: str, dataset: str) -> None:
    """Raises OverlapError, naming the ids, where `model` was trained on a context that it is to be tested on."""
    if ids := trained_overlap(contexts, trained):
        named = ", ".join(ids[:IDS_NAMED]) + (f" and {len(ids) - IDS_NAMED} more" if len(ids) > IDS_NAMED else "")
        raise OverlapError(
            f"{model} was trained on {len(ids)} of the {contexts.count} test contexts (in {dataset}): {named}; "
            "evaluate on others, or train on a file that was filtered with --hold-out-last"
        )
