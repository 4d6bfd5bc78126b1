"""Contexts that a model picks: what it is shown, and what its answer makes of an example."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.choosing import choice_request, chosen
from redraft.chat_records import ChatExample, ChatTurn
from redraft.records import Completion, Failure, Rejection

SPEAKERS = st.sampled_from(["A", "B", "C", "SYS"])


def example(*turns: tuple[str, str]) -> ChatExample:
    context = tuple(ChatTurn(speaker, text, (f"m{place}",)) for place, (speaker, text) in enumerate(turns))
    return ChatExample(
        example_id="m9", chat="chat1", side="train", context=context, reply="the secret reply", time="2024",
        strategy="window", context_ids=tuple(one for turn in context for one in turn.ids), reply_ids=("m9",),
    )  # fmt: skip


def answer(text: str) -> Completion:
    return Completion(
        request_key="k", text=text, model="p:m", answered_model="m-1", provider="p", finish_reason="stop",
        input_tokens=9, output_tokens=3, cost=0.5, latency=1.0, attempts=1, created_at="2024", simulated=True,
    )  # fmt: skip


TALK = example(("A", "lunch?"), ("SYS", "soup"), ("B", "me too"), ("A", "when?"))


def test_the_reply_is_not_shown_and_texts_are_data() -> None:
    request = choice_request(TALK, ("p:m", "p:n"), 2)
    said = " ".join(message.content for message in request.messages)
    assert "the secret reply" not in said and request.fallbacks == ("p:n",) and request.row_id == "m9"
    material = json.loads(request.messages[-1].content)
    assert [(one["number"], one["speaker"], one["text"]) for one in material["messages"]] == [
        (1, "A", "lunch?"), (2, "SYS", "soup"), (3, "B", "me too"), (4, "A", "when?")
    ]  # fmt: skip
    assert material["most"] == 2


def test_who_is_left_is_named_anew_and_what_was_paid_is_kept() -> None:
    made = chosen(TALK, answer('```json\n{"numbers": [3]}\n```'), 2)
    assert isinstance(made, ChatExample)
    assert [(turn.speaker, turn.text) for turn in made.context] == [("A", "me too"), ("B", "when?")]
    assert made.context_ids == ("m2", "m3") and made.reply == TALK.reply and made.strategy == "llm"
    assert (made.model, made.cost, made.simulated, made.request_key) == ("p:m", 0.5, True, "k")


@given(st.lists(st.tuples(SPEAKERS, st.text(max_size=3)), min_size=1, max_size=8), st.data())
def test_any_choice_keeps_the_order_and_the_last(turns: list[tuple[str, str]], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(1, len(turns)), unique=True))
    made = chosen(example(*turns), answer(json.dumps({"numbers": numbers})), len(turns))
    assert isinstance(made, ChatExample)
    kept = sorted({*numbers, len(turns)})
    assert made.context_ids == tuple(f"m{number - 1}" for number in kept)
    letters = [turn.speaker for turn in made.context if turn.speaker != "SYS"]
    assert sorted(set(letters)) == list("ABC")[: len(set(letters))], "letters without a gap"
    before = {turns[number - 1][0]: turn.speaker for number, turn in zip(kept, made.context, strict=True)}
    assert [before[turns[number - 1][0]] for number in kept] == [turn.speaker for turn in made.context]


def test_what_chooses_nothing_is_a_rejection_with_its_price() -> None:
    for text, reason in (
        ("the first", "unparseable"), ('{"numbers": ["1"]}', "unparseable"), ('{"numbers": [0]}', "unknown_number"),
        ('{"numbers": [5]}', "unknown_number"), ('{"numbers": [1, 2, 3]}', "too_many"),
    ):  # fmt: skip
        found = chosen(TALK, answer(text), 2)
        assert isinstance(found, Rejection) and found.reason == reason, text
        assert (found.cost, found.row_id, found.simulated, found.passing) == (0.5, "m9", True, False)
        assert "lunch" not in msgspec.json.encode(found).decode()
    failed = Failure(request_key="k", model="p:m", reason="rate_limit", detail="429", attempts=3)
    found = chosen(TALK, failed, 2)
    assert isinstance(found, Rejection) and found.reason == "rate_limit"
    assert isinstance(chosen(TALK, answer('{"numbers": [1, 2, 4]}'), 2), ChatExample), "the last does not count"
