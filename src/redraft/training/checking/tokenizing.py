"""The model's own tokenizer and chat template, from a folder on this machine: exact lengths, and what is trained.

Needs the extra `local` (transformers); nothing is fetched. Neighbours: `lengths`, `masks`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import jinja2

from redraft.errors import ConfigurationError, InputError
from redraft.training.checking.contents import has_parts, texts_in
from redraft.training.checking.masks import MARKS_AT_END, Mask
from redraft.training.checking.shapes import Format
from redraft.training.checking.turns import answers, trained_places

_OUTPUTS = ("preferred_output", "non_preferred_output")
Messages = Sequence[dict[str, Any]]
Span = tuple[int, int]


class LocalTokenizer:
    """Counts tokens and marks the trained ones as a trainer would. Raises ConfigurationError where it cannot be loaded.

    Images are left out: they have no tokens of their own here.
    """

    exact = True

    def __init__(self, folder: Path) -> None:
        self.name = f"counted with the tokenizer in {folder}"
        self._folder = folder
        self._tokenizer = _loaded(folder)

    def total(self, row: dict[str, Any], format: Format) -> int:
        match format:
            case Format.CONVERSATION:
                return len(self._chat(row["messages"], row.get("tools")))
            case Format.PREFERENCE:
                side = row["input"]
                return max(len(self._chat([*side["messages"], *row[name]], side.get("tools"))) for name in _OUTPUTS)
            case _:
                return len(self._plain(row, format)[0])

    def before(self, row: dict[str, Any], format: Format) -> int:
        match format:
            case Format.CONVERSATION:
                last = answers(row["messages"])[-1]
                return len(self._chat(row["messages"][:last], row.get("tools"), opened=True))
            case Format.PREFERENCE:
                return len(self._chat(row["input"]["messages"], row["input"].get("tools"), opened=True))
            case _:
                return self._plain(row, format)[1]

    def masks(
        self, number: int, row: dict[str, Any], format: Format, limit: int | None = None, inputs: bool = False
    ) -> list[Mask]:
        """Which tokens of the row are trained; two masks for a preference row. `limit` cuts as training would; with
        `inputs` prompts and the user's messages are trained too, where no weights decide.

        Raises InputError where the chat template refuses the row, or renders earlier turns anew as a row grows.
        """
        match format:
            case Format.CONVERSATION:
                trained = trained_places(row["messages"], inputs)
                masks = [self._chat_mask(number, row["messages"], trained, row.get("tools"), limit)]
            case Format.PREFERENCE:
                side = row["input"]
                # In the context nothing is trained, whoever speaks and whatever its weight.
                after = len(side["messages"])
                masks = [
                    self._chat_mask(number, [*side["messages"], *row[name]], [after], side.get("tools"), limit, name)
                    for name in _OUTPUTS
                ]
            case _:
                ids, start = self._plain(row, format)
                whole = (0 if inputs else start, len(ids))
                masks = [self._mask(number, ids, [whole], (start, len(ids)), limit)]
        if row.get("weight", 1) == 0:
            for mask in masks:
                mask.trained = [False] * len(mask.tokens)
        return masks

    def _plain(self, row: dict[str, Any], format: Format) -> tuple[list[int], int]:
        """The ids of an instruction or text row, and how many of them are the prompt's."""
        encode, end = self._tokenizer.encode, self._tokenizer.eos_token_id
        prompt: list[int] = encode(row["prompt"]) if format is Format.INSTRUCTION else []
        # Some tokenizers end every text by themselves; that is no end of the prompt.
        prompt = prompt[:-1] if prompt and prompt[-1] == end else prompt
        text = row["completion"] if format is Format.INSTRUCTION else row["text"]
        rest: list[int] = encode(text, add_special_tokens=format is Format.TEXT)
        closing = [end] if end is not None and rest[-1:] != [end] else []
        return [*prompt, *rest, *closing], len(prompt)

    def _chat_mask(
        self, number: int, messages: Messages, trained: list[int], tools: Any, limit: int | None, output: str = ""
    ) -> Mask:
        """The mask of messages of which those at the places `trained` are trained."""
        ids = self._chat(messages, tools)
        speaks = answers(messages)
        spans = dict(self._marked(messages, tools, speaks))
        for place in {*trained, speaks[-1]} - spans.keys():
            of = self._span if place in speaks else self._span_of_others
            spans[place] = of(ids, messages, tools, place)
        return self._mask(number, ids, [spans[place] for place in trained], spans[speaks[-1]], limit, output)

    def _marked(self, messages: Messages, tools: Any, speaks: list[int]) -> dict[int, Span]:
        """What the template itself marks as said by each message of the assistant; empty where it marks no such."""
        if "{% generation" not in self._template(tools).replace("{%-", "{%"):
            return {}
        marks = self._applied(messages, tools, return_assistant_tokens_mask=True)["assistant_masks"]
        spans = Mask(row=0, tokens=[], trained=[mark == 1 for mark in marks]).spans
        return dict(zip(speaks, spans, strict=True)) if len(spans) == len(speaks) else {}

    def _span(self, ids: list[int], messages: Messages, tools: Any, place: int) -> Span:
        """The tokens of one message of the assistant: what comes between its prompt and the next message's."""
        prompt = self._chat(messages[:place], tools, opened=True)
        whole = self._chat(messages[: place + 1], tools)
        same = _alike(ids, whole)
        # Some templates close the row's last message in another way than those before it.
        if ids[: len(prompt)] != prompt or same < len(whole) - MARKS_AT_END or same <= len(prompt):
            raise InputError(
                f"messages[{place}]: the chat template in {self._folder} renders it otherwise once others follow, so "
                "it does not show which tokens are trained; give it weight 0, or end the row with it"
            )
        return len(prompt), same

    def _span_of_others(self, ids: list[int], messages: Messages, tools: Any, place: int) -> Span:
        """The tokens of a message that the assistant does not say, without those that open it: what changes when it
        says something else, to where the next message begins."""
        said = (texts_in(messages[place]) or [""])[0].lstrip()
        probe = "y" if said.startswith("x") else "x"
        others = [{**message, "content": probe} if at == place else message for at, message in enumerate(messages)]
        changed = self._chat(others, tools)
        start = _alike(ids, changed)
        end = max(start, len(ids) - _alike(ids[::-1], changed[::-1]))
        try:
            whole = self._chat(messages[: place + 1], tools)
        except InputError:
            # Some templates refuse a row without an answer; then the end is that of what is said.
            return start, end
        return start, max(end, _alike(ids, whole))

    def _mask(
        self, number: int, ids: list[int], trained: list[Span], last: Span, limit: int | None, output: str = ""
    ) -> Mask:
        kept = ids[:limit]
        marks = [any(start <= place < end for start, end in trained) for place in range(len(kept))]
        tokens: list[str] = self._tokenizer.convert_ids_to_tokens(kept)
        # The last message's end is where it would be, so that a message cut short is seen to be.
        return Mask(row=number, tokens=tokens, trained=marks, last=last, cut=len(kept) < len(ids), output=output)

    def _chat(self, messages: Messages, tools: Any, *, opened: bool = False) -> list[int]:
        """The ids of the messages; `opened` goes on to where the assistant's next message begins."""
        return list(self._applied(messages, tools, add_generation_prompt=opened)["input_ids"])

    def _applied(self, messages: Messages, tools: Any, **options: Any) -> Any:
        plain = [_for_template(message) for message in messages]
        template = self._template(tools)
        try:
            return self._tokenizer.apply_chat_template(
                plain, tools=tools or None, chat_template=template, tokenize=True, return_dict=True, **options
            )
        except (jinja2.TemplateError, TypeError, KeyError) as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(f"the chat template in {self._folder} refuses it: {said}") from error

    def _template(self, tools: Any) -> str:
        try:
            return self._tokenizer.get_chat_template(tools=tools or None)
        except ValueError as error:
            raise ConfigurationError(f"the tokenizer in {self._folder} has no chat template; name another") from error


def _loaded(folder: Path) -> Any:
    if not folder.is_dir():
        raise ConfigurationError(f"no tokenizer in {folder}: name a folder with tokenizer.json")
    # Without torch the library would say so on every start; only its tokenizers are wanted here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        transformers = importlib.import_module("transformers")
    except ImportError as error:
        raise ConfigurationError("a tokenizer needs the extra local: pip install 'redraft[local]'") from error
    transformers.logging.set_verbosity_error()
    try:
        return transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"no usable tokenizer in {folder}: {said}") from error


def _alike(one: list[int], other: list[int]) -> int:
    """How many tokens the two begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _for_template(message: dict[str, Any]) -> dict[str, Any]:
    """The message as templates know it: without its weight, absent keys in place of nulls, text parts as one text."""
    kept = {key: value for key, value in message.items() if key != "weight" and value is not None}
    if has_parts(message):
        kept["content"] = "".join(part.get("text") or "" for part in message["content"])
    return {"content": "", **kept}
