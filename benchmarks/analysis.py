"""The full analysis of one study of 10,000 contexts with 2,000-sample bootstraps: seconds for each part.

Three arms, judged in both orders by two judges, with answers of realistic length, five traits and three training runs;
everything is made up by chance, nothing is read or asked. Goal: under 10 s on 2 cores.
Run: python -m benchmarks.analysis
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any, Literal

import click
import numpy as np

from redraft.judging.folding import Fold, fold_judgments
from redraft.judging.mechanism import check_mechanism, styles
from redraft.judging.panel import convene
from redraft.judging.rubric import load_rubric
from redraft.judging.screening import find, screen
from redraft.judging.seed_variance import method_rate
from redraft.judging.traits import compare_traits
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment, Message

ARMS = ("feedback", "alternative", "base")
PAIRS = (("feedback", "base"), ("feedback", "alternative"), ("alternative", "base"))
JUDGES = ("openai:gpt-5.2", "anthropic:claude-opus-5")
SYLLABLES = [a + b for a in "bcdfghklmnprst" for b in ("a", "e", "i", "o", "an", "er")]


def answers(random: np.random.Generator, contexts: int, words: int) -> list[str]:
    """Markdown texts of about `words` words."""
    vocabulary = ["".join(random.choice(SYLLABLES, size=3)) for _ in range(2000)]
    texts: list[str] = []
    for size in random.poisson(words * np.exp(0.4 * random.normal(size=contexts))):
        text = [vocabulary[i] for i in random.integers(0, len(vocabulary), size=size + 5)]
        if random.random() < 0.3:
            text[0] = f"## {text[0]}\n\n**{text[1]}**\n\n- {text[2]}\n- {text[3]}\n\n"
        texts.append(" ".join(text))
    return texts


def judgments(random: np.random.Generator, pair: tuple[str, str], judge: str, ids: list[str]) -> list[Judgment]:
    """Both orders of each context, a few of them without a verdict."""
    made: list[Judgment] = []
    said = {
        choice: json.dumps({
            "analysis": "The first answer covers what was asked, the second only half of it. " * 4,
            "violations": {"answer_1": False, "answer_2": False}, "verdict": choice, "strength": "slight",
        })
        for choice in ("answer_1", "answer_2", "tie")
    }  # fmt: skip
    for context_id, gap in zip(ids, random.normal(0.1, 1.0, size=len(ids)), strict=True):
        orders: tuple[Literal["AB", "BA"], ...] = ("AB", "BA")
        for order, noise in zip(orders, random.normal(0, 0.5, size=2), strict=True):
            seen, broken = gap + noise, random.random() < 0.005
            tied = abs(seen) < 0.3
            choice = "tie" if tied else "answer_1" if (seen > 0) == (order == "AB") else "answer_2"
            made.append(Judgment(
                context_id=context_id, model_a=pair[0], model_b=pair[1], judge=judge, order=order,
                status="judge_unparseable" if broken else "tie" if tied else "ok",
                winner=None if broken or tied else "A" if seen > 0 else "B",
                raw=said[choice], attempts=1, cost=0.001, input_tokens=1200, output_tokens=90,
            ))  # fmt: skip
    return made


def traits(random: np.random.Generator, ids: list[str], lift: float) -> dict[str, dict[str, float]]:
    names = load_rubric().names
    drawn = np.clip(np.round(random.normal(6 + lift, 2.5, size=(len(ids), len(names)))), 1, 10)
    return {one: dict(zip(names, row, strict=True)) for one, row in zip(ids, drawn.tolist(), strict=True)}


# Measured by themselves, too, but part of the verdicts already: not counted twice.
WITHIN = ("length and format, bootstrap", "detectors")


@click.command()
@click.option("--contexts", default=10_000, show_default=True)
@click.option("--samples", default=2_000, show_default=True, help="Bootstrap samples.")
@click.option("--pairs", "count", default=3, show_default=True, type=click.IntRange(1, 3), help="Pairs of models.")
@click.option("--words", default=250, show_default=True, help="Words in a usual answer.")
def main(contexts: int, samples: int, count: int, words: int) -> None:
    """Prints seconds (wall and CPU) of each part and of all, and the peak memory of the process."""
    random, pairs = np.random.default_rng(7), PAIRS[:count]
    ids = [f"context-{i}" for i in range(contexts)]
    asked = answers(random, contexts, 40)
    texts = {arm: answers(random, contexts, int(words * lift)) for arm, lift in zip(ARMS, (1.3, 1.1, 1.0), strict=True)}
    compared = {
        (a, b): [
            Comparison(
                context_id=one, context=(Message("user", question),), model_a=a, model_b=b, response_a=x, response_b=y
            )
            for one, question, x, y in zip(ids, asked, texts[a], texts[b], strict=True)
        ]
        for a, b in pairs
    }
    judged = {judge: {pair: judgments(random, pair, judge, ids) for pair in pairs} for judge in JUDGES}
    scores = {arm: traits(random, ids, lift) for arm, lift in zip(ARMS, (0.3, 0.1, 0.0), strict=True)}
    runs = [fold_judgments(judgments(random, pairs[0], JUDGES[0], ids)) for _ in range(3)]
    first, rubric = judged[JUDGES[0]], load_rubric()
    folds: dict[str, dict[tuple[str, str], dict[str, Fold]]] = {}

    def fold() -> None:
        for judge, of_pair in judged.items():
            folds[judge] = {pair: fold_judgments(made) for pair, made in of_pair.items()}

    def screened() -> None:
        found = find(one for of_pair in compared.values() for one in of_pair)
        for a, b in pairs:
            screen(found[a], found[b], folds[JUDGES[0]][a, b])

    parts: dict[str, Callable[[], Any]] = {
        "verdicts": lambda: summarise_study(
            [one for of_pair in first.values() for one in of_pair],
            [one for of_pair in compared.values() for one in of_pair],
        ),
        "folding by judge": fold,
        "two judges": lambda: [convene({j: folds[j][pair] for j in JUDGES}) for pair in pairs],
        "length and format, bootstrap": lambda: [
            check_mechanism(folds[JUDGES[0]][pair], styles(compared[pair]), samples=samples) for pair in pairs
        ],
        "detectors": screened,
        "five traits, sign flips": lambda: [compare_traits(rubric, scores[a], scores[b]) for a, b in pairs],
        "three training runs": lambda: method_rate(runs),
    }
    seconds: dict[str, dict[str, float]] = {}
    for name, part in parts.items():
        wall, busy = time.perf_counter(), time.process_time()
        part()
        seconds[name] = {"wall": round(time.perf_counter() - wall, 2), "cpu": round(time.process_time() - busy, 2)}
    seconds["all"] = {
        kind: round(sum(one[kind] for name, one in seconds.items() if name not in WITHIN), 2)
        for kind in ("wall", "cpu")
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"contexts": contexts, "pairs": count, "samples": samples, "seconds": seconds, "peak_mib": round(peak)},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
