"""The report's sections on what came out for a study's pairs: intervals, counts, what to keep in mind.

Pure: a summary in, sections out. Neighbours: `pictures` draws, `evidence_sections` has what stands beside the verdict,
`style_sections` position, length and findings, `board_sections` leaderboards.
"""

from __future__ import annotations

from redraft.judging import pictures
from redraft.judging.figures import many, p_value, percent_range
from redraft.judging.pages import Part, Section, Table, rate
from redraft.judging.pictures import Estimate
from redraft.judging.settings import Settings
from redraft.judging.summary import PanelSummary, StudySummary, Summary
from redraft.judging.unplanned_words import e_value_note
from redraft.judging.wording import interval_name

HUES = 5
_TONES = {"clearly_better": "firm", "better": "firm", "no_difference": "calm"}


class Names:
    """What the page calls models and pairs, and their colours, the same wherever they appear."""

    def __init__(self, study: StudySummary) -> None:
        self._settings = study.settings
        models = dict.fromkeys(name for pair in study.pairs for name in (pair.model_a, pair.model_b))
        self._hues = {model: f"m{number % HUES}" for number, model in enumerate(models)}
        self._several = len(study.judges) > 1

    def label(self, model: str) -> str:
        return self._settings.label(model)

    def hue(self, model: str) -> str:
        return self._hues.get(model, "")

    def pair(self, one: Summary | PanelSummary) -> tuple[str, str]:
        return self.label(one.model_a), self.label(one.model_b)

    def pieces(self, one: Summary | PanelSummary) -> tuple[tuple[str, str], ...]:
        """The name of a pair's row; with several judges also whose verdict it is."""
        a, b = self.pair(one)
        named = ((a, self.hue(one.model_a)), ("against", ""), (b, self.hue(one.model_b)))
        if not self._several:
            return named
        return (*named, ("according to " + (one.judge if isinstance(one, Summary) else "all judges"), ""))

    def title(self, one: Summary | PanelSummary) -> str:
        by = f", {one.judge}" if self._several and isinstance(one, Summary) else ""
        return f"{self.label(one.model_a)} against {self.label(one.model_b)}{by}"


def tone(one: Summary | PanelSummary) -> str:
    return _TONES.get(one.verdict, "open")


def intervals(study: StudySummary, names: Names) -> Section:
    """The headline intervals; panels first, then each judge."""
    settings = study.settings
    marks = (*settings.rope, 0.5)
    rows = [
        _panel_estimate(one, names, marks) if isinstance(one, PanelSummary)
        else Estimate(
            names=names.pieces(one), point=one.win_rate if one.n else None, low=one.low, high=one.high,
            value=rate(one.win_rate) if one.n else "—", note=percent_range(one.low, one.high, marks), tone=tone(one),
        )
        for one in _by_pair(study)
    ]  # fmt: skip
    single = len({(one.model_a, one.model_b) for one in study.pairs}) == 1
    a, b = names.pair(study.pairs[0]) if single else ("the first model", "the second model")
    axis = pictures.rate_axis(end for row in rows for end in (row.low, row.high) if end is not None)
    about = " ".join(f"{names.title(one)}: win rate {rate(one.win_rate)}, interval {percent_range(one.low, one.high)}."
                     for one in study.pairs if one.n)  # fmt: skip
    drawn = pictures.forest(
        rows, axis, about=about, reference=0.5, band=settings.rope, ends=(f"← {b} wins more", f"{a} wins more →")
    )
    kinds = " or ".join(dict.fromkeys(interval_name(one, settings) for one in study.pairs))
    explain = (
        "The dot is the share of conversations won, a tie counting one half. The bar is where the true share plausibly "
        f"lies ({kinds}). Touching the line at 50% means that chance alone could explain it; inside the shaded band "
        "the difference is too small to matter."
    )
    return Section(anchor="intervals", title="How sure is that?", explain=explain, parts=(Part(picture=drawn),))


def _by_pair(study: StudySummary) -> list[Summary | PanelSummary]:
    """Pair by pair, the panel first."""
    places = {pair: n for n, pair in enumerate(dict.fromkeys((one.model_a, one.model_b) for one in study.pairs))}
    return sorted((*study.panels, *study.pairs), key=lambda one: places[one.model_a, one.model_b])


