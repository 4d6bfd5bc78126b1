"""Rebuilds data/sample_conversations.json from the public source files and data/sample_labels.csv.

Each row of the label file names a source conversation and the message that reacts to a response; the
conversation is cut after that message. Nothing is written anew and no rule decides a label: the labels
are those of the CSV, the texts are the sources' own (only white space at both ends is stripped).
`data/README.md` says where the sources come from.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import msgspec

HERE = Path(__file__).resolve().parent
CATEGORIES = ("UR1", "UR2", "UR3", "UR4", "UR5")
NONE = "none"


class Message(msgspec.Struct):
    role: Literal["user", "assistant"]
    content: str


class HhConversation(msgspec.Struct):
    """A row of hh_rlhf_multiturn_unlabelled.jsonl."""

    conversation_id: str
    messages: list[Message]


class OasstNode(msgspec.Struct):
    """A message of oasst_en_100_tree.jsonl with the messages that answer it."""

    message_id: str
    text: str
    role: Literal["prompter", "assistant"]
    replies: list[OasstNode]


class OasstTree(msgspec.Struct):
    prompt: OasstNode


class OasstSeedMessage(msgspec.Struct):
    """A message of oasst_realistic_seed_flat.json; the parent's id makes the tree."""

    user_message_id: str
    parent_message_id: str | None
    text: str
    role: Literal["prompter", "assistant"]


class PetrakConversation(msgspec.Struct):
    """A row of petrak2023_labelled.json; its published label is not read."""

    conversation_id: str
    conversation_context: list[Message]


class PetrakTurn(msgspec.Struct):
    utterance: str
    response: str


class PetrakDialog(msgspec.Struct):
    """A row of petrak2023_raw_selffeeding.jsonl."""

    unique_id: str
    turns: list[PetrakTurn]


class SampleRow(msgspec.Struct):
    """A row of the sample; `feedback_turn` counts the user's turns from 0."""

    conversation_id: str
    conversation_context: list[Message]
    feedback_turn: int
    language: str
    category: str | None
    label: int
    source: str
    source_id: str


@dataclass(frozen=True)
class LabelledCut:
    """A row of the label file; `cut` is the index of the reacting message, counted from 0."""

    conversation_id: str
    source: str
    source_id: str
    cut: int
    category: str | None


def oasst_message(role: Literal["prompter", "assistant"], text: str) -> Message:
    return Message(role="user" if role == "prompter" else "assistant", content=text)


def read_hh_rlhf(folder: Path) -> dict[str, list[Message]]:
    lines = (folder / "hh_rlhf_multiturn_unlabelled.jsonl").read_bytes().splitlines()
    rows = [msgspec.json.decode(line, type=HhConversation) for line in lines]
    return {row.conversation_id: row.messages for row in rows}


def read_oasst(folder: Path) -> dict[str, list[Message]]:
    """Message id -> the path from the first message down to it, for both oasst files."""
    paths: dict[str, list[Message]] = {}
    lines = (folder / "oasst_en_100_tree.jsonl").read_bytes().splitlines()
    pending = [(msgspec.json.decode(line, type=OasstTree).prompt, list[Message]()) for line in lines]
    while pending:
        node, above = pending.pop()
        paths[node.message_id] = path = [*above, oasst_message(node.role, node.text)]
        pending.extend((reply, path) for reply in node.replies)

    seed_file = (folder / "oasst_realistic_seed_flat.json").read_bytes()
    seed = {row.user_message_id: row for row in msgspec.json.decode(seed_file, type=list[OasstSeedMessage])}
    for row in seed.values():
        path: list[Message] = []
        step: OasstSeedMessage | None = row
        while step is not None:
            path.insert(0, oasst_message(step.role, step.text))
            step = seed[step.parent_message_id] if step.parent_message_id else None
        paths[row.user_message_id] = path
    return paths


def read_petrak(folder: Path) -> dict[str, list[Message]]:
    labelled = (folder / "petrak2023_labelled.json").read_bytes()
    dialogs = {
        row.conversation_id: row.conversation_context
        for row in msgspec.json.decode(labelled, type=list[PetrakConversation])
    }
    for line in (folder / "petrak2023_raw_selffeeding.jsonl").read_bytes().splitlines():
        dialog = msgspec.json.decode(line, type=PetrakDialog)
        dialogs[dialog.unique_id] = [
            message
            for turn in dialog.turns
            for message in (Message("user", turn.utterance), Message("assistant", turn.response))
        ]
    return dialogs


def read_labels(path: Path) -> list[LabelledCut]:
    """The label of a row is `final`; before there is a second pass, `first_pass`. `none` means no reaction type."""
    cuts: list[LabelledCut] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            label = row["final"] or row["first_pass"]
            if not row["final"] and row["second_pass"] not in ("", label):
                raise click.ClickException(f"{path.name}: {row['conversation_id']}: two labels and no final one")
            if label not in (*CATEGORIES, NONE):
                raise click.ClickException(f"{path.name}: {row['conversation_id']}: unknown label {label!r}")
            category = None if label == NONE else label
            cuts.append(LabelledCut(row["conversation_id"], row["source"], row["source_id"], int(row["cut"]), category))
    return cuts


def sample_row(cut: LabelledCut, conversation: list[Message]) -> SampleRow:
    context = [Message(message.role, message.content.strip()) for message in conversation[: cut.cut + 1]]
    if len(context) != cut.cut + 1 or [message.role for message in context[-2:]] != ["assistant", "user"]:
        raise click.ClickException(f"{cut.conversation_id}: message {cut.cut} does not react to a response")
    return SampleRow(
        conversation_id=cut.conversation_id,
        conversation_context=context,
        feedback_turn=sum(message.role == "user" for message in context) - 1,
        language="English",
        category=cut.category,
        label=0 if cut.category is None else 1 if cut.category == "UR5" else -1,
        source=cut.source,
        source_id=cut.source_id,
    )


@click.command()
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=HERE / "sample_labels.csv"
)
@click.option("--output", "-o", type=click.Path(path_type=Path), default=HERE / "sample_conversations.json")
def main(sources: Path, labels: Path, output: Path) -> None:
    """Build the sample from the files in the folder SOURCES."""
    conversations = {
        "hh-rlhf": read_hh_rlhf(sources),
        "oasst": read_oasst(sources),
        "petrak2023": read_petrak(sources),
    }
    rows = [sample_row(cut, conversations[cut.source][cut.source_id]) for cut in read_labels(labels)]
    output.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
    click.echo(f"{len(rows)} conversations: {output}")


if __name__ == "__main__":
    main()
