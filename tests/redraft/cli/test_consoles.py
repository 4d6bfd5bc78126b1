"""Results in a pipe: rows stay on one line where they are read by scripts, and names stand in them as they are."""

from __future__ import annotations

import pytest

from redraft.cli.consoles import READABLE, print_rows, results_console

NAMES = ["models/[draft]/one", "models/[/]", "openai:ft:gpt:fire:abc"]
LONG = " ".join(["word"] * 150)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_neither_markup_nor_an_emoji(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"model": name, "calls": 3}])
    results_console().print(name)
    heading, row, line = capsys.readouterr().out.splitlines()
    assert (heading.split(), row.split(), line) == (["model", "calls"], [name, "3"], name)


def test_a_row_stays_on_one_line_or_is_folded_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    for width, lines in ((1000, 2), (READABLE, 5)):
        print_rows([{"model": LONG, "calls": 3}], width)
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == lines and max(map(len, printed)) <= width
        assert " ".join(printed).split().count("word") == 150


def test_only_the_first_column_is_aligned_left(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"what": "a", "count": 1}, {"what": "bc", "count": 1234}])
    assert capsys.readouterr().out == " what  count \n a         1 \n bc     1234 \n"


def test_without_rows_there_is_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([])
    assert capsys.readouterr().out == "\n"


def test_soft_wrap_leaves_even_longer_lines_whole(capsys: pytest.CaptureFixture[str]) -> None:
    line = LONG * 2
    results_console(soft_wrap=True).print(line)
    assert capsys.readouterr().out == f"{line}\n"
