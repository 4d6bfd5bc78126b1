"""Command-line options made from the declarations of the training settings, so that nothing is written twice.

Neighbours: `redraft.training.settings` declares, `finetune_command` takes them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from redraft.cli.whole_numbers import Whole
from redraft.real_numbers import Real
from redraft.training.setting_types import alternatives, bounds, choices, description
from redraft.training.settings import DEFAULTS, KINDS

if TYPE_CHECKING:
    _Type = click.ParamType[Any, Any]
else:
    _Type = click.ParamType  # takes no arguments in older versions

Command = TypeVar("Command", bound=Callable[..., Any])

# What is typed often, or has a better word on the command line.
ALSO = {"batch_size": ("-b",), "from_checkpoint": ("--continue-from",)}

# What true and false are called where a third word stands beside them.
_YES_NO = {"yes": True, "no": False}


class Several(_Type):
    """Values of one type with commas between them; of an option that may be given several times, see `flat`."""

    def __init__(self, inner: _Type) -> None:
        self.inner, self.name = inner, inner.name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        one = self.inner.get_metavar(param, ctx) or self.inner.name.upper()
        return f"{one}[,...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(self.inner.convert(one.strip(), param, ctx) for one in value.split(","))


def flat(_: click.Context, __: click.Parameter, given: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """All values in the order given, each once."""
    return tuple(dict.fromkeys(one for several in given for one in several))


def several_option(name: str, *also: str, default: Sequence[Any] | None = None) -> Callable[[Command], Command]:
    """The option of a setting that is tried with several values, as `--epochs 1,2 --epochs 4`; gives a tuple."""
    kind = Several(_type(KINDS[name]))
    return click.option(
        f"--{name.replace('_', '-')}", *also, type=kind, multiple=True, callback=flat,
        default=None if default is None else [tuple(default)], show_default=_said(default),
        help=f"{description(KINDS[name])} May be several.",
    )  # fmt: skip


def _said(default: Sequence[Any] | None) -> str | bool:
    return False if default is None else ",".join(map(str, default))


def setting_options(
    names: Iterable[str], declared: Mapping[str, Any] = KINDS, defaults: Mapping[str, Any] = DEFAULTS
) -> Callable[[Command], Command]:
    """Options for these settings, shown in this order; each is called as the setting, with hyphens. `declared` has
    their kinds, by default those of hosted training."""

    def add(command: Command) -> Command:
        for name in reversed(list(names)):
            command = _option(name, declared[name], defaults[name])(command)
        return command

    return add


def _option(name: str, kind: Any, default: Any) -> Callable[[Command], Command]:
    words = f"--{name.replace('_', '-')}"
    kinds = alternatives(kind)
    if len(kinds) == 1 and bounds(kinds[0])[0] is bool:
        pair = f"{words}/--no-{words[2:]}"
        return click.option(pair, default=default, show_default=default is True, help=description(kind))
    return click.option(
        words, *ALSO.get(name, ()), type=_type(kind), default=default, show_default=default is not None,
        help=description(kind),
    )  # fmt: skip


def _type(kind: Any) -> _Type:
    kinds = alternatives(kind)
    if len(kinds) > 1:
        return _OrWord(_type(kinds[0]), choices(kinds[1]))
    if words := choices(kinds[0]):
        return click.Choice(words)
    plain, meta = bounds(kinds[0])
    low, high = meta.ge if meta.gt is None else meta.gt, meta.le if meta.lt is None else meta.lt
    if plain is int:
        return Whole(min=_whole(low), max=_whole(high))
    if plain is float:
        high = None if high == sys.float_info.max else high
        return Real(min=low, max=high, min_open=meta.gt is not None, max_open=meta.lt is not None)
    return click.BOOL if plain is bool else click.STRING


def _whole(limit: float | None) -> int | None:
    return None if limit is None else int(limit)


class _OrWord(_Type):
    """A number, or yes and no, or one of a few words."""

    def __init__(self, inner: _Type, words: tuple[str, ...]) -> None:
        self.inner, self.words = inner, words
        self.name = "value"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        first = "yes|no" if self.inner is click.BOOL else "NUMBER"
        return f"[{'|'.join((first, *self.words))}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in self.words or not isinstance(value, str):
            return value
        if self.inner is click.BOOL:
            if value not in _YES_NO:
                self.fail(f"{value!r} is none of yes, no, {', '.join(self.words)}", param, ctx)
            return _YES_NO[value]
        try:
            return self.inner.convert(value, param, ctx)
        except click.BadParameter as fault:
            raise click.BadParameter(f"{fault.message.rstrip('.')} And it is not {' or '.join(self.words)}.") from None
