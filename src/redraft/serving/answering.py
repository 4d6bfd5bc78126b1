"""A loaded model and its answers to several calls at once, each as if it had been asked alone.

Neighbours: `loading` loads it, `decoding` says how each row is drawn and when it ends, `batches` calls from one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Event
from typing import Any, Literal

import msgspec

from redraft.serving.asked import Asked, Refused, ending
from redraft.serving.decoding import Drawing, Ending, cut_at_stop
from redraft.serving.folders import ModelFolder
from redraft.serving.loading import load

# Tokens of an answer where a call names no limit.
ANSWER_TOKENS = 512


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """`prompt_tokens` are all that the model read, `completion_tokens` all that it wrote, the closing mark too."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


def failed(model: str, fault: Exception) -> Refused:
    """What a caller hears of a fault that is not the call's; the terminal hears the rest."""
    said = " ".join(str(fault).split())[:200]
    print(f"redraft: {model}: {type(fault).__name__}: {said}", file=sys.stderr)  # noqa: T201
    return Refused(500, f"the model failed ({type(fault).__name__}); the server's terminal says more")


class LocalModel:
    """A model in memory, on `device` (`cpu` or `cuda`). One call of `answer` at a time; `halt`, set, ends it early.

    Raises InputError for a folder that cannot be loaded.
    """

    def __init__(self, folder: ModelFolder, device: str) -> None:
        self.folder, self.halt = folder, Event()
        self._is = load(folder, device)

    @property
    def max_input_tokens(self) -> int | None:
        """The most tokens that an input may have, with prefix and marks; None where nothing names a limit."""
        return self._is.reads

    def answer(self, calls: Sequence[Asked]) -> list[Reply | Refused]:
        """The answers in the order of the calls. What is too long is refused, and cut for none but a model that
        imitates, whose training left out the oldest messages; where the model fails at a call, that one alone is
        answered with the fault."""
        answers: dict[int, Reply | Refused] = {}
        rows: list[tuple[int, Asked, list[int]]] = []
        for place, asked in enumerate(calls):
            try:
                ids = self._ids(asked)
                rows.append((place, self._limited(asked, len(ids)), ids))
            except Refused as refused:
                answers[place] = refused
        answered = self._answered([row[1:] for row in rows])
        answers |= zip((place for place, _, _ in rows), answered, strict=True)
        return [answers[place] for place in range(len(calls))]

    def _ids(self, asked: Asked) -> list[int]:
        if self._is.imitator is not None:
            return self._is.imitator.ids(asked, asked.max_tokens or ANSWER_TOKENS)
        prompt = self._one_text(asked) if self._is.one_text else self._rendered(asked)
        # A chat template writes the opening marks itself.
        found = self._is.tokenizer(prompt, add_special_tokens=self._is.one_text, truncation=False, verbose=False)
        return found["input_ids"]

    def _one_text(self, asked: Asked) -> str:
        said = [message for message in asked.messages if message.text.strip()]
        if any(message.role in {"system", "developer"} for message in said):
            mend = "put it into the user's message"
            raise Refused(400, f"this model reads one text and takes no system message; {mend}", "messages")
        if len(said) != 1 or said[0].role != "user":
            raise Refused(400, "this model answers one user message, not a conversation; send that alone", "messages")
        return self.folder.card.serve_prefix + said[0].text

    def _rendered(self, asked: Asked) -> str:
        if asked.messages[-1].role == "assistant":
            raise Refused(400, "the last message must be the user's, the one that is answered", "messages")
        messages = [{"role": message.role, "content": message.text} for message in asked.messages]
        try:
            return self._is.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except Exception as fault:  # noqa: BLE001  a template is anybody's program, and may refuse with anything
            said = " ".join(str(fault).split())[:200]
            raise Refused(400, f"the model's chat template refuses these messages: {said}", "messages") from None

    def _limited(self, asked: Asked, tokens: int) -> Asked:
        """The call with a limit of tokens. Where the model has places for fewer, or never learned to write more, its
        answer ends there with `length`: a model that does not come to an end would hold up all others.

        Raises Refused for an input that the model has no places for.
        """
        reads = self._is.reads
        if reads is not None and tokens > reads:
            said = f"this model reads at most {reads} tokens, and the input has {tokens}; shorten it"
            raise Refused(400, said, "messages", "context_length_exceeded")
        limits = [asked.max_tokens or ANSWER_TOKENS, self.folder.card.max_output_tokens or sys.maxsize]
        if self._is.positions is not None:
            limits.append(self._is.positions - (0 if self._is.one_text else tokens))
        return msgspec.structs.replace(asked, max_tokens=min(limits))

    def _answered(self, rows: Sequence[tuple[Asked, list[int]]]) -> list[Reply | Refused]:
        import torch

        if not rows:
            return []
        try:
            return self._generated([asked for asked, _ in rows], [ids for _, ids in rows])
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(rows) == 1:
                return [Refused(500, "the device has too little memory for this call; serve with --device cpu")]
        except Exception as fault:  # noqa: BLE001  whatever ails one call, the others of its batch are answered
            if len(rows) == 1:
                return [failed(rows[0][0].model, fault)]
        half = len(rows) // 2
        return self._answered(rows[:half]) + self._answered(rows[half:])

    def _generated(self, calls: Sequence[Asked], prompts: Sequence[list[int]]) -> list[Reply | Refused]:
        import torch

        ids, mask = self._padded(prompts)
        start = 1 if self._is.one_text else ids.shape[1]
        ends = Ending(calls, start, self._text, self.halt)
        with torch.inference_mode():
            written = self._is.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=max(asked.max_tokens or 1 for asked in calls),
                logits_processor=[Drawing(calls, self._is.known)], stopping_criteria=[ends],
            )  # fmt: skip
        rows: list[list[int]] = written[:, start:].tolist()
        return [self._reply(*one) for one in zip(calls, prompts, rows, ends.ends, strict=True)]

    def _padded(self, prompts: Sequence[list[int]]) -> tuple[Any, Any]:
        """Ids and mask of equal length; a chat model goes on at the right, so its padding stands on the left."""
        import torch

        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self._is.padding)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            first = 0 if self._is.one_text else longest - len(prompt)
            ids[row, first : first + len(prompt)] = torch.tensor(prompt)
            mask[row, first : first + len(prompt)] = 1
        return ids.to(self._is.device), mask.to(self._is.device)

    def _reply(
        self, asked: Asked, prompt: Sequence[int], written: Sequence[int], end: tuple[int, str] | None
    ) -> Reply | Refused:
        count, reason = end or (len(written), "length")
        closed = next((place for place, token in enumerate(written, 1) if token in self._is.closing), None)
        if closed is not None and closed <= count:
            count, reason = closed, "stop"
        if reason == "halted":
            return ending()
        return Reply(
            text=self._said(self._text(written[:count]), asked.stop), prompt_tokens=len(prompt),
            completion_tokens=count, finish_reason="length" if reason == "length" else "stop",
        )  # fmt: skip

    def _said(self, text: str, stops: Sequence[str]) -> str:
        """The answer in a text. That of a sequence-to-sequence model is what its training stored as its prediction:
        without the space that some tokenizers set before the first word."""
        cut = cut_at_stop(text, stops)
        if not self._is.one_text:
            return cut
        return cut.strip() if cut == text else cut.lstrip()

    def _text(self, ids: Sequence[int]) -> str:
        if self._is.imitator is not None:
            return self._is.imitator.text(ids)
        return self._is.tokenizer.decode(ids, skip_special_tokens=True)
