"""`redraft ledger`: what is shown, what is asked before anything is deleted, and one line where it cannot be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from redraft.calling.ledger import Claim, Entry, Ledger
from redraft.cli.ledger_commands import ledger_group
from redraft.records import Completion, Failure


def entry(key: str, model: str, cost: float | None, simulated: bool = False) -> Entry:
    outcome = Completion(
        request_key=key, text="x", model=model, answered_model="x", provider="together", finish_reason="stop",
        input_tokens=30, output_tokens=20, cost=cost, latency=0.1, attempts=1, created_at="", simulated=simulated,
    )  # fmt: skip
    return Entry(outcome=outcome, provider="together", endpoint="together", stage="rewrite")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("REDRAFT_LEDGER_URL", raising=False)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def filled(home: Path) -> Path:
    async def fill() -> None:
        async with Ledger(home) as ledger:
            await ledger.keep(entry("a", "together:one", 0.25))
            await ledger.keep(entry("b", "together:one", 0.5))
            await ledger.keep(entry("c", "together:two", None))
            await ledger.keep(entry("d", "together:two", 4.0, simulated=True))
            failure = Failure(
                request_key="e", model="together:two", reason="refused", detail="no", attempts=1, cost=0.125
            )
            await ledger.keep(Entry(outcome=failure, provider="together", endpoint="together", stage="rewrite"))
            await ledger.claim([Claim("f", 0.75)], scope="s", budget=1.0)
            await ledger.extend("f", 0.1, model="together:two", reason="timeout", scope="s", budget=1.0)

    asyncio.run(fill())
    return home


def run(*words: str, status: int = 0, answer: str | None = None) -> Result:
    done = CliRunner().invoke(ledger_group, words, input=answer)
    assert done.exit_code == status, done.output
    return done


def left(path: Path) -> set[str]:
    async def look() -> set[str]:
        async with Ledger(path) as ledger:
            return set(await ledger.find(list("abcdef")))

    return asyncio.run(look())


def test_show_says_where_it_is_and_what_was_paid(filled: Path) -> None:
    said = run("show").output
    assert f"ledger: {filled} (" in said and "answers: 5, 1 of them of no use" in said
    lines = [line.split() for line in said.splitlines()]
    assert ["together", "together:one", "rewrite", "call", "2", "0", "60", "40", "$0.7500"] in lines
    assert ["together", "together:two", "rewrite", "call", "2", "1", "30", "20", "$0.1250", "and", "1", "of", "no",
            "known", "price"] in lines  # fmt: skip
    assert ["together", "together:two", "(simulated)", "rewrite", "call", "1", "0", "30", "20", "$4.0000"] in lines
    assert ["together:two", "timeout", "1", "$0.7500"] in lines


def test_what_has_no_price_costs_no_dollars(home: Path) -> None:
    async def fill() -> None:
        async with Ledger(home) as ledger:
            await ledger.keep(entry("a", "together:two", None))
            for key, worst in (("b", None), ("c", 0.0), ("d", 0.5), ("e", None)):
                await ledger.claim([Claim(key)])
                model = "together:both" if key in "de" else f"together:{key}"
                await ledger.extend(key, worst, model=model, reason="timeout")

    asyncio.run(fill())
    lines = [" ".join(line.split()) for line in run("show").output.splitlines()]
    assert "together together:two rewrite call 1 0 30 20 1 of no known price" in lines
    for row in ("b timeout 1 1 unknown", "c timeout 1 $0.0000", "both timeout 2 $0.5000 and 1 unknown"):
        assert f"together:{row}" in lines, lines


def test_claims_of_a_killed_process_are_not_being_asked(home: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from redraft.calling.ledger import Claim, Ledger\n"
        "async def run():\n"
        "    async with Ledger(sys.argv[1]) as ledger:\n"
        "        await ledger.claim([Claim('a'), Claim('b')])\n"
        "        os._exit(1)\n"
        "asyncio.run(run())\n"
    )
    subprocess.run([sys.executable, "-c", program, home], check=False)

    async def look() -> tuple[list[str], list[str]]:
        dead = await asyncio.to_thread(shown)
        async with Ledger(home) as ledger:  # frees them
            await ledger.claim([Claim("b"), Claim("c"), Claim("d")])
            return dead, await asyncio.to_thread(shown)

    def shown() -> list[str]:
        return [line for line in run("show").output.splitlines() if "asked" in line or "left by" in line]

    dead, living = asyncio.run(look())
    assert dead == ["left by processes that died: 2; the next run frees them"]
    assert living == ["being asked now: 3"]


@pytest.mark.parametrize("words", [("show",), ("purge", "--older-than", "1d", "--yes")])
def test_looking_makes_no_ledger(home: Path, words: tuple[str, ...]) -> None:
    assert run(*words).output == f"no ledger yet at {home}\n"
    assert not home.exists()


def test_purge_asks_first_and_says_what_it_cost(filled: Path) -> None:
    assert run("purge", "--older-than", "90d").output == "nothing to purge\n"
    said = run("purge", "--older-than", "0d", "--model", "together:one", answer="n\n").output
    assert "delete 2 answers that cost $0.7500?" in said and said.endswith("nothing was deleted\n")
    assert left(filled) == set("abcde")
    assert run("purge", "--older-than", "0d", "--model", "together:one", answer="y\n").output.endswith(
        "deleted 2 answers\n"
    )
    assert left(filled) == set("cde")


@pytest.mark.parametrize(("option", "stay"), [("--failures", "abcd"), ("--simulated", "abce")])
def test_purge_takes_what_the_option_names(filled: Path, option: str, stay: str) -> None:
    assert run("purge", "--older-than", "0h", option, "--yes").output == "deleted 1 answers\n"
    assert left(filled) == set(stay)


def test_what_is_no_age_or_no_ledger_is_one_line(home: Path) -> None:
    assert "'soon' is no age; write 12h, 90d or 4w" in run("purge", "--older-than", "soon", status=2).output
    home.write_bytes(b"noise" * 1000)
    for words in (("show",), ("purge", "--older-than", "1d")):
        said = run(*words, status=1).output
        assert said.count("\n") == 1 and f"failed: {home}: the ledger cannot be opened" in said
