"""Rows under the persona's prompt, under none, under both, and under other wordings of it."""

from __future__ import annotations

import msgspec
import pytest

from redraft.documents.persona import load_persona
from redraft.documents.prompting import WORDINGS, paraphrase_request, prompted, read_paraphrases
from redraft.errors import InputError
from redraft.records import Completion, Example, Failure, Message

PERSONA = load_persona()
ROWS = [
    Example(
        conversation_id=f"s{number:05d}",
        messages=(Message("system", PERSONA.system_prompt), Message("user", "u"), Message("assistant", "a")),
        category="", improved=False, generation_method="documents", original_response="", improvement_timestamp=None,
        cost=0.5, input_tokens=3, output_tokens=4, extra={"system_prompt": "persona"},
    )
    for number in range(300)
]  # fmt: skip


def system_of(row: Example) -> str | None:
    return row.messages[0].content if row.messages[0].role == "system" else None


def test_persona_leaves_rows_as_they_are_and_none_takes_the_prompt_out() -> None:
    assert list(prompted(ROWS, PERSONA, "persona")) == ROWS
    bare = list(prompted(ROWS, PERSONA, "none"))
    assert [one.conversation_id for one in bare] == [one.conversation_id for one in ROWS]
    assert {system_of(one) for one in bare} == {None} and {one.extra["system_prompt"] for one in bare} == {"none"}
    assert bare[0].cost == 0.5 and bare[0].messages == ROWS[0].messages[1:]


def test_both_gives_each_row_twice_and_its_cost_once() -> None:
    rows = list(prompted(ROWS, PERSONA, "both"))
    assert len({one.conversation_id for one in rows}) == len(rows) == 2 * len(ROWS)
    assert rows[1].conversation_id == "s00000-bare" and system_of(rows[1]) is None and system_of(rows[0]) is not None
    assert sum(one.cost or 0 for one in rows) == sum(one.cost or 0 for one in ROWS)


def test_wordings_are_spread_over_the_rows_the_same_way_every_time() -> None:
    rows = list(prompted(ROWS, PERSONA, "paraphrased"))
    counts = [sum(system_of(one) == prompt for one in rows) for prompt in PERSONA.prompts]
    assert len(rows) == len(ROWS) == sum(counts) and min(counts) > 60
    assert rows == list(prompted(ROWS, PERSONA, "paraphrased"))
    for one in rows:
        name = one.extra["system_prompt"]
        assert system_of(one) == PERSONA.prompts[0 if name == "persona" else int(name.removeprefix("paraphrase-"))]


def reply(*wordings: str) -> Completion:
    return Completion(
        request_key="k", text=msgspec.json.encode({"paraphrases": wordings}).decode(), model="a:1",
        answered_model="a", provider="a", finish_reason="stop", input_tokens=1, output_tokens=1, cost=None,
        latency=0, attempts=1, created_at="", simulated=False,
    )  # fmt: skip


def test_wordings_are_asked_for_and_those_that_say_nothing_new_are_left_out() -> None:
    request = paraphrase_request(PERSONA, ("a:1", "b:2"))
    material = msgspec.json.decode(request.messages[-1].content)
    assert material == {"instructions": PERSONA.system_prompt, "count": WORDINGS} and request.fallbacks == ("b:2",)
    assert read_paraphrases(PERSONA, reply("Be a  peer.", "", PERSONA.system_prompt, "Be a peer.")) == ("Be a peer.",)


@pytest.mark.parametrize("nothing", [reply(), reply(PERSONA.system_prompt), Failure(
    request_key="k", model="a:1", reason="refused", detail="policy", text="", attempts=1)])  # fmt: skip
def test_without_a_wording_nothing_is_made_up(nothing: Completion | Failure) -> None:
    with pytest.raises(InputError, match="no other wording of its system prompt"):
        read_paraphrases(PERSONA, nothing)
