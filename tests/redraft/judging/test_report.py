"""The page stands alone, escapes everything, and shows what it must."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from redraft.judging.embedding import pack, unpack
from redraft.judging.examples import Examples, pick_examples
from redraft.judging.folding import fold_judgments, tally
from redraft.judging.leaderboard.comparisons import comparisons
from redraft.judging.leaderboard.elo import elo_curve
from redraft.judging.leaderboard.table import rank_models
from redraft.judging.pages import Cost, Stage, Table
from redraft.judging.report import ReportInput, methods, render_report
from redraft.judging.rubric import load_rubric
from redraft.judging.settings import Settings
from redraft.judging.stopping import LookPlan, review
from redraft.judging.summary import Canaries
from redraft.judging.trait_study import study_traits
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment, Message, Rating

ATTACK = "</div><script>alert(1)</script><img src=x onerror='alert(2)'>\"&{{ 7*7 }}"
Compare = Callable[..., Comparison]
Make = Callable[..., list[Judgment]]
VOID = frozenset({"meta", "br", "img", "link", "rect", "line", "circle", "polyline"})


class Tags(HTMLParser):
    """Collects elements, attributes and texts, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.texts.append(data)

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


def _report(make_comparison: Compare, make_tallied: Make, text: str, simulated: bool = False) -> ReportInput:
    compared, judgments = [], []
    for a, b in (("f", "b"), ("a", "b"), ("f", "a")):
        names = {"model_a": a, "model_b": b}
        compared += [
            make_comparison(f"c{n}", context=(Message("user", text),), response_a=text, response_b=text * 7, **names)
            for n in range(60)
        ]
        extra = {"analysis": text, "detail": text, "simulated": simulated, "answered_model": text, "judge": f"J {text}"}
        judgments += make_tallied(30, 15, 10, 5, **names, **extra)
    settings = Settings(baseline="b", labels={"f": f"feedback {text}", "a": "alternative", "b": "base"})
    canary = Canaries(
        judge=f"J {text}", kind=text, asked=5, won=1, tied=0, lost=4, unusable=0, safe=False, meaning=text
    )  # fmt: skip
    people = {("f", "b"): {f"c{n}": ("win", "loss", "tie")[n % 3] for n in range(30)}}
    return ReportInput(
        title=f"Study {text}",
        created_at="2026-11-20",
        study=summarise_study(judgments, compared, settings, canaries=[canary], people=people),  # type: ignore[arg-type]
        examples=pick_examples(compared, judgments, people=people),
        labelled_by={("f", "b"): (text,)},
        stages=(
            Stage(title=f"Filter {text}", lead=text, tables=(
                Table(title=text, columns=("label", text), rows=((text, 1234), ("UR5", None)), note=text),
            )),
        ),
        costs=(Cost(stage="Judge", model=text, calls=1200, input_tokens=5, output_tokens=6, cost=0.0021),
               Cost(stage="Train", model="m", calls=1, input_tokens=0, output_tokens=0, cost=None)),
        facts={text: text},
        results_file=text,
    )  # fmt: skip


def test_nothing_that_was_written_by_others_becomes_markup(make_comparison: Compare, make_tallied: Make) -> None:
    report = _report(make_comparison, make_tallied, ATTACK)
    page = render_report(report)
    tags, plain = Tags(page), Tags(render_report(_report(make_comparison, make_tallied, "plain")))
    assert tags.open == []
    assert tags.names.count("script") == plain.names.count("script") == 2, "the data's one piece, and ours"
    assert not {"img", "iframe", "link", "form", "object", "base"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in {"src", "style", "srcdoc"}]
    assert {value for name, value in tags.attributes if name == "href"} == {"#main"}
    assert "<script>alert(1)" in tags.said and "{{ 7*7 }}" in tags.said
    # What the script will show is base64: no sign of markup in it.
    (data,) = re.findall(r'<script type="application/octet-stream" class="data">([^<]*)</script>', page)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", data)
    assert any(ATTACK in text for text, _ in unpack(data)["texts"])
    latex = methods(report).latex
    assert r"\{\{ 7*7 \}\}" in latex and "{{ 7" not in latex


def test_it_stands_alone(make_comparison: Compare, make_tallied: Make) -> None:
    page = render_report(_report(make_comparison, make_tallied, "plain"))
    assert not re.search(r"https?:|url\(|@import", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1] or "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