def _panel_estimate(one: PanelSummary, names: Names, marks: tuple[float, ...]) -> Estimate:
    panel = one.panel
    return Estimate(
        names=names.pieces(one), point=panel.rate if panel.n else None, low=panel.low, high=panel.high,
        value=rate(panel.rate) if panel.n else "—", note=percent_range(panel.low, panel.high, marks), tone=tone(one),
    )  # fmt: skip


def counts(study: StudySummary, names: Names) -> Section:
    """Won, tied, lost and without a verdict: a bar and a row for each pair and judge."""
    drawn = pictures.stacks([_stack(one, names) for one in study.pairs])
    corrected = any(one.p_adjusted is not None for one in study.pairs)
    columns = ["Comparison", "Won", "Lost", "Tied", "of these mind changed", "No verdict", "Win rate", "Interval", "p"]
    columns += ["p, adjusted"] if corrected else []
    rows = tuple(_counts_row(one, names, study.settings, corrected) for one in study.pairs)
    legend = (
        "In its own colour: contexts a model won, in both orders or in one with a tie in the other. Grey: no "
        "difference, or the judge changed its mind. Pale: no usable verdict."
    )
    table = Table(columns=tuple(columns), rows=rows, note=_note(study))
    explain = (
        "Contexts with a verdict, of all that were attempted. A context is won where both orders of the answers "
        "together favour a model."
    )
    parts = (Part(picture=drawn), Part(lead=legend, table=table))
    return Section(anchor="counts", title="What was counted", explain=explain, parts=parts)


def _stack(one: Summary, names: Names) -> pictures.Stack:
    a, b = names.pair(one)
    t = one.tally
    hue_a, hue_b = names.hue(one.model_a), names.hue(one.model_b)
    by = f", {one.judge}" if names.title(one).endswith(one.judge) else ""
    return pictures.Stack(
        left=(a, hue_a), middle=f"{t.n:,} of {many(t.attempted, 'context')}{by}", right=(b, hue_b),
        parts=((t.wins, hue_a, f"{a} won"), (t.ties, "t", "tied"), (t.losses, hue_b, f"{b} won"),
               (t.unusable, "u", "no verdict")),
    )  # fmt: skip


def _counts_row(one: Summary, names: Names, settings: Settings, corrected: bool) -> tuple[str | int | None, ...]:
    t = one.tally
    adjusted = (_p(one.p_adjusted),) if corrected else ()
    marks = (*settings.rope, 0.5)
    return (
        names.title(one), t.wins, t.losses, t.ties, t.changed_mind, t.unusable, rate(one.win_rate) if t.n else None,
        percent_range(one.low, one.high, marks), _p(one.p_mid), *adjusted,
    )  # fmt: skip


def _p(p: float | None) -> str | None:
    return None if p is None else p_value(p)[2:].replace("= ", "")


def _note(study: StudySummary) -> str:
    test = "p is the mid-p sign test of won against lost; a tie counts for neither."
    if any(one.looks for one in study.pairs):
        test += " It knows nothing of the looks that were taken; the interval and the verdict do."
    test = f"{test} {e_value_note(study.pairs, study.settings)}".strip()
    found = study.correction
    if found is None:
        return test
    if found.method == "closed" and found.omnibus_p is not None:
        how = (
            "closed test. A difference is stated where the test that all three models are equal "
            f"({p_value(found.omnibus_p)}, {found.omnibus_contexts:,} contexts usable in all comparisons) and the "
            "pair's own test both reject."
        )
    elif found.method == "fixed sequence":
        how = (
            "the comparisons were tested in an order declared beforehand, each only where all before it were found; "
            "those outside of it carry no claim."
        )
    else:
        how = f"Holm's method over {len(found.raw)} comparisons."
    return f"{test} Adjusted p: {how}"


def caveats(study: StudySummary, names: Names) -> Section:
    """What applies to all pairs first, then what applies to each."""
    told = [*study.panels, *study.pairs]
    shared = [each for each in told[0].caveats if all(each in other.caveats for other in told)]
    parts = [Part(points=tuple(shared))] if shared else []
    for one in told:
        own = tuple(each for each in one.caveats if each not in shared)
        if own:
            parts.append(Part(title=names.title(one), points=own))
    return Section(anchor="mind", title="What to keep in mind", parts=tuple(parts))
