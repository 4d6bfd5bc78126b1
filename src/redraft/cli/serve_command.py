"""`redraft serve`: models on this machine answer over OpenAI's chat protocol, as `local:NAME` and to any client.

Neighbour: `redraft.serving` does it; torch is imported only there, late.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redraft.serving.folders import ModelFolder
    from redraft.serving.loading import Device


@click.command("serve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL_FOLDER...")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8001, show_default=True,
    help="Port to listen on; 0 is any free one.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; there is no key.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
    help="Where the models run; auto takes a GPU where there is one.",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(1, 256), default=32, show_default=True,
    help="Calls that are answered together at most.",
)  # fmt: skip
def serve_command(models: tuple[str, ...], port: int, host: str, device: Device, batch: int) -> None:
    """Serve models on this machine over OpenAI's chat protocol, until Ctrl-C.

    MODEL_FOLDER is what a training or save_pretrained wrote, with weights as safetensors: a sequence-to-sequence model
    such as T5, a chat model with its adapter merged, or the adapter that redraft chat train wrote, which replies as the
    person it imitates. A model's name is its folder's, or NAME=FOLDER. Evaluate it as local:NAME.
    """
    with one_line_for_faults():
        _serve(models, port, host, device, batch)


def _serve(words: Sequence[str], port: int, host: str, device: Device, batch: int) -> None:
    from redraft.serving.answering import LocalModel
    from redraft.serving.folders import named_folders
    from redraft.serving.loading import chosen_device, require_extra
    from redraft.serving.server import is_loopback, listening_socket, serve
    from redraft.training.purged_models import PURGED, WORDS, is_marked

    folders = named_folders(words)
    with listening_socket(host, port) as bound:
        require_extra()  # last, as what was typed can be mended without it
        place, number = bound.getsockname()[:2]
        where = f"[{place}]" if ":" in place else place
        if not is_loopback(bound):
            click.echo(f"redraft: whoever reaches {where}:{number} may ask; there is no key", err=True)
        for folder in folders:
            if is_marked(folder.path):
                click.echo(f"redraft: {folder.path}: {PURGED}: {WORDS}", err=True)
        found = chosen_device(device)
        click.echo(f"loading {', '.join(folder.name for folder in folders)} on {found}", err=True)
        loaded = [LocalModel(folder, found) for folder in folders]

        def ready() -> None:
            for folder in folders:
                click.echo(_intent(folder, f"http://{where}:{number}/v1"))
            click.echo("Ctrl-C ends it", err=True)

        asyncio.run(serve(loaded, bound, batch, ready))


def _intent(folder: ModelFolder, address: str) -> str:
    note = " (trained on simulated data: its answers are marked simulated)" if folder.card.simulated else ""
    return f"serve local:{folder.name} at {address}{note}"