def test_it_says_what_it_must(make_comparison: Compare, make_tallied: Make) -> None:
    report = _report(make_comparison, make_tallied, "plain")
    study = report.study
    assert study is not None
    said = Tags(render_report(report)).said
    for one in study.pairs:
        for text in (one.sentence, one.frequencies, *one.caveats, *one.people_said):
            assert text in said
    assert study.conclusion in said
    for text in ("the judge's answer could not be read", "1,234", "$0.0021", "planted answer win", "Put to the judge"):
        assert text in said


def test_a_judge_that_leans_is_told_of_beside_the_picks(make_judged: Make) -> None:
    def of_position(*orders: str) -> str:
        rows = [one for n in range(40) for one in make_judged(f"c{n}", orders[n % len(orders)])]
        page = ReportInput(title="t", created_at="", study=summarise_study(rows, samples=1))
        return Tags(render_report(page)).said.partition("Does the order of the answers matter?")[2]

    # The first answer or a tie, whoever gave it: no mind is changed, and the flips' p is 1.
    leans = of_position("At", "tB")
    assert "in 40 of 40 contexts the judge thought better of an answer when it stood first, in 0 when" in leans
    assert "(p < .001). It leans to the first answer" in leans
    fair = of_position("At", "tA", "AA")
    assert "in 14 of 40 contexts" in fair and "in 13 when it stood second" in fair and "does not show" in fair


def test_the_simulated_banner(make_comparison: Compare, make_tallied: Make) -> None:
    real = _report(make_comparison, make_tallied, "plain")
    assert 'class="simulated"' not in render_report(real)
    assert 'class="simulated"' in render_report(msgspec.structs.replace(real, simulated=True))
    assert 'class="simulated"' in render_report(_report(make_comparison, make_tallied, "plain", simulated=True))


@pytest.mark.parametrize("numbers", [(5, 5, 0), (0, 0, 0, 30), (100, 0, 0), (0, 0, 200)])
def test_one_comparison_at_its_edges(numbers: tuple[int, ...], make_tallied: Make) -> None:
    study = summarise_study(make_tallied(*numbers))
    tags = Tags(render_report(ReportInput(title="T", created_at="now", study=study)))
    assert study.pairs[0].sentence in tags.said and tags.open == []
    assert "nan" not in tags.said.lower().split()


def test_looks_are_drawn_and_the_interval_is_a_repeated_one(make_tallied: Make) -> None:
    judgments = make_tallied(40, 30, 30)
    folds = sorted(fold_judgments(judgments).values(), key=lambda fold: fold.context_id[::-1])
    plan = LookPlan(contexts=200, fractions=(0.25, 0.5, 1.0))
    first = review(plan, [tally(folds[:50])], Settings())
    second = review(plan, [tally(folds[:50]), tally(folds)], Settings())
    taken = [first, second]
    assert [one.reason for one in taken] == ["go_on", "go_on"]
    study = summarise_study(judgments, looks={("tuned", "base", "judge"): taken})
    (one,) = study.pairs
    assert (one.low, one.high) == (taken[-1].low, taken[-1].high)
    page = render_report(ReportInput(title="T", created_at="now", study=study))
    said = Tags(page).said
    assert "repeated 95% interval" in said and taken[-1].why in said and "99.9" not in said
    assert page.count('class="boundary"') == 2 and 'class="evidence"' in page


def test_several_judges_have_a_verdict_together(make_comparison: Compare, make_tallied: Make) -> None:
    judged = [*make_tallied(60, 20, 20, judge="one"), *make_tallied(20, 60, 20, judge="two")]
    compared = [make_comparison(f"c{n}") for n in range(100)]
    study = summarise_study(judged, compared)
    (panel,) = study.panels
    assert panel.verdict == "judges_disagree" and [one.judge for one in study.pairs] == ["one", "two"]
    assert [one.verdict for one in study.pairs] == ["clearly_better", "clearly_better"]
    report = ReportInput(title="T", created_at="now", study=study, examples=pick_examples(compared, judged))
    said = Tags(render_report(report)).said
    assert panel.sentence in said and "Do the judges agree?" in said and "according to all judges" in said
    # 20 contexts are A's for both judges, 40 A's for one and B's for the other, 20 B's and 20 ties for both.
    kinds = [one.kind for one in report.examples.shown]
    assert (kinds.count("A won"), kinds.count("judges differ"), len(kinds)) == (20, 40, 100)


