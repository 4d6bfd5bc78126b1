"""Values are cut out of a file of JSON exactly, wherever it was read in two, and a broken file is one clear line."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redraft.chat.exports import json_values
from redraft.chat.exports.json_values import JsonValues
from redraft.errors import InputError

HERE = Path("result.json")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def opened(content: bytes) -> JsonValues:
    return JsonValues(HERE, io.BytesIO(content))


def written(value: object, indent: int | None, plain: bool) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=plain).encode("utf-8", "surrogatepass")


@settings(max_examples=40)
@given(st.lists(VALUES, max_size=6), st.none() | st.integers(0, 3), st.booleans(), st.integers(1, 9))
def test_every_element_of_an_array_is_cut_out_whole_and_its_line_is_told(
    values: list[object], indent: int | None, plain: bool, chunk: int
) -> None:
    content = written(values, indent, plain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "CHUNK", chunk)
        walked = opened(content)
        met: list[object] = []
        for _ in walked.elements():
            offset, line = walked.offset, walked.line
            raw = walked.raw()
            assert content[offset:].startswith(raw)
            assert line == content[:offset].count(b"\n") + 1
            met.append(json.loads(raw))
    assert met == values
    assert walked.peek() == b""


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.sets(st.integers(0, 4)), st.integers(1, 9))
def test_members_that_are_left_alone_are_skipped(values: dict[str, object], taken: set[int], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "CHUNK", chunk)
        walked = opened(written(values, 1, True))
        met = {key: json.loads(walked.raw()) for number, key in enumerate(walked.members()) if number in taken}
    assert met == {key: value for number, (key, value) in enumerate(values.items()) if number in taken}


@settings(max_examples=25)
@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_a_position_is_found_again(values: list[object], data: st.DataObject) -> None:
    file = io.BytesIO(written({"a": [1], "list": values}, 1, False))
    walked = JsonValues(HERE, file)
    for key in walked.members():
        if key == "list":
            break
    offset, line = walked.offset, walked.line
    again = JsonValues(HERE, io.BytesIO(file.getvalue()), offset, line)
    for here, there in zip(walked.elements(), again.elements(), strict=True):
        assert here == there
        assert (walked.offset, walked.line) == (again.offset, again.line)
        assert walked.raw() == again.raw()


@settings(max_examples=40)
@given(st.lists(VALUES, max_size=4), st.data())
def test_a_file_that_breaks_off_is_told(values: list[object], data: st.DataObject) -> None:
    content = written(values, 0, True)
    cut = content[: data.draw(st.integers(1, len(content) - 1))]
    with pytest.raises(InputError, match=r"result\.json: breaks off in what begins at line \d"):
        for _ in (walked := opened(cut)).elements():
            walked.raw()


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}":,\\ \nu0e-tx', max_size=60).map(str.encode))
@example(b'{"\\x": 1}')
@example(b'{"\xff": 1}')
def test_no_bytes_do_worse_than_an_input_error(content: bytes) -> None:
    for step in (JsonValues.elements, JsonValues.members):
        try:
            for _ in step(walked := opened(content)):
                walked.raw()
        except InputError as error:
            assert "\n" not in str(error)


def test_a_text_that_is_never_closed_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LONGEST", 1_000_000)
    with pytest.raises(InputError, match="line 2 begins a value of more than"):
        next(iter(opened(b'{\n"' + b"x" * 3_000_000).members()))


def test_what_is_skipped_is_not_held() -> None:
    content = written({"skipped": [{"text": "word " * 20}] * 25_000, "wanted": 1}, None, True)
    file = io.BytesIO(content)
    tracemalloc.start()
    walked = JsonValues(HERE, file)
    assert [json.loads(walked.raw()) for key in walked.members() if key == "wanted"] == [1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000 < len(content)


def test_a_byte_order_mark_is_stepped_over_and_utf_16_refused() -> None:
    assert [opened(b"\xef\xbb\xbf" + b"[1]").peek()] == [b"["]
    with pytest.raises(InputError, match="UTF-16"):
        opened("[1]".encode("utf-16"))
