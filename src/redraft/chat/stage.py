"""The stage in which a model picks contexts: examples with candidates in, examples and rejections out, one of them for
each.

Pure builders and readers are in `choosing`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.calling.reading import read_as_answered
from redraft.chat.choosing import STAGE, choice_request, chosen
from redraft.chat_records import ChatExample
from redraft.records import Rejection, Request


def choice_requests(examples: Iterable[ChatExample], chain: Sequence[str], most: int) -> Iterator[Request]:
    """What is asked for these examples, one request each."""
    return (choice_request(one, chain, most) for one in examples)


async def choose_contexts(
    examples: Sequence[ChatExample], chain: Sequence[str], most: int, caller: Caller, progress: Progress
) -> tuple[list[ChatExample], list[Rejection]]:
    """An example for each of `examples`, in their order, and why some have none."""
    by_id = {one.example_id: one for one in examples}
    requests = choice_requests(examples, chain, most)
    made = await read_as_answered(requests, STAGE, by_id, chosen, (most,), caller, progress)
    rows = [made[row_id] for row_id in by_id]
    return [r for r in rows if isinstance(r, ChatExample)], [r for r in rows if isinstance(r, Rejection)]
