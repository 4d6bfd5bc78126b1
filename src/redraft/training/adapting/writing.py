"""A model or an adapter that goes on with prompts: loaded once, asked in batches by `generating`, or one by one by
whoever talks with it.

Neighbours: `sampling` draws the tokens, `encoding` shortens prompts as those that were trained on, `bases` has models.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.bases import AdapterNotes, is_adapter, notes_in, prepared_of
from redraft.training.adapting.encoding import Encoder
from redraft.training.adapting.models import (
    causal_tokenizer,
    load_adapter,
    load_causal,
    require_adapting,
    require_positions,
    stops,
)
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.prepared import prepare_base
from redraft.training.adapting.rows import Prompt
from redraft.training.adapting.sampling import Drawer, chance, generation_config
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.spelling import Spelling
from redraft.training.local.models import find_base
from redraft.training.local.phases import precision


class Output(msgspec.Struct, frozen=True):
    """What was written: `text` without the token that ended it, `tokens` how many it has. `finish`: at a token that
    ends outputs, or where no more were allowed."""

    text: str
    finish: Literal["stop", "length"]
    tokens: int


class Writer:
    """A model on its device with its tokenizer, which writes as the settings say and ends at the tokens' ends."""

    def __init__(self, model: Any, tokenizer: Any, tokens: Tokens, settings: GenerationSettings) -> None:
        self._torch: Any = importlib.import_module("torch")
        require_positions(model, settings.max_tokens)
        self._model, self._tokenizer, self._settings = model.eval(), tokenizer, settings
        self._ends = frozenset(stops(model, tokenizer, tokens))
        self._encoder, self._spelling = Encoder(tokenizer, tokens, settings.max_tokens), Spelling(tokenizer, tokens)
        tokenizer.padding_side = "left"
        # In place of the model's own, whose penalties and bounds would hold where none is said here.
        model.generation_config = generation_config(tokenizer, settings.max_new_tokens, self._ends)

    def encoded(self, rows: Sequence[Prompt]) -> list[list[int] | None]:
        """The prompts as tokens that leave room for an output; None for one whose newest message alone is too long."""
        return self._encoder.prompts(rows, self._settings.max_tokens - self._settings.max_new_tokens)

    def write(self, prompts: Sequence[Sequence[int]], chances: Sequence[Random]) -> list[Output]:
        """One output to each prompt, drawn with its own random numbers."""
        batch = self._tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt").to(self._model.device)
        drawer = Drawer(self._settings, chances, len(self._tokenizer))
        with self._torch.inference_mode():
            written = self._model.generate(**batch, logits_processor=[drawer])
        return [self._output(ids) for ids in written[:, batch["input_ids"].shape[1] :].tolist()]

    def outputs(self, prompt: str, occurrence: int = 0) -> list[Output]:
        """The settings' number of outputs to one prompt; `occurrence`: how often it was asked before. Raises InputError
        for a prompt whose newest message alone is too long."""
        ids = self.encoded([Prompt(prompt)])[0]
        if ids is None:
            room = self._settings.max_tokens - self._settings.max_new_tokens
            raise InputError(f"the newest message has more than {room} tokens; shorten it")
        count = self._settings.outputs
        return self.write([ids] * count, [chance(self._settings.seed, prompt, occurrence, one) for one in range(count)])

    def _output(self, ids: list[int]) -> Output:
        end = next((place for place, one in enumerate(ids) if one in self._ends), None)
        own = ids if end is None else ids[:end]
        return Output(self._spelling.text(own), "length" if end is None else "stop", len(own))


def adapter_writer(
    folder: Path, notes: AdapterNotes, tokens: Tokens, settings: GenerationSettings, device: Any, work: Path
) -> Writer:
    """The adapter in a folder, with the model that it belongs to. Raises InputError where it was trained with other
    tokens, and where that model is gone."""
    if notes.tokens != tokens:
        raise InputError(f"{folder}: was trained with other special tokens than are planned; plan those")
    prepared = prepared_of(folder, notes, work)
    model = load_adapter(load_causal(prepared.path, numbers(settings, device)), folder)
    return Writer(model.to(device), causal_tokenizer(folder), tokens, settings)


def model_writer(folder: Path, tokens: Tokens, settings: GenerationSettings, device: Any) -> Writer:
    """The model in a folder, which knows the tokens."""
    model = load_causal(folder, numbers(settings, device))
    return Writer(model.to(device), causal_tokenizer(folder), tokens, settings)


def open_writer(model: str, tokens: Tokens | None, settings: GenerationSettings, work: Path) -> Writer:
    """A writer in this process, to talk with: of an adapter's folder, of a model's, or of an id at the Hub. Without
    `tokens` they are those that it was trained with.

    Raises ConfigurationError without the extra `local` and for a model that cannot be had, InputError.
    """
    require_adapting()
    torch: Any = importlib.import_module("torch")
    device = torch.device("cuda" if settings.device == "auto" and torch.cuda.is_available() else "cpu")
    if is_adapter(model):
        notes = notes_in(Path(model))
        return adapter_writer(Path(model), notes, tokens or notes.tokens, settings, device, work)
    base = find_base(model, None)
    known = tokens or notes_in(base.path).tokens
    return model_writer(prepare_base(base, known.special, work).path, known, settings, device)


def numbers(settings: GenerationSettings, device: Any) -> Any:
    """torch's type of the numbers that are computed with."""
    torch: Any = importlib.import_module("torch")
    half = precision(settings, on_cpu=device.type == "cpu")
    return torch.bfloat16 if half["bf16"] else torch.float16 if half["fp16"] else torch.float32
