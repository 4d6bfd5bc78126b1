"""What the messages of a row make together: whose turn it is, what is trained, which call a tool answers.

Neighbours: `contents` checks single messages; `rows` and `shapes` ask here for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from redraft.training.checking.findings import Finding

Messages = Sequence[Mapping[str, Any]]


def trained_places(messages: Messages, inputs: bool = False) -> list[int]:
    """The places of the messages that are trained, whoever speaks.

    Where any message has a weight, one without counts as 1, the provider's default, and no other setting plays a part;
    where none has, the assistant's messages are trained, and with `inputs` (`train_on_inputs`) all.
    """
    if any("weight" in message for message in messages):
        return [place for place, message in enumerate(messages) if message.get("weight", 1) == 1]
    return list(range(len(messages))) if inputs else answers(messages)


def answers(messages: Messages) -> list[int]:
    """The places of what the assistant says."""
    return [place for place, message in enumerate(messages) if message["role"] == "assistant"]


def trains_others(messages: Messages) -> bool:
    """Whether something is trained that the assistant does not say."""
    return any(messages[place]["role"] != "assistant" for place in trained_places(messages))


def training_findings(field: str, messages: Messages) -> Iterator[Finding]:
    """Faults of what is trained: the assistant speaks, and the last time it does is trained."""
    spoken = answers(messages)
    trained = set(trained_places(messages))
    if not spoken:
        yield Finding("no_answer", field, "no assistant speaks: nothing of the row would be learned; add its answer")
    elif trained.isdisjoint(spoken):
        yield Finding("untrained", field, "every message of the assistant has weight 0; give the last one weight 1")
    elif spoken[-1] not in trained:
        mend = "is 0 on the assistant's last message; give it weight 1, or end the row with an answer that is trained"
        yield Finding("untrained", f"{field}[{spoken[-1]}].weight", mend)


def order_findings(field: str, messages: Messages) -> Iterator[Finding]:
    """User and assistant take turns after an optional system message; tools answer an assistant that called them."""
    expected: tuple[str, ...] = ("system", "user")
    for place, message in enumerate(messages):
        role = message["role"]
        if role not in expected:
            yield Finding("order", f"{field}[{place}].role", f"is {role}, expected {_reason(role, expected)}")
            return
        match role:
            case "system":
                expected = ("user",)
            case "user":
                expected = ("assistant",)
            case "assistant":
                expected = ("tool",) if message.get("tool_calls") else ("user",)
            case _:
                expected = ("tool", "assistant")


def call_findings(field: str, messages: Messages, functions: Set[str]) -> Iterator[Finding]:
    """Of messages in good order: calls of functions that the row does not offer, and calls and answers that do not fit.

    `functions`: the names that the row's `tools` offer; empty where it has none, and any may be called.
    """
    waiting: dict[str, str] = {}
    misnamed = False
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            answered = message.get("tool_call_id")
            if answered is None or waiting.pop(answered, None) is None:
                gone = "is missing" if answered is None else "answers no call that waits"
                mend = f"{gone}; name the id of one of the tool_calls before it"
                yield Finding("tool", f"{field}[{place}].tool_call_id", mend)
                misnamed = True
            continue
        # Where an answer names no call, some call waits for just that one: one fault, not two.
        yield from () if misnamed else _unanswered(waiting)
        waiting, misnamed = {}, False
        for number, call in enumerate(message.get("tool_calls") or ()):
            at = f"{field}[{place}].tool_calls[{number}]"
            if functions and call["function"]["name"] not in functions:
                yield Finding("tool", f"{at}.function.name", "is no function of the row's tools; add it there")
            if call["id"] in waiting:
                yield Finding("tool", f"{at}.id", "is the id of the call before it, too; give each its own")
            waiting[call["id"]] = f"{at}.id"
    # A row may end with a call, which is then what is learned; but not with half of the answers.
    if messages[-1]["role"] == "tool" and not misnamed:
        yield from _unanswered(waiting)


def _unanswered(waiting: Mapping[str, str]) -> Iterator[Finding]:
    for at in waiting.values():
        yield Finding("tool", at, "is answered by no tool; add the answer, or remove the call")


def _reason(role: str, expected: tuple[str, ...]) -> str:
    if role == "system":
        return f"{expected[-1]}: a system message stands first"
    if role == "tool":
        return f"{expected[-1]}: a tool answers an assistant's tool_calls"
    if expected == ("tool",):
        return "tool: the assistant called one, and its answer follows"
    return f"{expected[-1]}: user and assistant alternate"
