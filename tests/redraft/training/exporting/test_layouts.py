"""What is exported reads back as the same conversation, and follows the rules of the service that it is for."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from redraft.errors import InputError
from redraft.records import Example, Message, Rejection
from redraft.training.checking.rows import row_findings
from redraft.training.checking.shapes import Format
from redraft.training.exporting.layouts import LAYOUTS, layout_for
from redraft.training.exporting.pairs import conversation_of, pair_of

Said = list[tuple[str, str]]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
words = texts.filter(str.strip)
alternating = st.from_regex(r"s?(u{1,2}a){1,3}", fullmatch=True)
ROLES = {"s": "system", "u": "user", "a": "assistant"}


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Mostly such as can be exported, and as a pair; now and then anything."""
    roles, contents = draw(st.sampled_from([(alternating, words)] * 4 + [(st.text("sua", max_size=6), texts)]))
    messages = tuple(Message(ROLES[letter], draw(contents)) for letter in draw(roles))  # type: ignore[arg-type]
    response = messages[-1].content if messages else ""
    return Example(
        conversation_id="c1",
        messages=messages,
        category="UR2",
        improved=draw(st.sampled_from([True, True, True, False])),
        generation_method="feedback_based",
        original_response=draw(st.one_of(words, texts, st.sampled_from([response, f" {response}\n", "", " "]))),
        improvement_timestamp=None,
    )


def joined(example: Example) -> Said:
    """The conversation with user messages in a row as one, found in another way than the code does."""
    said: Said = []
    for role, run in groupby(example.messages, key=lambda message: message.role):
        contents = [message.content for message in run]
        said += [(role, "\n\n".join(contents))] if role == "user" else [(role, content) for content in contents]
    return said


def can_be_trained_on(example: Example) -> bool:
    letters = "".join(message.role[0] for message in example.messages)
    return bool(re.fullmatch(r"s?(u+a)+", letters)) and all(content.strip() for _, content in joined(example))


def can_be_paired(example: Example) -> bool:
    original, response = example.original_response.strip(), example.messages[-1].content.strip()
    return example.improved and bool(original) and original != response


# How each format's own readers see a row: the conversation, the response to learn last.
READERS: dict[str, Any] = {
    "sft": lambda row: [(m["role"], m["content"]) for m in row["messages"]],
    "openai": lambda row: [(m["role"], m["content"]) for m in row["messages"]],
    "trl": lambda row: [(m["role"], m["content"]) for m in row["prompt"] + row["completion"]],
    "sharegpt": lambda row: [
        ({"human": "user", "gpt": "assistant", "system": "system"}[m["from"]], m["value"]) for m in row["conversations"]
    ],
}
# ... and a pair: the context, the better response, the other.
PAIR_COLUMNS = {
    "dpo": ("preferred_output", "non_preferred_output"),
    "openai": ("preferred_output", "non_preferred_output"),
    "trl": ("chosen", "rejected"),
}


@given(examples())
def test_every_row_reads_back_as_the_same_conversation(example: Example) -> None:
    messages = conversation_of(example)
    assert isinstance(messages, Rejection) != can_be_trained_on(example)
    if isinstance(messages, Rejection):
        return
    for name, read in READERS.items():
        layout = layout_for(name, preference=False)
        assert layout.conversation is not None and layout.pair is None
        assert read(json.loads(json.dumps(layout.conversation(messages)))) == joined(example), name


@given(examples())
def test_every_pair_reads_back_as_context_improved_and_original(example: Example) -> None:
    pair = pair_of(example)
    assert isinstance(pair, Rejection) != (can_be_trained_on(example) and can_be_paired(example))
    if isinstance(pair, Rejection):
        return
    for name, (preferred, rejected) in PAIR_COLUMNS.items():
        layout = layout_for(name, preference=name != "dpo")
        assert layout.pair is not None and layout.conversation is None
        row = json.loads(json.dumps(layout.pair(pair)))
        context = row["prompt"] if name == "trl" else row["input"]["messages"]
        assert [(m["role"], m["content"]) for m in context] == joined(example)[:-1], name
        assert row[preferred] == [{"role": "assistant", "content": example.messages[-1].content}], name
        assert row[rejected] == [{"role": "assistant", "content": example.original_response}], name


@given(examples())
def test_the_check_before_an_upload_finds_nothing_wrong(example: Example) -> None:
    messages, pair = conversation_of(example), pair_of(example)
    conversation, preference = LAYOUTS["sft"].conversation, LAYOUTS["dpo"].pair
    assert conversation is not None and preference is not None
    if not isinstance(messages, Rejection):
        assert list(row_findings(conversation(messages), Format.CONVERSATION)) == []
    if not isinstance(pair, Rejection):
        assert list(row_findings(preference(pair), Format.PREFERENCE)) == []


# What OpenAI documents of its fine-tuning files: the objects FineTuneChatRequestInput and
# FineTunePreferenceRequestInput of its API description, as far as text goes.
ASSISTANT = {"role": {"const": "assistant"}, "content": {"type": "string"}}
OTHERS = {
    "type": "object",
    "properties": {"role": {"enum": ["system", "user", "developer"]}, "content": {"type": "string"}},
    "required": ["role", "content"],
    "additionalProperties": False,
}


def assistant(**more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**ASSISTANT, **more},
        "required": ["role", "content"],
        "additionalProperties": False,
    }


def openai_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


WEIGHT = {"type": "integer", "enum": [0, 1]}
SUPERVISED = openai_object(
    messages={"type": "array", "minItems": 1, "items": {"anyOf": [OTHERS, assistant(weight=WEIGHT)]}}
)
OUTPUT = {"type": "array", "minItems": 1, "maxItems": 1, "items": assistant()}
PREFERENCE = openai_object(
    input=openai_object(
        messages={"type": "array", "minItems": 1, "items": {"anyOf": [OTHERS, assistant()]}},
        tools={"type": "array"},
        parallel_tool_calls={"type": "boolean"},
    ),
    preferred_output=OUTPUT,
    non_preferred_output=OUTPUT,
)
MESSAGE: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)


@given(examples())
def test_openai_takes_every_row(example: Example) -> None:
    messages, pair = conversation_of(example), pair_of(example)
    layout = LAYOUTS["openai"]
    assert layout.conversation is not None and layout.pair is not None
    if not isinstance(messages, Rejection):
        row = layout.conversation(messages)
        Draft202012Validator(SUPERVISED).validate(row)
        weights = [message.get("weight") for message in row["messages"] if message["role"] == "assistant"]
        assert weights == [0] * (len(weights) - 1) + [1], "without a weight OpenAI trains on earlier responses too"
        assert all(MESSAGE.validate_python(message) for message in row["messages"])
    if not isinstance(pair, Rejection):
        row = layout.pair(pair)
        Draft202012Validator(PREFERENCE).validate(row)
        assert row["input"]["messages"][-1]["role"] == "user", "both responses follow the whole context"


@pytest.mark.parametrize(
    ("name", "preference", "said"),
    [("sft", True, "no preference pairs.*dpo, openai, trl"), ("sharegpt", True, "no pref"), ("dpo", True, "anyway")],
)
def test_preference_is_refused_where_it_does_not_apply(name: str, preference: bool, said: str) -> None:
    with pytest.raises(InputError, match=said):
        layout_for(name, preference)
