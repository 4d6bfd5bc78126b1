"""What can be wrong with a row, one thing each: a table of mutations of sound rows, and lines that are no row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sound_rows import IMAGE, TOOLS, Row

from redraft.training.checking.shapes import Format


class Mutation(NamedTuple):
    """`change` breaks a good row and returns the field that is wrong; `documented`: the provider refuses it too."""

    format: Format
    change: Callable[[Row, Any], str]
    documented: bool


def a_message(rows: str, key: str, value: Any, *, role: str | None = None) -> Callable[[Row, Any], str]:
    """A change of one message under `rows` (of one role): `key` becomes `value`, or goes where that is Ellipsis."""

    def change(row: Row, pick: Any) -> str:
        messages = row["input"]["messages"] if rows == "input.messages" else row[rows]
        place = pick([i for i, m in enumerate(messages) if role in (None, m["role"]) and not m.get("tool_calls")])
        if value is ...:
            del messages[place][key]
        else:
            messages[place][key] = value
        return f"{rows}[{place}].{key}"

    return change


def a_column(name: str, value: Any, *, field: str | None = None) -> Callable[[Row, Any], str]:
    def change(row: Row, _: Any) -> str:
        if value is ...:
            del row[name]
        else:
            row[name] = value
        return field or name

    return change


def untrained(row: Row, _: Any) -> str:
    for message in row["messages"]:
        message["weight"] = 0
    return "messages"


def without_answer(row: Row, _: Any) -> str:
    row["messages"] = [{"role": "user", "content": "anybody there?"}]
    return "messages"


def said_twice(row: Row, pick: Any) -> str:
    messages = row["messages"]
    place = pick([i for i, m in enumerate(messages) if m["role"] == "user"])
    messages.insert(place, dict(messages[place]))
    return f"messages[{place + 1}].role"


def late_system(row: Row, pick: Any) -> str:
    messages = row["messages"]
    # Behind an assistant that called a tool stands the tool: there, too, nobody else may speak.
    place = pick(range(1, len(messages) + 1))
    texts_alone = not any(isinstance(m.get("content"), list) for m in messages)
    messages.insert(place, {"role": "system", "content": "x" if texts_alone else [{"type": "text", "text": "x"}]})
    return f"messages[{place}].role"


def uncalled_tool(row: Row, _: Any) -> str:
    row["messages"] = [
        {"role": "user", "content": "q"},
        {"role": "tool", "content": "r"},
        {"role": "assistant", "content": "a"},
    ]
    return "messages[1].role"


def unanswered_call(row: Row, _: Any) -> str:
    with_call(row, {})
    del row["messages"][2]
    return "messages[2].role"


def with_call(row: Row, change: Row, **answer: Any) -> None:
    """Makes a row with one call and its answer, and breaks it: `change` and `answer` replace keys, or take those away
    that are Ellipsis."""
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    function = {"id": call, "type": call, "name": call["function"], "arguments": call["function"]}
    told = {"role": "tool", "content": "r", "tool_call_id": "1"}
    for key, value, owner in [
        *((k, v, function[k]) for k, v in change.items()),
        *((k, v, told) for k, v in answer.items()),
    ]:
        owner[key] = value
        if value is ...:
            del owner[key]
    asked, said = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
    row |= {"messages": [asked, {"role": "assistant", "tool_calls": [call]}, told, said], "tools": TOOLS}


def call(field: str, change: Row | None = None, **answer: Any) -> Callable[[Row, Any], str]:
    def broken(row: Row, _: Any) -> str:
        with_call(row, change or {}, **answer)
        return f"messages[{2 if answer else 1}]{field}"

    return broken


def half_answered(row: Row, _: Any) -> str:
    with_call(row, {})
    row["messages"][1]["tool_calls"].append({"id": "2", "function": {"name": "open", "arguments": "{}"}})
    return "messages[1].tool_calls[1].id"


def called_twice(row: Row, _: Any) -> str:
    with_call(row, {})
    row["messages"][1]["tool_calls"] *= 2
    return "messages[1].tool_calls[1].id"


def last_untrained(row: Row, pick: Any) -> str:
    """Rich rows and plain ones alike: the answer before is trained, the last is not."""
    before = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 1}]
    last = {"role": "assistant", "content": "b", "weight": 0} | pick([{}, {"reasoning": "hm"}])
    row["messages"] = [*before, {"role": "user", "content": "r"}, last]
    return "messages[3].weight"


def weightless_image(row: Row, _: Any) -> str:
    trained_image(row, _)
    del row["messages"][0]["weight"]
    row["messages"][1]["weight"] = 1
    return "messages[0].weight"


def input_of_the_system(row: Row, _: Any) -> str:
    row["input"]["messages"] = [{"role": "system", "content": "s"}]
    return "input.messages[0]"


def same_outputs(row: Row, pick: Any) -> str:
    # A name and a weight say nothing to the model.
    row["non_preferred_output"] = [row["preferred_output"][0] | pick([{}, {"name": "bot"}, {"weight": 1}])]
    return "non_preferred_output"


def no_object(row: Row, pick: Any) -> str:
    place = pick(range(len(row["messages"])))
    row["messages"][place] = "hello"
    return f"messages[{place}]"


def part(extra: Row) -> Callable[[Row, Any], str]:
    """A part with a key that nothing reads."""
    return image({"type": "text", "text": "t"} | extra, field=f"messages[0].content[1].{next(iter(extra))}")


def image(part: Any, *, field: str, role: str = "user", times: int = 1) -> Callable[[Row, Any], str]:
    """A row of parts where one message of `role` shows something."""

    def change(row: Row, _: Any) -> str:
        row["messages"] = [
            {"role": "user", "content": [{"type": "text", "text": "q"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        ]
        row["messages"][role == "assistant"]["content"] += [part] * times
        return field

    return change


def trained_image(row: Row, _: Any) -> str:
    row["messages"] = [
        {"role": "user", "content": [shown(IMAGE)], "weight": 1},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
    ]
    return "messages[0].weight"


def parts_and_texts(row: Row, _: Any) -> str:
    parts = [{"type": "text", "text": "q"}]
    row["messages"] = [{"role": "user", "content": parts}, {"role": "assistant", "content": "a"}]
    return "messages[1].content"


def input_ends_with_assistant(row: Row, _: Any) -> str:
    row["input"]["messages"] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    return "input.messages[1]"


def input_key(row: Row, _: Any) -> str:
    row["input"]["parallel_tool_calls"] = True
    return "input.parallel_tool_calls"


def no_input_messages(row: Row, _: Any) -> str:
    del row["input"]["messages"]
    return "input.messages"


def shown(url: Any) -> Row:
    return {"type": "image_url", "image_url": {"url": url}}


CONVERSATION, INSTRUCTION, TEXT, PREFERENCE = (
    Format.CONVERSATION,
    Format.INSTRUCTION,
    Format.TEXT,
    Format.PREFERENCE,
)
MUTATIONS: dict[str, Mutation] = {
    **{
        f"weight {value!r}": Mutation(CONVERSATION, a_message("messages", "weight", value), True)
        for value in (1.0, 0.0, 0.5, True, False, 2, -1, None, "1")
    },
    "role unknown": Mutation(CONVERSATION, a_message("messages", "role", "bot"), True),
    "role a number": Mutation(CONVERSATION, a_message("messages", "role", 1), True),
    "role missing": Mutation(CONVERSATION, a_message("messages", "role", ...), True),
    "content missing": Mutation(CONVERSATION, a_message("messages", "content", ..., role="user"), True),
    "content null": Mutation(CONVERSATION, a_message("messages", "content", None, role="user"), True),
    "content of the answer null": Mutation(
        CONVERSATION, a_message("messages", "content", None, role="assistant"), True
    ),
    "content a number": Mutation(CONVERSATION, a_message("messages", "content", 7), True),
    "content blank": Mutation(CONVERSATION, a_message("messages", "content", " \n", role="user"), False),
    "answer blank": Mutation(CONVERSATION, a_message("messages", "content", "", role="assistant"), False),
    "content without parts": Mutation(CONVERSATION, a_message("messages", "content", [], role="user"), False),
    "weight mistyped": Mutation(CONVERSATION, a_message("messages", "wieght", 0), False),
    "reasoning of the user": Mutation(CONVERSATION, a_message("messages", "reasoning", "hm", role="user"), False),
    "name a number": Mutation(CONVERSATION, a_message("messages", "name", 7), False),
    "calls nothing": Mutation(CONVERSATION, a_message("messages", "tool_calls", [], role="assistant"), False),
    "said twice": Mutation(CONVERSATION, said_twice, False),
    "late system": Mutation(CONVERSATION, late_system, False),
    "tool that nobody called": Mutation(CONVERSATION, uncalled_tool, False),
    "call without an answer": Mutation(CONVERSATION, unanswered_call, False),
    "nothing trained": Mutation(CONVERSATION, untrained, False),
    "last answer not trained": Mutation(CONVERSATION, last_untrained, False),
    "call without an id": Mutation(CONVERSATION, call(".tool_calls[0].id", {"id": ...}), False),
    "call with a number for an id": Mutation(CONVERSATION, call(".tool_calls[0].id", {"id": 1}), False),
    **{
        f"call with arguments {value!r}": Mutation(
            CONVERSATION, call(".tool_calls[0].function.arguments", {"arguments": value}), False
        )
        for value in (..., 3, None, {}, "", "find it", "[1]", '{"a": 1} {}')
    },
    "call of what is no tool": Mutation(CONVERSATION, call(".tool_calls[0].function.name", {"name": "shut"}), False),
    "answer to nothing": Mutation(CONVERSATION, call(".tool_call_id", None, tool_call_id="7"), False),
    "answer without an id": Mutation(CONVERSATION, call(".tool_call_id", None, tool_call_id=...), False),
    "one call of two answered": Mutation(CONVERSATION, half_answered, False),
    "two calls with one id": Mutation(CONVERSATION, called_twice, False),
    "no answer": Mutation(CONVERSATION, without_answer, True),
    "no messages": Mutation(CONVERSATION, a_column("messages", []), True),
    "messages a text": Mutation(CONVERSATION, a_column("messages", "hello"), True),
    "message no object": Mutation(CONVERSATION, no_object, True),
    "another column": Mutation(CONVERSATION, a_column("id", "7"), True),
    "columns of two formats": Mutation(CONVERSATION, a_column("text", "x", field="row"), True),
    "tools a text": Mutation(CONVERSATION, a_column("tools", "find"), False),
    "tool without a name": Mutation(
        CONVERSATION, a_column("tools", [{"type": "function", "function": {}}], field="tools[0].function.name"), False
    ),
    **{
        f"weight of the row {value!r}": Mutation(CONVERSATION, a_column("weight", value), True)
        for value in (-0.5, True, "1", None)
    },
    # A number of 0 or more, but none that a float holds.
    "weight of the row of 400 digits": Mutation(CONVERSATION, a_column("weight", 10**400), False),
    "weight of 500 digits": Mutation(CONVERSATION, a_message("messages", "weight", 10**500), True),
    "key with a line break": Mutation(CONVERSATION, a_column("we\nird", 1, field="we\\nird"), True),
    "key with an escape, and long": Mutation(
        CONVERSATION, a_column("\x1b[31m" + "k" * 500, 1, field="\\x1b[31m" + "k" * 114 + "…"), True
    ),
    "image of the assistant": Mutation(
        CONVERSATION, image(shown(IMAGE), field="messages[1].content[1]", role="assistant"), False
    ),
    "image behind a link": Mutation(
        CONVERSATION, image(shown("https://x/y.png"), field="messages[0].content[1].image_url.url"), False
    ),
    "image of no kind": Mutation(
        CONVERSATION, image(shown("data:image/gif;base64,R0"), field="messages[0].content[1].image_url.url"), False
    ),
    **{
        f"image that is {name}": Mutation(
            CONVERSATION, image(shown(url), field="messages[0].content[1].image_url.url"), False
        )
        for name, url in {
            "no base64": "data:image/png;base64,@@@@",
            "broken into lines": IMAGE.replace("iVBO", "iVBO\n"),
            "not padded": IMAGE.rstrip("="),
            "of another kind": IMAGE.replace("png", "webp"),
            "empty": "data:image/png;base64,",
        }.items()
    },
    "image with a detail": Mutation(
        CONVERSATION,
        image(
            {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
            field="messages[0].content[1].image_url.detail",
        ),
        False,
    ),
    "part with a weight": Mutation(CONVERSATION, part({"weight": 0}), False),
    "too many images": Mutation(CONVERSATION, image(shown(IMAGE), field="messages", times=11), False),
    "part of no kind": Mutation(CONVERSATION, image({"type": "audio"}, field="messages[0].content[1].type"), False),
    "image with weight 1": Mutation(CONVERSATION, trained_image, False),
    "image without the weight that others have": Mutation(CONVERSATION, weightless_image, False),
    "parts and texts": Mutation(CONVERSATION, parts_and_texts, False),
    "prompt missing": Mutation(INSTRUCTION, a_column("prompt", ...), True),
    "completion a list": Mutation(INSTRUCTION, a_column("completion", ["x"]), True),
    "completion blank": Mutation(INSTRUCTION, a_column("completion", "\t"), False),
    "column of an instruction": Mutation(INSTRUCTION, a_column("system", "x"), True),
    "text missing": Mutation(TEXT, a_column("text", ...), True),
    "text a number": Mutation(TEXT, a_column("text", 7), True),
    "text empty": Mutation(TEXT, a_column("text", ""), False),
    "column of a text": Mutation(TEXT, a_column("source", "x"), True),
    "input a list": Mutation(PREFERENCE, a_column("input", []), True),
    "input without messages": Mutation(PREFERENCE, no_input_messages, True),
    "input ends with the assistant": Mutation(PREFERENCE, input_ends_with_assistant, False),
    "input of the system alone": Mutation(PREFERENCE, input_of_the_system, False),
    "outputs that are the same": Mutation(PREFERENCE, same_outputs, False),
    "weight 0 on an output": Mutation(PREFERENCE, a_message("preferred_output", "weight", 0), False),
    "key of the input": Mutation(PREFERENCE, input_key, False),
    "weight in the input": Mutation(PREFERENCE, a_message("input.messages", "weight", 0.5), True),
    "no preferred output": Mutation(PREFERENCE, a_column("preferred_output", ...), True),
    "output empty": Mutation(PREFERENCE, a_column("non_preferred_output", []), True),
    "output a text": Mutation(PREFERENCE, a_column("preferred_output", "x"), True),
    "two outputs": Mutation(
        PREFERENCE, a_column("preferred_output", [{"role": "assistant", "content": "a"}] * 2), False
    ),
    "output of the user": Mutation(PREFERENCE, a_message("preferred_output", "role", "user"), True),
    "output blank": Mutation(PREFERENCE, a_message("non_preferred_output", "content", " "), False),
    "weight of a preference row": Mutation(PREFERENCE, a_column("weight", 1.0), True),
}

# Lines that are no row at all, with the SDK's own opinion of them.
LINES: dict[str, tuple[bytes, bool]] = {
    "cut off": (b'{"text": "a', False),
    "two in one line": (b'{"text": "a"} {"text": "b"}', False),
    "a list": (b'[{"text": "a"}]', False),
    "a text": (b'"text"', False),
    "not UTF-8": (b'{"text": "\xff"}', False),
    "a byte order mark": (b'\xef\xbb\xbf{"text": "a"}', False),
    "half of a surrogate pair": (b'{"text": "\\ud83d"}', True),
    "half of a surrogate pair in the middle": (b'{"text": "a\\ud83d b"}', True),
    "NaN": (b'{"text": "a", "weight": NaN}', True),
    "out of range": (b'{"text": "a", "weight": 1e999}', True),
    "nested too deep": (b'{"text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", False),
}
