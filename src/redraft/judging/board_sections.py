"""The report's sections on many models: ratings, rank ranges and what cannot be said; and on traits.

Pure: statistics in, sections out. Neighbours: `leaderboard` and `traits` have the numbers, `pictures` draws.
"""

from __future__ import annotations

from collections.abc import Callable

from redraft.judging import curves, pictures
from redraft.judging.figures import many, p_value, percent
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard, Standing
from redraft.judging.leaderboard.table import Table as Ranked
from redraft.judging.pages import Part, Section, Table, rate
from redraft.judging.pictures import Estimate, RankRange
from redraft.judging.traits import TraitComparison, TraitResult

Label = Callable[[str], str]


def leaderboard(board: Leaderboard, label: Label, elo: EloCurve | None = None) -> list[Section]:
    """Ratings with their intervals and rank ranges, one part for each set of models that comparisons connect."""
    said = [one.lstrip("- ") for one in remarks(board)]
    ratings = [part for number, one in enumerate(board.tables) for part in _table(one, number, board, label)]
    found = [
        Section(
            anchor="ranks", title="Which places are possible?",
            explain=f"Each bar covers the places that the data leave open. All of them hold together with "
            f"{percent(1 - board.alpha)}; a single place would say more than is known.",
            parts=tuple(_ranks(one, number, board, label) for number, one in enumerate(board.tables)),
        ),
        Section(
            anchor="ratings", title="Ratings",
            explain="Bradley-Terry ratings, a tie counting one half, errors by context. The win rate is against the "
            f"average model of the table. Intervals ({percent(board.confidence)}) are of one model alone.",
            parts=tuple(ratings),
        ),
    ]  # fmt: skip
    if said:
        found.insert(0, Section(anchor="mind", title="What to keep in mind", parts=(Part(points=tuple(said)),)))
    if elo is not None:
        found.append(_elo(elo, label))
    return found


def _heading(number: int, board: Leaderboard) -> str:
    return f"Group {number + 1}" if len(board.tables) > 1 else ""


def _ranks(table: Ranked, number: int, board: Leaderboard, label: Label) -> Part:
    rows = [RankRange(model=label(one.model), low=one.rank_low, high=one.rank_high) for one in table.standings]
    about = "Possible places. " + "; ".join(f"{row.model}: {row.low} to {row.high}" for row in rows)
    return Part(title=_heading(number, board), picture=pictures.rank_ranges(rows, about=about))


def _table(table: Ranked, number: int, board: Leaderboard, label: Label) -> list[Part]:
    estimates = [_estimate(one, label) for one in table.standings]
    limits = [end for one in estimates for end in (one.low, one.high, one.point) if end is not None]
    about = "Win rate against the average model. " + "; ".join(
        f"{one.names[0][0]}: {one.value}, {one.note}" for one in estimates
    )
    drawn = pictures.forest(estimates, pictures.rate_axis(limits), about=about, reference=0.5)
    columns = ("Places", "Model", "Win rate", "Rating", "Interval", "Contexts", "Won", "Lost", "Tied", "Ties",
               "Missing")  # fmt: skip
    rows = tuple(
        (_places(one), label(one.model), rate(one.win_rate), f"{one.rating:.0f}", _interval(one), one.contexts,
         one.wins, one.losses, one.ties, _tie_share(one), one.missing)
        for one in table.standings
    )  # fmt: skip
    note = (
        f"{many(table.comparisons, 'comparison')} on {many(table.contexts, 'context')}. A difference of 35 points is a "
        "win rate of 55%, 70 of 60%, 200 of 76%."
    )
    return [Part(title=_heading(number, board), picture=drawn, table=Table(columns=columns, rows=rows, note=note))]


def _estimate(one: Standing, label: Label) -> Estimate:
    low, high = one.win_rate_low, one.win_rate_high
    known = low is not None or high is not None
    ends = f"{'…' if low is None else rate(low)} to {'…' if high is None else rate(high)}" if known else "not known"
    return Estimate(
        names=((label(one.model), ""),), point=one.win_rate, low=low, high=high, value=rate(one.win_rate), note=ends,
        tone="calm",
    )  # fmt: skip


