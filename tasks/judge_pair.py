"""The stage that judges one pair of models, for a comparison on its own and for each of a study's three."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.judging.judges import Judge, as_judge
from tasks.judge_checks import check_all
from tasks.judge_panel import require_each_once
from tasks.judge_shard import judge_all
from tasks.side_by_side import side_by_side
from tasks.verdict_files import cost_of


async def judge_pair(
    contexts: Dataset,
    first: Dataset,
    second: Dataset,
    judges: Judge | str | Sequence[Judge | str],
    target: str,
    checks: str = "",
) -> dict[str, Any]:
    """Folders of two models' responses and of what each judge said, and what the judging cost.

    `folders`, as `verdict_files.JudgedPair` reads them, has the first judge's `judgments` (in `target`), those of the
    `others` and the `checks` of all; each judge's are in `panel`, by its model. Another judge's folders are called
    like the first's, with its name behind. With `checks`, a folder, each judge is tested, too. ConfigurationError for
    the same judge twice.
    """
    asked = [as_judge(one) for one in ([judges] if isinstance(judges, Judge | str) else judges)]
    require_each_once(asked)
    done = await side_by_side(
        _judged(contexts, first, second, *one)
        for one in zip(asked, folders_of(target, asked), folders_of(checks, asked), strict=True)
    )
    panel = {judge.model: {"judgments": str(said.path), **({"checks": str(tests.path)} if tests else {})}
             for judge, (said, tests) in zip(asked, done, strict=True)}  # fmt: skip
    folders = {
        "contexts": str(contexts.path),
        "responses_a": str(first.path),
        "responses_b": str(second.path),
        "judgments": panel[asked[0].model]["judgments"],
        "others": [panel[one.model]["judgments"] for one in asked[1:]],
        "checks": [made["checks"] for made in panel.values() if "checks" in made],
    }
    costs = [cost_of(stage, made) for said, tests in done for stage, made in (("judging", said), ("tests", tests))
             if made is not None]  # fmt: skip
    return {"folders": folders, "panel": panel, "cost": costs[0], "costs": costs}


async def _judged(
    contexts: Dataset, first: Dataset, second: Dataset, judge: Judge, target: str, checks: str
) -> tuple[Dataset, Dataset | None]:
    said = await judge_all(contexts, first, second, judge, Path(target))
    return said, await check_all(contexts, first, second, judge, Path(checks)) if checks else None


def folders_of(folder: str, panel: Sequence[Judge]) -> list[str]:
    """The first judge's folder, and those of the others beside it; "" stays what it is.

    Names that a folder cannot tell apart (`x/judge-1`, `x/Judge_1`) get a number behind: one judge's judgments never
    take another's place.
    """
    if not folder:
        return [folder for _ in panel]
    found = [folder]
    for judge in panel[1:]:
        named = f"{folder}-{re.sub(r'[^a-z0-9.]+', '-', judge.model.lower()).strip('-.')}"
        free = (f"{named}{f'-{number}' if number > 1 else ''}" for number in range(1, len(panel) + 1))
        found.append(next(one for one in free if one not in found))
    return found
