"""A conversation with an imitation: what is said, what is asked again, and what is no imitation."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

# For the adapter that is served there.
sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))
from tiny_imitator import make_imitator

from redraft.chat.rendering import prompt_of, read_prompt
from redraft.chat_records import ChatTurn
from redraft.cli import chat_talk
from redraft.cli.chat_talk import talk_command
from redraft.errors import InputError
from redraft.imitating.talking import Talk, imitation_in, read_turns, said
from redraft.training.adapting.writing import Output


class Echo:
    """Writes down what it is asked, and replies with how often it was; never to `hush`."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[tuple[str, str]], int]] = []

    def outputs(self, prompt: str, occurrence: int = 0) -> list[Output]:
        turns = [(turn.speaker, turn.text) for turn in read_prompt(prompt)]
        if turns[-1][1] == "too long":
            raise InputError("the newest message has more than 64 tokens; shorten it")
        self.asked.append((turns, occurrence))
        return [Output("" if turns[-1][1] == "hush" else f" reply {len(self.asked)}", "stop", 2)]


def test_a_conversation_is_the_plain_list_of_what_was_said() -> None:
    """Whatever is done in whatever order: the prompt is made of a list that a few lines keep."""
    lottery = random.Random(4)  # noqa: S311
    begun = [("A", "before")]
    writer = Echo()
    talk = Talk(writer, [ChatTurn(*one) for one in begun])
    turns, again = list(begun), 0
    for _ in range(300):
        doing = lottery.choice(["say", "say", "again", "forget", "hush", "too long"])
        if doing == "forget":
            talk.forget()
            turns, again = list(begun), 0
            continue
        if doing == "too long":
            with pytest.raises(InputError, match="shorten it"):
                talk.say("B", doing)
            continue
        if doing == "again":
            turns, again = turns[:-1] if turns[-1][0] == "SYS" else turns, again + 1
            reply = talk.again()
        else:
            turns, again = [*turns, ("B", doing)], 0
            reply = talk.say("B", doing)
        assert writer.asked[-1] == (turns, again) and reply is not None
        if reply.text:
            turns = [*turns, ("SYS", reply.text)]
    assert Talk(Echo()).again() is None


def test_who_says_a_line() -> None:
    assert said("hello: you", "C") == ("C", "hello: you")
    assert said("B: hello", "A") == ("B", "hello") and said("SYS: hello", "A") == ("A", "SYS: hello")


def test_what_was_said_before_is_read_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A: hello\nand you\n\nSYS: hi: fine\n")
    assert [(one.speaker, one.text) for one in read_turns(tmp_path / "a.txt")] == [
        ("A", "hello\nand you\n"), ("SYS", "hi: fine")
    ]  # fmt: skip
    (tmp_path / "b.txt").write_text("\nhello\n")
    with pytest.raises(InputError, match=r"b\.txt line 2: says not who speaks"):
        read_turns(tmp_path / "b.txt")
    with pytest.raises(InputError, match=r"c\.txt: no text that can be read"):
        read_turns(tmp_path / "c.txt")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")
    folder = tmp_path_factory.mktemp("talking")
    return make_imitator(folder / "run", folder / "home/work", simulated=True).parent


@pytest.fixture(autouse=True)
def _home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if "run" in request.fixturenames:
        monkeypatch.setenv("REDRAFT_HOME", str(request.getfixturevalue("run").parent / "home"))
    yield


def talk(folder: Path, typed: str, *words: str) -> Result:
    words = (str(folder), "--seed", "1", "--max-new-tokens", "6", *words)
    return CliRunner().invoke(talk_command, words, input=typed)


def test_lines_of_a_pipe_are_answered_as_the_adapter_writes(run: Path) -> None:
    from redraft.chat.rendering import read_completion
    from redraft.training.adapting.settings import GenerationSettings
    from redraft.training.adapting.writing import open_writer

    done = talk(run, "hello\n\n/forget\nB: hello\n/nothing\n/quit\nnever\n")
    assert done.exit_code == 0, done.output
    settings = GenerationSettings(outputs=1, temperature=0.8, seed=1, max_new_tokens=6, max_tokens=64, device="cpu")
    writer = open_writer(str(run / "model"), None, settings, run.parent / "home/work")
    expected = [read_completion(writer.outputs(prompt_of([ChatTurn(who, "hello")]))[0].text) for who in "AB"]
    shown = ["".join(one for one in text if one.isprintable() or one in "\n\t") for text in expected]
    assert done.stdout == "".join(f"{text}\n" for text in shown)
    assert "model: trained on simulated data" in done.stderr and "tiny-gemma (random weights)" in done.stderr
    assert "/nothing: no such command" in done.stderr and "PURGED" not in done.stderr
    # The same seed, the same replies; another reply where one is asked for; a message that is too long is said to be.
    again = talk(run / "model", "hello\n/again\n" + "hello " * 90 + "\nA: hello\n")
    assert again.exit_code == 0 and again.stdout.startswith(f"{shown[0]}\n")
    assert again.stdout.removeprefix(f"{shown[0]}\n").splitlines()[0] != shown[0]
    assert "the newest message has more than 58 tokens" in again.stderr


def test_ctrl_c_ends_it_in_order(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chat_talk, "_answer", pressed)
    assert talk(run, "hello\nmore\n").exit_code == 0


def test_one_who_has_left_is_said_loudly(run: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(run / "model", tmp_path / "run/model"))
    (tmp_path / "run/PURGED").write_text("")
    for folder in (copied, copied.parent):
        assert any("PURGED: a person was removed" in one for one in imitation_in(folder).doubts)


def test_what_is_no_imitation_is_refused_in_one_line(run: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(run / "model", tmp_path / "copied"))
    about = json.loads((copied / "redraft.json").read_text())
    (copied / "redraft.json").write_text(json.dumps({**about, "tokens": {}}))
    rewards = Path(shutil.copytree(run / "model", tmp_path / "rewards"))
    (rewards / "reward.json").write_text("{}")
    refused = [
        (tmp_path, (), "no adapter; give model/ of a run"), (tmp_path / "none", (), "no adapter"),
        (run / "tiny", (), "says not which model"), (copied, (), "was not trained on chats"),
        (rewards, (), "a reward model, which writes nothing"), (run, ("--as", "SYS"), "--as SYS: nobody whom"),
        (run, ("--context", str(tmp_path / "c.txt")), "no text that can be read"),
    ]  # fmt: skip
    for folder, words, why in refused:
        done = talk(folder, "hello\n", *words)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert why in done.stderr and done.stderr.startswith("redraft: bad input: ")
