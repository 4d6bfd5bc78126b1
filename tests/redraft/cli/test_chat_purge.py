"""`redraft chat purge`: what goes is shown before, nothing goes unasked, and a second run does what the first left."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from redraft.calling import runs
from redraft.calling.accounting import Summary
from redraft.calling.ledger import Claim, Entry, Ledger
from redraft.calling.ledger.database import Database
from redraft.chat.lineage import note_derived
from redraft.chat_records import ChatExample, ChatMessage, ChatTurn
from redraft.cli.chat_purge import purge_command
from redraft.cli.export_command import export_command
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.datasets.work import Work
from redraft.errors import StorageError
from redraft.home import Home
from redraft.records import Completion, Rejection, Response
from redraft.training.formats import TrainingFile
from redraft.training.local.reading import LOCK
from redraft.training.purged_models import PURGED
from redraft.training.registry import LOCAL, Registry, registry_address
from redraft.training.settings import TrainingSettings

TIME = "2024-03-04T09:00:00+00:00"
RATED, OWN, EARLIER, KEPT = KEYS = [hashlib.sha256(name).hexdigest() for name in (b"rated", b"own", b"then", b"kept")]


def message(number: int, author: str) -> ChatMessage:
    return ChatMessage(
        message_id=f"m{number}", chat="chat1", author=author, time=TIME, text="hi", kind="text", place=f"line {number}"
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Messages, an example of them, a report, an adapter that was judged while it was trained, answers."""
    for name in ("REDRAFT_LEDGER_URL", "REDRAFT_REGISTRY_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with DatasetWriter(tmp_path / "chat", "chat_messages") as writer:
        for one in (message(1, "Person2"), message(2, "Person1")):
            writer.add(one)
        messages = writer.finish()
    with DatasetWriter(tmp_path / "examples", "chat_examples") as writer:
        writer.add(
            ChatExample(
                example_id="m2", chat="chat1", side="train", context=(ChatTurn("A", "hi", ("m1",)),), reply="hi",
                time=TIME, strategy="window", context_ids=("m1",), reply_ids=("m2",),
            )
        )  # fmt: skip
        examples = writer.finish({"parents": [{"path": str(messages.path), "content_hash": messages.content_hash}]})
    note_derived(examples, [tmp_path / "report.html", tmp_path / "results.json"])
    (tmp_path / "report.html").write_text("hi")
    (tmp_path / "results.json").write_text(json.dumps({"answers": [OWN]}))
    trained(tmp_path / "lora", examples)
    (tmp_path / "home" / "work" / "tmpa1b2c3d4").mkdir(parents=True)
    work = Work.open(Home.of().work, "judgments", {"contexts": str(tmp_path / "examples"), "contexts_hash": "earlier"})
    work.write(0, "responses", [Response(context_id="m2", model="m", text="hi", request_key=EARLIER)], [], 0)
    asyncio.run(paid())
    return tmp_path


def trained(folder: Path, examples: Dataset, sha256: str = "5") -> None:
    (folder / "judging").mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "rows.jsonl").write_text("hi")
    (folder / "judging" / "judged-1.json").write_text(json.dumps({"request_keys": [RATED]}))
    file = TrainingFile(path=folder / "plan.json", sha256=sha256, rows=1, rejections={})
    settings = TrainingSettings(model="tiny")
    with Registry(registry_address()) as registry:
        registry.plan(file, settings, endpoint=LOCAL, simulated=True, dataset_hash=examples.content_hash, name="lora")
    noted = Home.of().trained_on(sha256)
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.write_text("0123\n")


async def paid(keys: Sequence[str] = KEYS, run: str = "", cost: float | None = None, simulated: bool = True) -> None:
    async with Ledger(Home.of().ledger) as ledger:
        for one in keys:
            outcome = Completion(
                request_key=one, text="hi", model="m", answered_model="m", provider="together", finish_reason="stop",
                input_tokens=1, output_tokens=1, cost=cost, latency=0.1, attempts=1, created_at="", simulated=simulated,
            )  # fmt: skip
            await ledger.keep(Entry(outcome=outcome, provider="together", endpoint="together", stage="judge", run=run))


def known(keys: Sequence[str] = KEYS) -> set[str]:
    async def look() -> set[str]:
        async with Ledger(Home.of().ledger) as ledger:
            return {one for one in keys if await ledger.find([one])}

    return asyncio.run(look())


