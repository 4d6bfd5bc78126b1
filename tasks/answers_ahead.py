"""The answers that a look ahead goes by: those that the ledger has, and stand-ins for those that nobody gave yet.

Neighbours: `estimates` and `trait_plan` price with them what judges will be asked; nothing is sent for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from redraft.calling.estimating import ASSUMED_OUTPUT
from redraft.datasets.storage import Dataset
from redraft.judging.material import ANSWER_LIMIT
from redraft.judging.stage import pair, response_of
from redraft.records import Comparison, Conversation, Request, Response
from tasks.answer_shard import answering_requests
from tasks.session import CallOptions
from tasks.sources import sources

_STAND_IN = "word " * (ASSUMED_OUTPUT * 4 // 5)
# Characters, and so tokens at most, by which an answer cut for the judge may be longer than its stand-in.
LONGER = ANSWER_LIMIT - len(_STAND_IN)
_CHUNK = 256


class AnswersAhead(msgspec.Struct, frozen=True):
    """What `models` answered to the contexts, as far as it is recorded: model → context id → response.

    Names of models that are yet to be trained may stand among `models`; nothing of them is recorded.
    """

    models: tuple[str, ...]
    recorded: dict[str, dict[str, Response]]

    def response(self, context: Conversation, place: int) -> Response:
        """Of the model at that place; a stand-in differs from those of the other models."""
        model, key = self.models[place], context.conversation_id
        known = self.recorded.get(model, {}).get(key)
        return known or Response(context_id=key, model=model, text=f"{place} {_STAND_IN}")

    def missing(self, context: Conversation, places: Sequence[int]) -> bool:
        """Whether one of these models' answers is a stand-in."""
        return any(context.conversation_id not in self.recorded.get(self.models[one], {}) for one in places)

    def compared(
        self, contexts: Dataset, meetings: Sequence[Sequence[tuple[int, int]]]
    ) -> Iterator[list[Comparison]]:  # fmt: skip
        """The comparisons on each context, whose `meetings` are pairs of places."""
        for context, pairs in zip(contexts.rows(), meetings, strict=True):
            sides = [[self.response(context, place) for place in side] for side in zip(*pairs, strict=True)]
            yield pair([context] * len(pairs), *sides)


async def answers_ahead(
    contexts: Dataset,
    models: Sequence[str],
    credentials: str | None,
    options: CallOptions,
    to_be_made: Sequence[str] = (),
) -> AnswersAhead:
    """What the ledger has of the models' answers. Those of `to_be_made` cannot be there."""
    recorded: dict[str, dict[str, Response]] = {}
    since = options.plan("", "estimate").failures_since
    async with sources(credentials) as (ledger, endpoint_of):
        for model in models:
            endpoint = (await endpoint_of(model)).name
            found = recorded.setdefault(model, {})
            for chunk in _chunks(answering_requests(contexts, model)):
                keys = [one.key(endpoint) for one in chunk]
                known = await ledger.find(keys, failures_since=since)
                found |= {
                    one.row_id: response_of(one, known[key])
                    for one, key in zip(chunk, keys, strict=True)
                    if key in known
                }  # fmt: skip
    return AnswersAhead((*models, *to_be_made), recorded)


def _chunks(requests: Iterator[Request]) -> Iterator[list[Request]]:
    while chunk := list(islice(requests, _CHUNK)):
        yield chunk
