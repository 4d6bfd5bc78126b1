"""What one model wrote to each context, as the dataset that judges compare answers from.

Neighbours: `contexts` wrote what is answered, `redraft.training.adapting` has the models that answer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from redraft.datasets.files import storage_faults
from redraft.datasets.shards import write_shard
from redraft.datasets.storage import Dataset, assemble, require_target
from redraft.datasets.totals import totals
from redraft.records import Conversation, Response

# Why there is no response where nobody said.
MISSING = "missing"


def write_responses(
    contexts: Dataset,
    texts: Mapping[str, str | None],
    model: str,
    output: Path,
    *,
    simulated: bool,
    failures: Mapping[str, str] | None = None,
) -> Dataset:
    """The texts by context id, in the shards of the contexts, as a dataset of kind `responses`; an empty text is one.

    Where a context has no text, the one-word reason in `failures` stands for it. Raises InputError where `output` is
    something else, StorageError.
    """
    require_target(output, "responses", contexts.path)
    with storage_faults(output):
        # Named as all that is half written: what a kill leaves of it is found and removed by a purge.
        folder = output.with_name(f".{output.name}.shards-{os.getpid()}-{os.urandom(3).hex()}")
        folder.mkdir(parents=True)
    try:
        shards = [
            write_shard(folder, index, "responses", _responses(contexts, index, texts, model, simulated, failures), ())
            for index in range(len(contexts.shards))
        ]
        parents = [{"path": str(contexts.path.resolve()), "content_hash": contexts.content_hash}]
        meta = {**totals(folder, shards), "parents": parents, "models": [model], "simulated": simulated}
        return assemble(output, folder, shards, "responses", meta)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _responses(
    contexts: Dataset,
    shard: int,
    texts: Mapping[str, str | None],
    model: str,
    simulated: bool,
    failures: Mapping[str, str] | None,
) -> Iterator[Response]:
    for context in cast("Iterator[Conversation]", contexts.read_shard(shard)):
        key = context.conversation_id
        text = texts.get(key)
        failure = None if text is not None else (failures or {}).get(key, MISSING)
        yield Response(context_id=key, model=model, text=text, failure=failure, simulated=simulated)
