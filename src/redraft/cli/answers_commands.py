"""`redraft answers`: the answering study. One file a command beside this one; each is added below."""

from __future__ import annotations

import click

from redraft.cli.answers_layers import check_command, layers_command
from redraft.cli.answers_rewrite import rewrite_command
from redraft.cli.answers_study import study_command
from redraft.cli.answers_train import train_command


@click.group("answers")
def answers_group() -> None:
    """The answering study: from extractive answers to a model that answers in sentences, and refuses politely."""


answers_group.add_command(layers_command)
answers_group.add_command(check_command)
answers_group.add_command(rewrite_command)
answers_group.add_command(train_command)
answers_group.add_command(study_command)
