"""How fast is a leaderboard, and how often do all of its rank ranges hold the truth together?

Speed: the whole table of 100 models and a million comparisons, errors clustered by context. Ranges: simulated studies
with known strengths, models that are better at some contexts than at others (so that comparisons of one context go
together), and ties. A study misses where one model of the table is surely placed above another that is not worse.
With --unequal contexts come in groups of unequal size, each with strengths of its own and a liking for a slot; the
intervals of ratings and of the order effect are looked at, too.
Run: python -m benchmarks.leaderboard
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.clusters import SIZES
from redraft.judging.intervals import tango_interval
from redraft.judging.leaderboard.comparisons import Comparisons, comparisons
from redraft.judging.leaderboard.table import CENTRE, rank_models

Draw = Callable[[np.random.Generator, int, int], tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]


def every_pair(random: np.random.Generator, models: int, contexts: int):
    """Each context compares each pair."""
    i, j = np.triu_indices(models, 1)
    return np.repeat(np.arange(contexts), len(i)), np.tile(i, contexts), np.tile(j, contexts)


def some_pairs(number: int) -> Draw:
    """Each context compares `number` pairs drawn at random."""

    def draw(random: np.random.Generator, models: int, contexts: int):
        i, j = np.triu_indices(models, 1)
        chosen = np.argsort(random.random((contexts, len(i))), axis=1)[:, :number].ravel()
        return np.repeat(np.arange(contexts), number), i[chosen], j[chosen]

    return draw


def star(random: np.random.Generator, models: int, contexts: int):
    """Each context compares every model with the first."""
    others = np.arange(1, models)
    context = np.repeat(np.arange(contexts), models - 1)
    return context, np.zeros(len(context), dtype=np.intp), np.tile(others, contexts)


def latecomer(random: np.random.Generator, models: int, contexts: int):
    """Every pair in each context, but the last model took part in the first 8 only."""
    context, i, j = every_pair(random, models, contexts)
    kept = (j < models - 1) | (context < 8)
    return context[kept], i[kept], j[kept]


def bridge(random: np.random.Generator, models: int, contexts: int):
    """Two halves of the models, compared with each other in the first 8 contexts only."""
    context, i, j = every_pair(random, models, contexts)
    kept = ((i < models // 2) == (j < models // 2)) | (context < 8)
    return context[kept], i[kept], j[kept]


@dataclass(frozen=True)
class Study:
    """`strengths` in logits; `spread` is the deviation of a model's strength among contexts, `tie` the half width of a
    tie; `bias` the logit by which the judge prefers the first answer, each comparison in one random order where given.
    """

    name: str
    strengths: tuple[float, ...]
    contexts: int
    draw: Draw = every_pair
    spread: float = 1.0
    tie: float = 0.5
    bias: float | None = field(default=None)


def steps(models: int, step: float) -> tuple[float, ...]:
    return tuple(step * number for number in range(models))


STUDIES = (
    Study("6 equal, every pair", (0.0,) * 6, 50),
    Study("6 equal, clusters of one mind", (0.0,) * 6, 50, spread=4.0),
    Study("5 equal, 12 contexts", (0.0,) * 5, 12),
    Study("8 equal, 4 pairs a context", (0.0,) * 8, 100, some_pairs(4)),
    Study("8 in steps of .15, 4 pairs", steps(8, 0.15), 100, some_pairs(4)),
    Study("6 in steps of .4, every pair", steps(6, 0.4), 50),
    Study("8 equal, against one", (0.0,) * 8, 60, star),
    Study("20 equal, 10 pairs a context", (0.0,) * 20, 200, some_pairs(10)),
    Study("6 equal, one in 8 of 60 contexts", (0.0,) * 6, 60, latecomer),
    Study("8 equal, halves meet in 8 of 60", (0.0,) * 8, 60, bridge),
    Study("4 equal and one that wins all", (0.0,) * 4 + (12.0,), 30),
    Study("6 equal, one order, biased judge", (0.0,) * 6, 60, bias=0.8),
)


def simulate(study: Study, random: np.random.Generator) -> Comparisons:
    models = len(study.strengths)
    context, i, j = study.draw(random, models, study.contexts)
    quality = np.array(study.strengths) + study.spread * random.normal(size=(study.contexts, models))
    first = np.zeros(len(i)) if study.bias is None else random.choice([-1.0, 1.0], len(i))
    gap = quality[context, i] - quality[context, j] + (study.bias or 0.0) * first + random.logistic(size=len(i))
    outcome = np.where(np.abs(gap) <= study.tie, 0.5, gap > 0)
    names = np.array([f"m{number:02}" for number in range(models)], dtype=object)
    return comparisons(context, names[i], names[j], outcome, first=first)


def misses(study: Study, data: Comparisons) -> tuple[bool, float]:
    """Whether a range misses, and the share of truly unequal pairs that are told apart."""
    truth = {f"m{number:02}": value for number, value in enumerate(study.strengths)}
    tables = rank_models(data).tables
    told = [pair for table in tables for pair in table.better]
    unequal = sum(a != b for n, a in enumerate(study.strengths) for b in study.strengths[:n])
    right = sum(truth[a] > truth[b] for a, b in told)
    return right < len(told), right / unequal if unequal else 0.0


def cover(studies: int, only: str) -> None:
    print(f"{'studies':36}{'held':>8}{'95% interval':>16}{'told apart':>12}{'ms':>7}")
    for number, study in enumerate(STUDIES):
        if only not in study.name:
            continue
        random, started = np.random.default_rng([7, number]), time.perf_counter()
        found = [misses(study, simulate(study, random)) for _ in range(studies)]
        missed = sum(one for one, _ in found)
        low, high = tango_interval(studies - missed, missed, 0)
        told, spent = float(np.mean([share for _, share in found])), time.perf_counter() - started
        shown = f"{told:.2f}" if any(share for _, share in found) else ""
        print(
            f"{study.name:36}{1 - missed / studies:8.4f}{f'{low:.3f}-{high:.3f}':>16}{shown:>12}"
            f"{1000 * spent / studies:7.1f}",
            flush=True,
        )


GROUPED: tuple[tuple[str, Draw], ...] = (
    ("every pair", every_pair), ("4 pairs a context", some_pairs(4)), ("against one", star)
)  # fmt: skip


def grouped(random: np.random.Generator, sizes: NDArray[np.int_], draw: Draw, models: int = 6) -> Comparisons:
    """Equal models; each group has strengths and a liking for the first answer of its own, deviations 2 and 1."""
    group = np.arange(len(sizes)).repeat(sizes)
    context, i, j = draw(random, models, len(group))
    quality = (2 * random.normal(size=(len(sizes), models)))[group] + 0.5 * random.normal(size=(len(group), models))
    first = random.choice([-1.0, 1.0], len(i))
    gap = quality[context, i] - quality[context, j] + random.normal(size=len(sizes))[group[context]] * first
    gap += random.logistic(size=len(i))
    names = np.array([f"m{number:02}" for number in range(models)], dtype=object)
    clusters = {str(number): str(one) for number, one in enumerate(group.tolist())}
    outcome = np.where(np.abs(gap) <= 0.5, 0.5, gap > 0)
    return comparisons([str(one) for one in context], names[i], names[j], outcome, first=first, clusters=clusters)


def cover_groups(studies: int, only: str) -> None:
    """Equal models, so that ranges miss where any pair is told apart; an interval that is missing misses nothing."""
    print(f"{'6 equal models in groups':52}{'ranges':>8}{'rating':>8}{'order':>8}{'width':>7}{'without':>9}")
    kinds = [(*design, sizes, groups) for design in GROUPED for sizes in SIZES for groups in (10, 20, 40)]
    for number, (design, draw, sizes, groups) in enumerate(kinds):
        name = f"{design}, {groups} groups, {sizes}"
        if only not in name:
            continue
        random, held, widths = np.random.default_rng([11, number]), np.zeros(3), list[float]()
        for _ in range(studies):
            tables = rank_models(grouped(random, SIZES[sizes](random, groups), draw)).tables
            rows = [one for table in tables for one in table.standings]
            orders = [table.order for table in tables if table.order is not None]
            held += (
                not any(table.better for table in tables),
                np.mean([(one.rating_low or CENTRE) <= CENTRE <= (one.rating_high or CENTRE) for one in rows]),
                all((one.low or 0.0) <= 0 <= (one.high or 0.0) for one in orders),
            )
            ends = [(np.nan if one.rating_low is None else one.rating_low, one.rating_high or np.inf) for one in rows]
            widths += [np.inf if np.isnan(low) else high - low for low, high in ends]
        ranges, ratings, order = (held / studies).tolist()
        print(
            f"{name:52}{ranges:8.4f}{ratings:8.4f}{order:8.4f}{np.median(widths):7.0f}{np.mean(np.isinf(widths)):9.4f}",
            flush=True,
        )


def speed(models: int, rows: int, contexts: int, runs: int, groups: int) -> None:
    """With groups, the first holds half of all contexts."""
    random = np.random.default_rng(1)
    strengths = random.normal(size=models)
    a = random.integers(models, size=rows)
    b = (a + random.integers(1, models, size=rows)) % models
    context, first = random.integers(contexts, size=rows), random.choice([-1.0, 1.0], rows)
    gap = strengths[a] - strengths[b] + random.logistic(size=rows)
    outcome = np.where(np.abs(gap) <= 0.5, 0.5, gap > 0)
    names = np.array([f"model {number}" for number in range(models)], dtype=object)
    of = np.where(np.arange(contexts) < contexts // 2, 0, random.integers(max(1, groups), size=contexts))
    clusters = {str(number): str(group) for number, group in enumerate(of.tolist())} if groups else None
    context = np.arange(contexts).astype(str).astype(object)[context] if groups else context
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    for _ in range(runs):
        started, cpu = time.perf_counter(), time.process_time()
        data = comparisons(context, names[a], names[b], outcome, first=first, clusters=clusters)
        coded = time.perf_counter()
        table = rank_models(data).tables[0]
        done = time.perf_counter()
        print(
            f"{models} models, {rows:,} comparisons, {table.contexts:,} contexts: coding {coded - started:.2f} s, "
            f"table {done - coded:.2f} s, in all {done - started:.2f} s ({time.process_time() - cpu:.2f} CPU s)",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"peak {peak:.0f} MiB, {before:.0f} of them with the arrays before")


@click.command()
@click.option("--models", default=100, show_default=True)
@click.option("--rows", default=1_000_000, show_default=True, help="Comparisons of the speed run.")
@click.option("--contexts", default=50_000, show_default=True, help="Contexts of the speed run.")
@click.option("--runs", default=3, show_default=True, help="Speed runs; 0 leaves them out.")
@click.option("--studies", default=1000, show_default=True, help="Simulated studies of a kind; 0 leaves them out.")
@click.option("--only", default="", help="Kinds of studies whose name holds this.")
@click.option("--groups", default=0, show_default=True, help="The speed run's contexts come in so many groups.")
@click.option("--unequal", is_flag=True, help="Studies in groups of unequal size.")
def main(models: int, rows: int, contexts: int, runs: int, studies: int, only: str, groups: int, unequal: bool) -> None:
    """Prints seconds and memory, then the share of studies whose ranges all hold the truth."""
    if runs:
        speed(models, rows, contexts, runs, groups)
    if studies and unequal:
        cover_groups(studies, only)
    elif studies:
        cover(studies, only)


if __name__ == "__main__":
    main()
