"""Sides are stable, alike openings fall on one side, and equal contexts are recognised."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from redraft.datasets.normalising import normalise
from redraft.feedback.splitting import context_fingerprint, group_key, is_held_out
from redraft.records import Message

messages = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=st.text(max_size=30)), max_size=5
)


def user(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


@given(messages)
def test_the_side_depends_on_the_words_and_the_seed_only(said: list[Message]) -> None:
    upper = [Message(role=m.role, content=f"  {m.content}!\n") for m in said]
    assert is_held_out(said, 0.3, 7) == is_held_out(tuple(said), 0.3, 7)
    assert not is_held_out(said, 0, 7)
    assert is_held_out(said, 1, 7)
    assert group_key(said) == group_key([*said, Message(role="user", content="later")]) or not any(
        m.role == "user" for m in said
    )
    if all(normalise(m.content).isalnum() for m in said):
        assert group_key(upper) == group_key(said)


@given(messages, messages)
def test_equal_contexts_fall_on_one_side(one: list[Message], other: list[Message]) -> None:
    if context_fingerprint(one) == context_fingerprint(other):
        assert group_key(one) == group_key(other)


def test_near_identical_openings_share_a_key() -> None:
    opening = "Write a short poem about the sea, in four lines, and let it rhyme"
    for alike in (opening.upper(), f"  {opening}!!", f"{opening}, please", opening.replace(",", " -")):
        assert group_key(user(alike)) == group_key(user(opening))
    # Twelve words, or sixty characters where there are fewer words.
    assert group_key(user("a b c d e f g h i j k l m")) == group_key(user("a b c d e f g h i j k l n"))
    assert group_key(user("a b c d e f g h i j k l m")) != group_key(user("a b c d e f g h i j k m"))
    assert group_key(user("\u79d8" * 60 + "\u9c81")) == group_key(user("\u79d8" * 70))
    assert group_key(user(opening)) != group_key(user("Write a short poem about the moon, in four lines"))
    assert group_key(user("???")) != group_key(user("!!!"))
    system = Message(role="system", content="Be brief.")
    assert group_key([system, *user(opening)]) == group_key(user(opening))


def test_fingerprints_tell_contexts_apart() -> None:
    context = [*user("Hello there"), Message(role="assistant", content="Hi")]
    assert context_fingerprint(context) == context_fingerprint(
        [Message(role="system", content="x"), *user("hello, THERE"), context[1]]
    )
    assert context_fingerprint(context) != context_fingerprint(context[:1])
    assert context_fingerprint(context) != context_fingerprint(user("Hello there Hi"))


def test_the_share_is_met_and_another_seed_cuts_otherwise() -> None:
    openings = [user(f"question number {i} about something") for i in range(4000)]
    held = [is_held_out(opening, 0.25, 1) for opening in openings]
    other = [is_held_out(opening, 0.25, 2) for opening in openings]
    assert 900 < sum(held) < 1100
    assert held != other


def test_another_process_decides_the_same() -> None:
    code = (
        "from redraft.feedback.splitting import is_held_out; from redraft.records import Message; "
        "print([is_held_out([Message(role='user', content=f'q {i}')], 0.5, 3) for i in range(50)])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str([is_held_out(user(f"q {i}"), 0.5, 3) for i in range(50)])
