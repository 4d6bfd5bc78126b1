"""Where everything of a ranking lies, and which replies were written there.

Neighbour: `chat_ranking` writes and reads it, stage by stage.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults
from redraft.datasets.storage import require_target
from redraft.errors import InputError
from redraft.imitating.preferences import Candidate, candidate
from redraft.training.adapting.generating import Generation, read_generations


class RankingPlaces(msgspec.Struct, frozen=True):
    """Where everything of a ranking lies."""

    output: str

    @property
    def prompts(self) -> str:
        return f"{self.output}/prompts.jsonl"

    @property
    def generations(self) -> str:
        return f"{self.output}/generations"

    @property
    def contexts(self) -> str:
        return f"{self.output}/contexts"

    @property
    def judgments(self) -> str:
        return f"{self.output}/judgments"

    @property
    def checks(self) -> str:
        return f"{self.output}/checks"

    @property
    def preferences(self) -> str:
        return f"{self.output}/preferences"

    @property
    def pairs(self) -> str:
        return f"{self.output}/pairs.jsonl"

    @property
    def work(self) -> str:
        """What the money is counted under."""
        return f"ranking:{Path(self.output).resolve()}"

    def responses(self, number: int) -> str:
        return f"{self.output}/responses-{number}"

    def made(self, outputs: int) -> list[Path]:
        """All that holds messages, or what was written after them."""
        several = [self.responses(number) for number in range(1, outputs + 1)]
        every = (
            self.prompts,
            self.generations,
            self.contexts,
            self.judgments,
            self.checks,
            self.preferences,
            self.pairs,
        )
        return [Path(one) for one in (*every, *several)]

    def require(self, examples: Path) -> None:
        """Raises InputError where something else lies in the way, before anything is done."""
        kinds = {
            self.contexts: "conversations", self.judgments: "judgments", self.checks: "judgments",
            self.preferences: "chat_preferences",
        }  # fmt: skip
        for folder, kind in kinds.items():
            require_target(Path(folder), kind, examples)


def candidates_in(output: str) -> dict[str, tuple[Candidate, ...]]:
    """Example id → the replies that were written; none where the prompt was too long."""
    places = RankingPlaces(output)
    written: list[Generation] = read_generations(Path(places.generations))
    with storage_faults(Path(places.prompts)):
        lines = Path(places.prompts).read_bytes().splitlines()
    ids = [msgspec.json.decode(line, type=dict[str, str])["example_id"] for line in lines]
    if len(ids) != len(written):
        raise InputError(f"{places.generations}: replies to other prompts than {places.prompts}; rank in a new folder")
    return {one: tuple(map(candidate, row.outputs)) for one, row in zip(ids, written, strict=True)}
