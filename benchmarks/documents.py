"""The documents study at zero latency: memory, speed against the bare engine asking the same, and how varied it is.

Run: python -m benchmarks.documents [--documents 10000] [--few 1000]
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.stub import Spent, load, measured
from redraft.documents import stage
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from redraft.records import Request
from redraft.sandbox.process import SandboxProcess

CHAIN = ("anthropic:claude-sonnet-5-5",)
RESPONDS = ("anthropic:claude-opus-5-5",)


def generated(folder: Path, url: str, count: int) -> tuple[Spent, dict[str, Any]]:
    """The flow as one process, and what it says of itself."""
    spent = measured(
        ["-m", "benchmarks.documents", "--flow", folder, "--documents", count], environment=at(folder, url)
    )
    return spent, json.loads(spent.said.splitlines()[-1])


def asked(folder: Path, url: str, made: Path, count: int) -> tuple[Spent, dict[str, Any]]:
    """The engine alone as one process: the requests that the flow's first rounds asked, in one stream."""
    words = ["-m", "benchmarks.documents", "--engine", made, "--documents", count]
    spent = measured(words, environment=at(folder, url))
    return spent, json.loads(spent.said.splitlines()[-1])


def at(folder: Path, url: str) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sandbox", "REDRAFT_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"), "PREFECT_LOGGING_LEVEL": "WARNING",
    }  # fmt: skip


def run_flow(folder: Path, count: int) -> dict[str, Any]:
    """Seconds from the flow's start to its end, and what its metadata say. The server is up before the clock runs."""
    from prefect.logging import disable_run_logger

    from flows.generate_documents import generate_documents
    from redraft.cli.temporary_server import start_unless_configured

    server = start_unless_configured()
    if server is not None:
        server.wait(180)
    began, cpu = time.monotonic(), time.process_time()
    with disable_run_logger():
        result = asyncio.run(
            generate_documents(
                count=count, output=str(folder / "documents"), judge="", scenarios_model=CHAIN, documents_model=CHAIN,
                responses_model=RESPONDS,
            )
        )  # fmt: skip
    spent = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    return {**spent, "metadata": result["metadata"]}


def requests(made: Path, count: int) -> Iterator[Request]:
    """The first rounds' requests, from what the flow made of them."""
    from redraft.datasets.storage import Dataset

    persona = load_persona()
    yield from stage.idea_requests(wanted(persona, count, 0, "train"), persona, CHAIN)
    yield from stage.document_requests(Dataset.open(Path(f"{made}_scenarios")).rows(), persona, CHAIN)
    yield from stage.response_requests(Dataset.open(Path(f"{made}_texts")).rows(), persona, RESPONDS)


async def run_engine(made: Path, count: int, url: str) -> dict[str, Any]:
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
            async for _ in caller.run(requests(made, count), stage="bench"):
                calls += 1
        spent = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu, "calls": calls}
        await caller.settled()
    return spent


def compared(folder: Path, count: int) -> dict[str, Any]:
    for name in ("flow", "engine"):
        (folder / name).mkdir(parents=True)
    with SandboxProcess.start({"seed": 1}) as sandbox:
        flow, told = generated(folder / "flow", sandbox.url, count)
        sandbox.post("/sandbox/reset")
        engine, bare = asked(folder / "engine", sandbox.url, folder / "flow" / "documents", count)
    found = told["metadata"]
    spread = found["spread"]
    calls = found["cost"]["requests"]
    rates = {"flow": calls / told["seconds"], "engine": bare["calls"] / bare["seconds"]}
    return {
        "documents": count,
        "rows": found["rows"],
        "calls": calls,
        "seconds": round(told["seconds"], 1),
        "engine_seconds": round(bare["seconds"], 1),
        "calls_a_second": {name: round(rate, 1) for name, rate in rates.items()},
        "throughput": round(rates["flow"] / rates["engine"], 3),
        "cpu_seconds_per_1000_documents": [round(one["cpu"] / count * 1000, 2) for one in (told, bare)],
        "peak_mib": [round(one.peak_mib, 1) for one in (flow, engine)],
        "distinct": {name: one["distinct"] for name, one in spread.items()},
        "distinct_openings": {name: one["distinct_openings"] for name, one in spread.items()},
        "nearest": {name: one["nearest"]["quantiles"] for name, one in spread.items()},
        "load": load(),
    }


@click.command()
@click.option("--documents", default=10_000, show_default=True)
@click.option("--few", default=1_000, show_default=True, help="The smaller run that memory is compared with; 0: none.")
@click.option("--flow", type=click.Path(path_type=Path), hidden=True)
@click.option("--engine", type=click.Path(path_type=Path), hidden=True)
def main(documents: int, few: int, flow: Path | None, engine: Path | None) -> None:
    """Prints one JSON line a size."""
    if flow is not None:
        print(json.dumps(run_flow(flow, documents)))
    elif engine is not None:
        print(json.dumps(asyncio.run(run_engine(engine, documents, os.environ["ANTHROPIC_BASE_URL"]))))
    else:
        for count in filter(None, (few, documents)):
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(compared(Path(folder), count)), flush=True)


if __name__ == "__main__":
    main()
