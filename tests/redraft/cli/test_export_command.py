"""`redraft export`: what it says of what it wrote and left out, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from redraft.chat_records import ChatPreference
from redraft.cli import main
from redraft.cli.export_command import FORMATS
from redraft.datasets.storage import DatasetWriter
from redraft.records import Example, Message, Rejection
from redraft.training.exporting.layouts import LAYOUTS


@pytest.fixture
def rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two improved examples, one of them simulated, one that was kept, and one rejection."""
    monkeypatch.chdir(tmp_path)
    with DatasetWriter(tmp_path / "rewritten", "examples") as writer:
        for number, improved in enumerate([True, True, False]):
            writer.add(
                Example(
                    conversation_id=f"c{number}",
                    messages=(Message("user", "q"), Message("assistant", f"better {number}")),
                    category="UR2" if improved else "UR5",
                    improved=improved,
                    generation_method="feedback_based" if improved else None,
                    original_response="first" if improved else f"better {number}",
                    improvement_timestamp=None,
                    simulated=number == 1,
                )
            )
        writer.reject(Rejection(reason="refused", detail="no", place="rewrite c9", row_id="c9"))
        writer.finish({"simulated": True})
    return tmp_path


def export(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", "rewritten", *words])


def test_the_command_offers_every_layout() -> None:
    assert set(FORMATS) == {"rows", *LAYOUTS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-f", "dpo"], ["1 left out: 1 kept_as_it_was", "2 rows (simulated): out.jsonl"]),
        (["-f", "trl", "--preference"], ["1 left out: 1 kept_as_it_was", "2 rows (simulated): out.jsonl"]),
        (["-f", "trl", "-n", "1"], ["1 rows: out.jsonl"]),
        (["-f", "sharegpt"], ["3 rows (simulated): out.jsonl"]),
        ([], ["3 rows (simulated): out.jsonl"]),
        (["-n", "2"], ["2 rows (simulated): out.jsonl"]),
        (["--rejections"], ["1 rows (simulated): out.jsonl"]),
    ],
)
def test_it_says_what_it_wrote_and_what_it_left_out(rewritten: Path, words: list[str], said: list[str]) -> None:
    done = export("-o", "out.jsonl", *words)
    assert (done.exit_code, done.stdout.splitlines(), done.stderr) == (0, said, "")
    lines = (rewritten / "out.jsonl").read_text().splitlines()
    assert len(lines) == int(said[-1].split()[0]) and all(json.loads(line) for line in lines)
    assert export("same.jsonl", *words).exit_code == 0
    assert (rewritten / "same.jsonl").read_bytes() == (rewritten / "out.jsonl").read_bytes()


def test_openais_least_number_of_rows_is_a_note_beside_the_result(rewritten: Path) -> None:
    done = export("out.jsonl", "-f", "openai")
    assert done.exit_code == 0
    assert done.stderr == "note: OpenAI starts no job on fewer than 10 rows\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name one file"),
        (["a.jsonl", "-o", "b.jsonl"], "name one file"),
        (["a.jsonl", "--preference"], "--format openai or trl"),
        (["a.jsonl", "-f", "dpo", "--rejections"], "leave --format out"),
        (["a.jsonl", "-f", "sharegpt", "--preference"], "no preference pairs"),
        (["a.jsonl", "-f", "dpo", "--preference"], "leave --preference out"),
        (["a.json", "-f", "openai"], "OpenAI reads openai rows from .jsonl"),
        (["a.parquet"], ".json or .jsonl"),
    ],
)
def test_what_it_cannot_do_is_one_line_and_nothing_is_left(rewritten: Path, words: list[str], said: str) -> None:
    done = export(*words)
    assert done.exit_code == 2 and done.stdout == ""
    assert said in done.stderr.splitlines()[-1]
    assert [path.name for path in rewritten.iterdir()] == ["rewritten"]


def test_a_file_that_no_purge_will_find_is_told(rewritten: Path) -> None:
    """Chats whose messages are gone; of what is made of no chats nothing is said."""
    with DatasetWriter(rewritten / "pairs", "chat_preferences") as writer:
        writer.add(
            ChatPreference(
                preference_id="p", example_id="e", prompt="hi", chosen="a", rejected="b", chosen_sample=1,
                rejected_sample=2, judge="m:j", context_ids=("m1",), reply_ids=("m2",),
            )
        )  # fmt: skip
        writer.finish({"parents": [{"path": str(rewritten / "gone"), "content_hash": "h"}]})
    for name, told in (("pairs", True), ("rewritten", False)):
        done = CliRunner().invoke(main, ["export", name, f"{name}.jsonl"])
        assert done.exit_code == 0 and ("no purge will find it" in done.stderr) == told
