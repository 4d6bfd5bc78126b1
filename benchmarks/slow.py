"""A provider on loopback whose answers take from 50 ms to 30 s, heavy-tailed, and which grants so many a minute.

`latency` starts it as a process of its own: python -m benchmarks.slow --rpm 3000
"""

from __future__ import annotations

import asyncio
import random
from time import monotonic

import click
import msgspec
from aiohttp import web

SHORTEST, LONGEST = 0.05, 30.0
# Of the lognormal: half of the answers take less than 0.6 s, one of a hundred more than 12 s; 1.4 s in the mean.
_MEDIAN, _SIGMA = -0.51, 1.3

_ANSWER = msgspec.json.encode(
    {
        "id": "c", "object": "chat.completion", "created": 1, "model": "stub-model",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Because."}}],
        "usage": {"prompt_tokens": 180, "completion_tokens": 60, "total_tokens": 240},
    }
)  # fmt: skip


class Provider:
    """A token bucket of `rpm` a minute (0: no limit) that tells of itself in OpenAI's headers."""

    def __init__(self, rpm: float) -> None:
        self._rate = rpm / 60
        self._level, self._stamp = self._rate, monotonic()
        self._random = random.Random(1)  # noqa: S311
        self._began: float | None = None
        self._in_flight = 0
        self.started: list[int] = []  # accepted in each second since the first
        self.in_flight: list[int] = []  # most at a time in each second
        self.refused = 0

    async def chat(self, request: web.Request) -> web.Response:
        await request.read()
        if not self._take():
            self.refused += 1
            wait = (1 - self._level) / self._rate
            headers = {**self._headers(), "retry-after-ms": str(round(wait * 1000))}
            return web.Response(status=429, body=b'{"error": {"message": "too many"}}', headers=headers)
        self._count()
        self._in_flight += 1
        try:
            await asyncio.sleep(min(LONGEST, max(SHORTEST, self._random.lognormvariate(_MEDIAN, _SIGMA))))
        finally:
            self._in_flight -= 1
        return web.Response(body=_ANSWER, content_type="application/json", headers=self._headers())

    def _take(self) -> bool:
        if not self._rate:
            return True
        now = monotonic()
        self._level = min(max(1.0, self._rate), self._level + (now - self._stamp) * self._rate)
        self._stamp = now
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def _count(self) -> None:
        self._began = self._began or monotonic()
        second = int(monotonic() - self._began)
        while len(self.started) <= second:
            self.started.append(0)
            self.in_flight.append(0)
        self.started[second] += 1
        self.in_flight[second] = max(self.in_flight[second], self._in_flight + 1)

    def _headers(self) -> dict[str, str]:
        if not self._rate:
            return {}
        return {
            "x-ratelimit-limit-requests": str(round(self._rate * 60)),
            "x-ratelimit-remaining-requests": str(max(0, int(self._level))),
            "x-ratelimit-reset-requests": "1s",
        }

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response({"started": self.started, "in_flight": self.in_flight, "refused": self.refused})


@click.command()
@click.option("--rpm", default=0.0)
def main(rpm: float) -> None:
    """Says its address once it listens, and serves until it is killed."""
    asyncio.run(_serve(rpm))


async def _serve(rpm: float) -> None:
    provider, app = Provider(rpm), web.Application()
    app.router.add_post("/v1/chat/completions", provider.chat)
    app.router.add_get("/stats", provider.stats)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