async def began(run: str, command: str, owner: str = "", ended: float | None = None) -> None:
    async with Database(Home.of().ledger) as database:
        await runs.record(database, run, command, 1.0, ended, "running", Summary(), owner=owner)


def purge(*words: str, status: int = 0, answer: str | None = None) -> Result:
    given = ["chat", "--person", "Person2", "--in", ".", *words]
    done = CliRunner().invoke(purge_command, given, input=answer)
    assert done.exit_code == status, done.output
    return done


def test_nothing_goes_unasked_and_then_all_of_it_does(project: Path) -> None:
    shown = purge(answer="n\n").output
    for told in ("report.html: made of their messages", "results.json: made", "trained on it: ", "nothing was removed"):
        assert told in shown
    assert "  answers in the ledger: 3 go (3 of a sandbox); whatever needs one" in shown and "of these" not in shown
    assert (project / "report.html").exists() and known() == {*KEYS}
    said = purge("-y").output
    assert (
        "3 answers in the ledger, work of 1 stages" in said
        and "marked, 2 files of its rows and texts removed: train it again" in said
    )
    assert known() == {KEPT}
    left = {str(path.relative_to(project)) for path in (project / "lora").rglob("*") if path.is_file()}
    assert left == {"lora/plan.json", f"lora/{PURGED}"}
    assert not list(project.glob("re*")) and not list((project / "home" / "work").iterdir())
    assert Home.of().trained_on("5").read_text().startswith("# a person was removed")
    assert Dataset.open(project / "examples").count == 0
    assert "rows go" not in purge("-y").output


def test_all_that_goes_is_listed_before(project: Path) -> None:
    """And a model is called the same before and after."""
    vectors = project / "home" / "work" / "embeddings-0a1b2c3d4e5f6a7b"
    vectors.mkdir()
    (vectors / "vectors-1.npy").touch()
    suffix = Registry(registry_address()).list()[0].suffix
    shown = purge(answer="n\n").output
    for told in (
        f"{vectors}: 1 files (vectors of texts, of all datasets); all of it goes", "tmpa1b2c3d4: 0 files",
        "work: work of 1 stages goes", f"{project / 'lora'}: 2 files of its rows, texts and logs go",
        f"trained on it: {suffix} (",
    ):  # fmt: skip
        assert told in shown, shown
    assert f"{project / 'lora'}: all of it goes" in purge("--delete-models", answer="n\n").output
    assert vectors.exists() and f"  model {suffix}: marked" in purge("-y").output and not vectors.exists()


def test_what_is_found_nowhere_is_said_and_looked_for_again(project: Path, tmp_path: Path) -> None:
    far, run = tmp_path.with_name(f"{tmp_path.name}-far"), project / "study" / "rl"
    suffixes = {job.suffix for job in Registry(registry_address()).list()}
    trained(run, Dataset.open(project / "examples"), "7")
    (suffix,) = {job.suffix for job in Registry(registry_address()).list()} - suffixes
    (job,) = [one for one in Registry(registry_address()).list() if one.suffix == suffix]
    (run / "run.json").write_text(json.dumps({"job_key": job.job_key}))
    note_derived(Dataset.open(project / "examples"), [project / "study" / "comparison" / "report.html"])
    with DatasetWriter(project / "study" / "comparison" / "contexts", "conversations") as writer:
        parent = Dataset.open(project / "examples")
        contexts = writer.finish({"parents": [{"path": str(parent.path), "content_hash": parent.content_hash}]})
    with DatasetWriter(project / "study" / "comparison" / "judgments", "judgments") as writer:
        writer.finish({"parents": [{"path": str(contexts.path), "content_hash": contexts.content_hash}]})
    (project / "study" / "comparison" / "report.html").write_text("hi")
    (project / "study").rename(far)
    for number in range(2):
        done = purge("-y", status=3).output
        assert f"{project}/study/comparison: may hold them, and lies nowhere" in done, number
        assert f"{run}: lies nowhere; give" in done and f"  model {suffix}: its folder was not found" in done
        assert f"partial: not found, and so not removed: {project}/study/comparison, " in done.splitlines()[-1]
        assert f"{run} ({suffix}); give the folder that it lies in now with --in" in done.splitlines()[-1]
    assert (far / "rl" / "rows.jsonl").exists() and (far / "comparison" / "report.html").exists()
    done = purge("-y", "--in", str(far)).output
    assert f"model {suffix}: marked, 2 files" in done and (far / "rl" / PURGED).exists()
    assert not (far / "rl" / "rows.jsonl").exists() and not (far / "comparison" / "report.html").exists()
    assert "lies nowhere" not in purge("-y").output


