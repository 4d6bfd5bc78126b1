"""What the tasks of one flow run share: the caller with its ledger, limits and budget, opened once a flow."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import Literal

import msgspec
from prefect.runtime import flow_run

from blocks.credentials import endpoint_of
from redraft.beside import helped
from redraft.calling import prices, runs
from redraft.calling.batch_book import BatchBook
from redraft.calling.engine import Caller
from redraft.calling.garbage import seldom_collected
from redraft.calling.leaving import leaving_in_order
from redraft.calling.ledger import Ledger, ledger_address
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.own_prices import own_prices
from redraft.calling.plan import NO_BUDGET, CallPlan, MoveOn
from redraft.calling.sharing import SharedRates
from redraft.errors import ConfigurationError, PartialError, ProviderError
from redraft.providers import environment
from redraft.providers.batches import BATCHING
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint, canonical, split_model
from redraft.records import Message, Request
from tasks.showing import current_progress

# Shards under way at a time: two keep the window of calls full while a third begins or ends.
SHARDS_IN_FLIGHT = 3

Mode = Literal["realtime", "batch"]


class CallOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a flow's calls are made; its parameters of the same names, in one hand.

    `budget` is in US dollars, `poll` in seconds between two looks at a batch. `again` asks failures anew that were
    recorded before `began` (seconds since the epoch). `here_only` asks nobody but a sandbox on this machine.
    """

    rpm: float | None = None
    tpm: float | None = None
    delay: float | None = None
    in_flight: int = 256
    budget: float | None = None
    mode: Mode = "realtime"
    fallback: tuple[str, ...] = ()
    move_on: MoveOn = "any"
    poll: float = 30.0
    again: bool = False
    began: float = inf
    here_only: bool = False

    @property
    def limits(self) -> LimitSettings:
        return LimitSettings(rpm=self.rpm, tpm=self.tpm, delay=self.delay, in_flight=self.in_flight)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        return tuple(canonical(model) for model in self.fallback)

    @property
    def price_mode(self) -> prices.Mode:
        return "batch" if self.mode == "batch" else "call"

    def plan(self, run: str, work: str) -> CallPlan:
        """`work` names the command's work: what was spent on it before, with a budget or without, counts towards it."""
        return CallPlan(
            run=run, scope=work or None, budget=self.budget, again=self.again, began=self.began, move_on=self.move_on,
            here_only=self.here_only,
        )  # fmt: skip


CALLER: ContextVar[Caller | None] = ContextVar("redraft_caller", default=None)
OPTIONS: ContextVar[CallOptions | None] = ContextVar("redraft_call_options", default=None)


def credentials_name(asked: str | None) -> str:
    """The set of credentials blocks to use: asked for, or REDRAFT_CREDENTIALS (`redraft up --sandbox` sets it)."""
    return environment.credentials_name(asked, os.environ)


@asynccontextmanager
async def calling_session(
    credentials: str | None, options: CallOptions | None = None, work: str = ""
) -> AsyncGenerator[Caller]:
    """The flow's caller, or that of the flow around it, so that all stages of a study share one limit and one budget.

    At its end the run is written down for `redraft explain`, however it ended. Raises ConfigurationError for a setting
    or a file of prices that cannot be used, before anything is opened.
    """
    if (around := CALLER.get()) is not None:
        yield around
        return
    options = options or CallOptions()
    limits, plan = options.limits, options.plan(_run_id(), work)
    own_prices()

    async def source(provider: str) -> Endpoint:
        return await endpoint_of(provider, credentials_name(credentials))

    async with Ledger(ledger_address()) as ledger, ChatClient(options.in_flight) as client:
        lanes = Lanes(limits, SharedRates(ledger.database))
        caller = Caller(client, source, ledger, lanes, plan=plan)
        tokens = CALLER.set(caller), OPTIONS.set(options)
        try:
            with seldom_collected():
                async with _written_down(caller, work), helped():
                    with leaving_in_order():
                        yield caller
        finally:
            CALLER.reset(tokens[0])
            OPTIONS.reset(tokens[1])


