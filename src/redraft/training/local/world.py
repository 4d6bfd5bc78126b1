"""The processes that train together, as torchrun or accelerate started them, and what only the first of them does.

Neighbours: `training` asks whether it is the first, `answering` shares rows out.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from redraft.errors import ConfigurationError


class World:
    """`rank` of `size` processes, `here` of them on this machine; `first` writes files. `device` is this process's."""

    def __init__(
        self,
        device: str,
        processes: int,
        environment: Mapping[str, str] = os.environ,
        program: str = "redraft.curriculum",
    ) -> None:
        """Joins the others. Raises ConfigurationError where there are not as many processes as planned: accelerate was
        seen to start one alone and say nothing, and then batches are smaller than anybody thinks.
        """
        torch: Any = importlib.import_module("torch")
        on_cpu = device == "cpu" or not torch.cuda.is_available()
        said = int(environment.get("WORLD_SIZE") or 1)
        if said != processes:
            raise ConfigurationError(
                f"{processes} processes are planned and WORLD_SIZE says {said}; start it with "
                f"torchrun --nproc_per_node {processes} -m {program} FOLDER, or plan {said}"
            )
        accelerate: Any = importlib.import_module("accelerate")
        self._state = accelerate.PartialState(cpu=on_cpu, **({"backend": "gloo"} if on_cpu and said > 1 else {}))
        self.on_cpu = on_cpu
        self.rank: int = self._state.process_index
        self.size: int = self._state.num_processes
        self.here = int(environment.get("LOCAL_WORLD_SIZE") or self.size)
        if self.size != processes:
            raise ConfigurationError(
                f"{processes} processes are planned and {self.size} came together; start it with torchrun"
            )

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def device(self) -> Any:
        return self._state.device

    def wait(self) -> None:
        """Until all have come here."""
        self._state.wait_for_everyone()

    def agreed(self, value: Any) -> Any:
        """What the first process has, in all of them; anything that can be pickled."""
        if self.size == 1:
            return value
        held = [value]
        _distributed().broadcast_object_list(held, src=0)
        return held[0]

    def gathered(self, value: Any) -> list[Any]:
        """What each process has, by rank, in all of them."""
        if self.size == 1:
            return [value]
        held: list[Any] = [None] * self.size
        _distributed().all_gather_object(held, value)
        return held

    def any(self, value: bool) -> bool:
        """Whether it is so in one of them."""
        if self.size == 1:
            return value
        torch: Any = importlib.import_module("torch")
        flag = torch.tensor([int(value)], device=self.device)
        _distributed().all_reduce(flag, op=_distributed().ReduceOp.MAX)
        return bool(flag.item())


def _distributed() -> Any:
    return importlib.import_module("torch.distributed")
