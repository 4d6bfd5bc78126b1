"""Runs batch mode in processes that kill themselves at a named point; started by `conftest`.

Reads jobs as JSON lines, and answers each with the exit status of the process that did it. The processes are forked
from this one, which has imported the SDKs already: that alone takes seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from pathlib import Path
from typing import Any

import anthropic
import openai
import together

from redraft.calling import batching, collecting
from redraft.calling.batch_book import BatchBook
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.plan import CallPlan
from redraft.calling.progress import Progress
from redraft.providers import batches_anthropic, batches_openai, batches_together
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request

SDKS = (anthropic, openai, together)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str, sandbox: str) -> None:
    """Lets this process be killed at `point`."""
    move, settle = BatchBook.move, BatchBook.settle
    apis = (batches_anthropic.AnthropicBatches, batches_openai.OpenAIBatches, batches_together.TogetherBatches)

    async def moved(self: Any, batch: Any, state: Any, **changes: Any) -> Any:
        done = await move(self, batch, state, **changes)
        if state == point and done is not None:
            die()
        if (state, point) == ("submitted", "waiting"):
            asyncio.get_running_loop().call_later(0.8, die)
        return done

    async def settled(self: Any, batch: Any, keys: Any) -> None:
        if point == "kept":
            die()
        await settle(self, batch, keys)
        if point == "settled":
            die()

    BatchBook.move, BatchBook.settle = moved, settled
    for api in apis:
        for name, where in (("upload", "uploading"), ("submit", "created")):
            if (method := getattr(api, name)) is not None:
                setattr(api, name, dying_after(method, where == point))
        if point == "sending":
            api.submit = dying_within(api.submit, sandbox)


def dying_after(method: Any, now: bool) -> Any:
    async def called(*words: Any) -> Any:
        done = await method(*words)
        if now:
            die()
        return done

    return called


def dying_within(method: Any, sandbox: str) -> Any:
    """Dies when the sandbox has the whole request, which it shows by having taken the one script that waited."""

    async def called(*words: Any) -> Any:
        sending = asyncio.ensure_future(method(*words))
        while await asyncio.to_thread(scripts_waiting, sandbox):  # noqa: ASYNC110  another process tells
            await asyncio.sleep(0.02)
        die()
        return await sending

    return called


def scripts_waiting(sandbox: str) -> int:
    with urllib.request.urlopen(f"{sandbox}/sandbox/script", b"[]", timeout=30) as answer:
        return int(json.load(answer)["waiting"])


def requests(job: dict[str, Any]) -> Any:
    for n in range(job["requests"]):
        if job["point"] == "cutting" and n == job["requests"] * 3 // 4:
            die()
        message = Message("user", f"question {n}: why is it dark?")
        yield Request(model=job["model"], messages=(message,), template="t@1", max_tokens=300, row_id=str(n))


async def run(job: dict[str, Any]) -> None:
    async def source(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=job["url"], api_key=job["key"])

    plan = CallPlan(scope="doomed", budget=job["budget"])
    async with ChatClient() as client, Ledger(job["ledger"]) as ledger:
        caller = Caller(client, source, ledger, Lanes(LimitSettings()), plan=plan)
        await batching.run_batches(
            requests(job),
            caller,
            stage="s",
            folder=Path(job["folder"]),
            progress=Progress("s"),
            poll_seconds=0.05,
            settle_seconds=0.3,
        )


def main() -> None:
    batching._CHUNK = 8
    collecting._AT_ONCE = 8
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        job = json.loads(line)
        if (child := os.fork()) == 0:
            doom(job["point"], job["sandbox"])
            asyncio.run(run(job))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
