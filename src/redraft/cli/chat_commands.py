"""`redraft chat`: the chat study. One file a command beside this one; each is added below."""

from __future__ import annotations

import click

from redraft.cli.chat_align import align_group
from redraft.cli.chat_compare import compare_command
from redraft.cli.chat_examples import examples_command
from redraft.cli.chat_purge import purge_command
from redraft.cli.chat_rank import rank_command
from redraft.cli.chat_read import read_command
from redraft.cli.chat_study import study_command
from redraft.cli.chat_talk import talk_command
from redraft.cli.chat_train import train_command


@click.group("chat")
def chat_group() -> None:
    """The chat study: from exported chats to a model that writes like one person. Names stay on this machine."""


for command in (
    study_command, read_command, examples_command, train_command, rank_command, align_group, compare_command,
    talk_command, purge_command,
):  # fmt: skip
    chat_group.add_command(command)