def test_what_is_being_trained_is_ended_first(project: Path) -> None:
    with FileLock(project / "lora" / LOCK):
        told = purge("-y", status=2).output
    assert "lora: is being trained; redraft jobs cancel lora ends it" in told and len(told.splitlines()[-1]) < 300
    generations = project / "generations"
    generations.mkdir()
    note_derived(Dataset.open(project / "examples"), [generations])
    with FileLock(generations / LOCK):
        assert "generations: a run goes on there" in purge("-y", status=2).output
    assert (project / "report.html").exists() and known() == {*KEYS}


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def test_answers_of_runs_there_that_nothing_holds_go(project: Path) -> None:
    """Earlier tries of a judge, and those of a stage that was killed before anything was written."""
    loose = {one: key(one) for one in ("ranking", "imitator", "align", "leaderboard", "staged")}
    held = {one: key(one) for one in ("row", "refused", "other training", "other stage")}
    far = {one: key(one) for one in ("far/leaderboard", "far/ranking", "beside")}
    with DatasetWriter(project / "ranking" / "responses", "responses") as writer:
        writer.add(Response(context_id="m9", model="m", text="hi", request_key=held["row"]))
        writer.add(Response(context_id="m2", model="m", text="hi", request_key=key("theirs")))
        writer.reject(Rejection(place="9", reason="r", detail="", request_key=held["refused"]))
        parent = Dataset.open(project / "examples")
        writer.finish({"parents": [{"path": str(parent.path), "content_hash": parent.content_hash}]})
    (project / "ranking" / "another" / "judging").mkdir(parents=True)
    said = {"request_keys": [held["other training"]]}
    (project / "ranking" / "another" / "judging" / "judged-1.json").write_text(json.dumps(said))
    staged = {"contexts": "x", "contexts_hash": parent.content_hash}, {"contexts": "x", "contexts_hash": "x"}
    for plan, one in zip(staged, (loose["staged"], held["other stage"]), strict=True):
        work = Work.open(Home.of().work, "judgments", plan)
        work.write(0, "responses", [Response(context_id="m9", model="m", text="hi", request_key=one)], [], 0)
    asyncio.run(paid(sorted(held.values()), "r0"))
    for number, (command, one) in enumerate(
        (
            (f"ranking:{project}/ranking", loose["ranking"]), (f"imitator:{project}", loose["imitator"]),
            (f"align:{project}/lora", loose["align"]), (f"leaderboard:{project}/ranking", loose["leaderboard"]),
            (f"imitator:{project}", loose["staged"]), (f"leaderboard:{project.parent}", far["far/leaderboard"]),
            (f"ranking:{project}/elsewhere", far["far/ranking"]), ("endpoints", far["beside"]),
        )
    ):  # fmt: skip
        asyncio.run(began(f"r{number}", command))
        asyncio.run(paid([one], f"r{number}", None if number == 1 else 0.25, simulated=False))
    everything = [*loose.values(), *held.values(), *far.values()]
    shown = purge(answer="n\n").output
    # What is shown is what goes: that of killed stages, and of a judge's earlier tries, is told as such.
    assert "answers in the ledger: 8 go ($1.0000 was paid, 1 of no known price, 3 of a sandbox); whatever" in shown
    assert "    5 of these nothing holds any more ($1.0000 was paid, 1 of no known price): earlier tries" in shown
    assert known(everything) == {*everything} and known() == {*KEYS}
    said = purge("-y").output
    assert "8 answers in the ledger, " in said and "answers in the ledger: 8 go (" in said, "three known, and five"
    assert known(everything) == {*held.values(), *far.values()} and known() == {KEPT}
    assert "0 answers in the ledger" in purge("-y").output and known(everything) == {*held.values(), *far.values()}


def test_runs_that_were_put_aside_are_known_by_the_folder_that_they_began_in(project: Path) -> None:
    """One that somebody else was learned from keeps its answers; of one that learned from them all go."""
    other, theirs, two = project / "lora-0a1b2c3d", project / "rl-4e5f6a7b", key("two")
    (other / "judging").mkdir(parents=True)
    (other / "judging" / "judged-1.json").write_text(json.dumps({"request_keys": [key("held")]}))
    (project / "rl" / "judging").mkdir(parents=True)
    (project / "rl" / "judging" / "judged-1.json").write_text(json.dumps({"request_keys": [two]}))
    trained(theirs, Dataset.open(project / "examples"), "6")
    for run, folder, keys in (("r1", "lora", ("held", "loose")), ("r2", "rl", ("two", "theirs"))):
        asyncio.run(began(run, f"align:{project / folder}"))
        asyncio.run(paid([key(one) for one in keys], run))
    assert "    2 of these nothing holds any more (2 of a sandbox)" in purge("-y").output
    assert known([key(one) for one in ("held", "loose", "two", "theirs")]) == {key("held"), two}


