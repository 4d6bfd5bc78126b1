"""Cuts the bundled questions out of a file in SQuAD's format: the first paragraphs of each article, as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

HERE = Path(__file__).resolve().parent
# Longer paragraphs would make the file large and the first run slow.
LONGEST_CONTEXT, LONGEST_QUESTIONS = 900, 10


def fits(paragraph: dict[str, Any]) -> bool:
    """Short, with questions that have an answer and questions that have none."""
    answerable = {not asked["is_impossible"] for asked in paragraph["qas"]}
    return (
        len(paragraph["context"]) <= LONGEST_CONTEXT
        and len(paragraph["qas"]) <= LONGEST_QUESTIONS
        and answerable == {True, False}
    )


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--paragraphs", default=3, show_default=True, help="Of each article.")
@click.option("--output", "-o", type=click.Path(path_type=Path), default=HERE / "sample_squad.json")
def main(source: Path, paragraphs: int, output: Path) -> None:
    """Cut the sample out of the file SOURCE."""
    whole = msgspec.json.decode(source.read_bytes())
    articles = [
        {"title": article["title"], "paragraphs": list(filter(fits, article["paragraphs"]))[:paragraphs]}
        for article in whole["data"]
        if any(map(fits, article["paragraphs"]))
    ]
    lines = b",\n".join(msgspec.json.encode(article) for article in articles)
    output.write_bytes(b'{"version": "v2.0", "data": [\n' + lines + b"\n]}\n")
    count = sum(len(paragraph["qas"]) for article in articles for paragraph in article["paragraphs"])
    click.echo(f"{count} questions on {len(articles)} articles: {output}")


if __name__ == "__main__":
    main()
