"""Calls gather while a batch is under way: never more than the size, one model a batch, in order, nobody forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.serving.answering import Reply
from redraft.serving.asked import Asked, ChatMessage, Refused
from redraft.serving.batches import Batches


class Echo:
    """Answers with what was asked, once it may; notes who was asked together, and in which thread."""

    def __init__(self) -> None:
        self.halt, self.may = threading.Event(), threading.Event()
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()
        self.may.set()

    def answer(self, calls: Sequence[Asked]) -> list[Reply | Refused]:
        self.may.wait(20)
        self.threads.add(threading.get_ident())
        texts = [asked.messages[0].text for asked in calls]
        self.batches.append(texts)
        if "break" in texts:
            raise RuntimeError("broken")
        return [Refused(400, text) if text == "bad" else said(text) for text in texts]


def said(text: str) -> Reply:
    return Reply(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)


def call(model: str, text: str) -> Asked:
    return Asked(model=model, messages=(ChatMessage("user", text),))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from("ab"), max_size=30), st.integers(1, 8))
def test_all_are_answered_in_order_and_in_batches_of_one_model(models: list[str], size: int) -> None:
    echoes = {name: Echo() for name in "ab"}
    calls = [call(model, f"{model}{place}") for place, model in enumerate(models)]

    async def run() -> list[Reply]:
        async with Batches(echoes, size) as batches:
            return await asyncio.gather(*(batches.ask(one) for one in calls))

    assert [reply.text for reply in asyncio.run(run())] == [one.messages[0].text for one in calls]
    for name, echo in echoes.items():
        assert all(len(batch) <= size for batch in echo.batches) and len(echo.threads) <= 1
        assert [text for batch in echo.batches for text in batch] == [
            one.messages[0].text for one in calls if one.model == name
        ]


def test_one_that_fails_or_is_refused_takes_no_other_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> list[object]:
        async with Batches({"a": Echo()}, 1) as batches:
            asks = (batches.ask(call("a", text)) for text in ("fine", "bad", "break", "also fine"))
            return await asyncio.gather(*asks, return_exceptions=True)

    fine, bad, broken, also = asyncio.run(run())
    assert isinstance(fine, Reply) and isinstance(also, Reply)
    assert isinstance(bad, Refused) and bad.status == 400
    assert isinstance(broken, Refused) and broken.status == 500
    assert "a: RuntimeError: broken" in capsys.readouterr().err


def test_who_leaves_is_not_answered_and_who_waits_at_the_end_is_told() -> None:
    echo = Echo()

    async def run() -> list[object]:
        async with Batches({"a": echo}, 1) as batches:
            echo.may.clear()
            first = asyncio.create_task(batches.ask(call("a", "first")))
            await asyncio.sleep(0.05)
            left, waits = (asyncio.create_task(batches.ask(call("a", text))) for text in ("left", "waits"))
            await asyncio.sleep(0.05)
            left.cancel()
            echo.may.set()
            assert (await waits).text == "waits" and (await first).text == "first"
            echo.may.clear()
            under_way, last = (asyncio.create_task(batches.ask(call("a", text))) for text in ("under way", "last"))
            await asyncio.sleep(0.05)
            batches.halt()
            asyncio.get_running_loop().call_later(0.05, echo.may.set)
            return await asyncio.gather(under_way, last, batches.ask(call("a", "late")), return_exceptions=True)

    ended = asyncio.run(run())
    assert echo.batches == [["first"], ["waits"], ["under way"]]
    assert echo.halt.is_set(), "a model breaks off then; this one does not"
    assert [type(one) for one in ended] == [Reply, Refused, Refused]
