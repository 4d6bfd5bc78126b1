"""The report's sections on many models: ratings, rank ranges and what cannot be said.

Pure: statistics in, sections out. Neighbours: `leaderboard` has the numbers, `pictures` draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redraft.judging import curves, pictures
from redraft.judging.board_words import places, rate_interval
from redraft.judging.figures import many, percent
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard, Standing
from redraft.judging.leaderboard.table import Table as Ranked
from redraft.judging.pages import Part, Section, Table, rate
from redraft.judging.pictures import Estimate, RankRange
from redraft.judging.summary import StudySummary

Label = Callable[[str], str]

# Models that the table of pairs shows; a wider one cannot be read.
MOST_MET = 20


def leaderboard(
    board: Leaderboard, label: Label, elo: EloCurve | None = None, cautions: Sequence[str] = ()
) -> list[Section]:
    """Ratings with their intervals and rank ranges, one part for each set of models that comparisons connect.

    `cautions` are said beside the remarks on the ratings.
    """
    said = [*(one.removeprefix("- ") for one in remarks(board)), *cautions]
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
    if not board.tables:
        found = []
    if said:
        found.append(Section(anchor="mind", title="What to keep in mind", parts=(Part(points=tuple(said)),)))
    if board.by_judge:
        found.append(_judges(board, label))
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
        (places(one), label(one.model), rate(one.win_rate), f"{one.rating:.0f}", _interval(one), one.contexts,
         one.wins, one.losses, one.ties, _tie_share(one), one.missing)
        for one in table.standings
    )  # fmt: skip
    groups = "" if table.groups is None else f" in {many(table.groups, 'group')}"
    note = (
        f"{many(table.comparisons, 'comparison')} on {many(table.contexts, 'context')}{groups}. A difference of 35 "
        "points is a "
        "win rate of 55%, 70 of 60%, 200 of 76%."
    )
    return [Part(title=_heading(number, board), picture=drawn, table=Table(columns=columns, rows=rows, note=note))]


def _estimate(one: Standing, label: Label) -> Estimate:
    low, high = one.win_rate_low, one.win_rate_high
    return Estimate(
        names=((label(one.model), ""),), point=one.win_rate, low=low, high=high, value=rate(one.win_rate),
        note=rate_interval(one), tone="calm",
    )  # fmt: skip


def _interval(one: Standing) -> str:
    if one.rating_low is None and one.rating_high is None:
        return "not known"
    low = "…" if one.rating_low is None else f"{one.rating_low:.0f}"
    high = "…" if one.rating_high is None else f"{one.rating_high:.0f}"
    return f"{low} to {high}"


def _tie_share(one: Standing) -> str | None:
    games = one.wins + one.losses + one.ties
    return percent(one.ties / games) if games else None


def _judges(board: Leaderboard, label: Label) -> Section:
    """Each model's place by every judge alone, and how far any two judges agree."""
    alone = {
        one.judge: {each.model: each for table in one.tables for each in table.standings} for one in board.by_judge
    }
    together = {one.model: one for table in board.tables for one in table.standings}
    # Where nothing is ranked by all of them together, some of them may still rank by themselves.
    order = dict.fromkeys([*together, *(model for of_judge in alone.values() for model in of_judge)])
    rows = tuple(
        (label(model), places(together[model]) if model in together else None,
         *(_alone(of_judge.get(model)) for of_judge in alone.values()))
        for model in order
    )  # fmt: skip
    ranked = Table(columns=("Model", "Places, all judges", *(f"According to {judge}" for judge in alone)), rows=rows)
    agreed = Table(
        columns=("Judge", "and judge", "Comparisons", "Same label", "kappa", "Both decided", "Same winner", "kappa",
                 "One family"),
        rows=tuple(
            (one.first, one.second, one.measured.n, _share(one.measured.agreement), one.measured.kappa,
             one.measured.decisive_n, _share(one.measured.decisive), one.measured.decisive_kappa, one.family)
            for one in board.agreements
        ),
        note="" if board.krippendorff is None else f"Krippendorff's alpha of all judges: {board.krippendorff:.2f}.",
    )  # fmt: skip
    explain = (
        "Each comparison counts as the mean of the judges' verdicts. Two models are told apart only where every judge "
        "alone orders them the same way. Kappa and alpha: 1 is perfect, 0 chance."
    )
    parts = (Part(table=ranked), Part(table=agreed))
    return Section(anchor="judges", title="Do the judges agree?", explain=explain, parts=parts)


def _alone(one: Standing | None) -> str | None:
    return None if one is None else f"{places(one)}, {rate(one.win_rate)}"


def _share(share: float | None) -> str | None:
    return None if share is None else percent(share)


def meetings(study: StudySummary, board: Leaderboard, label: Label) -> Section | None:
    """Who won how often against whom, judge by judge: rows and columns in the order of the tables."""
    order = [one.model for table in board.tables for one in table.standings]
    if not order:
        return None
    titles = {judge: f"According to {judge}" if len(study.judges) > 1 else "" for judge in study.judges}
    parts = [_meetings(study, judge, order, label, title) for judge, title in titles.items()]
    explain = (
        "The row's win rate against the column, a tie counting one half, and in how many contexts. One pair alone says "
        "less than the ratings, which use them all."
    )
    return Section(anchor="meetings", title="Who won against whom?", explain=explain, parts=tuple(parts))


def _meetings(study: StudySummary, judge: str, order: list[str], label: Label, title: str) -> Part:
    rates: dict[tuple[str, str], tuple[float, int]] = {}
    for one in study.pairs:
        if one.judge == judge and one.n:
            rates[one.model_a, one.model_b] = one.win_rate, one.n
            rates[one.model_b, one.model_a] = 1 - one.win_rate, one.n
    shown = order[:MOST_MET]
    rows = tuple(
        (label(row), *(f"{percent(found[0])} of {found[1]:,}" if (found := rates.get((row, one))) else None
                       for one in shown))
        for row in shown
    )  # fmt: skip
    note = f"The first {MOST_MET} of {len(order)} models; all are in the results file." if len(order) > MOST_MET else ""
    return Part(title=title, table=Table(columns=("Model", *(label(one) for one in shown)), rows=rows, note=note))


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
    explain = (
        "Online Elo depends on the order of the comparisons, here contexts in an order by chance: for the curve only, "
        "never for a rank."
    )
    return Section(
        anchor="elo", title="Elo over time", explain=explain, parts=(Part(picture=drawn, table=table),)
    )  # fmt: skip
