"""Replaces the responses that users complained about."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from redraft.datasets.files import require_writable
from redraft.datasets.storage import require_target
from redraft.errors import ConfigurationError, PartialError
from redraft.feedback.stage import Method
from redraft.providers.endpoints import canonical
from tasks.filter_file import filtered_source
from tasks.rewrite_shard import rewrite_meta, rewrite_shard, rewrite_work
from tasks.session import calling_session
from tasks.shards import publish_dataset, run_shards, shard_count
from tasks.showing import show_table, shown
from tasks.side_by_side import side_by_side
from tasks.states import ends_in_words

REWRITER = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@flow(name="rewrite-conversations", flow_run_name="rewrite {input} ({method})")
@ends_in_words
async def rewrite_conversations(
    input: str = "data/filtered_conversations_ur235.json",
    output: str = "data/rewritten_conversations",
    method: Literal["feedback", "alternative", "both"] = "feedback",
    model: str = REWRITER,
    max_conversations: int | None = None,
    delay: float | None = None,
    rpm: float | None = None,
    max_rejected: float = 0.2,
    taxonomy: Literal["don-yehiya", "petrak", "liu"] = "don-yehiya",
    credentials: str | None = None,
) -> dict[str, Any]:
    """Keep UR5 unchanged; for UR2 and UR3 replace the response before the feedback.

    Args:
        input: Filtered conversations: a dataset, JSON array, JSONL or Parquet file.
        output: The dataset to make; with method `both` a folder with one dataset for each method.
        method: `feedback` shows the model the feedback; `alternative` only the context before the response.
        model: Who rewrites, as provider:model; a bare name means Together.
        max_conversations: Rewrite only the first N conversations.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        max_rejected: Share of rejected conversations from which the run counts as partial.
        taxonomy: Whose numbering the labels of an unfiltered file follow.
        credentials: Which set of credentials blocks to use.
    """
    if max_conversations is not None and max_conversations < 1:
        raise ConfigurationError(f"--max-conversations {max_conversations}: must be at least 1")
    model = canonical(model)
    methods: list[Method] = ["feedback", "alternative"] if method == "both" else [method]
    targets = {one: f"{output}/{one}" if method == "both" else output for one in methods}
    source = await filtered_source(input, taxonomy)
    for target in targets.values():
        require_target(Path(target), "examples", source.path)
    async with calling_session(credentials, rpm, delay) as caller:
        endpoint = await caller.endpoint(model)
        require_writable(Path(output))
        works = {one: rewrite_work(source, one, model, endpoint, max_conversations) for one in methods}
        count = shard_count(source, max_conversations)
        async with shown("rewrite", len(methods) * min(source.count, max_conversations or source.count)):
            await side_by_side(run_shards(rewrite_shard, work, count, name) for name, work in works.items())
    manifests: dict[str, dict[str, Any]] = {}
    for name, work in works.items():
        meta = rewrite_meta(source, work.plan)
        manifests[name] = await publish_dataset(targets[name], str(work.path), count, "examples", meta, targets[name])
    await show_table("rewrite-counts", [_row(name, manifest) for name, manifest in manifests.items()], "Rewriting")
    said = "; ".join(f"{name}: {m['count']} examples, {m['rejected']} rejected" for name, m in manifests.items())
    if any(m["rejected"] > max_rejected * (m["count"] + m["rejected"]) for m in manifests.values()):
        raise PartialError(
            f"{said}, above the {max_rejected:.0%} allowed; a rerun asks again where a fault was one that passes",
            {"datasets": targets, "manifests": manifests},
        )
    return {"said": f"{said}, in {output}", "datasets": targets, "manifests": manifests}


def _row(method: str, manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": method,
        "examples": manifest["count"],
        "rejected": manifest["rejected"],
        "reasons": ", ".join(f"{count} {reason}" for reason, count in manifest["reasons"].items()),
        "calls": manifest["calls"],
        "input tokens": manifest["input_tokens"],
        "output tokens": manifest["output_tokens"],
        "cost (US dollars)": manifest["cost"],
        "simulated": manifest["simulated"],
    }
