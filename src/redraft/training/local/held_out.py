"""Held-out rows answered by the model as it stands: greedily, in batches, and gone on with after a kill.

Neighbours: `points` asks for it before the first phase and after each.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, whole_file
from redraft.records import CurriculumRow
from redraft.training.local.encoding import Encoded
from redraft.training.local.parts import lines_in, whole_batches
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.stopping import Stop, StoppedError
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

# A row's place among those asked, and what was answered.
_Line = tuple[int, str]


class Answerer:
    """A model with its tokenizer, which writes at most `max_output_tokens` tokens to a row, without sampling."""

    def __init__(self, model: Any, tokenizer: Any, settings: CurriculumSettings, device: Any) -> None:
        self._torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer
        config = model.config
        self._how = transformers.GenerationConfig(
            max_new_tokens=settings.max_output_tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=config.pad_token_id,
            eos_token_id=config.eos_token_id,
            decoder_start_token_id=config.decoder_start_token_id,
        )

    def answers(self, inputs: Sequence[Sequence[int]]) -> list[str]:
        """What is answered to inputs of token ids, each in one line of text."""
        if not inputs:
            return []
        batch = self._tokenizer.pad({"input_ids": list(inputs)}, return_tensors="pt").to(self._model.device)
        with self._torch.inference_mode():
            written = self._model.generate(**batch, generation_config=self._how)
        return [text.strip() for text in self._tokenizer.batch_decode(written, skip_special_tokens=True)]


def write_answers(
    answerer: Answerer,
    rows: Sequence[CurriculumRow],
    encoded: Encoded,
    path: Path,
    batch: int,
    world: World,
    stop: Stop,
    teller: Teller,
) -> None:
    """The file of predictions at `path`, whole: a line a row, in their order. What was answered before a kill lies in a
    file beside it, batch by batch, and is not answered again. Raises StoppedError between batches where that was asked.
    """
    if world.agreed(path.exists()):
        return
    part = path.with_name(f".{path.name}.part")
    batches = _batches(encoded, batch)
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        done: int = world.agreed(whole_batches(part, batches, _Line) if world.first else 0)
    for start in range(done, len(batches), world.size):
        if world.any(stop.asked):
            raise StoppedError(f"stopped while {path.stem} was evaluated; run it again to go on")
        own = batches[start + world.rank] if start + world.rank < len(batches) else []
        answers = list(zip(own, answerer.answers([encoded.inputs(place) for place in own]), strict=True))
        gathered = world.gathered(answers)
        if world.first:
            with storage_faults(path), part.open("ab", buffering=0) as file:
                file.write(b"".join(msgspec.json.encode(line) + b"\n" for lines in gathered for line in lines))
        teller.beat()
    if world.first:
        _join(path, part, rows)
    world.wait()


def _batches(encoded: Encoded, size: int) -> list[list[int]]:
    """The rows' places, the longest first: a batch is of like lengths, and memory runs out at once or never."""
    order = sorted(range(len(encoded)), key=lambda place: -len(encoded.inputs(place)))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _join(path: Path, part: Path, rows: Sequence[CurriculumRow]) -> None:
    answers = dict(lines_in(part, _Line))
    with whole_file(path) as file:
        for place, row in enumerate(rows):
            line = {
                "id": row.id or f"row {place + 1}",
                "group": row.group,
                "input": row.input,
                "prediction": answers[place],
                "answer": row.gold,
                "aliases": row.aliases,
                "negative": row.negative,
            }
            file.write(msgspec.json.encode(line) + b"\n")
    part.unlink()
