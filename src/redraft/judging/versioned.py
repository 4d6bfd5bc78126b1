"""Reads the versioned TOML files that a user can replace: bundled by `name@version`, or a file of their own.

Neighbours: `prompts` says what such a file holds.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from redraft.errors import ConfigurationError

_BUNDLED = re.compile(r"([a-z][a-z0-9_-]*)@([0-9]+)")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
T = TypeVar("T", bound=msgspec.Struct)


def load_versioned(source: str | Path, folder: str, wanted: str, shape: type[T]) -> tuple[str, T]:
    """What to call the file in messages, and its content, whose field `format` must be `wanted`.

    `folder` is where the bundled ones lie in this package. ConfigurationError, one line with file and fault.
    """
    place, text = _text(source, folder)
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{place}: no TOML ({fault})") from None
    if document.pop("format", None) != wanted:
        raise ConfigurationError(f'{place}: the file has no line format = "{wanted}"')
    try:
        found = msgspec.convert(document, shape)
    except msgspec.ValidationError as fault:
        raise ConfigurationError(f"{place}: {fault}") from None
    return place, found


def name_fault(name: str, version: int) -> str:
    """What is wrong with a file's name and version; "" for nothing."""
    if NAME.fullmatch(name) and version >= 1:
        return ""
    return f"name {name!r}, version {version}: small letters, digits, - and _; a version from 1 on"


def _text(source: str | Path, folder: str) -> tuple[str, str]:
    if isinstance(source, str) and (bundled := _BUNDLED.fullmatch(source)):
        file = files("redraft.judging").joinpath(folder, f"{bundled[1]}-{bundled[2]}.toml")
        if not file.is_file():
            raise ConfigurationError(f"nothing bundled is called {source}; name a TOML file, or one that is")
        return source, file.read_text("utf-8")
    path = Path(source)
    try:
        return str(path), path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file") from None
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
