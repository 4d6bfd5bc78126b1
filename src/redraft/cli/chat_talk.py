"""`redraft chat talk`: a conversation with the imitation of a person, at a terminal or through a pipe.

Neighbour: `redraft.imitating.talking` has the conversation; torch is imported only there, late, in this process.
"""

from __future__ import annotations

import importlib
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redraft.cli import options
from redraft.cli.agreeing import at_a_terminal
from redraft.cli.running import one_line_for_faults
from redraft.cli.whole_numbers import Whole
from redraft.errors import ConfigurationError, InputError
from redraft.home import Home
from redraft.real_numbers import Real

if TYPE_CHECKING:
    from redraft.imitating.talking import Reply, Talk

_HELP = "/again another reply, /forget begin anew, /quit; B: hello speaks as B"


@click.command("talk")
@click.argument("adapter", type=click.Path(path_type=Path), metavar="ADAPTER")
@click.option("--as", "speaker", default="A", show_default=True, metavar="LETTER", help="Who you are, a letter A to Z.")
@click.option(
    "--temperature", type=Real(min=0), default=0.8, show_default=True, help="0: always the likeliest reply."
)  # fmt: skip
@click.option(
    "--top-p", type=Real(min=0, max=1, min_open=True), default=0.95, show_default=True,
    help="Draw among the likeliest tokens whose probabilities add up to this.",
)  # fmt: skip
@click.option(
    "--max-new-tokens", type=options.COUNT, default=128, show_default=True,
    help="Tokens of a reply; at most half of those that the model reads.",
)  # fmt: skip
@click.option("--seed", type=Whole(min=0), help="The same seed gives the same replies; by default another each time.")
@click.option(
    "--context", type=click.Path(path_type=Path), metavar="FILE",
    help="What was said before: a text file with lines such as A: hello and SYS: hi, SYS being who is imitated.",
)  # fmt: skip
def talk_command(
    adapter: Path,
    speaker: str,
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    seed: int | None,
    context: Path | None,
) -> None:
    """Talk with the imitation of a person; needs the extra local.

    ADAPTER is model/ or merged/ of a run that redraft chat train or align made, or the run's folder. Type a message and
    read the reply; B: hello speaks as B. /again gives another reply, /forget begins anew, /quit or Ctrl-D ends. Through
    a pipe each line of the input is answered.
    """
    with one_line_for_faults():
        try:
            talk, letters = _opened(adapter, speaker, temperature, top_p, max_new_tokens, seed, context)
            _converse(talk, speaker, letters)
        except (KeyboardInterrupt, EOFError):
            click.echo(err=True)


def _opened(
    adapter: Path,
    speaker: str,
    temperature: float,
    top_p: float,
    most: int,
    seed: int | None,
    context: Path | None,
) -> tuple[Talk, str]:
    from redraft.imitating.talking import Talk, imitation_in, read_turns, writer_of

    imitation = imitation_in(adapter)
    letters = imitation.speakers
    begun = read_turns(context) if context else []
    if len(speaker) != 1 or speaker not in letters:
        raise ConfigurationError(f"--as {speaker}: nobody whom it was trained to reply to; give one of {letters}")
    for doubt in imitation.doubts:
        click.echo(f"redraft: {imitation.folder}: {doubt}", err=True)
    drawn = secrets.randbits(31) if seed is None else seed
    writer = writer_of(imitation, temperature, top_p, most, drawn, Home.of().work)
    return Talk(writer, begun), letters


def _converse(talk: Talk, speaker: str, letters: str) -> None:
    if at_a_terminal():
        click.echo(_HELP, err=True)
    for line in _lines(f"{speaker}> "):
        if line == "/quit":
            return
        if line == "/forget":
            talk.forget()
        elif line.startswith("/") and line != "/again":
            click.echo(f"{line.split()[0]}: no such command; {_HELP}", err=True)
        else:
            _answer(talk, line, speaker, letters)


def _answer(talk: Talk, line: str, speaker: str, letters: str) -> None:
    from redraft.imitating.talking import said

    who, words = said(line, speaker)
    if who not in letters:
        click.echo(f"{who}: nobody whom it was trained to reply to; speak as one of {letters}", err=True)
        return
    try:
        reply = talk.again() if line == "/again" else talk.say(who, words)
    except InputError as fault:  # a message that is too long; the next may not be
        click.echo(f"redraft: {fault}", err=True)
        return
    _show(reply)


def _show(reply: Reply | None) -> None:
    if reply is None:
        click.echo("nothing was said yet", err=True)
    elif not reply.text.strip():
        click.echo("(no reply)", err=True)
    else:
        # A model may write what a terminal takes for orders.
        click.secho("".join(one for one in reply.text if one.isprintable() or one in "\n\t"), fg="cyan")
        if reply.finish == "length":
            click.echo("(cut off; --max-new-tokens allows more)", err=True)


def _lines(prompt: str) -> Iterator[str]:
    """What is typed, or comes through a pipe, without blank lines."""
    terminal = at_a_terminal()
    if terminal:
        # Lines can be edited then.
        with suppress(ImportError):
            importlib.import_module("readline")
    while True:
        line = input(prompt) if terminal else sys.stdin.readline()
        if not terminal and not line:
            return
        # What is no character, such as half a one that a terminal sent, cannot be read by a model.
        if line := line.encode("utf-8", "replace").decode().strip():
            yield line
