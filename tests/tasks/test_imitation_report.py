"""The report on imitators from replies, judgments and trainings' folders: what it says first, what it warns of, that
every number of it lies in results.json."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from click.testing import CliRunner

import tasks.imitation_report
from redraft.chat.lineage import made_of as made_of_messages
from redraft.chat_records import ChatExample, ChatMessage, ChatPreference, ChatSide, ChatTurn
from redraft.cli import main
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import ConfigurationError, InputError, PartialError
from redraft.imitating.arms import Written, model_of
from redraft.imitating.preference_counts import PreferenceCounts
from redraft.judging.judges import judge_facts, make_judge
from redraft.records import Judgment
from redraft.training.adapting.bases import AdapterNotes, write_notes
from redraft.training.adapting.calibration import quality
from redraft.training.adapting.plans import LoraPlan, PlannedRows, write_plan
from redraft.training.adapting.preference_plans import DpoPlan, RewardPlan, RlPlan
from redraft.training.adapting.preference_settings import RlSettings
from redraft.training.adapting.reward import RewardNotes
from redraft.training.local.telling import Teller
from tasks.board_files import write_board
from tasks.imitation_arms import ImitationPlan, round_of_replies
from tasks.imitation_arms import test_contexts_of as contexts_to_test
from tasks.imitation_report import report_imitation
from tasks.imitation_training import around_of
from tasks.judge_board import rounds_folders

NASTY = "</script><script>window.ran = 1</script> \u202egnp.exe <img src=x onerror='window.ran = 1'>"
JUDGE = "x/judge"
SINCE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
BEGINNING = datetime(2024, 3, 1, 9, tzinfo=UTC)
WORDS = ["well", "the", "bus", "is", "late", "again", "so", "see", "you", "at", "home", "then", "maybe", "ok"]
TRAINED, RANKED, TESTED = 60, 20, 60
# From 0 to 1: how often the judge prefers each to the plain adapter.
LIKED = {"dpo": 0.75, "best-of-3": 0.6, "rl": 0.15, "person": 0.9}


def text(number: int, most: int = 9) -> str:
    drawn = random.Random(number)  # noqa: S311
    return " ".join(drawn.choice(WORDS) for _ in range(drawn.randint(3, most)))


def side_of(number: int) -> ChatSide:
    return "train" if number < TRAINED else "preference" if number < TRAINED + RANKED else "test"


def example(number: int) -> ChatExample:
    """Three replies to a session, hours apart from the next."""
    at = BEGINNING + timedelta(hours=12 * (number // 3), minutes=5 * (number % 3))
    turns = (ChatTurn("A", f"{text(number + 5_000)} {NASTY}", (f"a{number}",)), ChatTurn("SYS", "hm", (f"s{number}",)),
             ChatTurn("B", text(number + 9_000), (f"b{number}",)))  # fmt: skip
    return ChatExample(
        example_id=f"m{number}", chat="chat1", side=side_of(number), context=turns, reply=text(number),
        time=at.isoformat(), strategy="window", reply_ids=(f"r{number}",),
    )  # fmt: skip


EXAMPLES = [example(number) for number in range(TRAINED + RANKED + TESTED)]
IDS = [one.example_id for one in EXAMPLES if one.side == "test"]


def dataset(folder: Path, kind: str, rows: Sequence[msgspec.Struct], **meta: Any) -> Dataset:
    with DatasetWriter(folder, kind) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish(meta)


def run_of(folder: Path, plan: Any, steps: int, told: Mapping[int, Mapping[str, float]] | None = None) -> Path:
    """The folder of a training as its process leaves it; gives its `model/`."""
    (folder / "model").mkdir(parents=True)
    (folder / "rows.jsonl").write_text("{}\n" * 44)
    write_plan(folder, plan)
    teller = Teller(folder)
    teller.event("started", "it began")
    for step, values in (told or {}).items():
        teller.metrics(step, values)
    if told:
        teller.event("reward_hacked", "steps 31 to 40: the reward rose while the judge fell", "warning", step=40)
        teller.event("judge_silent", "step 7: the judge gave no rating", "warning", step=7)
    teller.now(state="completed", step=steps, total_steps=steps if not told else 200)
    (folder / "model" / "adapter_config.json").write_text("{}")
    (folder / "model" / "adapter_model.safetensors").write_bytes(b"weights")
    write_notes(folder / "model", AdapterNotes(
        base_model="google/gemma-3-270m", revision="1", found="", prepared="", prepared_sha256="", tokens=plan.tokens,
        max_tokens=256, plan_sha256=plan.digest, simulated=False,
    ))  # fmt: skip
    return folder / "model"


def made_of(folder: Path, unended_penalty: float = 1.0) -> dict[str, str]:
    """Four trainings; RL rises in reward and falls with the judge."""
    rows = PlannedRows(file="rows.jsonl", sha256="0" * 64)
    curve = {
        step: {"train/reward": step / 10, "train/judge": 0.9 - step / 50, "train/kl": step / 8} for step in range(1, 41)
    }
    lora = run_of(folder / "lora", LoraPlan(model="google/gemma-3-270m", rows=rows), 120)
    dpo = run_of(folder / "dpo", DpoPlan(model=str(lora), rows=rows), 30)
    reward = run_of(folder / "reward", RewardPlan(model=str(lora), rows=rows), 25)
    settings = RlSettings(beta=0.1, unended_penalty=unended_penalty)
    rl = run_of(folder / "rl", RlPlan(model=str(lora), rows=rows, reward=str(reward), settings=settings), 40, curve)
    drawn = random.Random(0)  # noqa: S311
    found = quality([drawn.gauss(0.8, 1) for _ in range(90)], [drawn.gauss(0, 1) for _ in range(90)],
                    [f"p{number // 3}" for number in range(90)])  # fmt: skip
    notes = RewardNotes(quality=found, trained_pairs=210, plan_sha256="", simulated=False)
    (reward / "reward.json").write_bytes(msgspec.json.encode(notes))
    return {"lora": str(lora), "dpo": str(dpo), "rl": str(rl), "reward": str(reward)}


def preferences(folder: Path) -> Dataset:
    counts = PreferenceCounts({}).as_manifest() | {"pairs": 33, "ties": 7, "changed_mind": 11}
    row = ChatPreference(
        preference_id="p", example_id="m60", prompt="<SYS>", chosen=" a<SEP>", rejected=" b<SEP>", chosen_sample=1,
        rejected_sample=2, judge=JUDGE, simulated=False, context_ids=(), reply_ids=(),
    )  # fmt: skip
    return dataset(folder, "chat_preferences", [row], counts=counts, simulated=False, parents=[])


def replies_of(names: Sequence[str], reciting: str = "") -> dict[str, Written]:
    """What each arm wrote: the person what is real, who recites the training's replies again."""
    learned = [one.reply for one in EXAMPLES if one.side == "train" and len(one.reply.split()) > 5]
    found: dict[str, Written] = {}
    for place, name in enumerate(names):
        texts = {key: text(10_000 * (place + 1) + number, 14) for number, key in enumerate(IDS)}
        if name == "person":
            texts = {one.example_id: one.reply for one in EXAMPLES if one.side == "test"}
        if name == reciting:
            texts = {key: learned[number % len(learned)] for number, key in enumerate(IDS)}
        found[name] = Written({**texts, IDS[0]: None} if name == "rl" else dict(texts), {IDS[0]: "too_long"}, 3)
    return found


