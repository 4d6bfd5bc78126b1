"""Which traits single answers are scored on: a versioned file that a user can replace, checked when it is loaded.

The bundled ones lie in criteria/. Neighbours: `ratings` asks for the scores and reads them, `traits` compares two
models by them.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError

FORMAT = "redraft.traits@1"
DEFAULT = "collaborative@1"
# Names are fields of the judge's JSON answer.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BUNDLED = re.compile(r"([a-z][a-z0-9_-]*)@([0-9]+)")


class Scale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lowest and highest score; everything between them, decimals too, is a score."""

    low: float
    high: float


class Trait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trait: `name` in data, `label` for people, and `anchors`, score → what an answer with that score is like."""

    name: str
    description: str
    anchors: dict[float, str]
    label: str = ""

    @property
    def title(self) -> str:
        return self.label or self.name


class Rubric(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A set of traits. Two rubrics with equal `digest` ask for the same, whatever their names."""

    name: str
    version: int
    scale: Scale
    traits: tuple[Trait, ...]

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(trait.name for trait in self.traits)

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) of scale and traits: an edited file cannot pass for the one that it was."""
        content = (
            self.scale.low,
            self.scale.high,
            [(t.name, t.description, sorted(t.anchors.items())) for t in self.traits],
        )
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    name: str
    version: int
    scale: Scale
    traits: tuple[Trait, ...]


def load_rubric(source: str | Path = DEFAULT) -> Rubric:
    """The rubric in a TOML file, or a bundled one by `name@version`.

    Raises ConfigurationError, one line with file, place and fault, for a file that is not there or not as described
    in criteria/collaborative-1.toml.
    """
    place, text = _text(source)
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{place}: no TOML ({fault})") from None
    if document.get("format") != FORMAT:
        raise ConfigurationError(f'{place}: the file begins with format = "{FORMAT}", not {document.get("format")!r}')
    try:
        file = msgspec.convert(document, _File, str_keys=True)
    except msgspec.ValidationError as fault:
        # TOML reads 1.5 = "..." as a table 1 with a key 5.
        hint = '; an anchor with a point stands in quotes, as in "1.5"' if "anchors[" in str(fault) else ""
        raise ConfigurationError(f"{place}: {fault}{hint}") from None
    if found := _fault(file):
        raise ConfigurationError(f"{place}: {found}")
    return Rubric(name=file.name, version=file.version, scale=file.scale, traits=file.traits)


def _text(source: str | Path) -> tuple[str, str]:
    """What to call the file in messages, and its text."""
    if isinstance(source, str) and (bundled := _BUNDLED.fullmatch(source)):
        file = files("redraft.judging").joinpath("criteria", f"{bundled[1]}-{bundled[2]}.toml")
        if not file.is_file():
            raise ConfigurationError(f"no bundled traits are called {source}; {DEFAULT} are, or name a TOML file")
        return source, file.read_text("utf-8")
    path = Path(source)
    try:
        return str(path), path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; bundled traits are called like {DEFAULT}") from None
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None


def _fault(file: _File) -> str:
    """What is wrong with a file whose fields all have their types; "" for nothing."""
    low, high = file.scale.low, file.scale.high
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return f"scale: low is {low:g} and high {high:g}; low lies below high"
    if not _NAME.fullmatch(file.name.replace("-", "_")) or file.version < 1:
        return f"name {file.name!r}, version {file.version}: small letters, digits, - and _; a version from 1 on"
    if not file.traits:
        return "there are no [[traits]]"
    seen: set[str] = set()
    for trait in file.traits:
        if not _NAME.fullmatch(trait.name):
            return f"trait {trait.name!r}: a name has small letters, digits and _, 40 at most, and begins with a letter"
        if trait.name in seen:
            return f"trait {trait.name!r} stands there twice"
        seen.add(trait.name)
        if not trait.description.strip():
            return f"trait {trait.name!r} has no description"
        if fault := _anchor_fault(trait, file.scale):
            return f"trait {trait.name!r}: {fault}"
    return ""


def _anchor_fault(trait: Trait, scale: Scale) -> str:
    for score, text in trait.anchors.items():
        if not scale.low <= score <= scale.high:
            return f"the anchor {score:g} lies outside the scale {scale.low:g} to {scale.high:g}"
        if not text.strip():
            return f"the anchor {score:g} has no text"
    missing = [end for end in (scale.low, scale.high) if end not in trait.anchors]
    return f"an anchor for {missing[0]:g} is missing; both ends of the scale need one" if missing else ""
