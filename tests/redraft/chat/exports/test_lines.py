"""A text cut into messages is the same however it comes, and is not held."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from rendering_exports import VARIANTS, Said, chats, rendered

from redraft.chat.exports.lines import LONGEST, pieces


@given(chats(most=6), st.sampled_from(sorted(VARIANTS)), st.lists(st.integers(0, 600), max_size=6))
def test_where_the_text_is_parted_makes_no_difference(said: list[Said], name: str, cuts: list[int]) -> None:
    text = rendered(said, VARIANTS[name]).replace("\r\n", "\n").replace("\ufeff", "")
    ends = sorted(min(cut, len(text)) for cut in cuts)
    parts = [text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    whole = [(match[0], body, line) for match, body, line in pieces([text])]
    assert [(match[0], body, line) for match, body, line in pieces(parts)] == whole
    assert "".join(head + body for head, body, _ in whole).lstrip("\n") == text.strip("\n") or not said
    lines = text.split("\n")
    assert all(lines[line - 1] == head[1:] + body.split("\n")[0] for head, body, line in whole)


def test_messages_come_before_the_text_has_ended() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "1/2/24, 10:00 - A: x\n" * 100

    found = pieces(endless())
    assert [next(found)[2] for _ in range(1000)] == list(range(1, 1001))


def test_a_message_or_a_line_without_end_is_cut_and_not_held() -> None:
    line = "1/2/24, 10:00 - A: "
    tracemalloc.start()
    try:
        for endless in ("x" * 500_000, ("x" * 999 + "\n") * 500):
            (_, body, _), (_, last, _) = pieces([line, *[endless] * 20, f"\n{line}y"])
            assert len(body) == LONGEST and last == "A: y"
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
