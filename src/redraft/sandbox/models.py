"""Which models are served: base models by pattern, fine-tuned ones once they were trained here.

Neighbours: `course` says when training is complete, `routing` answers for dedicated endpoints, `calls` and
`fine_tunes` ask before they act.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fnmatch import fnmatchcase

from redraft.sandbox.course import status_of
from redraft.sandbox.dialects import Denied
from redraft.sandbox.options import Options
from redraft.sandbox.state import State

TRAINED = "sandbox/"
DEDICATED = "sandbox-project/"
LISTED = (
    "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
    "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "Qwen/Qwen3.5-9B",
    "openai/gpt-oss-120b",
)
CLAUDE = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-4-5")


class Models:
    def __init__(self, options: Options, state: State) -> None:
        self._options, self._state = options, state
        self._known: set[str] = set()
        self.endpoint_answers: Callable[[str], str] | None = None

    def check(self, name: str) -> str:
        """The name of the model whose answers are given. Raises Denied (404) for a model that is not served."""
        if name in self._known:
            return name
        if name.startswith(DEDICATED) and self.endpoint_answers is not None:
            return self.endpoint_answers(name)
        if self.is_dedicated(name):
            message = f"Unable to access non-serverless model {name}. Create a dedicated endpoint for the model."
            raise Denied(400, "model_not_available", message)
        if not (self._is_trained(name) if name.startswith(TRAINED) else self.is_base(name)):
            raise Denied(404, "model_not_available", f"Unable to access model {name}. It does not exist here.")
        if len(self._known) < 10_000:
            self._known.add(name)
        return name

    def is_base(self, name: str) -> bool:
        def fits(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in patterns)

        served = fits(self._options.models) and not fits(self._options.unknown_models)
        return bool(name) and served and not name.startswith((TRAINED, DEDICATED))

    def is_dedicated(self, name: str) -> bool:
        """Whether the model is there, and answers through an endpoint of its own only."""
        endpoints = self._options.endpoints
        if name.startswith(TRAINED):
            return endpoints.dedicated and self._is_trained(name)
        return any(fnmatchcase(name, pattern) for pattern in endpoints.not_serverless) and self.is_base(name)

    def trained(self) -> list[str]:
        """The output names of the jobs that are complete by now."""
        now = time.time()
        return [job.output_name for job in self._state.jobs.values() if status_of(job, now) == "completed"]

    def forget(self) -> None:
        self._known.clear()

    def _is_trained(self, name: str) -> bool:
        return name in self.trained()

    def together_listing(self) -> list[dict[str, object]]:
        served = [] if self._options.endpoints.dedicated else self.trained()
        names = [*(name for name in LISTED if self.is_base(name) and not self.is_dedicated(name)), *served]
        return [
            {
                "id": name,
                "object": "model",
                "created": 1_760_000_000,
                "type": "chat",
                "display_name": name.split("/")[-1],
                "organization": name.split("/")[0],
                "context_length": 131_072,
                "pricing": {"input": 0.18, "output": 0.18, "hourly": 0, "base": 0, "finetune": 0},
            }
            for name in names
        ]

    def anthropic_listing(self) -> dict[str, object]:
        data = [
            {
                "type": "model",
                "id": name,
                "display_name": name.replace("-", " ").title(),
                "created_at": "2026-10-07T00:00:00Z",
                "lifecycle": "active",
            }
            for name in CLAUDE
            if self.is_base(name)
        ]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return {"data": data, "has_more": False, "first_id": first, "last_id": last}
