"""The answering study's rewriting at zero latency: memory, speed against the bare engine asking the same, and prices.

Questions are made up: contexts of about 110 words, two thirds with an answer. Some of the answers have a defect.
Run: python -m benchmarks.answers [--rows 150000] [--few 37500] [--priced 1500]
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import click

from benchmarks.stub import Spent, load, measured
from redraft.answering.rewriting import PARTS, Part, rewrite_request
from redraft.answering.tokenizing import EstimatedTokens
from redraft.calling import prices
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.records import Negative, Question, Request
from redraft.sandbox.documents.wording import CITIES, FIRST_NAMES, LAST_NAMES, MONTHS
from redraft.sandbox.process import SandboxProcess

MODEL = "together:meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"
DEFECTS = ("bare=0.02", "preamble=0.02", "invented=0.01", "assertion=0.01", "context_talk=0.01", "long=0.01")
# What a rewrite may be asked of; a price that is not known stays empty.
PRICED = (
    "together:openai/gpt-oss-120b", "together:Qwen/Qwen3.5-9B", "together:meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
    "together:meta-llama/Llama-3.3-70B-Instruct-Turbo", "openrouter:openai/gpt-oss-20b", "anthropic:claude-haiku-5-5",
    "anthropic:claude-haiku-4-5", "gemini:gemini-2.5-flash-lite", "gemini:gemini-2.5-flash", "openai:gpt-5-nano",
)  # fmt: skip
MAX_TOKENS = 512
# Sentence, question, which of the gaps answers it.
_FACTS = (
    ("{who} founded the {thing} of {city} in {year}.", "Who founded the {thing} of {city}?", "who"),
    ("The {thing} of {city} was rebuilt in {year} after a long dispute over its costs.",
     "When was the {thing} of {city} rebuilt?", "year"),
    ("In {month} the council of {city} gave {number} crowns to the keepers of the {thing}.",
     "How many crowns did the council of {city} give?", "number"),
    ("Visitors to the {thing} usually arrive from {city}, where the old road along the river begins.",
     "Where do visitors to the {thing} arrive from?", "city"),
    ("The director of the {thing}, {who}, had studied in {city} before the war and never spoke of it.",
     "Who was the director of the {thing}?", "who"),
    ("About {number} people worked at the {thing} when the company moved its offices to {city}.",
     "How many people worked at the {thing}?", "number"),
    ("Letters from {year} show that {who} wanted to sell the {thing} to a family from {city}.",
     "Who wanted to sell the {thing}?", "who"),
)  # fmt: skip
_THINGS = ("harbour", "observatory", "printing house", "salt works", "archive", "botanical garden", "lighthouse",
           "town library", "glass factory", "music school", "canal office", "silk mill")  # fmt: skip


def made_up(number: int) -> Question:
    """A question before a context of its own; of every third the context has no answer."""
    random = Random(number)  # noqa: S311  rows that repeat
    things = random.sample(_THINGS, 7)
    facts = [_filled(random, place, thing) for place, thing in enumerate(things)]
    context = " ".join(sentence for sentence, _, _ in facts)
    negative: Negative | None = "random" if number % 3 == 2 else None
    _, question, answer = random.choice(facts)
    known: tuple[str, ...] = ()
    if negative:
        absent = next(thing for thing in _THINGS if thing not in things)
        _, question, answer = _filled(random, number % 7, absent)
        while answer in context:
            _, question, answer = _filled(random, number % 7, absent)
        known = (answer,)
    return Question(
        question_id=f"q{number:06d}", layer="negatives" if negative else "extraction", side=_side(number),
        group=f"article {number // 50}", context=context, question=question, answer="" if negative else answer,
        negative=negative, plausible=known, place=f"made up, row {number + 1}",
    )  # fmt: skip


def _side(number: int) -> Any:
    """All are trained on but some hundred."""
    return "test" if number < 100 else "train"


def _filled(random: Random, kind: int, thing: str) -> tuple[str, str, str]:
    sentence, question, gap = _FACTS[kind]
    values = {
        "thing": thing, "city": random.choice(CITIES), "month": random.choice(MONTHS),
        "who": f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}", "year": str(random.randint(1500, 1990)),
        "number": str(random.randint(12, 9000)),
    }  # fmt: skip
    return sentence.format(**values), question.format(**values), values[gap]


def write_questions(target: Path, rows: int) -> Path:
    """A dataset of so many questions on the train side, and a hundred that are held out."""
    with DatasetWriter(target, "questions") as writer:
        for number in range(rows + 100):
            writer.add(made_up(number))
        tokenizer = {"name": EstimatedTokens.name, "max_tokens": MAX_TOKENS, "exact": False}
        writer.finish({"parents": [], "tokenizer": tokenizer})
    return target


def at(folder: Path, url: str) -> dict[str, str]:
    return {
        "TOGETHER_BASE_URL": url, "TOGETHER_API_KEY": "sandbox", "REDRAFT_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"), "PREFECT_LOGGING_LEVEL": "WARNING",
    }  # fmt: skip


def run_flow(questions: Path) -> dict[str, Any]:
    """Seconds from the flow's start to its end, and what its manifests say. The server is up before the clock runs."""
    from prefect.logging import disable_run_logger

    from flows.rewrite_answers import rewrite_answers
    from redraft.cli.temporary_server import start_unless_configured

    server = start_unless_configured()
    if server is not None:
        server.wait(180)
    began, cpu = time.monotonic(), time.process_time()
    output = str(questions.with_name("answers"))
    with disable_run_logger():
        result = asyncio.run(rewrite_answers(input=str(questions), output=output, model=MODEL))
    kept = ("count", "rejected", "reasons", "refused", "variety", "rounds")
    parts = {part: {name: one[name] for name in kept} for part, one in result["manifests"].items()}
    spent = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    return {**spent, "parts": parts, "gate": result["curriculum"]["gate"]}


