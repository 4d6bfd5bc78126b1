"""Rewards of outputs: the number that a reward model gives to a prompt and an output, in the form that it was trained
on.

Neighbours: `reward` trains it, `pairs` makes the tokens, `best_of` and `rl` ask for rewards.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.errors import InputError
from redraft.training.adapting.bases import notes_in, prepared_of
from redraft.training.adapting.models import causal_tokenizer, first_words, load_adapter, quiet_peft
from redraft.training.adapting.pairs import PairEncoder
from redraft.training.adapting.rows import Row
from redraft.training.adapting.settings import Device
from redraft.training.local.models import quiet_transformers

# Says that an adapter is one of a reward model, and how good that is on pairs held out.
REWARD = "reward.json"


class Scorer:
    """A reward model on its device, which gives rewards in batches of at most `batch_size` outputs."""

    def __init__(self, model: Any, tokenizer: Any, encoder: PairEncoder, batch_size: int = 16) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._model, self._filling, self._encoder = model, tokenizer.pad_token_id, encoder
        self._batch = batch_size

    def scores(self, prompts: Sequence[str], outputs: Sequence[str]) -> list[float | None]:
        """The reward of each output to its prompt, with what ends it as completions have it; None where it does not
        fit with the prompt's newest message alone."""
        if not prompts:
            return []
        rows = [Row(prompt, output) for prompt, output in zip(prompts, outputs, strict=True)]
        encoded = self._encoder.outputs(rows, Path("outputs"))
        fitting = self.of_ids([ids for ids in encoded if ids is not None])
        found = iter(fitting)
        return [None if ids is None else next(found) for ids in encoded]

    def of_ids(self, rows: Sequence[list[int]]) -> list[float]:
        """The reward of each row of tokens. The model is left training where it was."""
        found, training = [0.0] * len(rows), self._model.training
        # Rows of like lengths together: little is filled up.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        self._model.eval()
        with self._torch.inference_mode():
            for start in range(0, len(order), self._batch):
                places = order[start : start + self._batch]
                for place, reward in zip(places, self._rewards([rows[place] for place in places]), strict=True):
                    found[place] = reward
        self._model.train(training)
        return found

    def _rewards(self, rows: Sequence[list[int]]) -> list[float]:
        width = max(map(len, rows))
        ids = [row + [self._filling] * (width - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
        device = self._model.device
        tensors = {"input_ids": self._torch.tensor(ids), "attention_mask": self._torch.tensor(mask)}
        return rewards_of(self._model, {name: one.to(device) for name, one in tensors.items()}).float().tolist()


def rewards_of(model: Any, inputs: dict[str, Any]) -> Any:
    """The rewards, shape (rows,), of tokens with their mask."""
    return model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False).logits[:, 0]


def load_unadapted(folder: Path, filling: int, seed: int, dtype: Any) -> Any:
    """The model in a folder with a new last layer that gives one number, its weights drawn from the seed."""
    transformers: Any = quiet_transformers()
    torch: Any = importlib.import_module("torch")
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return transformers.AutoModelForSequenceClassification.from_pretrained(
                str(folder), num_labels=1, pad_token_id=filling, local_files_only=True, dtype=dtype
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(
            f"{folder}: no model that can give rewards ({first_words(error)}); give one such as Gemma"
        ) from error


def open_scorer(folder: Path, work: Path, device: Device = "auto", batch_size: int = 16) -> Scorer:
    """The reward model in `model/` of its run, in this process. Raises InputError for a folder without one."""
    if not (folder / REWARD).is_file():
        raise InputError(f"{folder}: no reward model; give model/ of a run that trained one (kind reward)")
    torch: Any = importlib.import_module("torch")
    notes = notes_in(folder)
    tokenizer = causal_tokenizer(folder)
    base = load_unadapted(prepared_of(folder, notes, work).path, tokenizer.pad_token_id, 0, torch.float32)
    with quiet_peft():
        model = load_adapter(base, folder)
    model.to("cuda" if device == "auto" and torch.cuda.is_available() else "cpu")
    return Scorer(model, tokenizer, PairEncoder(tokenizer, notes.tokens, notes.max_tokens), batch_size)
