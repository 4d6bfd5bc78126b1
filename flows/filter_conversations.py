"""Keeps the conversations that feedback training can use."""

from typing import Any, Literal

from prefect import flow

from tasks.filter_file import filter_file
from tasks.showing import show_table, shown
from tasks.states import ends_in_words

Taxonomy = Literal["don-yehiya", "petrak", "liu"]


@flow(name="filter-conversations", flow_run_name="filter {input}")
@ends_in_words
async def filter_conversations(
    input: str = "data/conversations.json",
    output: str = "data/filtered_conversations_ur235",
    taxonomy: Taxonomy = "don-yehiya",
    max_conversations: int | None = None,
    hold_out_last: int = 0,
) -> dict[str, Any]:
    """Keep UR2, UR3 and UR5; count every label, and every rejection with its reason.

    Args:
        input: JSON array, JSONL, Parquet file or dataset with labelled conversations.
        output: The dataset to make (a folder).
        taxonomy: Whose numbering the labels follow.
        max_conversations: Read only that many conversations.
        hold_out_last: Leave out the last N conversations, so that they can be evaluated on.
    """
    async with shown("filter", None) as progress:
        manifest = await filter_file(input, output, taxonomy, max_conversations, hold_out_last)
        progress.finish(manifest["rows_read"])
    labels = [{"label": label, "conversations": count} for label, count in manifest["labels"].items()]
    reasons = [{"rejected for": reason, "rows": count} for reason, count in manifest["reasons"].items()]
    await show_table("filter-labels", labels, "Labels in the input")
    await show_table("filter-rejections", reasons, "Rejections by reason")
    said = f"{manifest['count']} kept, {manifest['rejected']} rejected, in {output}"
    return {"said": said, "dataset": output, "manifest": manifest}
