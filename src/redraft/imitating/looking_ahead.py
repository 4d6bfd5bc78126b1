"""What a low-rank training on chats will take, before anything of it is done: rows, tokens, steps, memory, and on which
tokens the loss is.

Neighbours: `redraft.training.adapting` does it; torch is imported in a process beside this one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.beside import Helper
from redraft.imitating.given_rows import GivenRows
from redraft.imitating.tokens import TOKENS
from redraft.training.adapting.rows import Row
from redraft.training.adapting.settings import LoraSettings
from redraft.training.adapting.shown_row import ShownRow
from redraft.training.local.prerequisites import started


class RowsAhead(msgspec.Struct, frozen=True, kw_only=True):
    """Of `given` rows so many are `used`, of them `shortened` without their oldest messages; the others' newest message
    alone is too long. The longest used one has `longest` tokens."""

    given: int
    used: int
    shortened: int
    longest: int


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """What a training takes. `needed` and `free` are bytes of memory on the `device`; `row` is the first as it is
    trained on."""

    trained: RowsAhead
    held_out: RowsAhead | None
    steps: int
    needed: int
    free: int
    device: str
    row: ShownRow

    @property
    def in_words(self) -> list[str]:
        """A line for each."""
        named = (("to train on", self.trained), ("held out", self.held_out))
        return [
            *(line for what, rows in named if rows is not None for line in _in_words(what, rows)),
            f"{self.steps:,} steps",
            f"about {self.needed / 1e9:.1f} GB of memory needed on the {self.device}, {self.free / 1e9:.1f} GB free"
            + ("; that is too much: lower --batch-size or --max-tokens" if self.needed > self.free else ""),
            f"the first row is {self.row.in_words}",
        ]


async def look_ahead(
    base: Path | None, rows: GivenRows, held_out: GivenRows | None, settings: LoraSettings, launcher: Sequence[str] = ()
) -> Ahead:
    """Everything counted with the tokenizer of the model in the folder `base`; without one, with that of a tiny model,
    as a training would build it.

    Raises InputError for rows that cannot be trained on, and ConfigurationError for a model that cannot be.
    """
    together = started(launcher) or settings.processes
    helper = Helper()
    try:
        return msgspec.convert(await helper.run(_looked, base, rows, held_out, settings, together), Ahead)
    finally:
        await helper.close()


def _looked(
    base: Path | None, rows: GivenRows, held_out: GivenRows | None, settings: LoraSettings, together: int
) -> dict[str, Any]:
    from redraft.training.adapting.models import require_adapting
    from redraft.training.adapting.tiny import build_tiny

    require_adapting()
    if base is not None:
        return _counted(base, rows, held_out, settings, together)
    with tempfile.TemporaryDirectory() as folder:
        texts = (row.prompt + row.completion for row in _rows(rows))
        return _counted(build_tiny(texts, Path(folder) / "tiny", settings.seed), rows, held_out, settings, together)


def _counted(
    base: Path, rows: GivenRows, held_out: GivenRows | None, settings: LoraSettings, together: int
) -> dict[str, Any]:
    from importlib import import_module

    from redraft.training.adapting.encoding import Encoder, Examples
    from redraft.training.adapting.memory import estimate
    from redraft.training.adapting.models import causal_tokenizer
    from redraft.training.adapting.prepared import add_tokens
    from redraft.training.adapting.shown_row import shown_row
    from redraft.training.adapting.steps import steps_of_epoch
    from redraft.training.local.memory import free_memory
    from redraft.training.local.phases import precision

    torch: Any = import_module("torch")
    tokenizer = causal_tokenizer(base)
    add_tokens(tokenizer, TOKENS.special)
    encoder = Encoder(tokenizer, TOKENS, settings.max_tokens)
    encoded = [
        (one.rows, encoder.rows(list(_rows(one)), one.path)) for one in (rows, held_out) if one is not None
    ]  # fmt: skip
    ahead = [
        RowsAhead(given=given, used=len(some.encoded), shortened=some.shortened, longest=some.longest)
        for given, some in encoded
    ]
    on_cpu = settings.device == "cpu" or not torch.cuda.is_available()
    half = any(precision(settings, on_cpu=on_cpu).values())
    longest = max(one.longest for one in ahead)
    needed = estimate(base, settings, longest, half=half, on_cpu=on_cpu).total
    trained = encoded[0][1].encoded
    return msgspec.to_builtins(
        Ahead(
            trained=ahead[0],
            held_out=ahead[1] if len(ahead) > 1 else None,
            steps=settings.epochs * steps_of_epoch(len(trained), settings),
            needed=needed * (together if on_cpu else 1),
            free=free_memory(on_cpu),
            device="CPU" if on_cpu else "GPU",
            row=shown_row(tokenizer, Examples(trained)[0]),
        )
    )


def _rows(given: GivenRows) -> Iterator[Row]:
    return (msgspec.json.decode(line, type=Row) for line in given.lines())


def _in_words(what: str, rows: RowsAhead) -> Iterator[str]:
    yield f"{rows.used:,} rows {what}, of at most {rows.longest:,} tokens"
    left_out = rows.given - rows.used
    if rows.shortened or left_out:
        yield (
            f"of {rows.given:,} rows {what} {rows.shortened:,} lose their oldest messages, and {left_out:,} are left "
            "out, as their newest message alone is too long; a larger --max-tokens keeps them"
        )
