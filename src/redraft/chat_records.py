"""The frozen records of chats: messages under pseudonyms, and the examples that are made of them.

Neighbours: `records` has those of the other studies; `redraft.chat` makes these.
"""

from __future__ import annotations

from typing import Literal

import msgspec

# Replies that are learned, those that alternatives are ranked to, and those that are tested on: each later in a chat.
ChatSide = Literal["train", "preference", "test"]

# What a message is: what somebody wrote, or a line that an app put in its place. `system` has no author, `system_named`
# stands under the name of a group or contact; a `placeholder` is a message that never arrived.
ChatKind = Literal[
    "text", "edited", "media", "deleted", "call", "poll", "location", "contact", "placeholder", "viewonce", "system",
    "system_named",
]  # fmt: skip


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is kept: its author a pseudonym, its text masked. No real name, number or file name is in it.

    `message_id` is equal whenever the same export is read; `chat` names the conversation (`chat1`). `author` is empty
    for system lines. `time` is ISO 8601 with an offset. `place` reads `chat1 line N`.
    """

    message_id: str
    chat: str
    author: str
    time: str
    text: str
    kind: ChatKind
    place: str


class ChatTurn(msgspec.Struct, frozen=True):
    """A message of a context. `speaker` is a letter A..Z, given in order of appearance, or `SYS`: the person imitated.

    `ids` are the messages that it is made of: several, where what the person wrote in a row is one.
    """

    speaker: str
    text: str
    ids: tuple[str, ...] = ()


class ChatExample(msgspec.Struct, frozen=True, kw_only=True):
    """What one person replied, before the messages that were chosen as its context (in the order of time).

    `context_ids` and `reply_ids` are all messages that context and reply are made of; consecutive messages of the
    person may be one reply, its lines joined. `time` is that of the reply's first message. `strategy` is what chose the
    context, such as `window`. Where a model chose, what was asked and what it cost stand as in `records.Example`.
    """

    example_id: str
    chat: str
    side: ChatSide
    context: tuple[ChatTurn, ...]
    reply: str
    time: str
    strategy: str
    context_ids: tuple[str, ...] = ()
    reply_ids: tuple[str, ...] = ()
    model: str = ""
    provider: str = ""
    answered_model: str = ""
    template: str = ""
    request_key: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False
    created_at: str = ""


class ChatPreference(msgspec.Struct, frozen=True, kw_only=True):
    """Two replies to one context of which a judge, in both orders, called `chosen` more like the person's.

    `prompt` is rendered with markers; `chosen` and `rejected` are completions, without the last marker where a reply
    was cut short. `chosen_sample` and `rejected_sample` count from 1: which of the replies that a model wrote they are.
    `context_ids` and `reply_ids` are those of the example: whoever is among them is in the prompt. `group` is the
    session of the example: prompts of one share messages.
    """

    preference_id: str
    example_id: str
    prompt: str
    chosen: str
    rejected: str
    chosen_sample: int
    rejected_sample: int
    judge: str
    simulated: bool = False
    context_ids: tuple[str, ...] = ()
    reply_ids: tuple[str, ...] = ()
    group: str = ""
