"""A tiny T5 with random weights and a tokenizer of its own, built on the spot: rehearsals need no download.

It can learn what a few hundred rows teach and knows nothing else; its name says so. Neighbour: `models`.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.training.local.models import BUILT, quiet_transformers, require_local

NAME = "tiny-t5 (random weights)"
# As in T5: padding, end, unknown; the marks that its pretraining fills in come last, the first of them at the end.
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
_SENTINELS = 100


def build_tiny(
    texts: Iterable[str],
    folder: Path,
    seed: int,
    *,
    vocabulary: int = 4000,
    width: int = 96,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.0,
) -> Path:
    """Builds the model in `folder`, whole or not at all, and returns it. Raises ConfigurationError without the extra
    `local`.

    The tokenizer is byte-level BPE trained on `texts`: every text can be written with it, and nothing is unknown.
    `vocabulary` is the most tokens it has, `width` the size of an embedding, `layers` those of encoder and of decoder;
    so small a model learns better without `dropout`.
    With the defaults about 0.9 million parameters.
    """
    require_local()
    torch: Any = importlib.import_module("torch")
    transformers = quiet_transformers()
    tokenizer = train_tokenizer(texts, vocabulary)
    aside = folder.with_name(f".{folder.name}.building")
    with storage_faults(folder):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        save_tokenizer(tokenizer, aside)
        config = transformers.T5Config(
            vocab_size=_padded(tokenizer.get_vocab_size()),
            d_model=width,
            d_kv=width // heads,
            d_ff=2 * width,
            num_layers=layers,
            num_heads=heads,
            dropout_rate=dropout,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformers.T5ForConditionalGeneration(config).save_pretrained(aside)
        write_whole(aside / BUILT, json.dumps({"name": NAME}).encode())
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        sync_folder(folder.parent)
    return folder


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer with T5's special tokens, which ends every text with its end mark."""
    tokenizers: Any = importlib.import_module("tokenizers")
    spelling = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = spelling
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary - _SENTINELS,
        min_frequency=2,
        special_tokens=[PAD, END, UNKNOWN],
        initial_alphabet=spelling.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([f"<extra_id_{number}>" for number in reversed(range(_SENTINELS))])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, 1)]
    )
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """The files that transformers loads a tokenizer from."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "eos_token": END,
        "unk_token": UNKNOWN,
        "extra_ids": _SENTINELS,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _padded(count: int) -> int:
    """Rounded up to a multiple of eight, as matrices like it."""
    return -(-count // 8) * 8
