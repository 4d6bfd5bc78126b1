"""Responses: the document alone is the user's message, asked and trained on alike; the row tells all that is known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from redraft.documents.persona import load_persona
from redraft.documents.responding import as_user, read_response, response_request, signs_of
from redraft.records import Completion, Document, Example, Passed, Rejection

PERSONA = load_persona()
DOCUMENT = Document(
    document_id="s00007", side="train", document_type="memo", domain="water supply", tension="x", tone="urgent",
    stakeholder="a tenant", scenario="T: S", title="The pump", text="The pump fails twice a week. " * 30,
    word_count=180, language="en", scenario_model="a:thinks", model="b:writes", created_at="then",
)  # fmt: skip
GOOD = (
    "What strikes me is that the pump fails on two days only. Could we find out together who is on duty then, and "
    "whether the people upstairs were asked? There is a risk that a quick repair moves the noise to their floor, and I "
    "cannot know from here how much that matters to them. Your plan for the spring is a good start, so let us keep it "
    "and test it on one pump first."
)


def answered(text: str, **more: Any) -> Completion:
    return msgspec.convert(
        {
            "request_key": "k", "text": text, "model": "c:responds", "answered_model": "r-1", "provider": "c",
            "finish_reason": "stop", "input_tokens": 5, "output_tokens": 7, "cost": 0.5, "latency": 0.1,
            "attempts": 1, "created_at": "now", "simulated": True, **more,
        },
        Completion,
    )  # fmt: skip


def test_the_last_message_is_the_document_as_it_is_trained_on() -> None:
    request = response_request(DOCUMENT, PERSONA, ("c:1",), 0)
    assert request.messages[-1].content == as_user(DOCUMENT) == f"**The pump**\n\n{DOCUMENT.text}"
    system = request.messages[0].content
    assert PERSONA.system_prompt in system and all(one.title in system for one in PERSONA.traits)
    gaps = msgspec.structs.replace(DOCUMENT, text="Fill {{least}} in. " * 40)
    assert response_request(gaps, PERSONA, ("c:1",), 0).messages[-1].content == as_user(gaps), "it is no template"
    complained = msgspec.structs.replace(DOCUMENT, complaint="scored under 5: thorough 3")
    assert "scored under 5: thorough 3" in response_request(complained, PERSONA, ("c:1",), 1).messages[0].content


def test_an_example_is_trained_on_under_the_persona_and_tells_what_is_known() -> None:
    completion = answered(f" ```\n{GOOD}\n```\n", passed=[{"model": "a:1", "reason": "timeout", "detail": ""}])
    found = read_response(DOCUMENT, completion, PERSONA, 2)
    assert isinstance(found, Example) and found.conversation_id == "s00007"
    assert [one.role for one in found.messages] == ["system", "user", "assistant"]
    assert (found.messages[0].content, found.messages[2].content) == (PERSONA.system_prompt, GOOD)
    assert (found.generation_method, found.model, found.cost, found.flags) == (
        "documents",
        "c:responds",
        0.5,
        ("fallback",),
    )
    extra = found.extra
    assert (extra["scenario_model"], extra["document_model"], extra["created_at"]) == ("a:thinks", "b:writes", "now")
    assert extra["passed"] == {"document": [], "response": ["a:1: timeout"]} and extra["round"] == {
        "document": 0, "response": 2,
    }  # fmt: skip
    assert extra["response_words"] == len(GOOD.split()) and extra["persona"] == PERSONA.id


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("", {}, "empty_target"),
        (GOOD[:150] + ".", {}, "response_too_short"),
        (GOOD, {"finish_reason": "length"}, "truncated_target"),
        (f"{GOOD} {PERSONA.system_prompt}", {}, "system_prompt_leak"),
        (f"{GOOD} {PERSONA.paraphrases[0]}", {}, "system_prompt_leak"),
        (DOCUMENT.text, {}, "copied_document"),
    ],
)
def test_what_a_gate_refuses_is_a_rejection(text: str, more: dict[str, Any], reason: str) -> None:
    found = read_response(DOCUMENT, answered(text, **more), PERSONA, 0)
    assert isinstance(found, Rejection) and (found.reason, found.row_id, found.cost) == (reason, "s00007", 0.5)


def test_a_response_must_show_a_sign_of_some_trait_where_a_trait_has_any() -> None:
    assert len(signs_of(PERSONA)) == 4, "the default leaves Thorough to the judge"
    flat = "The pump was replaced on Monday at noon by the crew of the north depot, which closed the valve. " * 4
    found = read_response(DOCUMENT, answered(flat), PERSONA, 0)
    assert isinstance(found, Rejection) and found.reason == "no_trait_shown"
    unsigned = tuple(msgspec.structs.replace(one, signs=()) for one in PERSONA.traits)
    assert isinstance(
        read_response(DOCUMENT, answered(flat), msgspec.structs.replace(PERSONA, traits=unsigned), 0), Example
    )


def test_a_refusal_through_a_chain_names_every_model() -> None:
    passed = (Passed("a:1", "truncated", "max_tokens"),)
    found = read_response(DOCUMENT, answered("I'm sorry, but I can't help with that.", passed=passed), PERSONA, 0)
    assert isinstance(found, Rejection) and found.reason == "refusal"
    assert found.detail.startswith("a:1: truncated (max_tokens); c:responds: refusal (")
