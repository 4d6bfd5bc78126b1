"""What the report of an answering study says of its data and its training: layers, gate, rewrites, files, and costs.

Read from the manifests and single columns of the datasets, never all rows at once. Neighbours: `answering_report` puts
the page together, `answering_sections` shows what came out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from redraft.answering.variety import Variety
from redraft.datasets.curriculum_files import MANIFEST
from redraft.datasets.parquet import read_parquet
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.judging.figures import many, percent
from redraft.judging.pages import Cost, Stage, Table

# Refusals that open with the same words, so many of them, read alike.
_OPENING_WORDS = 3


def variety_of(negatives: Dataset) -> tuple[Variety, Variety]:
    """Of all refusals of the dataset, and of their first words."""
    texts, openings = Variety(), Variety()
    for row in negatives.rows():
        text: str = row.messages[-1].content
        texts.add(text)
        openings.add(" ".join(text.split()[:_OPENING_WORDS]))
    return texts, openings


def _columns(dataset: Dataset, *names: str) -> Iterator[tuple[Any, ...]]:
    for shard in dataset.shards:
        if shard.rows_file:
            for row in read_parquet(dataset.path / shard.rows_file, list(names)):
                yield tuple(row[name] for name in names)


def layers_stage(layers: Dataset) -> Stage:
    """What the questions are and where they come from, and what the gate found."""
    meta = layers.manifest
    counts: Counter[tuple[str, ...]] = Counter()
    groups: dict[str, set[str]] = {"train": set(), "test": set()}
    cut = 0
    for layer, side, negative, group, is_cut in _columns(layers, "layer", "side", "negative", "group", "cut"):
        counts[layer, negative or "", side] += 1
        groups[side].add(group)
        cut += bool(is_cut)
    kinds = sorted({key[:2] for key in counts})
    shared = groups["train"] & groups["test"]
    lead = (
        f"{layers.count:,} questions; {len(groups['train']):,} articles to train on, {len(groups['test']):,} held out, "
        + (f"{len(shared):,} in both. " if shared else "none in both. ")
        + f"{many(cut, 'context')} cut to fit{_tokens(meta)}. {many(layers.manifest['rejected'], 'row')} rejected"
        + (f": {in_words(meta['reasons'])}." if meta["reasons"] else ".")
    )
    table = Table(
        columns=("layer", "no answer because", "train", "held out"),
        rows=tuple(
            (layer, _WHY.get(negative, negative), counts[layer, negative, "train"], counts[layer, negative, "test"])
            for layer, negative in kinds
        ),
    )  # fmt: skip
    return Stage(title="Questions before their contexts", lead=lead, tables=(table, *_gate(meta)))


_WHY = {
    "": "—", "human": "a person asked so", "random": "another article's context", "template": "a template",
    "given": "the file says so",
}  # fmt: skip


def _tokens(meta: Mapping[str, Any]) -> str:
    tokenizer = meta.get("tokenizer") or {}
    if not tokenizer:
        return ""
    how = "" if tokenizer.get("exact", True) else ", estimated"
    return f" {tokenizer.get('max_tokens'):,} tokens of {tokenizer.get('name')}{how}"


def _gate(meta: Mapping[str, Any]) -> tuple[Table, ...]:
    gate = meta.get("gate")
    if not gate:
        return ()
    note = (
        "Asserted over what was written: every answer stands in the context that is sent and trained on, after cutting "
        "(yes and no: in its supporting sentences); no known answer of an unanswerable question does. With one "
        "violation nothing is written."
    )
    rows = tuple((title, gate[name]) for name, title in _GATE.items() if name in gate)
    return (Table(title="The gate", columns=("questions", "count"), rows=rows, note=note),)


_GATE = {
    "positives": "the answer stands in the context", "yes_no": "yes or no, grounded in supporting sentences",
    "negatives": "no known answer stands in the context", "unknown": "no answer is known that could stand there",
    "violations": "violations", "longest": "tokens of the longest",
}  # fmt: skip


def rewrites_stage(positives: Dataset, negatives: Dataset) -> Stage:
    """What a model made of the answers, why rewrites were asked again and rejected, and how varied the refusals are."""
    both = (("answers in a sentence", positives.manifest), ("refusals", negatives.manifest))
    kept = Table(
        columns=("rewrites", "kept", "rejected", "rounds"),
        rows=tuple((name, one["count"], one["rejected"], one.get("rounds")) for name, one in both),
    )
    reasons = Table(
        title="What was wrong with rewrites", columns=("rewrites", "fault", "came up", "rejected"),
        rows=tuple((name, *row) for name, one in both for row in _faults(one)),
    )  # fmt: skip
    models, templates = (
        ", ".join(dict.fromkeys(str(each) for _, one in both for each in one.get(name, ())))
        for name in ("models", "templates")
    )
    lead = (
        "A rewrite with a fault was asked for again with the reason, and rejected where the fault stayed."
        + (f" Asked: {models}." if models else "") + (f" Templates: {templates}." if templates else "")
    )  # fmt: skip
    tables = (kept, *((reasons,) if reasons.rows else ()), *_variety_table(negatives))
    return Stage(title="Rewriting", lead=lead, tables=tables)


def _faults(manifest: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(fault, how often it came up in all rounds, rows rejected for it at last), the most frequent first."""
    last: Mapping[str, int] = manifest["reasons"]
    ever: Mapping[str, int] = manifest.get("refused") or last
    return [(name, count, last.get(name, 0)) for name, count in _by_count(ever)]