def requests(questions: Path) -> Iterator[Request]:
    """What the flow's first round asks."""
    return (rewrite_request(one, (MODEL,)) for one in Dataset.open(questions).rows() if one.side == "train")


async def run_engine(questions: Path, url: str) -> dict[str, Any]:
    """The engine alone: all requests in one stream, and nothing made of the answers."""
    from redraft.calling.engine import Caller
    from redraft.calling.garbage import seldom_collected
    from redraft.calling.ledger import Ledger, ledger_address
    from redraft.calling.limits import Lanes, LimitSettings
    from redraft.providers.chat import ChatClient
    from redraft.providers.endpoints import Endpoint

    async def endpoint(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url, api_key="sandbox")

    calls = 0
    async with Ledger(ledger_address()) as ledger, ChatClient(256) as client:
        caller = Caller(client, endpoint, ledger, Lanes(LimitSettings(in_flight=256)))
        began, cpu = time.monotonic(), time.process_time()
        with seldom_collected():
            async for _ in caller.run(requests(questions), stage="bench"):
                calls += 1
        spent = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu, "calls": calls}
        await caller.settled()
    return spent


class Watch:
    """Sees from outside when calls are under way: the flow does more than ask."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self._sandbox, self._done = sandbox, threading.Event()
        self._seen: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.5):
            self._seen.append((time.monotonic(), int(str(self._sandbox.stats()["calls"]))))

    def asking(self) -> float:
        """Seconds from the last look before the first call to the first look after the last one."""
        most = max(count for _, count in self._seen)
        began = max((at for at, count in self._seen if count == 0), default=self._seen[0][0])
        return min(at for at, count in self._seen if count == most) - began


def child(word: str, questions: Path, environment: dict[str, str]) -> tuple[Spent, dict[str, Any]]:
    spent = measured(["-m", "benchmarks.answers", word, questions], environment=environment)
    return spent, json.loads(spent.said.splitlines()[-1])


def compared(folder: Path, rows: int) -> dict[str, Any]:
    for name in ("flow", "engine"):
        (folder / name).mkdir(parents=True)
    questions = write_questions(folder / "questions", rows)
    with SandboxProcess.start({"seed": 1, "answer_defect": list(DEFECTS)}) as sandbox:
        with Watch(sandbox) as watch:
            flow, told = child("--flow", questions, at(folder / "flow", sandbox.url))
        calls = int(str(sandbox.stats()["calls"]))
        sandbox.post("/sandbox/reset")
        engine, bare = child("--engine", questions, at(folder / "engine", sandbox.url))
    rates = {
        "flow": calls / told["seconds"],
        "asking": calls / watch.asking(),
        "engine": bare["calls"] / bare["seconds"],
    }
    return {
        "rows": rows,
        "calls": calls,
        "seconds": {"flow": round(told["seconds"], 1), "asking": round(watch.asking(), 1),
                    "engine": round(bare["seconds"], 1)},
        "calls_a_second": {name: round(rate, 1) for name, rate in rates.items()},
        "throughput": {name: round(rates[name] / rates["engine"], 3) for name in ("flow", "asking")},
        "cpu_seconds_per_1000_calls": [round(told["cpu"] / calls * 1000, 2), round(bare["cpu"] / rows * 1000, 2)],
        "peak_mib": [round(one.peak_mib, 1) for one in (flow, engine)],
        "parts": told["parts"],
        "gate": told["gate"],
        "load": load(),
    }  # fmt: skip


def prices_of(folder: Path, rows: int, priced: int) -> list[dict[str, Any]]:
    """US dollars for `rows` rows at each model: the flow's own dry run over `priced` of them, at the price of either
    mode. Half of the rows that are looked at have no answer; the sums count two thirds with one."""
    questions = write_questions(folder / "few", 3 * priced)
    found = json.loads(measured(["-m", "benchmarks.answers", "--dry-run", questions, "--priced", priced],
                                environment=at(folder, "http://127.0.0.1:9")).said.splitlines()[-1])  # fmt: skip
    shares: dict[Part, float] = {"positive": 2 / 3, "negative": 1 / 3}
    tokens = {name: sum(rows * shares[part] * one[name] / one["calls"] for part, one in zip(PARTS, found, strict=True))
              for name in ("input_tokens", "output_tokens")}  # fmt: skip
    made: list[dict[str, Any]] = []
    for model in PRICED:
        each = {mode: _price(model, rows, tokens, mode) for mode in ("call", "batch")}
        made.append(
            {"model": model, **{f"million_{name}": round(value / 1e6, 1) for name, value in tokens.items()}, **each}
        )
    return made


def _price(model: str, rows: int, tokens: dict[str, float], mode: Any) -> float | None:
    """Of so many equal calls: the price of a step holds for one prompt, not for all of them together."""
    into, out = (round(tokens[name] / rows) for name in ("input_tokens", "output_tokens"))
    one = prices.cost(model, into, out, mode)
    return None if one is None else round(one * rows, 2)


def run_dry(questions: Path, priced: int) -> list[dict[str, Any]]:
    from prefect.logging import disable_run_logger

    from flows.rewrite_answers import rewrite_answers
    from redraft.cli.temporary_server import start_unless_configured

    server = start_unless_configured()
    if server is not None:
        server.wait(180)
    with disable_run_logger():
        result = asyncio.run(
            rewrite_answers(input=str(questions), output=str(questions.with_name("unmade")), model=PRICED[0],
                            max_questions=priced, dry_run=True)
        )  # fmt: skip
    return result["estimates"]


@click.command()
@click.option("--rows", default=150_000, show_default=True)
@click.option("--few", default=37_500, show_default=True, help="The smaller run that memory is compared with; 0: none.")
@click.option("--priced", default=1_500, show_default=True, help="Rows of either kind that prices are told from.")
@click.option("--flow", type=click.Path(path_type=Path), hidden=True)
@click.option("--engine", type=click.Path(path_type=Path), hidden=True)
@click.option("--dry-run", "dry", type=click.Path(path_type=Path), hidden=True)
def main(rows: int, few: int, priced: int, flow: Path | None, engine: Path | None, dry: Path | None) -> None:
    """Prints a JSON line a size, then one a model with the price of the larger."""
    if flow is not None:
        print(json.dumps(run_flow(flow)))
    elif engine is not None:
        print(json.dumps(asyncio.run(run_engine(engine, os.environ["TOGETHER_BASE_URL"]))))
    elif dry is not None:
        print(json.dumps(run_dry(dry, priced)))
    else:
        for count in filter(None, (few, rows)):
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(compared(Path(folder), count)), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for line in prices_of(Path(folder), rows, priced):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
