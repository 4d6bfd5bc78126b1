"""Models that imitate one person in chats, adapters or merged: asked in chat messages, they read and write the markers
that they were trained on.

Neighbours: `redraft.chat.rendering` has both forms, `answering` asks; `redraft.training.adapting` trained the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.chat.rendering import SILENCE, prompt_of, read_completion, read_context
from redraft.chat.speakers import PERSON
from redraft.chat_records import ChatTurn
from redraft.home import Home
from redraft.records import Message
from redraft.serving.asked import Asked, ChatMessage, Refused
from redraft.training.adapting.bases import notes_in, prepared_of
from redraft.training.adapting.encoding import Encoder
from redraft.training.adapting.models import causal_tokenizer, load_adapter, load_causal, require_adapting
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.rows import Prompt
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.spelling import Spelling
from redraft.training.adapting.writing import numbers

# Tokens that are kept for a reply where more are allowed: few people write more at once.
REPLY_TOKENS = 128
# Who speaks where a message does not say it.
SOMEBODY = "A"
_NAMED = re.compile(r"[A-Z]: ")


def load_imitator(folder: Path, device: str) -> tuple[Any, Any]:
    """The model on its device, with its adapter, and its tokenizer. Raises InputError where the model that the adapter
    belongs to is gone, ConfigurationError without the extra `local`."""
    import torch

    require_adapting()
    base = prepared_of(folder, notes_in(folder), Home.of().work)
    settings = GenerationSettings(device="cpu" if device == "cpu" else "auto")
    place = torch.device(device)
    model = load_adapter(load_causal(base.path, numbers(settings, place)), folder)
    return model.to(place), causal_tokenizer(folder)


class Imitator:
    """What a model that imitates reads and writes. It has `places` for the tokens of prompt and reply together; of a
    longer context the oldest messages are left out, as in its training."""

    def __init__(self, tokenizer: Any, tokens: Tokens, places: int) -> None:
        self._tokens, self._places = tokens, places
        self._encoder, self._spelling = Encoder(tokenizer, tokens, places), Spelling(tokenizer, Tokens())

    def ids(self, asked: Asked, most: int) -> list[int]:
        """The prompt of a call whose reply may have `most` tokens. Raises Refused."""
        room = self._places - min(most, REPLY_TOKENS, self._places // 2)
        ids = self._encoder.prompts([Prompt(prompt_of(self._context(asked.messages)))], room)[0]
        if ids is None:
            said = f"the newest message alone is longer than this model reads ({room} tokens); shorten it"
            raise Refused(400, said, "messages", "context_length_exceeded")
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The reply in what was written so far."""
        return read_completion(self._spelling.text(ids))

    def _context(self, messages: Sequence[ChatMessage]) -> tuple[ChatTurn, ...]:
        if any(message.role in {"system", "developer"} and message.text.strip() for message in messages):
            said = "this model writes as the person that it imitates, and reads no system message; leave it out"
            raise Refused(400, said, "messages")
        said = [message for message in messages if message.role in {"user", "assistant"}]
        if not said or said[-1].role == "assistant":
            raise Refused(400, "the last message must be the user's, the one that is answered", "messages")
        turns = tuple(turn for message in said for turn in self._turns(message))
        for turn in turns:
            if turn.speaker != PERSON and f"<USR_{turn.speaker}>" not in self._tokens.special:
                mend = "call them by a letter before"
                raise Refused(400, f"this model was not trained with a speaker {turn.speaker}; {mend}", "messages")
        return turns

    def _turns(self, message: ChatMessage) -> tuple[ChatTurn, ...]:
        """Who said what in a message: the user's may be lines of several, as the judged contexts write them."""
        if not message.text.strip():
            raise Refused(400, "a message is empty; leave it out", "messages")
        if message.role == "assistant":
            return (ChatTurn(PERSON, message.text),)
        if message.text != SILENCE and not _NAMED.match(message.text):
            return (ChatTurn(SOMEBODY, message.text),)
        return read_context([Message("user", message.text)])
