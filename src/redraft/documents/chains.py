"""Which models write scenarios, documents and responses, and in which order they are asked.

The defaults are in chains.toml; `.redraft/chains.toml` of a user's own goes before them. Neighbours: the stages ask in
this order, `redraft.calling.chains` moves on from one to the next.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.providers.endpoints import canonical

Stage = Literal["scenarios", "documents", "responses"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def chain_of(stage: Stage, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """The models of a stage, canonical: those asked for, or the user's own file's, or the bundled ones.

    Raises ConfigurationError for a model twice, a name that is none, or a file that is not as it must be.
    """
    if asked:
        return _named(f"{stage} models", asked)
    own = _own(Home.of().path / "chains.toml")
    return own.get(stage) or _bundled()[stage]


@cache
def _bundled() -> dict[Stage, tuple[str, ...]]:
    text = files("redraft.documents").joinpath("chains.toml").read_text("utf-8")
    return _chains("chains.toml", tomllib.loads(text))


def _own(file: Path) -> dict[Stage, tuple[str, ...]]:
    try:
        return _chains(str(file), tomllib.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{file}: cannot be read ({fault}); mend it, or remove it") from None


def _chains(place: str, document: dict[str, Any]) -> dict[Stage, tuple[str, ...]]:
    found: dict[Stage, tuple[str, ...]] = {}
    for name, models in document.items():
        if name not in STAGES:
            raise ConfigurationError(f"{place}: there is no stage {name!r}; there are {', '.join(STAGES)}")
        if not isinstance(models, list) or not models:
            raise ConfigurationError(f'{place}: {name} is no list of models; write {name} = ["provider:model"]')
        listed = cast("list[Any]", models)
        if not all(isinstance(one, str) for one in listed):
            raise ConfigurationError(f"{place}: {name} holds something that is no model's name")
        found[name] = _named(f"{place}: {name}", cast("list[str]", listed))
    return found


def _named(place: str, models: Sequence[str]) -> tuple[str, ...]:
    try:
        named = tuple(canonical(one) for one in models)
    except ConfigurationError as fault:
        raise ConfigurationError(f"{place}: {fault}") from None
    if twice := sorted({one for one in named if named.count(one) > 1}):
        raise ConfigurationError(f"{place}: {twice[0]} stands twice; name each model once")
    return named
