"""`redraft answers`: the answering study. One file a command beside this one; each is added below."""

from __future__ import annotations

import click


@click.group("answers")
def answers_group() -> None:
    """The answering study: from extractive answers to a model that answers in sentences, and refuses politely."""
