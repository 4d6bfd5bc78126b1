"""`redraft chat`: the chat study. One file a command beside this one; each is added below."""

from __future__ import annotations

import click

from redraft.cli.chat_examples import examples_command
from redraft.cli.chat_purge import purge_command
from redraft.cli.chat_read import read_command


@click.group("chat")
def chat_group() -> None:
    """The chat study: from exported chats to examples of one person's replies. Names stay on this machine."""


chat_group.add_command(read_command)
chat_group.add_command(examples_command)
chat_group.add_command(purge_command)
