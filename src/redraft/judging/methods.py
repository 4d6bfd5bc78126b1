"""A methods section that can be pasted into a paper, with this run's numbers filled in: as text and as LaTeX.

Pure: the same numbers as in the report, in its own words. Neighbours: `report`, `untrusted`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from redraft.judging.figures import many, p_value, percent, percent_range
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.methods_words import decoding, grouping
from redraft.judging.multiplicity import Correction
from redraft.judging.settings import Settings
from redraft.judging.summary import PanelSummary, StudySummary, Summary
from redraft.judging.trait_results import TraitComparison
from redraft.judging.trait_second_opinion import ordinal_methods
from redraft.judging.trait_study import TraitStudy
from redraft.judging.untrusted import latex, visible

_REFERENCES = {
    "tango": "T. Tango (1998). Equivalence test and confidence interval for the difference in proportions for the "
    "paired-sample design. Statistics in Medicine 17:891-908.",
    "fagerland": "M. W. Fagerland, S. Lydersen, P. Laake (2013). The McNemar test for binary matched-pairs data: mid-p "
    "and asymptotic are better than exact conditional. BMC Medical Research Methodology 13:91.",
    "closed": "R. Marcus, E. Peritz, K. R. Gabriel (1976). On closed testing procedures with special reference to "
    "ordered analysis of variance. Biometrika 63:655-660.",
    "holm": "S. Holm (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics 6:65-70.",
    "mixture": "H. Robbins (1970). Statistical methods related to the law of the iterated logarithm. Annals of "
    "Mathematical Statistics 41(5):1397-1409.",
    "looks": "K. K. G. Lan, D. L. DeMets (1983). Discrete sequential boundaries for clinical trials. Biometrika "
    "70:659-663.",
    "ppi": "A. N. Angelopoulos, J. C. Duchi, T. Zrnic (2023). PPI++: efficient prediction-powered inference. "
    "arXiv:2311.01453.",
    "length": "Y. Dubois, B. Galambosi, P. Liang, T. B. Hashimoto (2024). Length-controlled AlpacaEval. "
    "arXiv:2404.04475.",
    "bt": "R. A. Bradley, M. E. Terry (1952). Rank analysis of incomplete block designs. Biometrika 39:324-345.",
    "jackknife": "J. G. MacKinnon, M. O. Nielsen, M. D. Webb (2023). Fast and reliable jackknife and bootstrap methods "
    "for cluster-robust inference. Journal of Applied Econometrics 38:671-694.",
    "effective": "A. V. Carter, K. T. Schnepel, D. G. Steigerwald (2017). Asymptotic behavior of a t-test robust to "
    "cluster heterogeneity. Review of Economics and Statistics 99:698-709.",
    "alpha": "K. Krippendorff (2018). Content analysis: an introduction to its methodology. 4th edition, Sage.",
}


class Methods:
    """Paragraphs of a methods section, in order, and the works that they rest on."""

    def __init__(self) -> None:
        self._paragraphs: list[tuple[str, str]] = []
        self._cited: list[str] = []

    def say(self, title: str, sentences: Sequence[str], cite: Sequence[str] = ()) -> None:
        """A paragraph; `cite` are works by their names here, or written out."""
        text = " ".join(one for one in sentences if one)
        if text:
            self._paragraphs.append((title, text))
            self._cited += [one for one in cite if one not in self._cited]

    @property
    def text(self) -> str:
        """Plain text, a paragraph a line."""
        parts = [f"{title}. {visible(text)}" for title, text in self._paragraphs]
        works = [_REFERENCES.get(one, one) for one in self._cited]
        return "\n\n".join([*parts, *(["References: " + " ".join(works)] if works else [])]) + "\n"

    @property
    def latex(self) -> str:
        """LaTeX that compiles whatever models are called; needs no package."""
        parts = [f"\\paragraph{{{latex(title)}.}} {latex(text)}" for title, text in self._paragraphs]
        works = [f"  \\item {latex(_REFERENCES.get(one, one))}" for one in self._cited]
        listed = ["\\begin{itemize}", *works, "\\end{itemize}"] if works else []
        return "\n\n".join(parts) + ("\n\n" + "\n".join(listed) if listed else "") + "\n"


def methods_of(
    study: StudySummary | None,
    facts: Mapping[str, str],
    board: Leaderboard | None = None,
    traits: TraitStudy | None = None,
    label: Callable[[str], str] = str,
) -> Methods:
    """The methods section of a report. `facts` are told as they are where they name decoding or prompts."""
    made = Methods()
    if study is not None and study.pairs:
        _judging(made, study, facts)
        if board is None:
            _statistics(made, study)
            for one in (*study.panels, *study.pairs):
                _result(made, one, study.settings)
    if board is not None:
        _ranked(made, board)
    if traits is not None:
        _scoring(made, traits, label, facts)
        for one in traits.pairs_of(traits.headline):
            _scored(made, one.found, label(one.model_a), label(one.model_b))
    return made


def _judging(made: Methods, study: StudySummary, facts: Mapping[str, str]) -> None:
    contexts = max(one.tally.attempted for one in study.pairs)
    models = dict.fromkeys(model for one in study.pairs for model in (one.model_a, one.model_b))
    named = "; ".join(model if study.settings.label(model) == model else f"{study.settings.label(model)} ({model})"
                      for model in models)  # fmt: skip
    judges = "; ".join(
        judge + (f" (answered as {', '.join(answered)})" if (answered := _answered(study, judge)) else "")
        for judge in study.judges
    )
    templates = ", ".join(sorted({template for one in study.pairs for template in one.templates}))
    calls = sum(one.calls for one in study.pairs)
    made.say("Judging", [
        "All answers came from a simulation and say nothing about real models." if study.simulated else "",
        f"We compared {named}. Each of {many(contexts, 'context')} was answered once by each model.",
        f"The judge was {judges}." if len(study.judges) == 1 else f"The judges were {judges}.",
        "Every pair of answers was judged twice, once in each order, without the models' names, between boundaries "
        "that no answer can contain; the judge wrote an analysis before its verdict (first, second, or no difference).",
        f"Prompt: {templates}." if templates else "",
        decoding(facts),
        "An answer that could not be read was asked for again at most twice and is otherwise counted as missing, "
        f"never replaced by a default; {many(calls, 'call')} in all.",
        "A context is won by the model that both orders together favour (a win and a tie are a win; a win and a loss "
        "are a tie).",
    ])  # fmt: skip


def _answered(study: StudySummary, judge: str) -> list[str]:
    return sorted({name for one in study.pairs if one.judge == judge for name in one.answered_models})


def _statistics(made: Methods, study: StudySummary) -> None:
    settings, cite = study.settings, ["tango", "fagerland"]
    low, high = settings.rope
    grouped = [one for one in study.pairs if one.clusters is not None]
    several = any(one.p_adjusted is not None for one in (*study.pairs, *study.panels))
    anew = ", the correction for several pairs made anew" if several else ""
    said = [
        "The win rate counts a tie as one half. Its interval is Tango's score interval for the difference of paired "
        f"proportions at {percent(settings.confidence)}, halved and centred at one half; p is the two-sided mid-p "
        "McNemar test of wins against losses.",
        "Contexts, not judge calls, are the unit of analysis.",
        *grouping(grouped),
        f"A model is called better where the interval excludes 50% and p is at most {settings.alpha:g}, clearly better "
        f"where the interval lies beyond {percent_range(low, high, ())}; a verdict must also hold had all missing "
        f"verdicts of its pair gone either way{anew}, and none is given below {settings.min_contexts} contexts or "
        f"above {percent(settings.max_missing)} missing.",
    ]  # fmt: skip
    cite += ["jackknife", "effective"] if grouped else []
    if study.correction is not None:
        words, works = _corrected(study.correction)
        said.append(words)
        cite += works
    elif any(one.p_adjusted is not None for one in study.panels):
        said.append("The p-values of several pairs were adjusted by Shaffer's method (three pairs) or Holm's.")
        cite.append("holm")
    if any(one.looks for one in study.pairs):
        cite.append("looks")
        said.append(
            "The run was looked at as planned, with Lan-DeMets boundaries of O'Brien-Fleming's form; the interval is "
            "the repeated confidence interval of the last look."
        )
    if any(one.earlier for one in study.pairs):
        cite.append("mixture")
        said.append(
            "The run was looked at before it had these contexts, without a plan; its verdicts rest on the e-value of "
            "Robbins' mixture of won against lost (by signs of groups where contexts are grouped), which holds at any "
            "look, and on an interval of the same kind."
        )
    if any(one.people is not None for one in study.pairs):
        cite.append("ppi")
        said.append(
            "A simple random sample of the contexts was labelled blind by people, and the judge-based win rate was "
            "corrected by prediction-powered inference (PPI++)."
        )
    if any(one.mechanism is not None and one.mechanism.length is not None for one in study.pairs):
        cite.append("length")
        said.append(
            "As a sensitivity analysis the win rate was adjusted for length by a logistic regression on the difference "
            f"in length, with {_interval_of_adjusted(study)}."
        )
    made.say("Statistics", said, cite)


def _interval_of_adjusted(study: StudySummary) -> str:
    found = [one.mechanism.length for one in study.pairs if one.mechanism is not None and one.mechanism.length]
    if any(one.samples for one in found):
        return "a BCa bootstrap over contexts that refits it"
    return "an interval from the infinitesimal jackknife over contexts"


def _corrected(found: Correction) -> tuple[str, list[str]]:
    match found.method:
        case "closed":
            omnibus = "" if found.omnibus_p is None else f" (omnibus {p_value(found.omnibus_p)})"
            return f"The three pairs were tested by the closed testing procedure{omnibus}.", ["closed"]
        case "fixed sequence":
            return "The pairs were tested in an order declared beforehand, each at the full level.", []
        case _:
            return f"The p-values of the {len(found.raw)} pairs were adjusted by Holm's method.", ["holm"]


def _result(made: Methods, one: Summary | PanelSummary, settings: Settings) -> None:
    a, b = settings.label(one.model_a), settings.label(one.model_b)
    if isinstance(one, PanelSummary):
        panel = one.panel
        agreement = "" if panel.alpha is None else f"Krippendorff's alpha of the labels was {panel.alpha:.2f}."
        made.say(f"Result, {a} against {b}, all judges", [
            f"Over {many(panel.n, 'context')} decided by all {len(panel.judges)} judges, {a} won {percent(panel.rate)} "
            f"({percent(settings.confidence)} interval {percent_range(panel.low, panel.high)}, {p_value(panel.p)}).",
            agreement, one.sentence,
        ], ["alpha"] if agreement else [])  # fmt: skip
        return
    t = one.tally
    kind = "anytime-valid " if one.earlier else "repeated " if one.looks else ""
    adjusted = "" if one.p_adjusted is None else f", adjusted {p_value(one.p_adjusted)}"
    said = [
        f"Of {many(t.attempted, 'context')}, {a} won {t.wins:,}, {b} won {t.losses:,}, and {t.ties:,} were ties "
        f"({t.both_tie:,} in both orders, {t.changed_mind:,} where the judge changed its mind with the order, "
        f"{t.both_empty:,} with both answers empty); {t.unusable:,} had no usable verdict.",
        f"{a}'s win rate is {percent(one.win_rate)} ({kind}{percent(settings.confidence)} interval "
        f"{percent_range(one.low, one.high)}, {p_value(one.p_mid)}{adjusted})." if t.n else "",
        f"Had all missing verdicts gone one way, it would lie between {percent(one.worst)} and {percent(one.best)}."
        if t.unusable else "",
        f"The judge changed its mind in {percent(t.flip_rate)} of {many(t.judged, 'context')}." if t.judged else "",
    ]  # fmt: skip
    length = one.mechanism.length if one.mechanism else None
    if length is not None and length.adjusted is not None and length.low is not None and length.high is not None:
        said.append(
            f"Adjusted for length, it would be {percent(length.adjusted)} ({percent_range(length.low, length.high)})."
        )
    if one.people is not None:
        check = one.people
        said.append(
            f"With {check.labelled} labels of people it is {percent(check.rate)} by people's choice "
            f"({percent_range(check.low, check.high)})."
        )
    said.append(one.sentence)
    made.say(f"Result, {a} against {b}, {one.judge}", said)


def _ranked(made: Methods, board: Leaderboard) -> None:
    if board.mixed:
        names = "; ".join(f"{judge} (answered as {', '.join(of)})" for judge, of in board.mixed.items())
        made.say("Leaderboard", [
            f"No models were ranked: more than one model answered as the judge {names}, and their verdicts were not "
            "pooled.",
        ])  # fmt: skip
        return
    lacking, fragile = (sum(len(pairs) for pairs in kept) for kept in (
        [table.lacking for table in board.tables], [table.fragile for table in board.tables]
    ))  # fmt: skip
    comparisons = sum(table.comparisons for table in board.tables)
    models = sum(len(table.standings) for table in board.tables)
    grouped = any(table.groups is not None for table in board.tables)
    made.say("Leaderboard", [
        f"{many(models, 'model')} were rated from {many(comparisons, 'comparison')} by the Bradley-Terry model, a tie "
        f"counting one half, with standard errors clustered by {'group of contexts' if grouped else 'context'} (the "
        f"jackknife) and Student's t on the effective number of {'groups' if grouped else 'contexts'} less one.",
        "Of several judges each comparison counts as the mean of their verdicts; two models are told apart only where "
        "every judge alone orders them the same way." if board.by_judge else "",
        f"Rank ranges hold simultaneously with {percent(1 - board.alpha)}: two models are told apart where Holm's "
        "method over all pairs rejects that they are equal.",
        f"Of {many(lacking, 'pair')} told apart so no order was claimed, since more than "
        f"{percent(board.max_missing or 0)} of the comparisons had no verdict." if lacking else "",
        f"Of {many(fragile, 'pair')} told apart so no order was claimed, since missing verdicts, all against the "
        "better model, could have changed it." if fragile else "",
        "; ".join(
            f"{one.model} {percent(one.win_rate)} against the average model, place "
            + (str(one.rank_low) if one.rank_low == one.rank_high else f"{one.rank_low} to {one.rank_high}")
            for table in board.tables for one in table.standings
        ) + "." if board.tables else "",
    ], ["bt", "jackknife", "effective", "holm"])  # fmt: skip


def _scoring(made: Methods, study: TraitStudy, label: Callable[[str], str], facts: Mapping[str, str]) -> None:
    """How answers were scored, and each model's means."""
    judges = "; ".join(
        judge + (f" (answered as {', '.join(study.answered[judge])})" if study.answered.get(judge) else "")
        for judge in study.judges
    )
    scale, several = study.rubric.scale, len(study.judges) > 1
    lost = sum(one.contexts - max(each.n for each in one.traits) for one in study.profiles_of(study.headline))
    made.say("Scoring", [
        "All answers or scores came from a simulation and say nothing about real models." if study.simulated else "",
        f"Each answer of {many(len(study.models), 'model')} to {many(study.contexts, 'context')} was scored by itself, "
        f"without the model's name, on {many(len(study.rubric.traits), 'trait')} ({study.rubric.id}, digest "
        f"{study.rubric.digest[:12]}) from {scale.low:g} to {scale.high:g} with anchors, all in one call; decimals "
        "count.",
        f"The judges were {judges}; their scores of an answer were averaged." if several
        else f"The judge was {judges}.",
        decoding(facts),
        f"{lost:,} answers have no score; none was filled in." if lost else "",
    ])  # fmt: skip
    for one in study.profiles_of(study.headline):
        told = "; ".join(
            f"{each.trait} {each.mean:.2f}" + ("" if each.low is None else f" ({each.low:.2f} to {each.high:.2f})")
            for each in one.traits
            if each.mean is not None
        )
        made.say(f"Scores of {label(one.model)}", [
            f"Means with {percent(study.confidence)} t intervals{', clustered by group' if study.grouped else ''}: "
            f"{told}." if told else "",
        ])  # fmt: skip


def _scored(made: Methods, found: TraitComparison, a: str, b: str) -> None:
    told = "; ".join(
        f"{one.trait} {one.mean:+.2f} ({one.low:+.2f} to {one.high:+.2f}, adjusted {p_value(one.p_adjusted)})"
        for one in found.traits
        if one.mean is not None and one.low is not None and one.high is not None
    )
    made.say(f"Traits, {a} against {b}", [
        f"We report paired mean differences with cluster-robust t intervals and sign-flip tests, adjusted over "
        f"{many(found.tests, 'test')} by Holm's method.",
        f"{a} less {b}: {told}." if told else "",
        ordinal_methods(found, a, b),
    ], ["holm"])  # fmt: skip
