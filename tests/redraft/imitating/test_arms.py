"""Arms, what they wrote, and what was measured of it: known answers without a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.rendering import completion_of
from redraft.chat_records import ChatExample, ChatSide, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.imitating.arms import Written, first_written, label_of, written
from redraft.imitating.measures import measure
from redraft.imitating.tokens import TOKENS
from redraft.imitating.trained import rl_course, run_of, took
from redraft.training.adapting.best_of import best_of
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.plans import PlannedRows, write_plan
from redraft.training.adapting.preference_plans import RlPlan
from redraft.training.adapting.preference_settings import RlSettings
from redraft.training.adapting.writing import Output
from redraft.training.local.telling import Teller

replies = st.text(st.sampled_from("ab <SEP>\n\\ 😀"), max_size=12)


def output(reply: str, finish: str = "stop") -> Output:
    """What a model writes that replies so: without the token that ends it."""
    return Output(completion_of(reply).removesuffix("<SEP>"), "stop" if finish == "stop" else "length", 3)


@given(st.lists(st.lists(replies, max_size=3), max_size=5), st.data())
def test_replies_are_read_back_from_outputs(rows: list[list[str]], data: st.DataObject) -> None:
    generations = [
        Generation(place + 1, tuple(map(output, row)), "" if row else "too_long") for place, row in enumerate(rows)
    ]
    ids = [f"m{place}" for place in range(len(rows))]
    places = [data.draw(st.sampled_from([None, *range(len(row))])) for row in rows]
    found, first = written(generations, ids, places), first_written(generations, ids)
    for example, row, place in zip(ids, rows, places, strict=True):
        assert found.texts[example] == (None if place is None else row[place])
        assert first.texts[example] == (row[0] if row else None)
        assert found.failures.get(example) == (None if place is not None else "without_reward" if row else "too_long")
    assert found.cut == 0


def test_the_best_output_is_the_one_with_the_highest_reward_that_ended() -> None:
    rows = [Generation(1, (output("a"), output("bbbb", "length"), output("ccc"))), Generation(2, (), "too_long")]
    best = best_of(rows, ["p", "q"], TOKENS, lambda _, texts: [float(len(one)) for one in texts], 9.0)
    chosen = written(rows, ["m0", "m1"], [one.place for one in best])
    assert chosen == Written({"m0": "ccc", "m1": None}, {"m1": "too_long"}, 0)
    assert written(rows, ["m0", "m1"], [1, None]).cut == 1
    with pytest.raises(InputError, match="generate them anew"):
        written(rows, ["m0"], [0])


def test_names_read_well_in_a_sentence() -> None:
    names = ("lora", "best-of-5", "person", "mine", "other")
    labels = [label_of(name, "Person2", "mine") for name in names]
    assert labels == ["the plain LoRA", "best of 5", "Person2's own replies", "mine (plain)", "other"]


def examples_in(folder: Path, sides: str) -> Dataset:
    named: dict[str, ChatSide] = {"l": "train", "p": "preference", "t": "test"}
    with DatasetWriter(folder, "chat_examples") as writer:
        for number, letter in enumerate(sides):
            heard = f"nobody ever heard of the number {number} before today"
            writer.add(ChatExample(
                example_id=f"m{number}", chat="chat1", side=named[letter],
                context=(ChatTurn("A", heard, (f"a{number}",)),),
                reply=f"well number {number} it is then my friend", time=f"2024-03-{number + 1:02d}T09:00:00+01:00",
                strategy="window", reply_ids=(f"r{number}",),
            ))  # fmt: skip
        return writer.finish()


def test_who_recites_contexts_of_the_ranking_recites_too(tmp_path: Path) -> None:
    """Those are prompts of later trainings, though their replies are of a side that nothing was trained on first."""
    dataset = examples_in(tmp_path / "examples", "lllpptttttttttt")
    tested = [f"m{number}" for number in range(5, 15)]
    arms = {
        "own": Written({key: f"well number {key[1:]} it is then my friend" for key in tested}, {}),
        "parrot": Written(dict.fromkeys(tested, "nobody ever heard of the number 3 before today"), {}, cut=2),
        "silent": Written({**dict.fromkeys(tested, ""), "m5": None}, {"m5": "too_long"}),
        "nothing": Written({"m5": None}, {"m5": "too_long"}),
    }
    found = measure(dataset, arms)
    recites = {name: one.recitation is not None and one.recitation.recites for name, one in found.items()}
    assert recites == {"own": False, "parrot": True, "silent": False, "nothing": False}
    # Who was never shown that context did not learn it there.
    plain = measure(dataset, {"parrot": arms["parrot"]}, ["parrot"])["parrot"].recitation
    other = found["parrot"].recitation
    assert plain is not None and other is not None and not plain.recites
    assert plain.verbatim.generated == 0 and plain.trained < other.trained
    assert (found["silent"].asked, found["silent"].written, found["silent"].empty) == (10, 9, 9)
    assert found["parrot"].cut == 2 and found["nothing"].likeness is None
    own, parrot = found["own"].likeness, found["parrot"].likeness
    assert own is not None and parrot is not None and own.sessions == 10
    assert own.figures["words"].difference == 0 != parrot.figures["words"].difference
    assert "matches" not in found["parrot"].figures()["recitation"]


def test_a_run_tells_what_it_took_and_how_it_went(tmp_path: Path) -> None:
    plan = RlPlan(
        model="/m", reward="/r", rows=PlannedRows(file="rows.jsonl", sha256="0"), settings=RlSettings(beta=0.1)
    )
    (tmp_path / "rows.jsonl").write_text("{}\n{}\n")
    (tmp_path / "model").mkdir()
    assert run_of(str(tmp_path / "model")) is None and took(str(tmp_path / "model")) is None
    write_plan(tmp_path, plan)
    teller = Teller(tmp_path)
    for step in (*range(1, 31), 29, 30):  # gone on with from step 28
        teller.metrics(step, {"train/reward": float(step), "train/kl": 1.0})
    teller.now(state="completed", step=30, total_steps=30)
    course, spent = rl_course(tmp_path), took(str(tmp_path / "model"))
    assert [step for step, _ in course.curves["train/reward"]] == list(
        range(1, 31)
    ) and "train/judge" not in course.curves
    assert (course.first["train/reward"], course.last["train/reward"]) == (5.5, 25.5) and not course.early
    assert spent is not None and (spent.kind, spent.rows, spent.steps) == ("rl", 2, 30)
    teller.event("moved_too_far", "it moved by 12 nats", "warning", step=30)
    ended = rl_course(tmp_path)
    assert ended.early and not ended.hacked and ended.ended == "it moved by 12 nats" and not ended.warnings
