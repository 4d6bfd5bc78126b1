"""The stage that has every judge score every model's answers, and tests each judge, side by side.

Neighbours: `judge_traits` scores one model by one judge, `trait_checks` tests, `trait_files` writes what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.judging.judges import Judge
from redraft.judging.rubric import Rubric
from tasks.judge_traits import rate_all
from tasks.side_by_side import side_by_side
from tasks.trait_checks import check_traits
from tasks.trait_plan import Scored, beside
from tasks.verdict_files import cost_of


async def score_models(
    contexts: Dataset,
    who: Scored,
    answers: Sequence[Dataset],
    panel: Sequence[Judge],
    rubric: Rubric,
    folders: Mapping[tuple[str, str], Path],
    output: str,
) -> dict[str, Any]:
    """`rated`, the folders as `trait_files.RatedModels` reads them, and rows of costs: `answering`, `judging`.

    The judges are tested on the first model's answers.
    """
    responses = [*answers, *(Dataset.open(Path(folder)) for folder in who.given.values())]
    named = list(zip(who.names, responses, strict=True))
    ratings, checks = await _both(
        [rate_all(contexts, one, judge, rubric, folders[judge.model, name]) for judge in panel for name, one in named],
        [
            check_traits(contexts, responses[0], judge, rubric, folder)
            for judge, folder in zip(panel, beside(output, "checks", panel), strict=True)
        ],
    )
    rated = {
        "contexts": str(contexts.path), "responses": [str(one.path) for one in responses],
        "ratings": [str(one.path) for one in ratings], "checks": [str(one.path) for one in checks],
    }  # fmt: skip
    judging = [*(cost_of("traits", one) for one in ratings), *(cost_of("tests", one) for one in checks)]
    return {"rated": rated, "answering": [cost_of("answers", one) for one in answers], "judging": judging}


async def _both(ratings: list[Any], checks: list[Any]) -> tuple[list[Dataset], list[Dataset]]:
    """Ended together: where one fails, the others are stopped before anything is closed."""
    done: list[Dataset] = await side_by_side([*ratings, *checks])
    return done[: len(ratings)], done[len(ratings) :]
