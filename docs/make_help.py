"""Writes docs/help.md from the commands themselves; `--check` fails where the file is stale."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from redraft.cli import main

TARGET = Path(__file__).with_name("help.md")


def pages(command: click.Command, name: str) -> list[str]:
    """One section for the command and each below it."""
    with click.Context(command, info_name=name, terminal_width=100, max_content_width=100) as context:
        text = command.get_help(context)
    sections = [f"## {name}\n\n```\n{text}\n```\n"]
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            sections += pages(command.commands[below], f"{name} {below}")
    return sections


def main_page() -> str:
    return "# Commands\n\nMade from the commands by `make docs`.\n\n" + "\n".join(pages(main, "redraft"))


if __name__ == "__main__":
    if "--check" not in sys.argv:
        TARGET.write_text(main_page(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != main_page():
        sys.exit("docs/help.md is stale; run `make docs`")
