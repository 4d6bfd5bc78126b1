"""Tiny causal models with random weights and tokenizers of their own, built on the spot: rehearsals need no download.

Gemma's kind has one matrix for embeddings and last layer, Llama's has two. Neighbour: `redraft.training.local.tiny`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from redraft.training.local.building import building, byte_level_bpe, save_byte_level
from redraft.training.local.models import quiet_transformers, require_local

Family = Literal["gemma", "llama"]
NAMES: dict[Family, str] = {
    "gemma": "tiny-gemma (random weights)",
    "llama": "tiny-llama (random weights)",
}
PAD, END, BEGIN, UNKNOWN = "<pad>", "<eos>", "<bos>", "<unk>"
_POSITIONS = 2048


def build_tiny(
    texts: Iterable[str],
    folder: Path,
    seed: int,
    family: Family = "gemma",
    *,
    vocabulary: int = 2000,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
) -> Path:
    """Builds the model in `folder`, whole or not at all, and returns it. Raises ConfigurationError without the extra
    `local`.

    The tokenizer is byte-level BPE of at most `vocabulary` tokens trained on `texts`: every text can be written with
    it. `width` is the size of an embedding.
    """
    require_local()
    transformers = quiet_transformers()
    tokenizer = train_tokenizer(texts, vocabulary)
    with building(folder, NAMES[family], seed) as aside:
        save_tokenizer(tokenizer, aside)
        sizes = {
            "vocab_size": tokenizer.get_vocab_size(),
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": max(1, heads // 2),
            "head_dim": width // heads,
            "max_position_embeddings": _POSITIONS,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "bos_token_id": 2,
        }
        _model(transformers, family, sizes).save_pretrained(aside)
    return folder


def _model(transformers: Any, family: Family, sizes: dict[str, int]) -> Any:
    if family == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, tie_word_embeddings=False))
    config = transformers.Gemma3TextConfig(
        **sizes, tie_word_embeddings=True, sliding_window=64, query_pre_attn_scalar=sizes["head_dim"]
    )
    return transformers.Gemma3ForCausalLM(config)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer that begins every text with its mark, as Gemma's and Llama's do."""
    tokenizers: Any = importlib.import_module("tokenizers")
    tokenizer = byte_level_bpe(texts, vocabulary, [PAD, END, BEGIN, UNKNOWN], UNKNOWN, prefix_space=False)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A $B", special_tokens=[(BEGIN, 2)]
    )
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """The files that transformers loads a tokenizer from."""
    save_byte_level(tokenizer, folder, pad_token=PAD, eos_token=END, bos_token=BEGIN, unk_token=UNKNOWN)