def messages(folder: Path) -> list[dict[str, str]]:
    """The parents of what was made of messages that lie in a folder."""
    message = ChatMessage(
        message_id="x", chat="chat1", author="Person1", time=BEGINNING.isoformat(), text="hm", kind="text", place=""
    )
    made = dataset(folder, "chat_messages", [message])
    return [{"path": str(made.path), "content_hash": made.content_hash}]


def judgments(plan: ImitationPlan, liked: Mapping[str, float], lost: int = 0) -> list[Judgment]:
    drawn = random.Random(1)  # noqa: S311
    orders: tuple[Literal["AB", "BA"], ...] = ("AB", "BA")
    return [
        Judgment(
            context_id=key, model_a=model_of(name), model_b=model_of(plan.plain), judge=JUDGE, order=order, attempts=1,
            winner=None if number < lost else "A" if better else "B", raw=NASTY, simulated=False, cost=0.001,
            status="judge_unparseable" if number < lost else "ok", template="imitation@1",
        )
        for name in plan.names[:-1]
        for number, key in enumerate(IDS)
        for better in [drawn.random() < liked[name]]
        for order in orders
    ]  # fmt: skip


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a report of made-up arms, and gives what the flow gives."""

    async def nothing(*_: Any) -> None: ...

    monkeypatch.setattr(tasks.imitation_report, "write_board", write_board.fn)
    monkeypatch.setattr(tasks.imitation_report, "show_table", nothing)
    monkeypatch.setattr(tasks.imitation_report, "show_report", nothing)

    def report(
        liked: Mapping[str, float] = LIKED, reciting: str = "", lost: int = 0, person: bool = True,
        unended_penalty: float = 1.0, **others: Any,
    ) -> dict[str, Any]:  # fmt: skip
        models = made_of(tmp_path / "models", unended_penalty)
        examples = dataset(tmp_path / "examples", "chat_examples", EXAMPLES, person="Person1", strategy="window",
                           sides={"train": TRAINED, "preference": RANKED, "test": TESTED},
                           parents=messages(tmp_path / "chat"))  # fmt: skip
        plan = ImitationPlan.of(
            str(examples.path), str(tmp_path / "out"), [f"{name}={models[name]}" for name in ("lora", "dpo", "rl")],
            models["reward"], 3, with_person=person, most=None, voice=4, seed=0, temperature=1.0, top_p=0.95,
            max_new_tokens=32,
        )  # fmt: skip
        around = around_of(plan, None, str(preferences(tmp_path / "preferences").path))

        async def all_of_it() -> dict[str, Any]:
            tested = await contexts_to_test(plan)
            assert list(tested.ids) == IDS
            replies = replies_of(plan.names, reciting)
            compared = await round_of_replies(plan, tested, replies)
            meta = {"models": [JUDGE], "simulated": False, "judge": judge_facts(make_judge(JUDGE))}
            said = dataset(tmp_path / "out" / "judgments", "judgments", judgments(plan, liked, lost), **meta)
            judged = {"folders": rounds_folders(compared, [said], []), "costs": []}
            found = await report_imitation(plan, tested, replies, judged, around, {"judge": JUDGE, **others}, 0.05)
            return {**found, "made": plan.made}

        return asyncio.run(all_of_it())

    return report


def test_the_page_answers_first_and_every_number_lies_beside_it(study: Any) -> None:
    found = study()
    page, results = Path(found["report"]).read_text(), json.loads(Path(found["results"]).read_text())
    assert found["heading"].startswith("DPO writes more like Person1 than the plain LoRA: preferred in ")
    assert "RL: worse, preferred in " in found["heading"]
    arms = {row["name"]: row for row in found["arms"]}
    assert list(arms) == ["dpo", "rl", "best-of-3", "person"]
    assert page.index("Was it worth it?") < page.index("Before you believe it") < page.index("Is it written alike?")
    assert "window.ran = 1</script>" not in page and "&lt;/script&gt;" in page and "⟨U+202E⟩" in page
    said = [one for stage in results["stages"] for one in [stage["title"], *map(str, stage["tables"])]]
    for words in ("Does it recite?", "Is it written alike?", "How did reinforcement learning go?", "Brier score",
                  "The judge changed its mind".lower(), "calibration error"):  # fmt: skip
        assert words.lower() in page.lower() and any(words.lower() in one.lower() for one in said)
    pairs = {one["model_a"]: one for one in results["summary"]["pairs"]}
    for name, row in arms.items():
        one = pairs[model_of(name)]
        assert (row["rate"], row["low"], row["high"]) == (one["win_rate"], one["low"], one["high"])
    course = next(one for one in results["stages"] if one["title"].startswith("The course"))
    assert course["tables"][0]["rows"][9] == [10, 1.0, 0.7, 1.25]
    assert "the reward rose while the judge fell" in page and "step 7: the judge gave no rating" in page
    assert "RL, replies to 60 contexts: 1 not written" in page
    assert not found["simulated"] and "Simulated" not in page and "did not end in time, as in" not in page
    # A purge finds all that has texts in it.
    assert {path.name for path in Path(found["report"]).parent.iterdir()} <= {path.name for path in found["made"]}


def test_scored_anew_the_page_is_the_same_one_with_the_new_numbers(study: Any, tmp_path: Path) -> None:
    found = study(reciting="dpo")

    def rescored(folder: Path, *words: object) -> str:
        done = CliRunner().invoke(main, ["rescore", str(tmp_path / "out"), *map(str, words)])
        assert done.exit_code == 0, done.output
        return SINCE.sub("", (folder / "report.html").read_text())

    first, copy = SINCE.sub("", Path(found["report"]).read_text()), tmp_path / "copy"
    assert rescored(copy, "-o", copy) == first
    # A purge finds the copy, too.
    (made,) = [one for one in made_of_messages(tmp_path / "chat") if str(copy / "report.html") in one.derived]
    assert {str(path) for path in copy.iterdir()} <= {*made.derived} and str(copy / "labels") in made.derived
    assert any(str(tmp_path / "out" / "labels") in one.derived for one in made_of_messages(tmp_path / "chat"))
    twice = CliRunner().invoke(main, ["rescore", str(copy), "-o", str(tmp_path / "twice")])
    assert twice.exit_code == 0 and "has no contexts beside it; where it is a copy itself, give the" in twice.stderr
    (tmp_path / "chat").rename(tmp_path / "elsewhere")
    apart = CliRunner().invoke(main, ["rescore", str(tmp_path / "out"), "-o", str(tmp_path / "apart")])
    assert apart.exit_code == 0 and "goes back to are not where they were" in apart.stderr
    (tmp_path / "elsewhere").rename(tmp_path / "chat")

    sure = rescored(tmp_path / "out", "--in-place", "--confidence", 0.9)
    assert "DPO writes more like Person1 than the plain LoRA: preferred in " in sure and "(90% interval " in sure
    for words in ("Caution: DPO recites.", "Read for yourself", "How did reinforcement learning go?"):
        assert words in sure and words in first
    assert "(90% interval " not in first
    # Said of training data: that has nothing to do with how sure a judge's verdicts are to be.
    assert "(95% interval " in sure and sure.count("window.ran") == first.count("window.ran")


def test_a_report_that_nobody_can_lay_out_is_left_as_it_is(study: Any, tmp_path: Path) -> None:
    found = study()
    results, before = Path(found["results"]), Path(found["report"]).read_bytes()
    said = results.read_bytes()
    for right, wrong, fault in (
        (b'"kind":"imitation"', b'"kind":"embroidery"', "its report is one of embroidery, which this redraft cannot"),
        (b'"bases":[', b'"bases":[7,', "what the report is made of cannot be read"),
    ):
        assert right in said
        results.write_bytes(said.replace(right, wrong, 1))
        done = CliRunner().invoke(main, ["rescore", str(tmp_path / "out"), "--in-place"])
        assert done.exit_code == 2 and fault in done.stderr and len(done.stderr.splitlines()) == 1
        assert Path(found["report"]).read_bytes() == before


def test_the_best_is_chosen_by_the_penalty_of_the_reinforcement_learning_beside_it(study: Any) -> None:
    """And the methods say so where it is not the usual one."""
    found = study(unended_penalty=2.5)
    results = json.loads(Path(found["results"]).read_text())
    assert results["parameters"]["unended_penalty"] == results["page"]["made_of"]["unended_penalty"] == 2.5
    assert (
        "less 2.5 where it did not end in time, as in the reinforcement learning" in Path(found["report"]).read_text()
    )


def test_who_recites_is_warned_of_loudly_and_nobody_else(study: Any) -> None:
    found = study(reciting="dpo")
    assert found["sentences"][0].startswith("Caution: DPO recites.")
    assert sum(one.startswith("Caution: ") for one in found["sentences"]) == 1
    assert found["measured"]["dpo"]["recitation"]["verbatim"]["generated"] == 1.0


def test_a_judge_that_cannot_tell_the_person_is_said_to(study: Any) -> None:
    found = study(liked=dict.fromkeys(LIKED, 0.5))
    assert "Not shown: that " in found["heading"]
    (own,) = [one for one in found["sentences"] if "own replies" in one]
    assert own.startswith("It is not shown that the judge can tell Person1's own replies from those of the plain LoRA")
    assert "its verdicts on likeness say little" in Path(found["report"]).read_text()


def test_too_many_without_a_verdict_are_partial_with_the_report_written(study: Any) -> None:
    with pytest.raises(PartialError, match="have no verdict") as fault:
        study(lost=20)
    assert fault.value.result is not None
    assert Path(fault.value.result["report"]).read_text().count("no verdict") > 3


def test_what_cannot_be_compared_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    models = made_of(tmp_path / "models")
    examples = dataset(tmp_path / "examples", "chat_examples", EXAMPLES)

    def plan(*arms: str, reward: str | None = None, person: bool = True, tokens: int = 32) -> ImitationPlan:
        return ImitationPlan.of(
            str(examples.path), str(tmp_path / "out"), arms, reward, 3, with_person=person, most=None, voice=0, seed=0,
            temperature=1.0, top_p=0.95, max_new_tokens=tokens,
        )  # fmt: skip

    lora = f"lora={models['lora']}"
    assert plan(lora).names == ["person", "lora"] and plan(lora).drawing.baseline == 1
    assert plan(lora, reward=models["reward"], person=False).names == ["best-of-3", "lora"]
    for arms, fault in (((), "no adapter"), (("lora",), "name=folder"), (("Lora=x",), "small letters"),
                        (("person=x",), "choose another"), ((lora, lora), "twice")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=fault):
            plan(*arms)
    with pytest.raises(ConfigurationError, match="with nobody"):
        plan(lora, person=False)
    with pytest.raises(ConfigurationError, match="no room"):
        plan(lora, tokens=256)
    for wrong, fault in (
        (lambda: plan(f"lora={tmp_path}"), "no adapter;"),
        (lambda: plan(lora, reward=models["lora"]), "no reward model;"),
        (lambda: around_of(plan(lora), str(Path(models["lora"]).parent), None), "no run of reinforcement learning;"),
        (lambda: around_of(plan(lora), None, str(examples.path)), "a dataset of chat_examples;"),
    ):
        with pytest.raises(InputError, match=fault):
            wrong()
    for marked in ("dpo", "reward"):
        (Path(models[marked]) / "PURGED").touch()
        with pytest.raises(InputError, match=f"{models[marked]}: PURGED: a person was removed"):
            plan(lora, f"dpo={models['dpo']}", reward=models["reward"])
        (Path(models[marked]) / "PURGED").unlink()
    assert not (tmp_path / "out").exists()
