"""Three evaluations at four points as a table, for a terminal, Markdown and a table artifact."""

from __future__ import annotations

from redraft.answering.matrix import COLUMNS, as_markdown, as_rows, as_text, matrix_of
from redraft.answering.metrics import After, Scored
from redraft.answering.predictions import POINTS
from redraft.datasets.curriculum_files import PHASES


def all_scores() -> list[Scored]:
    """Every measure of every evaluation is a number of its own: point, evaluation and measure can be told from it."""
    return [
        Scored(
            after=after, evaluation=phase,
            scores={
                "em": 0.1 * p + 0.01 * e, "grounded": 0.2 + 0.1 * p, "refused": 0.3 + 0.1 * p + 0.01 * e, "rows": 9,
            },
        )
        for p, after in enumerate(POINTS) for e, phase in enumerate(PHASES)
    ]  # fmt: skip


def test_each_figure_stands_at_its_point_and_evaluation() -> None:
    lines = matrix_of(reversed(all_scores()))
    assert [line.title for line in lines] == ["before", "after extraction", "after conversation", "after refusal"]
    for p, line in enumerate(lines):
        expected = [0.1 * p, 0.2 + 0.1 * p, 0.32 + 0.1 * p, 0.3 + 0.1 * p, 0.31 + 0.1 * p]
        assert [round(share or 0.0, 9) for share in line.shares] == [round(one, 9) for one in expected]


def test_what_was_not_measured_is_a_dash_and_a_later_measurement_replaces_an_earlier() -> None:
    def extraction(after: After, em: float) -> Scored:
        return Scored(after=after, evaluation="extraction", scores={"em": em, "refused": 0.0, "rows": 5})

    lines = matrix_of([extraction("before", 0.5), extraction("before", 0.25)])
    assert [line.shares for line in lines] == [(0.25, None, None, 0.0, None)]
    assert as_markdown(lines).splitlines()[2] == "| before | 25.0% | — | — | 0.0% | — |"
    assert matrix_of([]) == ()


def test_the_same_figures_in_all_forms() -> None:
    lines = matrix_of(all_scores())
    rows, text, markdown = as_rows(lines), as_text(lines), as_markdown(lines)
    assert rows[1][COLUMNS[0].title] == "10.0%"
    assert text.splitlines()[3].split() == ["after", "extraction", "10.0%", "30.0%", "42.0%", "40.0%", "41.0%"]
    assert len({len(line) for line in text.splitlines()}) == 1
    assert "| after extraction | **10.0%** | 30.0% | 42.0% |" in markdown
    assert markdown.count("**") == 2 * len(PHASES)
