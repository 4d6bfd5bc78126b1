"""Rows without fault, drawn by Hypothesis in every format of text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from redraft.training.checking.shapes import Format

Row = dict[str, Any]
IMAGE = "data:image/png;base64,iVBORw0KGgo="
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("find", "open")
]

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip)
# A row counts unless its weight is 0, which one of several may have.
sample_weights = st.one_of(st.just(None), st.integers(1, 9), st.floats(0.1, 9))
FUNCTIONS = ("find", "open")


@st.composite
def calls(draw: st.DrawFn) -> list[Row]:
    """An assistant that calls one function or several at once, and the answers in any order."""
    names = draw(st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=3))
    given = draw(st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2))
    called = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for i, name in enumerate(names)
    ]
    answers = [{"role": "tool", "content": draw(st.text(max_size=3)), "tool_call_id": call["id"]} for call in called]
    speech = draw(st.sampled_from([{"content": None}, {"content": "let me see"}, {}]))
    return [{"role": "assistant", "tool_calls": called, **speech}, *draw(st.permutations(answers))]


@st.composite
def turns(draw: st.DrawFn, *, ends_with: str = "any", plain: bool = False) -> list[Row]:
    """Messages as the provider wants them, of one pair at least; unless `plain`, with tools and images now and then."""
    messages: list[Row] = [{"role": "system", "content": draw(texts)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(texts)})
        if not plain and draw(st.integers(0, 3)) == 0:
            messages += draw(calls())
        messages.append({"role": "assistant", "content": draw(texts)})
        if not plain and draw(st.integers(0, 4)) == 0:
            messages[-1][draw(st.sampled_from(["reasoning", "reasoning_content"]))] = draw(texts)
    if ends_with == "user" or (ends_with == "any" and draw(st.booleans())):
        messages.append({"role": "user", "content": draw(texts)})
    if not plain and draw(st.integers(0, 4)) == 0:
        for message in messages:
            if isinstance(message.get("content"), str):
                message["content"] = [{"type": "text", "text": message["content"] or "-"}]
            if message["role"] == "user":
                message["content"] += [{"type": "image_url", "image_url": {"url": IMAGE}}] * draw(st.integers(0, 2))
    return messages


@st.composite
def conversations(draw: st.DrawFn) -> Row:
    # Plain rows are checked in another way than rich ones.
    plain = draw(st.booleans())
    messages = draw(turns(plain=plain))
    for message in messages if draw(st.booleans()) else ():
        if draw(st.booleans()):
            message["weight"] = draw(st.integers(0, 1))
        if shows_image(message):
            # What shows images cannot be trained; without a weight it would be, once another message has one.
            message["weight"] = 0
        if draw(st.integers(0, 4)) == 0:
            message["name"] = draw(texts)
    if any("weight" in message for message in messages):
        [*_, last] = (message for message in messages if message["role"] == "assistant")
        last["weight"] = 1
    return {"messages": messages} | ({"tools": draw(st.sampled_from([TOOLS, [], None]))} if draw(st.booleans()) else {})


def shows_image(message: Row) -> bool:
    return isinstance(message.get("content"), list) and any("image_url" in part for part in message["content"])


def preferences() -> st.SearchStrategy[Row]:
    output = st.builds(lambda text: [{"role": "assistant", "content": text}], texts)
    given = st.builds(lambda messages: {"messages": messages}, turns(ends_with="user"))
    rows = st.fixed_dictionaries({"input": given, "preferred_output": output, "non_preferred_output": output})
    return rows.filter(lambda row: row["preferred_output"] != row["non_preferred_output"])


GOOD: dict[Format, st.SearchStrategy[Row]] = {
    Format.CONVERSATION: conversations(),
    Format.INSTRUCTION: st.fixed_dictionaries({"prompt": texts, "completion": texts}),
    Format.TEXT: st.fixed_dictionaries({"text": texts}),
    Format.PREFERENCE: preferences(),
}


@st.composite
def good_rows(draw: st.DrawFn, format: Format) -> list[Row]:
    rows = draw(st.lists(GOOD[format], min_size=2, max_size=5))
    for row in rows:
        weight = draw(sample_weights) if format is not Format.PREFERENCE else None
        if weight is not None:
            row["weight"] = weight
    return rows
