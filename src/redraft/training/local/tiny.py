"""A tiny T5 with random weights and a tokenizer of its own, built on the spot: rehearsals need no download.

It can learn what a few hundred rows teach and knows nothing else; its name says so. Neighbour: `models`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from redraft.training.local.building import building, byte_level_bpe, save_byte_level
from redraft.training.local.models import quiet_transformers, require_local

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
    transformers = quiet_transformers()
    tokenizer = train_tokenizer(texts, vocabulary)
    with building(folder, NAME, seed) as aside:
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
        transformers.T5ForConditionalGeneration(config).save_pretrained(aside)
    return folder


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer with T5's special tokens, which ends every text with its end mark."""
    tokenizers: Any = importlib.import_module("tokenizers")
    tokenizer = byte_level_bpe(texts, vocabulary - _SENTINELS, [PAD, END, UNKNOWN], UNKNOWN, prefix_space=True)
    tokenizer.add_special_tokens([f"<extra_id_{number}>" for number in reversed(range(_SENTINELS))])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, 1)]
    )
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """The files that transformers loads a tokenizer from."""
    save_byte_level(tokenizer, folder, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, extra_ids=_SENTINELS)


def _padded(count: int) -> int:
    """Rounded up to a multiple of eight, as matrices like it."""
    return -(-count // 8) * 8
