"""Reads a generated chat of 1,000,000 messages, as Android and as the iPhone export it: messages a second, memory.

Beside it, in the same run, npm's whatsapp-chat-parser where node and npm are there; it is installed into a temporary
folder. Each reading has a process of its own. Run: python -m benchmarks.chat_reading [--messages 1000000]
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
NPM = "whatsapp-chat-parser@4.0.2"
NAMES = ("Alice Müller", "Bob", "+49 151 23456789", "Max - Work")
WORDS = ("hey", "how", "are", "you", "ok", "lol", "see", "tomorrow", "price", "not", "bad", "check", "this", "thanks")
OURS = """
import json, resource, sys, time
from pathlib import Path
from redraft.chat.exports.raw import ReadOptions
from redraft.chat.exports.whatsapp import open_whatsapp
before, wall = time.process_time(), time.perf_counter()
export = open_whatsapp(Path(sys.argv[1]), ReadOptions())
opened = time.process_time()
messages = sum(1 for _ in export.messages())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"messages": messages, "cpu_s": time.process_time() - before, "opening_cpu_s": opened - before,
    "wall_s": time.perf_counter() - wall, "peak_mib": peak}))
"""
# It takes the whole text at once; both of its numbers count what it needs for that.
THEIRS = """
const fs = require('fs'), whatsapp = require('whatsapp-chat-parser');
const start = process.hrtime.bigint(), cpu = process.cpuUsage();
const messages = whatsapp.parseString(fs.readFileSync(process.argv[2], 'utf8'));
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({messages: messages.length, cpu_s: (used.user + used.system) / 1e6,
  wall_s: Number(process.hrtime.bigint() - start) / 1e9, peak_mib: process.resourceUsage().maxRSS / 1024}));
"""


def write_chat(path: Path, messages: int, *, iphone: bool) -> None:
    """A chat of four people over years: short texts, some with a second line, some pictures."""
    draw = random.Random(1)  # noqa: S311
    time = datetime(2015, 1, 1, 8)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(messages):
            time += timedelta(seconds=draw.expovariate(1 / 150))
            text = " ".join(draw.choices(WORDS, k=draw.randint(1, 14))) + (" 😂" if draw.random() < 0.1 else "")
            text += "\nsecond line: of it" if draw.random() < 0.05 else ""
            picture = draw.random() < 0.04
            if iphone:
                mark = "\u200e" if picture else ""
                text = "\u200eimage omitted" if picture else text
                file.write(f"{mark}[{time:%d.%m.%y, %H:%M:%S}] {draw.choice(NAMES)}: {text}\n")
            else:
                file.write(f"{time:%d/%m/%Y, %H:%M} - {draw.choice(NAMES)}: {'<Media omitted>' if picture else text}\n")


def measured(words: list[str], **environment: str) -> dict[str, float]:
    done = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{words[0]} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def installed(folder: Path) -> Path | None:
    """The folder with npm's parser; None, with a line, where it cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        print("npm's parser is skipped: node and npm are not there", flush=True)
        return None
    done = subprocess.run(["npm", "install", "--silent", "--prefix", folder, NPM], capture_output=True, check=False)
    if done.returncode:
        print("npm's parser is skipped: it could not be installed", flush=True)
        return None
    return folder / "node_modules"


@click.command()
@click.option("--messages", default=1_000_000, show_default=True)
@click.option("--runs", default=1, show_default=True)
def main(messages: int, runs: int) -> None:
    """Prints one JSON line a reading; a process that reads nothing has the interpreter's memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = installed(folder / "npm")
        source = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
        for phone in ("android", "iphone"):
            file = folder / f"{phone}.txt"
            write_chat(file, messages, iphone=phone == "iphone")
            for _ in range(runs):
                commands = {"redraft": [sys.executable, "-c", OURS, str(file)]}
                if modules:
                    commands["npm"] = ["node", "--max-old-space-size=8192", "-e", THEIRS, "x", str(file)]
                for reader, words in commands.items():
                    found = measured(words, PYTHONPATH=source, NODE_PATH=str(modules), TZ="UTC")
                    found["per_cpu_s"] = round(found["messages"] / found["cpu_s"])
                    figures = {key: round(value, 1) for key, value in found.items()}
                    print(
                        json.dumps(
                            {"file": phone, "mib": round(file.stat().st_size / 2**20), "reader": reader, **figures}
                        )
                    )


if __name__ == "__main__":
    main()