def test_a_leaderboard_and_traits() -> None:
    random = np.random.default_rng(5)
    pairs = [(a, b) for a in "wxyz" for b in "wxyz" if a < b]
    rows = [(f"c{n}", a, b, float(random.choice([0, 0.5, 1]))) for n in range(40) for a, b in pairs]
    ids, first, second, outcomes = ([row[i] for row in rows] for i in range(4))
    data = comparisons(ids, first, second, outcomes)
    board, rubric = rank_models(data), load_rubric()
    ratings = [
        Rating(
            context_id=f"c{n}", model=model, judge="the judge", rubric=rubric.id, rubric_digest=rubric.digest,
            status="ok", scores={name: float(random.integers(1, 11)) for name in rubric.names},
        )
        for model in "wx" for n in range(40)
    ]  # fmt: skip
    report = ReportInput(
        title="Board", created_at="now", board=board, judges=("the judge",), elo=elo_curve(data, random),
        labels={"w": "the <b>first</b>"},
        traits=study_traits(ratings, rubric),
    )  # fmt: skip
    page = render_report(report)
    tags = Tags(page)
    assert tags.open == [] and "the <b>first</b>" in tags.said and "according to the judge" in tags.said
    for standing in board.tables[0].standings:
        assert f"{standing.rating:.0f}" in tags.said
    for trait in rubric.traits:
        assert trait.title in tags.said
    assert page.count('class="rating m') == 4 and page.count('class="range"') == 4
    assert "Bradley-Terry" in methods(report).text and "Holm" in methods(report).latex


def test_examples_are_drawn_by_chance_and_repeat(
    make_comparison: Compare, make_tallied: Make, make_judged: Make
) -> None:
    judgments = [*make_tallied(30, 20, 9, 5), *make_judged("flip", "AB")]
    ids = [*(f"c{n}" for n in range(64)), "flip"]
    compared = [make_comparison(one, response_a=f"Boil the egg {one}", response_b=f"Fry the egg {one}") for one in ids]
    found = pick_examples(compared, judgments)
    kinds = [one.kind for one in found.static]
    assert kinds == ["A won"] * 3 + ["B won"] * 3 + ["both orders tied"] + ["changed its mind"] + ["no verdict"]
    assert len(found.shown) == found.total == 65
    assert all(len(one.said) == 2 for one in found.shown)
    assert pick_examples(list(reversed(compared)), judgments).static == found.static
    ten = pick_examples(compared, judgments, contexts=10)
    assert 10 <= len(ten.shown) <= 24 and {one.context_id for one in ten.static} == {
        one.context_id for one in found.static
    }
    assert {one.context_id for one in pick_examples(compared, judgments, seed=1).static} != {
        one.context_id for one in found.static
    }
    for given in ((compared, iter(judgments)), (iter(compared), judgments)):
        with pytest.raises(TypeError, match="read twice"):
            pick_examples(*given)


def test_examples_shrink_until_they_fit(make_comparison: Compare, make_tallied: Make) -> None:
    random = np.random.default_rng(1)
    compared = [
        make_comparison(f"c{n}", response_a=random.bytes(9_000).hex(), response_b="x" * 3_000_000) for n in range(40)
    ]
    found = pick_examples(compared, make_tallied(40, 0, 0))
    pairs = {("tuned", "base"): {"a": "tuned", "b": "base", "hueA": "m0", "hueB": "m1"}}
    whole, cut, few = (pack(found, pairs, budget) for budget in (10_000_000, 100_000, 6_000))
    assert (whole.rows, cut.rows) == (40, 40) and whole.cut > cut.cut and few.rows < 40
    assert len(cut.text) <= 100_000 and len(few.text) <= 6_000
    assert len(whole.pieces) > 1 and "".join(whole.pieces) == whole.text
    data = unpack(cut.text)
    row = data["rows"][0]
    assert data["texts"][row["b"]] == ["x" * cut.cut, 3_000_000 - cut.cut]
    assert pack(found, pairs, 100_000) == cut
    assert pack(Examples(shown=found.shown[:1], total=1), pairs, 10).rows == 1
