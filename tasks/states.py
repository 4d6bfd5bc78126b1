"""How a flow ends: the four words of the exit status as state messages, and which faults a task retries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from prefect.cache_policies import INPUTS, CachePolicy
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from redraft.errors import BudgetReachedError, PartialError, RedraftError

P = ParamSpec("P")
R = TypeVar("R")


class CodeVersion(CachePolicy):
    """Part of a task's cache key that changes only when what the task makes changes."""

    version: str = "1"

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **_: Any
    ) -> str:
        return f"{task_ctx.task.name}-{self.version}"


# Inputs are paths and numbers; everything else that decides a shard is in the name of its folder.
SHARD_CACHE = INPUTS + CodeVersion()


def not_ours(_: Any, __: TaskRun, state: State[Any]) -> bool:
    """Retries what Prefect should retry: anything but a fault that redraft has judged and named itself."""
    fault = state.data if isinstance(state.data, BaseException) else None
    return not isinstance(fault, RedraftError)


def ends_in_words(body: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[Any]]:
    """Wraps a flow's body: its state's message begins with `complete`, `failed`, `bad input` or `partial`."""

    @wraps(body)
    async def worded(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            result = await body(*args, **kwargs)
        except TerminationSignal:
            if not await _being_cancelled():
                raise
            return Cancelled(message="cancelled: the calls that were under way are answered and recorded")
        except PartialError as fault:
            return Failed(message=f"partial: {fault}", name="Partial", data=fault)
        except RedraftError as fault:
            return Failed(message=f"{fault.word}: {fault}", data=fault)
        said = result.get("said", "") if isinstance(result, dict) else ""
        return Completed(message=f"complete: {said}" if said else "complete", data=result)

    return worded


async def _being_cancelled() -> bool:
    """Whether somebody has asked Prefect to cancel this flow run, whose worker then sends SIGTERM: what it could tell
    beforehand it tells only to its own handler of that signal, in whose place `redraft.calling.leaving` stands."""
    if flow_run.id is None:
        return False
    async with get_client() as client:
        state = (await client.read_flow_run(UUID(str(flow_run.id)))).state
    return state is not None and state.is_cancelling()


async def as_part(part: Awaitable[R]) -> R:
    """A flow run as a part of another: what it would show when it ends partial is not the other's to show."""
    try:
        return await part
    except BudgetReachedError as fault:
        raise BudgetReachedError(str(fault)) from None
    except PartialError as fault:
        raise PartialError(str(fault)) from None
