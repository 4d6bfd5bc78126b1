"""What is rendered parses to the same, whatever stands in a message."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_chats import texts

from redraft.chat.rendering import (
    MARKERS,
    SILENCE,
    chat_messages,
    completion_of,
    context_messages,
    escaped,
    prompt_of,
    read_completion,
    read_context,
    read_messages,
    read_prompt,
    unescaped,
)
from redraft.chat_records import ChatTurn
from redraft.records import Message

contexts = st.lists(st.builds(ChatTurn, st.sampled_from(["A", "B", "Z", "SYS"]), texts), max_size=6).map(tuple)
MARKER = re.compile("|".join(map(re.escape, MARKERS)))


@given(texts)
@example("<<\\SEP>\\<SEP>")
def test_an_escaped_text_holds_no_marker_and_comes_back(text: str) -> None:
    assert not MARKER.search(escaped(text))
    assert unescaped(escaped(text)) == text


@given(st.text(st.characters(exclude_characters="<")))
def test_text_without_markers_stays_as_it_is(text: str) -> None:
    assert escaped(text) == text


@given(contexts, texts)
def test_markers_are_parsed_to_what_they_were_rendered_of(context: tuple[ChatTurn, ...], reply: str) -> None:
    prompt, completion = prompt_of(context), completion_of(reply)
    assert read_prompt(prompt) == context
    assert read_completion(completion) == reply
    assert len(MARKER.findall(prompt)) == 2 * len(context) + 1, "nothing in a message counts as a marker"


@given(contexts, texts)
def test_chat_messages_are_parsed_to_what_they_were_rendered_of(context: tuple[ChatTurn, ...], reply: str) -> None:
    messages = chat_messages(context, reply)
    assert read_messages(messages) == (context, reply)
    assert [one.role for one in messages] == ["user", "assistant"] * (len(messages) // 2), "they take turns"
    assert messages[:-1] == context_messages(context)
    assert read_context(messages[:-1]) == context
    assert all(one.content for one in messages if one.role == "user"), "trainers refuse empty ones"


def test_the_forms_look_as_they_are_described() -> None:
    context = (ChatTurn("A", "lunch?"), ChatTurn("B", "salad\nA: or soup"), ChatTurn("SYS", "hm"))
    assert prompt_of(context) == "<USR_A> lunch?<SEP><USR_B> salad\nA: or soup<SEP><SYS> hm<SEP><SYS>"
    assert completion_of("ok salad it is, lol") == " ok salad it is, lol<SEP>"
    assert chat_messages(context, "ok") == [
        Message("user", "A: lunch?\nB: salad\n\\A: or soup"),
        Message("assistant", "hm"),
        Message("user", SILENCE),
        Message("assistant", "ok"),
    ]


def test_a_model_may_stop_where_it_wants() -> None:
    assert read_completion(" see you") == "see you"
    assert read_completion(" see you<USR_A> no") == "see you"


@pytest.mark.parametrize("prompt", ["", "<USR_A> hi<SEP>", "<USR_A> hi<SYS>", "hi<SYS>", "<USR_A>hi<SEP><SYS>"])
def test_what_was_not_rendered_is_no_prompt(prompt: str) -> None:
    with pytest.raises(ValueError, match="no prompt of markers"):
        read_prompt(prompt)


def test_what_was_not_rendered_is_no_conversation() -> None:
    with pytest.raises(ValueError, match="do not end with a reply"):
        read_messages([Message("user", "A: hi")])
    with pytest.raises(ValueError, match="do not end with a user's"):
        read_context([Message("user", "A: hi"), Message("assistant", "hello")])
    with pytest.raises(ValueError, match="do not end with a user's"):
        read_context([])
    with pytest.raises(ValueError, match="does not begin with a speaker"):
        read_messages([Message("user", "hi"), Message("assistant", "hello")])
