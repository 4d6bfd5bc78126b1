"""How a tiny model is built on the spot: in a folder beside its own, with a byte-level tokenizer, whole or not at all.

Neighbours: `tiny` builds a T5 so, `redraft.training.adapting.tiny` causal models.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.training.local.models import BUILT


@contextmanager
def building(folder: Path, name: str, seed: int) -> Generator[Path]:
    """The folder to save the model in, which takes the place of `folder`; inside, torch draws by the seed. `name` is
    what people call the model."""
    torch: Any = importlib.import_module("torch")
    aside = folder.with_name(f".{folder.name}.building")
    with storage_faults(folder):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield aside
        write_whole(aside / BUILT, json.dumps({"name": name}).encode())
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        sync_folder(folder.parent)


def byte_level_bpe(
    texts: Iterable[str], vocabulary: int, special: Sequence[str], unknown: str, *, prefix_space: bool
) -> Any:
    """A byte-level BPE tokenizer trained on the texts, of at most so many tokens: every text can be written with it.
    The special tokens come first."""
    tokenizers: Any = importlib.import_module("tokenizers")
    spelling = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=unknown))
    tokenizer.pre_tokenizer = spelling
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=list(special),
        initial_alphabet=spelling.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_byte_level(tokenizer: Any, folder: Path, **settings: Any) -> None:
    """The files that transformers loads the tokenizer from; `settings` name its special tokens."""
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", **settings, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
