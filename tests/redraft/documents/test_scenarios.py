"""Ideas: what is asked for a batch of cells, and that each cell comes back exactly once, as an idea or a reason."""

from __future__ import annotations

import string
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.structured import mismatch, require_schema
from redraft.documents.gates import scenario_findings
from redraft.documents.gates.reasons import MENDABLE
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from redraft.documents.scenarios import BATCH, SCHEMA, batches, idea_request, in_words, read_ideas
from redraft.records import Completion, Failure, Passed, Rejection, Scenario

PERSONA = load_persona()
CELLS = wanted(PERSONA, 5, 0, "train")
IDS = [one.scenario_id for one in CELLS]


def completed(text: str) -> Completion:
    return Completion(
        request_key="k", text=text, model="p:m", answered_model="m-1", provider="p", finish_reason="stop",
        input_tokens=10, output_tokens=20, cost=0.5, latency=0.1, attempts=1, created_at="now", simulated=True,
        passed=(Passed("p:first", "refused", "policy"),),
    )  # fmt: skip


def answer(*ideas: tuple[str, str, str]) -> Completion:
    rows = [dict(zip(("cell", "title", "situation"), one, strict=True)) for one in ideas]
    text = msgspec.json.encode({"ideas": rows}).decode()
    assert mismatch(SCHEMA, text) is None
    return completed(text)


def test_one_call_asks_for_all_cells_as_material() -> None:
    require_schema(SCHEMA)
    again = msgspec.structs.replace(CELLS[1], complaint="Bridge closed: the bridge is closed.")
    request = idea_request([CELLS[0], again], PERSONA, ("a:1", "b:2"), 3)
    assert (request.model, request.fallbacks, request.sample, request.row_id) == ("a:1", ("b:2",), 3, "s00001")
    material = msgspec.json.decode(request.messages[-1].content)
    assert [one["cell"] for one in material["cells"]] == ["s00001", "s00002"]
    assert material["cells"][0]["tension"] == CELLS[0].tension
    assert material["avoid"] == ["Bridge closed: the bridge is closed."]
    assert PERSONA.system_prompt not in request.messages[0].content, "personas that share their axes share their ideas"


def test_only_the_first_round_has_several_cells_a_call() -> None:
    cells = wanted(PERSONA, 25, 0, "train")
    assert [len(one) for one in batches(cells, 0)] == [BATCH, BATCH, 5]
    assert {len(one) for one in batches(cells, 1)} == {1}, "whatever else is asked for again, an idea is found again"


def test_an_idea_carries_its_cell_and_where_it_came_from() -> None:
    (found,) = read_ideas([CELLS[0]], answer((" s00001 ", "A \n title", "It is  so. ")), 2)
    assert isinstance(found, Scenario) and in_words(found) == "A title: It is so."
    assert (found.domain, found.round, found.cost, found.simulated) == (CELLS[0].domain, 2, 0.5, True)
    assert (found.model, found.answered_model, found.passed) == ("p:m", "m-1", ("p:first: refused (policy)",))


def test_a_fault_of_one_cell_is_none_of_its_neighbours() -> None:
    ideas = [("s00001", "t", "s"), ("s00002", "t", "s"), ("s00002", "u", "v"), ("s00004", "", "s"), ("x", "t", "s")]
    found = read_ideas(CELLS, answer(*ideas), 0)
    reasons = [one.reason if isinstance(one, Rejection) else "" for one in found]
    assert reasons == ["", "ambiguous_scenario", "missing_scenario", "empty_scenario", "missing_scenario"]


def test_an_idea_with_a_gap_a_secret_or_in_another_language_is_none_and_its_secrets_are_not_kept() -> None:
    situation = "The clinic has lost two nurses, and the head of the ward asks who is to be told before the summer."
    german = "Die Klinik hat zwei Pflegekr\u00e4fte verloren, und die Stationsleitung fragt, wer es erfahren soll."
    ideas = [
        ("s00001", "Two nurses", situation), ("s00002", "{client_name} and the nurses", situation),
        ("s00003", "Two nurses", f"{situation} Write to dana@example.org."), ("s00004", "Zwei Stellen", german),
        ("s00005", "[Your Name]", f"{situation} Key: sk-a1a1a1a1a1a1a1a1a1a1a1a1."),
    ]  # fmt: skip
    found = read_ideas(CELLS, answer(*ideas), 0, "en")
    refused = {one.row_id: one for one in found if isinstance(one, Rejection)}
    assert {row_id: one.reason for row_id, one in refused.items()} == {
        "s00002": "unfilled_placeholder", "s00003": "pii_or_secret", "s00004": "wrong_language",
        "s00005": "unfilled_placeholder",
    }  # fmt: skip
    assert all(one.reason in MENDABLE for one in refused.values())
    kept = msgspec.json.encode(list(refused.values())).decode()
    assert "dana@" not in kept and "a1a1" not in kept and "[EMAIL]" in kept and "[SECRET]" in kept
    assert isinstance(read_ideas(CELLS[3:4], answer(ideas[3]), 0, "de")[0], Scenario)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("truncated", "truncated_scenario"), ("empty", "empty_scenario"), ("refused", "refusal"), ("timeout", "timeout")],
)
def test_a_call_that_failed_is_told_of_each_cell_with_the_reason_of_each_model(reason: str, told: str) -> None:
    """In the gates' words, where it says something of the answer: such cells are asked for again."""
    passed = (Passed("a:1", "refused", "policy"), Passed("b:2", "timeout", ""))
    failure = Failure(request_key="k", model="c:3", reason=reason, detail="cut", text="", attempts=1, passed=passed)
    for cell, one in zip(CELLS, read_ideas(CELLS, failure, 0), strict=True):
        assert isinstance(one, Rejection) and (one.row_id, one.reason) == (cell.scenario_id, told)
        assert one.detail == f"a:1: refused (policy); b:2: timeout; c:3: {told} (cut)"
        assert (one.reason in MENDABLE) == (reason != "timeout")


_TEXTS = st.text(string.printable, max_size=8)
_IDEAS = st.lists(st.tuples(st.sampled_from([*IDS, "s99999", "", " s00001"]) | _TEXTS, _TEXTS, _TEXTS), max_size=9)


@given(_IDEAS)
def test_whatever_is_answered_each_cell_comes_back_once_and_in_order(ideas: list[tuple[str, str, str]]) -> None:
    found = read_ideas(CELLS, answer(*ideas), 1)
    assert [one.row_id if isinstance(one, Rejection) else one.scenario_id for one in found] == IDS
    for one, cell in zip(found, CELLS, strict=True):
        own = [idea for idea in ideas if idea[0].strip() == cell.scenario_id]
        usable = len(own) == 1 and bool(own[0][1].strip()) and bool(own[0][2].strip())
        usable = usable and not scenario_findings(own[0][1], own[0][2])
        assert isinstance(one, Scenario) == usable
        if isinstance(one, Scenario):
            assert one.title == " ".join(own[0][1].split())


def test_rows_are_in_the_order_of_their_names() -> None:
    assert all(one < other for one, other in pairwise(IDS))


@pytest.mark.parametrize("count", [1, 10])
def test_room_for_the_answer_grows_with_the_cells(count: int) -> None:
    request = idea_request(wanted(PERSONA, count, 0, "train"), PERSONA, ("a:1",), 0)
    assert request.max_tokens == 1000 + 400 * count