def test_what_a_run_holds_that_was_moved_is_kept(project: Path) -> None:
    """Of one that was put aside, too: its answers were paid for, and are nobody's who goes."""
    held, loose = key("held"), key("loose")
    (project / "lora-0a1b2c3d" / "judging").mkdir(parents=True)
    (project / "lora-0a1b2c3d" / "judging" / "judged-1.json").write_text(json.dumps({"request_keys": [held]}))
    asyncio.run(began("r1", f"align:{project / 'lora'}"))
    asyncio.run(paid([held, loose], "r1"))
    (project / "moved").mkdir()
    for pattern in ("chat*", "examples*", "lora*", "re*"):
        for path in sorted(project.glob(pattern)):
            path.rename(project / "moved" / path.name)
    done = CliRunner().invoke(purge_command, ["moved/chat", "--person", "Person2", "--in", "moved", "-y"])
    assert "    1 of these nothing holds any more" in done.output
    assert known([held, loose]) == {held} and not (project / "moved" / "report.html").exists()


def test_an_export_that_was_refused_is_not_missed(project: Path) -> None:
    words = ["chat", str(project / "never" / "all.jsonl"), "--format", "sft"]
    assert CliRunner().invoke(export_command, words).exit_code == 2
    assert "lies nowhere" not in purge("-y").output


def test_what_was_exported_goes_whole(project: Path) -> None:
    for name, words in (("all.jsonl", ["chat"]), ("own.jsonl", ["examples", "--format", "rows"])):
        assert CliRunner().invoke(export_command, [*words, str(project / "away" / name)]).exit_code == 0
    shown = purge(answer="n\n").output
    assert "away/all.jsonl: made of their messages; all of it goes" in shown and "away/own.jsonl: made" in shown
    purge("-y")
    assert not list((project / "away").iterdir())


@contextmanager
def open_ledger(asking: str) -> Iterator[str]:
    """Its owner's name; the ledger is open meanwhile, with a claim of the run `asking` where one is named."""
    up, over, owner = threading.Event(), threading.Event(), list[str]()

    async def goes_on() -> None:
        async with Ledger(Home.of().ledger) as ledger:
            if asking:
                await ledger.claim([Claim(key("asked"))], run=asking)
            owner.append(ledger.owner)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(goes_on()))
    thread.start()
    try:
        assert up.wait(20)
        yield owner[0]
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("asking", ["", "r1"], ids=["recorded", "asking"])
def test_nothing_goes_while_a_run_asks_about_them(project: Path, asking: str) -> None:
    """Nor does it harm that one was killed, has ended, or runs elsewhere."""
    work = f"imitator:{project}"
    with open_ledger(asking) as owner:
        asyncio.run(began("r1", work, "" if asking else owner))
        told = purge("-y", status=2).output
        assert f"{work}: a run goes on there" in told and known() == {*KEYS}
        assert (project / "report.html").exists() and Dataset.open(project / "examples").count == 1
        asyncio.run(began("r1", f"ranking:{project}/elsewhere", owner))
        asyncio.run(began("r2", work, owner, ended=2.0))
        asyncio.run(began("r3", work, "killed"))
        purge("-y")
    assert known() == {KEPT}


@pytest.mark.parametrize("step", ["answers", "models", "whole"])
def test_a_second_run_does_what_the_first_left(project: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    places = {
        "answers": "redraft.chat.leftovers.purge_work",
        "models": "redraft.training.purged_models.remove_texts",
        "whole": "redraft.chat.purging.Purge._rewrite",
    }

    def dying(*_: object, **__: object) -> None:
        raise StorageError("full")

    monkeypatch.setattr(places[step], dying)
    assert "full" in purge("-y", status=1).output
    monkeypatch.undo()
    monkeypatch.setenv("REDRAFT_HOME", str(project / "home"))
    monkeypatch.chdir(project)
    purge("-y", "--delete-models")
    assert known() == {KEPT} and not (project / "lora").exists() and not list(project.glob("re*"))
    assert Dataset.open(project / "chat").count == 1
