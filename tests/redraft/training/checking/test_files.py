"""Generated good files pass; each named mutation of one row is found in that row, at that field, and nowhere else.

Two that know nothing of our reading of the rules say the same of what the provider documents: its SDK's own check of
lines, and the sandbox's check of uploaded rows.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from together.lib.utils.files import check_file as sdk_check

from redraft.errors import InputError
from redraft.sandbox.training_rows import check_rows
from redraft.training.checking.files import check_file, told_format
from redraft.training.checking.shapes import Format
from redraft.training.validator import require_good

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


def write(path: Path, lines: list[bytes], blanks: list[int]) -> list[int]:
    """Writes the lines with blank ones before them; the number of each in the file."""
    content, numbers, number = b"", [], 0
    for line, blank in zip(lines, blanks, strict=True):
        number += blank + 1
        numbers.append(number)
        content += b" \n" * blank + line + b"\n"
    path.write_bytes(content)
    return numbers


def lines_of(rows: list[Row], data: st.DataObject) -> list[bytes]:
    ascii_ = data.draw(st.booleans(), label="escaped")
    return [json.dumps(row, ensure_ascii=ascii_).encode() for row in rows]


def blanks_for(rows: list[Any], data: st.DataObject) -> list[int]:
    return data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)), label="blank lines")


@pytest.mark.parametrize("format", GOOD)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_good_files_pass_here_and_at_the_provider(format: Format, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        rows = data.draw(good_rows(format))
        write(path, lines_of(rows, data), blanks_for(rows, data))
        report = check_file(path)
        assert report.faults == []
        assert (report.format, report.rows, report.lengths.rows) == (format, len(rows), len(rows))
        assert check_rows(path, "jsonl").error is None
        assert sdk_check(path)["is_check_passed"]
        assert require_good(path, format).good


@pytest.mark.parametrize("name", MUTATIONS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_mutated_row_is_named_with_its_field(name: str, data: st.DataObject) -> None:
    format, change, documented = MUTATIONS[name]
    rows = data.draw(good_rows(format))
    bad = data.draw(st.integers(0, len(rows) - 1), label="mutated")
    field = change(rows[bad], lambda places: data.draw(st.sampled_from(list(places))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        number = write(path, lines_of(rows, data), blanks_for(rows, data))[bad]
        report = check_file(path)
        assert [(fault.row, fault.field) for fault in report.faults] == [(number, field)]
        assert (report.format, report.faulty_rows, report.lengths.rows) == (format, 1, len(rows) - 1)
        theirs = check_rows(path, "jsonl").error
        assert (f"Line {number}: " in theirs) if documented and theirs else documented is (theirs is not None)
        with pytest.raises(InputError) as caught:
            require_good(path)
        assert str(caught.value).count("\n") == 0 and f"line {number}: {field}: " in str(caught.value)


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_a_line_that_is_no_row_is_named(name: str, data: st.DataObject) -> None:
    line, passes_sdk = LINES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        lines = lines_of(data.draw(good_rows(Format.TEXT)), data)
        bad = data.draw(st.integers(0, len(lines)), label="place")
        lines.insert(bad, line)
        number = write(path, lines, blanks_for(lines, data))[bad]
        report = check_file(path)
        assert [(fault.row, fault.field) for fault in report.faults] == [(number, "row")]
        for said in ("half of a surrogate pair", "NaN", "out of range"):
            assert (said in report.faults[0].mend) is name.startswith(said)
        if name != "nested too deep":  # the SDK's check breaks down there
            assert sdk_check(path)["is_check_passed"] is passes_sdk


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_rows_of_another_format_are_named(data: st.DataObject) -> None:
    format, other = data.draw(st.permutations(list(GOOD)))[:2]
    rows = data.draw(good_rows(format))
    foreign = data.draw(st.integers(1, len(rows)), label="place")
    rows.insert(foreign, data.draw(GOOD[other]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        numbers = write(path, lines_of(rows, data), blanks_for(rows, data))
        report = check_file(path)
        assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [
            (numbers[foreign], "row", "mixed_formats")
        ]
        assert f"Line {numbers[foreign]}: " in (check_rows(path, "jsonl").error or "")
        # Where the format is said, all the others are the ones that are wrong.
        others = [number for place, number in enumerate(numbers) if place != foreign]
        assert [fault.row for fault in check_file(path, format=other).faults] == others


def test_the_format_is_told_from_the_first_good_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"messages": []}\n{"messages": []}\n{"text": "a"}\n', encoding="utf-8")
    assert told_format(path) is Format.TEXT
    assert check_file(path).kinds == {"mixed_formats": 2}
    path.write_text('{"prompt": 1, "completion": "b"}\n{"prompt": "a"}\n{}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [
        (1, "prompt"),
        (2, "completion"),
        (3, "prompt"),
        (3, "completion"),
    ]
    path.write_text('{"words": "a"}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [(1, "row")]


def test_faults_are_counted_beyond_those_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"text": "a"}\n' + '{"text": ""}\n' * 50, encoding="utf-8")
    report = check_file(path, keep=3)
    assert [fault.row for fault in report.faults] == [0, 2, 3]
    assert report.kinds == {"empty": 50, "file_name": 1}
    assert (report.rows, report.faulty_rows) == (51, 50)


@pytest.mark.parametrize("value", [{"messages": [{"role": "user"}]}, [{"text": "a"}, {"text": "b"}]])
def test_json_as_people_read_it_is_one_fault(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    [fault] = check_file(path).faults
    assert (fault.row, fault.field, fault.kind) == (0, "file", "not_json") and "each object on one line" in fault.mend
    # A line that was cut off is a fault of its row, not of the file.
    path.write_text('{\n{"text": "a"}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [(1, "row")]


def test_rows_that_teach_nothing_or_others_words_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    asked, said = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 1}
    image = [{"type": "image_url", "image_url": {"url": IMAGE}}]
    spoken = [{"type": "text", "text": "a"}]
    rows: list[Row] = [
        {"messages": [asked, {"role": "assistant", "content": "a"}]},
        {"messages": [asked | {"weight": 0}, said]},
        {"messages": [asked, said]},
        {"messages": [asked | {"weight": 1}, said | {"reasoning": "hm"}], "weight": 0},
        {
            "messages": [
                asked | {"content": image, "weight": 0},
                said | {"content": spoken},
                asked | {"content": spoken},
            ]
        },
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = check_file(path)
    assert report.good
    assert (report.others, report.first_others, report.muted, report.first_muted) == (3, 3, 1, 4)
    path.write_text(json.dumps(rows[3]) + '\n{"messages": []}\n', encoding="utf-8")
    assert [fault.field for fault in check_file(path).faults] == ["messages"]
    path.write_text(json.dumps(rows[3]), encoding="utf-8")
    assert [(fault.row, fault.field, fault.kind) for fault in check_file(path).faults] == [(0, "file", "untrained")]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_rows_is_faulty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    assert check_file(path).kinds == {"no_rows": 1}


def test_a_file_that_is_too_large_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "' + "a" * 2000 + '"}\n{"text": "b"}\n', encoding="utf-8")
    monkeypatch.setattr("redraft.training.checking.files.FILE_BYTES", 1000)
    monkeypatch.setattr("redraft.training.checking.lines.ROW_BYTES", 100)
    monkeypatch.setattr("redraft.training.checking.lines._BUFFER", 64)
    report = check_file(path)
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [
        (0, "file", "too_large"),
        (1, "row", "too_large"),
    ]
    assert (report.rows, report.format) == (2, Format.TEXT)


def test_an_image_may_have_10_mib(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    most = 4 * 10 * 2**20 // 3
    rows = []
    for size in (most - most % 4, most + 8):
        content = [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/" + "A" * (size - 4)}}]
        answer = [{"type": "text", "text": "a cat"}]
        rows.append({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]})
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = check_file(path)
    assert [(fault.row, fault.field) for fault in report.faults] == [(2, "messages[0].content[0].image_url.url")]
    # Whatever an image comes to in tokens, its base64 is no text.
    assert (report.lengths.images, report.lengths.longest) == (1, 13)