def _interval(one: Standing) -> str:
    if one.rating_low is None and one.rating_high is None:
        return "not known"
    low = "…" if one.rating_low is None else f"{one.rating_low:.0f}"
    high = "…" if one.rating_high is None else f"{one.rating_high:.0f}"
    return f"{low} to {high}"


def _places(one: Standing) -> str:
    return str(one.rank_low) if one.rank_low == one.rank_high else f"{one.rank_low} to {one.rank_high}"


def _tie_share(one: Standing) -> str | None:
    games = one.wins + one.losses + one.ties
    return percent(one.ties / games) if games else None


def _elo(elo: EloCurve, label: Label) -> Section:
    order = sorted(range(len(elo.models)), key=lambda index: -float(elo.ratings[-1, index]))
    series = [(label(elo.models[index]), [float(one) for one in elo.ratings[:, index]]) for index in order[:10]]
    about = "Online Elo. " + "; ".join(f"{model} ends at {curve[-1]:.0f}" for model, curve in series)
    drawn = curves.ratings([int(step) for step in elo.steps], series, about=about)
    rows = tuple(
        (label(elo.models[index]), f"{float(elo.ratings[-1, index]):.0f}",
         f"{float(elo.lowest[index]):.0f} to {float(elo.highest[index]):.0f}")
        for index in order
    )  # fmt: skip
    table = Table(columns=("Model", "At the end", "In other orders of the same comparisons"), rows=rows)
    explain = "Online Elo depends on the order of the comparisons: for the curve only, never for a rank."
    return Section(
        anchor="elo", title="Elo over time", explain=explain, parts=(Part(picture=drawn, table=table),)
    )  # fmt: skip


def traits(found: TraitComparison, a: str, b: str, titles: dict[str, str]) -> Section:
    """Differences of two models' scores, trait by trait. `titles` are the traits' names for people."""
    rows = [_trait(one, titles) for one in found.traits]
    limits = [end for row in rows for end in (row.low, row.high, row.point) if end is not None]
    axis = pictures.number_axis(limits, include=(0.0,))
    about = f"{a} less {b}, in points: " + "; ".join(f"{row.names[0][0]} {row.value}, {row.note}" for row in rows)
    drawn = pictures.forest(
        rows, axis, about=about, reference=0.0, ends=(f"← {b} scores higher", f"{a} scores higher →")
    )  # fmt: skip
    columns = ("Trait", f"Mean of {a}", f"Mean of {b}", "Difference", "in standard deviations", "Higher", "Same",
               "Lower", "p", "p, adjusted", "Contexts", "Missing")  # fmt: skip
    table = Table(
        columns=columns,
        rows=tuple(
            (titles.get(one.trait, one.trait), _two(one.mean_a), _two(one.mean_b), _two(one.mean),
             _two(one.standardised), one.higher, one.same, one.lower, p_value(one.p)[2:].replace("= ", ""),
             p_value(one.p_adjusted)[2:].replace("= ", ""), one.n, max(one.missing_a, one.missing_b))
            for one in found.traits
        ),
        note="p is a sign-flip test of the mean difference, adjusted over the traits by Holm's method.",
    )  # fmt: skip
    points = [*found.remarks, *(remark for one in found.traits for remark in one.remarks)]
    if found.halo is not None:
        points.append(f"Two traits' scores correlate by {found.halo:.2f} on average.")
    explain = (
        f"Each answer was scored alone, on all traits of {found.rubric} in one call; "
        f"{many(found.contexts, 'context')}. The dot is the mean difference on the same contexts, in points of the "
        "scale."
    )
    parts = (Part(picture=drawn, table=table, points=tuple(points)),)
    return Section(anchor="traits", title=f"Traits: {a} against {b}", explain=explain, parts=parts)


def _trait(one: TraitResult, titles: dict[str, str]) -> Estimate:
    tone = "firm" if one.verdict in {"higher", "lower"} else "open"
    note = "" if one.low is None or one.high is None else f"{one.low:+.2f} to {one.high:+.2f}"
    value = "—" if one.mean is None else f"{one.mean:+.2f}"
    return Estimate(
        names=((titles.get(one.trait, one.trait), ""),), point=one.mean, low=one.low, high=one.high, value=value,
        note=note, tone=tone,
    )  # fmt: skip


def _two(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