def _by_count(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda one: (-one[1], one[0]))


def _variety_table(negatives: Dataset) -> tuple[Table, ...]:
    texts, openings = (one.figures() for one in variety_of(negatives))
    if not texts["rows"]:
        return ()
    return (Table(
        title="How varied the refusals are", columns=("", "distinct", "of all", "the most common", "its share"),
        rows=tuple(
            (name, one["distinct"], percent(one["distinct_ratio"]), one["most_common"]["text"],
             percent(one["most_common"]["share"]))
            for name, one in (("refusals", texts), (f"their first {_OPENING_WORDS} words", openings))
        ),
        note="Texts that differ in case, punctuation or spaces only are the same.",
    ),)  # fmt: skip


def files_stage(curriculum: Path) -> Stage:
    """The files that were trained on and those held out, from the curriculum's manifest."""
    found = read_manifest(curriculum)
    rows = [("trained", one) for one in found["phases"]] + [("held out", one) for one in found["held_out"]]
    table = Table(
        columns=("", "phase", "file", "rows", "planned, about", "sha256"),
        rows=tuple(
            (kind, one["name"], one["file"], one["rows"], one.get("planned"), str(one["sha256"])[:12])
            for kind, one in rows
        ),
    )  # fmt: skip
    gate: Mapping[str, Any] = found.get("gate") or {}
    checked = sum(gate.get(name, 0) for name in ("positives", "yes_no", "negatives", "unknown"))
    looked = (
        f" The gate looked at {checked:,} of its rows again: {many(gate['violations'], 'violation')}." if gate else ""
    )
    return Stage(title="The curriculum", lead=f"One file a phase, trained in this order.{looked}", tables=(table,))


def read_manifest(curriculum: Path) -> dict[str, Any]:
    """curriculum.json. InputError where it is missing or damaged."""
    path = curriculum / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `redraft answers rewrite` writes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; write the curriculum again") from None


def costs_of(positives: Dataset, negatives: Dataset) -> list[Cost]:
    """What the rewrites cost, where their manifests tell."""
    return [
        Cost(
            stage=name, model=", ".join(map(str, one.get("models", ()))), calls=one["calls"],
            input_tokens=one["input_tokens"], output_tokens=one["output_tokens"],
            cost=None if one.get("unpriced") else one["cost"],
        )
        for name, one in (("answers in a sentence", positives.manifest), ("refusals", negatives.manifest))
        if "calls" in one
    ]  # fmt: skip


def lineage_of(curriculum: Path, *datasets: tuple[str, Dataset]) -> dict[str, str]:
    """Content hashes of what was trained on, name by name."""
    found = {f"{name}, content hash": one.content_hash for name, one in datasets}
    manifest = curriculum / MANIFEST
    return {**found, "curriculum, sha256": hashlib.sha256(manifest.read_bytes()).hexdigest()}


def in_words(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in _by_count(reasons))
