"""Where words of a chat's people stand that should stand nowhere: in files, datasets, databases, in what Prefect knows,
and in what was sent.

Loaded by `conftest`, as tests are no package. Neighbour: `recording_proxy` keeps what is sent.
"""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from redraft.datasets.storage import MANIFEST, Dataset

# What the bundled sample has of people; nothing so short that a hash or a size may hold it.
REAL = re.compile(
    r"lindqvist|okafor|\bweber\b|\bmara\b|\btom\b|\bjonas\b|3456789|jonas\.|example\.org|9f8ae7c1b2|DE89 3704|"
    r"Kitchen Table|sample_chat",
    re.IGNORECASE,
)
# The same where a model with random weights wrote: half a word such as tom(orrow) is nobody's name.
SURE = re.compile(
    r"lindqvist|okafor|\bweber\b|3456789|jonas\.|example\.org|9f8ae7c1b2|DE89 3704|Kitchen Table|sample_chat",
    re.IGNORECASE,
)
# The same for what other tests' runs tell, too, with names that may be theirs.
TOLD = re.compile("okafor|lindqvist|kitchen table|9f8ae7c1b2|1512 3456", re.IGNORECASE)


def words_of(folder: Path) -> Iterator[tuple[Path, str]]:
    """All that stands in a folder, datasets and databases unpacked, and what its files are called."""
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        if file.name == MANIFEST:
            dataset = Dataset.open(file.parent)
            for row in (*dataset.rows(), *dataset.rejections()):
                yield file, msgspec.json.encode(row).decode()
        if file.suffix == ".sqlite":
            with closing(sqlite3.connect(file)) as database:
                yield file, "\n".join(database.iterdump())
        elif file.suffix != ".parquet":
            yield file, file.read_bytes().decode(errors="replace")
        yield file, file.name


def told_by(prefect_url: str, kind: str) -> str:
    """The newest 200 of what Prefect knows of this kind."""
    sort = {} if kind != "logs" else {"sort": "TIMESTAMP_DESC"}
    wanted = urllib.request.Request(
        f"{prefect_url}/{kind}/filter",
        json.dumps({"limit": 200, **sort}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(wanted, timeout=30) as answer:
        return answer.read().decode()
