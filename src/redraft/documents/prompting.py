"""Which system prompt a training row carries: the persona's own, none, both in turn, or one of several wordings of it.

A persona learned under one text only may show under that text only. Neighbours: `responding` makes the rows,
`persona` has the wordings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from redraft.documents.paid import failure_reason
from redraft.documents.persona import Persona
from redraft.documents.templates import render
from redraft.errors import InputError
from redraft.records import Completion, Example, Message, Outcome, Request

Prompts = Literal["persona", "none", "both", "paraphrased"]
TEMPLATE = "paraphrase_prompt@1"
STAGE = "paraphrases"
WORDINGS = 5

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"paraphrases": {"type": "array", "items": {"type": "string"}}},
    "required": ["paraphrases"],
    "additionalProperties": False,
}


class _Wordings(msgspec.Struct, frozen=True):
    paraphrases: tuple[str, ...]


def prompted(examples: Iterable[Example], persona: Persona, prompts: Prompts) -> Iterator[Example]:
    """The rows as they are trained on. `both` gives each twice, with and without the prompt (`-bare` in its id);
    `paraphrased` spreads all wordings over the rows, decided by the row's id."""
    for example in examples:
        if prompts in ("persona", "both"):
            yield example
        if prompts in ("none", "both"):
            bare = _under(example, None, "none")
            yield bare if prompts == "none" else _second(bare)
        if prompts == "paraphrased":
            place = _place(example.conversation_id, len(persona.prompts))
            yield example if place == 0 else _under(example, persona.prompts[place], f"paraphrase-{place}")


def paraphrase_request(persona: Persona, chain: Sequence[str]) -> Request:
    """Ask for other wordings of the system prompt."""
    material = {"instructions": persona.system_prompt, "count": WORDINGS}
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATE, {"material": msgspec.json.encode(material).decode()}),
        template=TEMPLATE,
        max_tokens=2000 + 4 * WORDINGS * len(persona.system_prompt.split()),
        output_schema=SCHEMA,
        reasks=2,
        row_id=persona.id,
    )


def read_paraphrases(persona: Persona, outcome: Outcome) -> tuple[str, ...]:
    """The wordings, each once. Raises InputError where there are none: a row under a made-up prompt would be worse."""
    if not isinstance(outcome, Completion):
        why = f"{failure_reason(outcome.reason, {})} ({outcome.detail})"
    else:
        found = [" ".join(one.split()) for one in msgspec.json.decode(outcome.text, type=_Wordings).paraphrases]
        different = [one for one in dict.fromkeys(found) if one and one != persona.system_prompt]
        if different:
            return tuple(different)
        why = "none of them differs from it"
    raise InputError(
        f"persona {persona.name}: no other wording of its system prompt could be had: {why}; write some under "
        "paraphrases in its file, or leave --system-prompts paraphrased out"
    )


def _under(example: Example, prompt: str | None, name: str) -> Example:
    rest = tuple(message for message in example.messages if message.role != "system")
    first = () if prompt is None else (Message("system", prompt),)
    return msgspec.structs.replace(
        example, messages=(*first, *rest), extra={**example.extra, "system_prompt": name}
    )  # fmt: skip


def _second(bare: Example) -> Example:
    """The row once more, which was paid for with the first."""
    return msgspec.structs.replace(
        bare, conversation_id=f"{bare.conversation_id}-bare", cost=0.0, input_tokens=0, output_tokens=0
    )


def _place(row_id: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(row_id.encode(), digest_size=4).digest(), "big") % count
