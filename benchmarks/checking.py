"""Checks generated training files and reports speed and peak memory: one process, one core, estimated lengths.

Run: python -m benchmarks.checking [--megabytes 1000] [--shape tools]
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

# Answers from a line to a page, one to four turns a row: rows of about 2.7 kB.
_SHORTEST, _LONGEST, _MOST_TURNS = 5, 150, 4
_TEXTS = 2000
# One letter in forty is not ASCII, so that nearly every text holds some.
_LETTERS = "abcdefghijklmnopqrstuvwxyz" * 6 + "äöüß"


def write_rows(path: Path, megabytes: int, shape: str) -> int:
    """Rows of one shape until the file has so many megabytes; how many rows that took."""
    draw = random.Random(1)  # noqa: S311
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 9))) for _ in range(2000)]
    texts = [" ".join(draw.choices(words, k=draw.randint(_SHORTEST, _LONGEST))) for _ in range(_TEXTS)]
    written = rows = 0
    with path.open("wb", buffering=2**20) as file:
        while written < megabytes * 1_000_000:
            row = SHAPES[shape](draw, texts)
            written += file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            rows += 1
    return rows


def _plain(draw: random.Random, texts: list[str]) -> list[Row]:
    turns = draw.randint(1, _MOST_TURNS)
    messages: list[Row] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": draw.choice(texts), "weight": 0})
        messages.append({"role": "assistant", "content": draw.choice(texts), "weight": int(turn == turns - 1)})
    return messages


def _called(draw: random.Random, texts: list[str]) -> Row:
    """Each answer after a call and what it brought, with a different set of tools now and then."""
    messages: list[Row] = []
    for message in _plain(draw, texts):
        if message["role"] == "assistant":
            function = {"name": "find", "arguments": json.dumps({"what": draw.choice(texts)[:40]})}
            calls = [{"id": f"call_{len(messages)}", "type": "function", "function": function}]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls, "weight": 0})
            told = {"role": "tool", "content": draw.choice(texts), "tool_call_id": calls[0]["id"], "weight": 0}
            messages.append(told)
        messages.append(message)
    return {"messages": messages, "tools": _tools(draw, texts)}


def _tools(draw: random.Random, texts: list[str]) -> list[Row]:
    described = texts[draw.randint(0, 9)][:200]
    given = {"type": "object", "properties": {"what": {"type": "string", "description": described}}}
    return [{"type": "function", "function": {"name": "find", "description": described, "parameters": given}}]


def _parts(draw: random.Random, texts: list[str]) -> Row:
    messages = _plain(draw, texts)
    return {"messages": [m | {"content": [{"type": "text", "text": m["content"]}]} for m in messages]}


def _preference(draw: random.Random, texts: list[str]) -> Row:
    outputs = [[{"role": "assistant", "content": text}] for text in draw.sample(texts, 2)]
    messages = [{"role": "user", "content": draw.choice(texts)}]
    return {"input": {"messages": messages}, "preferred_output": outputs[0], "non_preferred_output": outputs[1]}


def _pair(draw: random.Random, texts: list[str], letters: int) -> list[str]:
    return [draw.choice(texts)[:letters].strip() or "-" for _ in range(2)]


def _short(draw: random.Random, texts: list[str], letters: int) -> Row:
    asked, said = _pair(draw, texts, letters)
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}


def _instruction(draw: random.Random, texts: list[str], letters: int) -> Row:
    prompt, completion = _pair(draw, texts, letters)
    return {"prompt": prompt, "completion": completion}


Row = dict[str, Any]
SHAPES: dict[str, Callable[[random.Random, list[str]], Row]] = {
    "conversation": lambda draw, texts: {"messages": _plain(draw, texts)},
    "name": lambda draw, texts: {"messages": [m | {"name": "Ada"} for m in _plain(draw, texts)]},
    "tools": lambda draw, texts: {"messages": _plain(draw, texts), "tools": _tools(draw, texts)},
    "calls": _called,
    "parts": _parts,
    "preference": _preference,
    "instruction": lambda draw, texts: _instruction(draw, texts, 1000),
    "text": lambda draw, texts: {"text": draw.choice(texts)},
    "conversation of 400 bytes": lambda draw, texts: _short(draw, texts, 160),
    "instruction of 150 bytes": lambda draw, texts: _instruction(draw, texts, 60),
    "conversation of 100 bytes": lambda draw, texts: _short(draw, texts, 10),
    "instruction of 50 bytes": lambda draw, texts: _instruction(draw, texts, 10),
}


def measure(path: Path, doing: str) -> dict[str, float]:
    """What a process of its own says of checking the file."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.checking", "--of", str(path), doing],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def check(path: Path, doing: str) -> dict[str, float]:
    """Megabytes a second of wall and of processor time, and the peak in MiB with and without what imports take."""
    from redraft.training.checking.files import check_file
    from redraft.training.validator import require_valid

    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    if doing == "feedback":
        require_valid(path)
    else:
        # A limit in the middle of the lengths: half of the rows are looked at for what it would cut.
        report = check_file(path, max_length=1000 if doing == "cut" else None)
        assert report.good
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    size = path.stat().st_size / 1_000_000
    return {
        "mb_per_second": round(size / seconds, 1),
        "mb_per_cpu_second": round(size / (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime), 1),
        "peak_mib": round(after.ru_maxrss / 1024, 1),
        "grown_mib": round((after.ru_maxrss - before.ru_maxrss) / 1024, 1),
    }


@click.command()
@click.option("--megabytes", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--shape", type=click.Choice(list(SHAPES)), multiple=True, help="All of them by default.")
@click.option("--shape-megabytes", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--of", nargs=2, hidden=True)
def main(megabytes: int, shape: tuple[str, ...], shape_megabytes: int, of: tuple[str, str] | None) -> None:
    """Prints one JSON line for each way to check the file of conversations, and for each other shape of rows."""
    if of:
        print(json.dumps(check(Path(of[0]), of[1])))
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        for kind in shape or SHAPES:
            main_one = kind == "conversation"
            size = megabytes if main_one else shape_megabytes
            rows = write_rows(path, size, kind)
            for doing in ("any", "cut", "feedback") if main_one else ("any",):
                told = {"shape": kind, "megabytes": size, "rows": rows, "check": doing, **measure(path, doing)}
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