@asynccontextmanager
async def _written_down(caller: Caller, work: str) -> AsyncGenerator[None]:
    """Keeps the run from its start on, so that a killed one is known too, and how it ended."""
    began = time.time()

    async def record(status: runs.Status, ended: float | None = None) -> None:
        await runs.record(
            caller.ledger.database, caller.plan.run, work, began, ended, status, caller.account.summary(),
            scope=caller.plan.scope, budget=caller.plan.budget, owner=caller.ledger.owner,
        )  # fmt: skip

    await record("running")
    status: runs.Status = "stopped"
    try:
        yield
        status = "complete"
    except Exception as fault:
        status = "partial" if isinstance(fault, PartialError) else "failed"
        raise
    finally:
        await caller.settled()
        await record(status, time.time())


def _run_id() -> str:
    """Prefect's id of the flow run, so that both can be laid side by side; 32 hex digits."""
    return str(flow_run.id or uuid.uuid4()).replace("-", "")


def current_caller() -> Caller:
    caller = CALLER.get()
    if caller is None:
        raise RuntimeError("a task that calls models runs outside of calling_session")
    return caller


async def send_batches(requests: Iterable[Request], stage: str, folder: Path) -> None:
    """In batch mode: sends what the ledger does not answer yet and waits for the answers, so that the stage's shards
    find them there. In real time only batches that an earlier run has left open are waited for: what is in them is
    paid for already."""
    options, caller = OPTIONS.get(), current_caller()
    # Batches reach no endpoint of one's own: what it answers is asked as ever.
    requests = (request for request in requests if not caller.has_endpoint(request.model))
    batch = options is not None and options.mode == "batch"
    if not batch and not await BatchBook(caller.ledger).any_open():
        return
    from redraft.calling.batching import run_batches  # imports the providers' SDKs, which takes seconds

    await run_batches(
        requests, caller, stage=stage, folder=folder, progress=current_progress(),
        poll_seconds=options.poll if options is not None else 30.0, submit=batch,
    )  # fmt: skip


async def served(model: str) -> bool:
    """Whether the provider answers under this name. Asked with one short call, which the ledger keeps."""
    request = Request(
        model=model, messages=(Message("user", "Say hello."),), template="probe@1", max_tokens=16,
        accept_truncated=True,
    )  # fmt: skip
    try:
        await current_caller().call(request, stage="probe")
    except ProviderError as fault:
        if fault.kind == "model_not_served":
            return False
        raise
    return True


async def require_served(*models: str) -> None:
    """Raises ConfigurationError for a missing key or a model that cannot be asked, before anything else is paid."""
    for model in models:
        if not await served(model):
            raise ConfigurationError(f"{model} is not served there; check its name, or deploy it first")


async def require_reachable(*models: str, fallbacks: Iterable[str] = ()) -> None:
    """Raises ConfigurationError for a missing key, in batch mode for a provider without batches (but for `fallbacks`,
    which are asked in real time), and under a budget for a model without a known price: a call whose worst case is
    not known cannot be kept within it. Sends nothing to a provider."""
    caller, options = current_caller(), OPTIONS.get()
    if options is not None and options.mode == "batch":
        for model in models:
            if (provider := split_model(model)[0]) not in BATCHING:
                raise ConfigurationError(f"{model}: {provider} has no batch API; {', '.join(BATCHING)} have one")
    for model in (*models, *fallbacks):
        await caller.endpoint(model)
        if caller.plan.budget is not None and prices.tariff_of(model) is None:
            raise ConfigurationError(
                f"{model} has no known price, so no budget can be held; name its price in .redraft/prices.toml "
                f"(docs/guide/money.md), or {NO_BUDGET}"
            )


def require_prices_of_trained(model: str, arms: Iterable[str]) -> None:
    """The same for models that training is yet to make; the user can only name their price under a pattern."""
    base = split_model(model)[1].rpartition("/")[2]
    for arm in arms:
        if current_caller().plan.budget is not None and prices.tariff_of(f"account/{base}-{arm}-00000000") is None:
            raise ConfigurationError(
                f"the models that training makes have no known price, so no budget can be held; name it in "
                f'.redraft/prices.toml under a pattern such as ["*-{arm}-*"] (docs/guide/money.md), or '
                f"{NO_BUDGET}"
            )
