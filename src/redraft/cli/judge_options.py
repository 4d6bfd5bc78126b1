"""Options of the commands that ask judges, so that a judge is named and told the same way everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from redraft.cli import options

if TYPE_CHECKING:
    _Type = click.ParamType[Any, Any]
else:
    _Type = click.ParamType  # takes no arguments in older versions

# As in tasks.judge_panel, which takes long to import.
JUDGE = "meta-llama/Llama-3.3-70B-Instruct-Turbo"


class Looks(_Type):
    """A number of looks, evenly spread, or the shares of the contexts after which to look, up to 1."""

    name = "looks"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | list[float]:
        if not isinstance(value, str):
            return value
        try:
            return int(value) if "," not in value and "." not in value else [float(one) for one in value.split(",")]
        except ValueError:
            self.fail(f"{value} is neither a number of looks nor shares like 0.3,0.6,1", param, ctx)


def one_or_several(names: Sequence[str]) -> str | list[str]:
    """A single judge by its name alone, as deployments and older commands name it."""
    return names[0] if len(names) == 1 else list(names)


def _judges(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> str | list[str]:
    return one_or_several(value)


def named(judge: str | list[str]) -> str:
    """The judges in a sentence."""
    return judge if isinstance(judge, str) else " and ".join(judge)


judges = click.option(
    "--judge", "-j", multiple=True, default=(JUDGE,), show_default=True, callback=_judges, metavar="MODEL",
    help="The model that judges; given several times, they judge together.",
)  # fmt: skip
judge_prompt = click.option(
    "--judge-prompt", default="", metavar="FILE", help="What judges are asked, as a TOML file; default: the bundled."
)
criteria = click.option(
    "--criteria", default="", metavar="FILE",
    help="What makes the better answer, as a TOML file or a bundled name@version.",
)  # fmt: skip
judge_effort = click.option(
    "--judge-effort", type=click.Choice(["low", "medium", "high"]),
    help="How long judges may reason; for models that take such a setting.",
)  # fmt: skip
looks = click.option(
    "--looks", type=Looks(), metavar="N",
    help="Look N times on the way, or after shares like 0.3,0.6,1, and stop where the verdict is settled: what is not "
    "reached then is not paid.",
)  # fmt: skip


def asking(command: options.Command) -> options.Command:
    """How judges are called: price ahead, pace, batches, when a run is partial."""
    shared = (options.dry_run, options.pace, options.mode, options.check_interval, options.max_missing,
              options.credentials)  # fmt: skip
    for option in reversed(shared):
        command = option(command)
    return command
