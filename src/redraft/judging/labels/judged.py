"""What a run's results hold for people to label: its pairs of models, each judge's folds, the answers of a few.

Neighbours: `results` reads the file, `drawing` draws from the folds.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

import msgspec

from redraft.errors import InputError
from redraft.judging.folding import Fold, Folder
from redraft.judging.results import read_comparisons, read_judgments
from redraft.records import Comparison, Judgment

RESULTS = "results.json"


class JudgedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two models, and judge → context id → fold from model A's side."""

    model_a: str
    model_b: str
    judged: dict[str, dict[str, Fold]]

    @property
    def models(self) -> tuple[str, str]:
        return self.model_a, self.model_b


def judged_pairs(judgments: Iterable[Judgment]) -> list[JudgedPair]:
    """Every pair of models with every judge of it, in the order of their first judgments."""
    folders: dict[tuple[str, str], dict[str, Folder]] = {}
    for item in judgments:
        folders.setdefault((item.model_a, item.model_b), {}).setdefault(item.judge, Folder()).add(item)
    return [
        JudgedPair(model_a=a, model_b=b, judged={judge: folder.folds() for judge, folder in of_pair.items()})
        for (a, b), of_pair in folders.items()
    ]


def results_path(run: Path) -> Path:
    """The results in a run's folder. InputError where it is none, with the mend."""
    path = run / RESULTS
    if not path.is_file():
        raise InputError(f"{run}: no {RESULTS} in it; name the folder that `redraft evaluate` wrote (its --output)")
    return path


def read_pairs(run: Path) -> list[JudgedPair]:
    """InputError where no two models were compared in the run, as where answers were scored on traits."""
    if not (found := judged_pairs(read_judgments(results_path(run)))):
        raise InputError(
            f"{run}: no two models were compared in it, and only comparisons are labelled; name a run of "
            "`redraft evaluate`"
        )
    return found


def chosen(pairs: list[JudgedPair], number: int | None, names: dict[str, str]) -> JudgedPair:
    """The pair of that number, from 1 on, or the only one. InputError lists them; `names` are models' short names."""
    if number is None and len(pairs) == 1:
        return pairs[0]
    if number is not None and 1 <= number <= len(pairs):
        return pairs[number - 1]
    said = "; ".join(
        f"{place} {names.get(one.model_a, one.model_a)} against {names.get(one.model_b, one.model_b)}"
        for place, one in enumerate(pairs, start=1)
    )
    raise InputError(f"choose a comparison with --pair: {said}" if pairs else "no judgments are in these results")


def answers_of(run: Path, models: tuple[str, str], contexts: Container[str]) -> dict[str, Comparison]:
    """Context id → comparison of these models, of those contexts alone."""
    found: dict[str, Comparison] = {}
    for one in read_comparisons(results_path(run)):
        if (one.model_a, one.model_b) == models and one.context_id in contexts:
            found[one.context_id] = one
    return found
