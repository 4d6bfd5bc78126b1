"""The guides of the answering study name folders and files that its commands write."""

from __future__ import annotations

import re
from pathlib import Path

from redraft.datasets.curriculum_files import HELD_OUT, MANIFEST, TRAINED
from redraft.training.local.reading import MODEL
from tasks.answering_files import curriculum_in, datasets_in
from tasks.answering_study import Places

ROOT = Path(__file__).parents[2]
_BELOW = re.compile(r"(?:results/answers|data/answers|models/answers)/[\w/.-]*\w")


def written() -> set[str]:
    study = Places("results/answers")
    found = {study.layers, study.answers, study.training, f"{study.training}/{MODEL}", f"models/answers/{MODEL}"}
    for output in (study.answers, "data/answers"):
        curriculum, datasets = curriculum_in(output), datasets_in(output)
        found |= {*datasets.values(), f"{output}/{'-'.join(datasets)}"}
        found |= {
            str(curriculum),
            *(str(curriculum / file) for file in (*TRAINED.values(), *HELD_OUT.values(), MANIFEST)),
        }
    return found


def test_the_guides_name_what_is_written() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs" / "guide").glob("*.md")]
    named = {(page.name, path) for page in pages for path in _BELOW.findall(page.read_text())}
    assert {page for page, _ in named} >= {"answers-training.md", "serving-locally.md"}
    assert {(page, path) for page, path in named if path not in written()} == set()
