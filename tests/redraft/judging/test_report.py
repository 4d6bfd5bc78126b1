"""The page stands alone, escapes everything, and shows what it must."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest

from redraft.judging.examples import pick_examples
from redraft.judging.report import Cost, ReportInput, Stage, Table, render_report
from redraft.judging.summary import Settings
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment, Message

ATTACK = "</div><script>alert(1)</script><img src=x onerror='alert(2)'>\"&{{ 7*7 }}"
Compare = Callable[..., Comparison]
Make = Callable[..., list[Judgment]]


class Tags(HTMLParser):
    """Collects elements and attributes, and checks that what is opened is closed."""

    VOID = frozenset({"meta", "br", "img", "link", "rect", "line", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def _report(make_comparison: Compare, make_tallied: Make, simulated: bool = False, text: str = ATTACK) -> ReportInput:
    compared, judgments = [], []
    for a, b in (("f", "b"), ("a", "b"), ("f", "a")):
        names = {"model_a": a, "model_b": b}
        compared += [
            make_comparison(f"c{n}", context=(Message("user", text),), response_a=text, response_b=text * 700, **names)
            for n in range(60)
        ]
        extra = {"analysis": text, "detail": text, "simulated": simulated, "answered_model": text, "judge": f"J {text}"}
        judgments += make_tallied(30, 15, 10, 5, **names, **extra)
    settings = Settings(baseline="b", labels={"f": f"feedback {text}", "a": "alternative", "b": "base"})
    return ReportInput(
        title=f"Study {text}",
        created_at="2026-11-20",
        study=summarise_study(judgments, compared, settings),
        examples=pick_examples(compared, judgments),
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
    page = render_report(_report(make_comparison, make_tallied))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "img", "iframe", "link", "a", "form", "object"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in {"href", "src"}]
    assert "&lt;script&gt;alert(1)" in page
    assert "49" not in re.findall(r"&amp;(\d+)", page)
    assert "{{ 7*7 }}" in page


def test_it_stands_alone(make_comparison: Compare, make_tallied: Make) -> None:
    page = render_report(_report(make_comparison, make_tallied, text="plain"))
    assert not re.search(r"https?:|//|url\(|@import", page)
    assert "default-src 'none'" in page


def test_it_says_what_it_must(make_comparison: Compare, make_tallied: Make) -> None:
    report = _report(make_comparison, make_tallied, text="plain")
    page = render_report(report)
    study = report.study
    for text in (study.conclusion, *(p.sentence for p in study.pairs), *(p.frequencies for p in study.pairs)):
        assert text.replace("'", "&#39;") in page
    for caveat in {caveat for p in study.pairs for caveat in p.caveats}:
        assert caveat.replace("'", "&#39;") in page
    assert page.count('<circle class="dot"') == 3
    assert page.count("the judge&#39;s answer could not be read") >= 2
    assert "1,234" in page
    assert "$0.0021" in page
    assert "more characters" in page


def test_the_simulated_banner(make_comparison: Compare, make_tallied: Make) -> None:
    real = _report(make_comparison, make_tallied, text="plain")
    assert 'class="simulated"' not in render_report(real)
    assert 'class="simulated"' in render_report(msgspec.structs.replace(real, simulated=True))
    assert 'class="simulated"' in render_report(_report(make_comparison, make_tallied, simulated=True, text="plain"))


@pytest.mark.parametrize("numbers", [(5, 5, 0), (0, 0, 0, 30), (100, 0, 0), (0, 0, 200)])
def test_one_comparison_at_its_edges(numbers: tuple[int, ...], make_tallied: Make) -> None:
    study = summarise_study(make_tallied(*numbers))
    page = render_report(ReportInput(title="T", created_at="now", study=study))
    assert f"<h1>{study.pairs[0].sentence}</h1>".replace("'", "&#39;") in page
    tags = Tags()
    tags.feed(page)
    assert tags.open == []


def test_examples_are_drawn_by_chance_and_repeat(
    make_comparison: Compare, make_tallied: Make, make_judged: Make
) -> None:
    judgments = [*make_tallied(30, 20, 9, 5), *make_judged("flip", "AB")]
    compared = [make_comparison(f"c{n}") for n in range(64)] + [make_comparison("flip")]
    shown = pick_examples(compared, judgments)
    kinds = [one.kind for one in shown]
    assert kinds == ["A won"] * 3 + ["B won"] * 3 + ["both orders tied"] + ["changed its mind"] + ["no verdict"]
    assert all(len(one.judgments) == 2 for one in shown)
    assert pick_examples(list(reversed(compared)), judgments)[-2:] == shown[-2:]
    assert {one.comparison.context_id for one in pick_examples(compared, judgments, seed=1)} != {
        one.comparison.context_id for one in shown
    }
    with pytest.raises(TypeError, match="read twice"):
        pick_examples(compared, iter(judgments))
