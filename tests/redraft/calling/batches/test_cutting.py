"""Requests cut into files: each in one of them, within the limits."""

from __future__ import annotations

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.calling.batch_book import Attendance, Batch, BatchBook
from redraft.calling.cutting import Cutter, Wanted, batch_file
from redraft.calling.ledger import Ledger
from redraft.calling.plan import CallPlan
from redraft.providers.batches import BatchLimits, batch_api
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request

KEY = "sk-secret-0123456789"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(0, 600), max_size=40),
    most=st.integers(1, 9),
    largest=st.integers(400, 2000),
    chunk=st.integers(1, 11),
)
def test_each_request_is_in_one_file_within_the_limits(tmp_path_factory, lengths, most, largest, chunk):
    folder = tmp_path_factory.mktemp("cut")
    endpoint = Endpoint(provider="together", base_url="http://127.0.0.1:9", api_key=KEY)
    requests = [
        Request(model="m/x", messages=(Message("user", f"{n} {'x' * length}"),), template="t@1")
        for n, length in enumerate(lengths)
    ]
    started: list[Batch] = []

    async def run() -> int:
        api = batch_api(endpoint)
        async with Ledger(folder / "ledger.sqlite") as ledger:
            cutter = Cutter(
                endpoint, "m/x", api, BatchBook(ledger), Attendance(ledger), CallPlan(), folder, started.append,
                BatchLimits(most, largest),
            )  # fmt: skip
            wanted = [Wanted(request, request.key(endpoint.name)) for request in requests]
            said = [await cutter.add(wanted[at : at + chunk]) for at in range(0, len(wanted), chunk)]
            await cutter.finish()
            assert len(await BatchBook(ledger).holding([one.key for one in wanted])) == sum(b.requests for b in started)
        await api.close()
        return sum(one.too_large for one in said)

    too_large = asyncio.run(run())
    files = [batch_file(folder, batch).read_bytes() for batch in started]
    ids = [json.loads(line)["custom_id"] for file in files for line in file.splitlines()]
    assert all(len(file) <= largest and 1 <= len(file.splitlines()) <= most for file in files)
    assert [len(file) for file in files] == [batch.size for batch in started]
    assert len(ids) == len(set(ids)) == len(requests) - too_large
