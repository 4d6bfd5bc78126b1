"""`redraft documents inspect` in the terminal, and the page that it serves until Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from click.testing import CliRunner, Result

from redraft.cli import main
from redraft.documents.gates.reasons import REASONS

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "documents.md"


def inspect(*words: object, status: int = 0) -> Result:
    done = CliRunner().invoke(main, ["documents", "inspect", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == status, done.output
    return done


def test_the_sample_with_defects(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "documents"
    sample = folder / "finetune_rows_with_defects.jsonl"
    expected = json.loads((folder / "finetune_rows_with_defects.expected.json").read_text())
    prompt = tmp_path / "own.txt"
    prompt.write_text(json.loads((folder / "personas.json").read_text())["own_system_prompt"])
    held = [sample, "--persona", "collaborative", "--words", 100, 1000, "--system-prompt", prompt,
            "--evaluation-prompts", folder / "eval_prompts.json"]  # fmt: skip
    said = inspect(*held, "-n", 30).stdout
    assert said.startswith("finetune_rows_with_defects.jsonl: 20 rows, 14 flagged; 0 rejected on the way\n")
    listed = {line.split()[0]: line for line in said.splitlines() if line.split()[0:1] and line.split()[0].isdigit()}
    for number, reasons in enumerate(expected, start=1):
        line = listed[str(number)].rstrip()
        assert line.endswith(", ".join(reasons)) if len(reasons) < 2 else all(one in line for one in reasons)
        assert bool(reasons) or not line.split()[-1].isidentifier()
    assert "A gap of a template" in said and "begins 15 times: let s look at this" in said
    only = inspect(*held, "--reason", "unfilled_placeholder", "-n", 1).stdout
    assert "1 of 2 rows that fit" in only and "documents:" not in only
    assert "14 rows fit" in inspect(*held, "--flagged").stdout
    assert "no row has low_trait_score; there are: " in inspect(*held, "--reason", "low_trait_score").stdout
    whole = inspect(*held, "--row", 19).stdout
    assert "! refusal (response): the model refused" in whole and "--- response ---" in whole
    # Held against nobody: no signs, no prompts but the rows' own; with other bounds other rows are too short.
    assert "no_trait_shown" not in inspect(sample).stdout
    assert inspect(sample, "--words", 500, 1000).stdout.count("document_too_short") > 5
    assert "duplicate_response" in inspect(sample, "--repeated").stdout


def test_the_guide_names_every_reason() -> None:
    rows = [line.split("`")[1] for line in GUIDE.read_text().splitlines() if line.startswith("| `")]
    assert [one for one in rows if one in REASONS] == list(REASONS)


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    other, empty = tmp_path / "other.jsonl", tmp_path / "empty.jsonl"
    other.write_text('{"question": "Why?", "answer": "So."}\n{"messages": []}\n')
    empty.write_text("")
    for words, said in (
        ((other,), 'no row of it can be trained on; other.jsonl row 1: it has no `messages`; a row holds {"messages"'),
        ((empty,), "empty"),
        ((tmp_path / "missing.jsonl",), "no such file"),
        ((tmp_path,), "no dataset"),
        ((other, "--persona", "nobody"), "no bundled persona"),
        ((other, "--words", 500, 400), "the fewest first"),
        ((other, "--words", 20, 300), "--words 20 300: the fewest first, at least 100, then the most"),
        ((other, "--system-prompt", "missing.txt"), "missing.txt: no such file"),
        ((other, "--min-score", 5, "--max-score", 4), "no row is like that"),
        ((other, "--page", "--row", 1), "leave out one"),
    ):
        done = inspect(*words, status=2)
        assert said in done.stderr and "Traceback" not in done.output, words
        assert len(done.stderr.strip().splitlines()) == 1 or "Error: " in done.stderr


def test_no_text_steers_the_terminal_and_the_page_is_served(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    hostile = "\x1b]0;owned\x07\x1b[2J[bold]x[/bold] \u202eesrever"
    row = {"id": f"r1{hostile}", "messages": [{"role": "user", "content": f"**{hostile}**\n\n{hostile}"},
                                              {"role": "assistant", "content": hostile}]}  # fmt: skip
    file.write_text("\n".join(json.dumps({**row, "id": name}) for name in (row["id"], "r2")) + "\n{broken\n")
    metadata = {"simulated": True, "parameters": {"persona": f"{hostile}@1"}}
    (tmp_path / "rows_metadata.json").write_text(json.dumps(metadata))
    listed, whole, missing = inspect(file), inspect(file, "--row", "r2"), inspect(tmp_path / hostile, status=2)
    said = listed.stdout + whole.stdout
    for one in (said, listed.stderr, whole.stderr, missing.stderr):
        assert "\x1b" not in one and "\x07" not in one and "\u202e" not in one
    assert "made for ␛]0;owned␇" in listed.stderr and "no such file" in missing.stderr
    assert "rejected on the way (simulated)" in listed.stdout and "row 2, kept (simulated)" in whole.stdout
    assert "␛[2J[bold]x[/bold] ⟨U+202E⟩esrever" in said and "malformed_row" in said

    command = [sys.executable, "-m", "redraft", "documents", "inspect", str(file), "--page"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        address = served.stdout.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}told", timeout=20) as answer:
            told = json.load(answer)
        assert told["counts"] == {"clean": 0, "flagged": 2, "unreadable": 1, "rejected": 0}
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0
