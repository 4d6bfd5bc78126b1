"""What the report of a persona study says of its stages, and what each of them cost.

Neighbours: `persona_files` has the facts of a generation, `persona_report` writes the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.datasets.totals import Payments
from redraft.judging.pages import Cell, Stage, Table
from tasks.persona_evaluation import Judged
from tasks.persona_files import stage_rows
from tasks.persona_plan import PersonaPlan, remark_of_gate
from tasks.persona_tests import Tests
from tasks.verdict_files import cost_of


def generation_stages(plan: PersonaPlan, made: Sequence[dict[str, Any]], tests: Tests) -> list[dict[str, Any]]:
    """The training data of each persona, then the test documents."""
    stages = [
        Stage(
            title=f"Training data: {arm.name}",
            lead=f"{one['metadata']['rows']} rows, of {plan.generating['count']} scenarios asked for. Rows that a gate "
            "refused were made anew; what is rejected below was refused in every round. "
            f"{remark_of_gate(plan)}".rstrip(),
            tables=(_counts(one["metadata"]["stages"]), _models(one["metadata"]["models"]),
                    _spread(one["metadata"]["spread"])),
        )
        for arm, one in zip(plan.arms, made, strict=True)
    ]  # fmt: skip
    under = "under the persona's system prompt" if plan.system_prompt else "without a system prompt"
    tested = f"{tests.hard.count} prompts {{}}, and {tests.plain.count} plain instructions; all models answer {under}."
    if tests.made:
        lead = tested.format("from cells of the grid that no training row comes from")
        tables: tuple[Table, ...] = (_counts({name: one.manifest for name, one in tests.made}),)
    else:
        lead, tables = tested.format(f"of {plan.evaluation_prompts}"), ()
    stages.append(Stage(title="Tests", lead=f"{lead} No training row has words of them.", tables=tables))
    return [msgspec.to_builtins(one) for one in stages]


def _counts(stages: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        columns=("stage", "rows", "rejected", "why", "rounds", "refused and made anew"),
        rows=tuple(
            (name, one["count"], one["rejected"], in_words(one["reasons"]), one["rounds"], in_words(one["refused"]))
            for name, one in stages.items()
        ),
    )  # fmt: skip


def _models(models: Mapping[str, Mapping[str, int]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for stage, counts in models.items():
        total = sum(counts.values()) or 1
        rows += [(stage, model, count, f"{count / total:.0%}") for model, count in counts.items()]
    return Table(title="Who wrote it", columns=("stage", "model", "rows", "share"), rows=tuple(rows))


def _spread(spread: Mapping[str, Mapping[str, Any]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for stage, one in spread.items():
        words, nearest = one["words"], (one["nearest"] or {}).get("quantiles", {})
        rows.append((
            stage, one["count"], one["distinct"], one["distinct_openings"], words["q50"],
            f"{words['min']:.0f} to {words['max']:.0f}", nearest.get("q50"), nearest.get("max"),
        ))  # fmt: skip
    return Table(
        title="How varied it is",
        columns=("texts", "count", "distinct", "distinct openings", "words, median", "words", "nearest, median",
                 "nearest, at most"),
        rows=tuple(rows),
        note="Nearest: Jaccard similarity of runs of 5 words with the nearest other text; 1 is the same text.",
    )  # fmt: skip


def training_stage(jobs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    table = Table(
        columns=("persona", "model", "state", "rows", "job", "provider's estimate ($)", "our estimate ($)"),
        rows=tuple(
            (name, one["model_output_name"], one["state"], one["counts"]["rows"], one["job_id"], one["price"],
             one["estimate"])
            for name, one in jobs.items()
        ),
    )  # fmt: skip
    lead = "One job for each persona, otherwise equal settings. One training run is one draw: another seed differs."
    return msgspec.to_builtins(Stage(title="Training", lead=lead, tables=(table,)))


def plain_stage(plain: dict[str, Any]) -> dict[str, Any]:
    """What a persona costs: whether its model is less helpful where nobody asked for a persona."""
    columns = [name for name in plain["table"][0] if name not in ("verdict", "simulated")]
    table = Table(
        columns=tuple(columns), rows=tuple(tuple(row[name] for name in columns) for row in plain["table"]),
        note="Instructions that have nothing to do with the persona, judged for helpfulness alone. Each judgment is in "
        f"{Path(plain['report']).parent.name}/{Path(plain['report']).name}.",
    )  # fmt: skip
    lead = " ".join(plain["verdicts"])
    return msgspec.to_builtins(Stage(title="What the persona costs at plain tasks", lead=lead, tables=(table,)))


def board_stage(name: str, by: str, board: dict[str, Any]) -> dict[str, Any]:
    tables = [
        Table(columns=tuple(one["rows"][0]), rows=tuple(tuple(row.values()) for row in one["rows"]))
        for one in board["tables"] if one["rows"]
    ]  # fmt: skip
    lead = f"{board['sentence']} Ratings by Bradley and Terry from all pairs; the whole is in {name}/report.html."
    return msgspec.to_builtins(Stage(title=f"All models by {by}", lead=lead, tables=tuple(tables)))


def costs_of(made: Sequence[dict[str, Any]], tests: Tests, judged: Judged) -> list[dict[str, Any]]:
    """One row for each stage and model. What two personas share, and answers that several judgments use, count once."""
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for one in made:
        for stage, folder in one["stages"].items():
            dataset = Dataset.open(Path(folder))
            if dataset.content_hash not in seen:
                seen.add(dataset.content_hash)
                rows += stage_rows(stage, dataset.manifest)
    rows += [row for name, one in tests.made for row in stage_rows(name, one.manifest)]
    rows += [*(cost_of("answers", one) for one in judged.answers), *judged.serving.costs(), *judged.rated["judging"]]
    rows += [cost for one in (*judged.pairs, *judged.plain) for cost in one["costs"]]
    return rows + _of_boards(judged)


def _of_boards(judged: Judged) -> list[dict[str, Any]]:
    """What leaderboards cost beside the comparisons, whose judgments they take over where the pair is the same."""
    payments, rows = Payments(), list[dict[str, Any]]()
    if judged.boards:
        for pair in judged.pairs:
            for said in pair["panel"].values():
                payments.add(Dataset.open(Path(said["judgments"])).rows())
    for board in judged.boards.values():
        for folder in board["judgments"]:
            dataset = Dataset.open(Path(folder))
            paid = payments.add(dataset.rows())
            rows.append({
                **cost_of("leaderboard", dataset), "calls": paid.calls, "input_tokens": paid.input_tokens,
                "output_tokens": paid.output_tokens, "cost": None if paid.unpriced else round(paid.cost, 6),
            })  # fmt: skip
    return rows


def in_words(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())
