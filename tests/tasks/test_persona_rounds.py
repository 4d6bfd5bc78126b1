"""Rounds laid together: every row asked for comes out once and in order, as its last try or with all reasons."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.beside import helped
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents.exporting import read_refused, write_refused
from redraft.documents.gates.reasons import REASONS
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from redraft.documents.sieves import AlikeScenarios
from redraft.records import Rejection, Scenario
from tasks.persona_rounds import Rounds, complaint_of
from tasks.sifting import Sifting

CELLS = wanted(load_persona(), 6, 0, "train")
IDS = [one.scenario_id for one in CELLS]
# What a round makes of a row: kept, refused by a gate of its own, taken out by a sieve.
OUTCOMES = ("kept", "refused", "sifted")


def refusal(row_id: str, reason: str, round: int) -> Rejection:
    return Rejection(reason=reason, detail=f"why in {round}", place="p", row_id=row_id, row="text", cost=0.25)


def saved(path: Path, rows: list[Scenario], rejections: list[Rejection], rows_per_shard: int = 500) -> Dataset:
    with DatasetWriter(path, "scenarios", rows_per_shard) as writer:
        for row in rows:
            writer.add(row)
        for one in rejections:
            writer.reject(one)
        paid = {"calls": len(rows), "input_tokens": 1, "output_tokens": 2, "cost": 0.5, "unpriced": 0}
        return writer.finish({**paid, "simulated": True})


def played(folder: Path, fates: list[list[str]]) -> Rounds:
    """`fates`: for each row what became of it, round by round; it is asked again until it is kept."""
    rounds = Rounds(saved(folder / "todo", CELLS, []), [], [])
    for round in range(max(map(len, fates))):
        due = [(cell, fate[round]) for cell, fate in zip(CELLS, fates, strict=True) if len(fate) > round]
        made = [
            msgspec.structs.replace(cell, title=f"round {round}", situation="s", round=round)
            for cell, fate in due
            if fate != "refused"
        ]
        refused = [refusal(cell.scenario_id, "missing_scenario", round) for cell, fate in due if fate == "refused"]
        rounds.made.append(saved(folder / f"round-{round}", made, refused))
        rounds.sifted.append({
            cell.scenario_id: refusal(cell.scenario_id, "duplicate_scenario", round)
            for cell, fate in due if fate == "sifted"
        })  # fmt: skip
    return rounds


_FATES = st.lists(st.sampled_from(OUTCOMES[1:]), max_size=2).flatmap(
    lambda failed: st.just([*failed, "kept"]) if len(failed) < 2 else st.sampled_from([failed, [*failed, "kept"]])
)


# Few: each writes a handful of datasets, and has a fate for every row.
@settings(max_examples=6, deadline=None)
@given(st.lists(_FATES, min_size=len(CELLS), max_size=len(CELLS)))
def test_each_row_once_in_order_as_its_last_try_or_with_every_reason(fates: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rounds = played(Path(folder), fates)
        rows, rejections = list(rounds.rows()), list(rounds.rejections())
        reasons, paid = rounds.reasons(), rounds.paid()
        write_refused(Path(folder) / "made", rounds.on_the_way())
        on_the_way = list(read_refused(Path(folder) / "made"))
        write_refused(Path(folder) / "made", [])
        assert list(read_refused(Path(folder) / "made")) == []
    by_id = dict(zip(IDS, fates, strict=True))
    assert [one.scenario_id for one in rows] == [one for one in IDS if by_id[one][-1] == "kept"]
    assert [one.row_id for one in rejections] == [one for one in IDS if by_id[one][-1] != "kept"]
    # Every refusal is kept once: the last of a row that was never made among the rejections, all others beside them.
    refusals = [(row_id, at) for row_id in IDS for at, fate in enumerate(by_id[row_id]) if fate != "kept"]
    given_up = {(row_id, len(fates) - 1) for row_id, fates in by_id.items() if fates[-1] != "kept"}
    assert [(one.row_id, at) for at, one in on_the_way] == [one for one in refusals if one not in given_up]
    assert all(one.row and one.detail == f"why in {at}" for at, one in on_the_way)
    for row in rows:
        assert row.round == len(by_id[row.scenario_id]) - 1 and row.title == f"round {row.round}"
    words = {"refused": "missing_scenario", "sifted": "duplicate_scenario"}
    for one in rejections:
        fate = by_id[one.row_id or ""]
        told = [f"round {at}: {words[what]} (why in {at - 1})" for at, what in enumerate(fate, 1)]
        assert one.reason == words[fate[-1]] and one.detail == ("; ".join(told) if len(fate) > 1 else "why in 0")
    assert {words[name]: sum(fate.count(name) for fate in fates) for name in words} == {
        name: reasons[name] for name in words.values()
    }
    assert (paid["cost"], paid["simulated"]) == (0.5 * len(rounds.made), True)


def test_what_a_sieve_took_out_is_kept_without_its_secrets(tmp_path: Path) -> None:
    said = msgspec.structs.replace(CELLS[0], title="t", situation="ask dana@example.org")
    alike = msgspec.structs.replace(refusal(said.scenario_id, "duplicate_scenario", 0), row=None)
    made = saved(tmp_path / "made", [said], [])
    (found,) = Rounds(saved(tmp_path / "todo", CELLS[:1], []), [made], [{said.scenario_id: alike}]).rejections()
    assert found.row == '{"title":"t","text":"ask [EMAIL]"}'


def test_only_the_last_rounds_rows_are_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stayed before stays, whatever comes after it in the order of rows; here or in a process, told of shards in
    any order."""
    text = "The pump of the north depot fails twice a week and nobody says who is to pay for the new one in spring"
    other = "A supplier of the harbour sends gifts to all who sign and one of them alone can read the bill"
    first = [msgspec.structs.replace(CELLS[at], title="T", situation=text) for at in (3, 4)]
    again = [msgspec.structs.replace(CELLS[at], title="T", situation=said) for at, said in ((1, text), (2, other))]
    todo = saved(tmp_path / "todo", CELLS, [])
    made = [saved(tmp_path / "0", first, [], 1), saved(tmp_path / "1", again, [], 1)]

    async def sifted() -> list[set[str]]:
        sifting = Sifting(AlikeScenarios, (), todo.count)
        found: list[set[str]] = []
        for one in made:
            for shard in reversed(one.shards):
                sifting.ready(one.path, shard)
            found.append(set(await sifting.refused(one)))
        await sifting.close()
        return found

    async def beside() -> list[set[str]]:
        async with helped():
            return await sifted()

    assert asyncio.run(sifted()) == [{IDS[4]}, {IDS[1]}]
    monkeypatch.setattr("redraft.beside.FEWEST_ROWS", 1)
    assert asyncio.run(beside()) == [{IDS[4]}, {IDS[1]}]


@pytest.mark.parametrize(
    ("stage", "reason", "detail", "told"),
    [
        ("responses", "low_trait_score", "scored under 5: thorough 3", "scored under 5: thorough 3"),
        ("documents", "truncated_document", "a:1: truncated (length)", REASONS["truncated_document"][:-1]),
        ("documents", "unparseable", "the answer does not match the schema, asked 3 times", ""),
        ("scenarios", "duplicate_scenario", "The pump: it fails.", "The pump: it fails."),
        ("scenarios", "missing_scenario", "0 ideas in the answer", ""),
        ("scenarios", "refusal", "a:1: refusal (policy)", ""),
        ("responses", "unparseable_score", "the judge gave no scores", ""),
    ],
)
def test_a_model_is_told_what_helps_it_and_nothing_of_other_models(
    stage: str, reason: str, detail: str, told: str
) -> None:
    assert complaint_of(Rejection(reason=reason, detail=detail, place=f"{stage} s00001")) == told
