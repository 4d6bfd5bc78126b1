"""Models whose weights are written by hand, so that every answer is known: a T5 and a Llama that name colours.

Each token is a dimension of its own, attention is uniform, and the last layer is a table of which word follows which:
a text with a colour is answered `It is COLOUR .`, any other `I do not know .`. With several colours in a text the
commonest is named, and of equally common ones the first in COLOURS, or any of them with a temperature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLOURS = ("blue", "green", "red", "white")
_MARKS = ("<pad>", "</s>", "<unk>", "<user>", "<model>")
_WORDS = ("It", "is", "I", "do", "not", "know", ".", ":", "the", "house", "a")
# What attention writes down of a colour that it sees: no word, so that seeing it is not the same as saying it.
_SEEN = tuple(f"seen {colour}" for colour in COLOURS)
VOCABULARY = {word: place for place, word in enumerate((*_MARKS, *_WORDS, *COLOURS, *_SEEN))}
SIZE = len(VOCABULARY)
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<{{ 'user' if m.role == 'user' else 'model' }}> {{ m.content }} {% endfor %}<model>"
)
Weights = dict[str, NDArray[np.float32]]


def make_t5(folder: Path, **card: Any) -> Path:
    """The folder of the T5, with `card` as its redraft.json where there is one."""
    ones, none = np.ones(SIZE, np.float32), np.zeros((SIZE, SIZE), np.float32)
    weights: Weights = {"shared.weight": np.eye(SIZE, dtype=np.float32), "lm_head.weight": _follows("<pad>")}
    for stack, attentions in (("encoder", ["SelfAttention"]), ("decoder", ["SelfAttention", "EncDecAttention"])):
        for place, attention in enumerate(attentions):
            layer = f"{stack}.block.0.layer.{place}"
            weights |= {f"{layer}.{attention}.{name}.weight": none for name in "qkvo"}
            weights[f"{layer}.layer_norm.weight"] = ones
        weights[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = none[:32, :1]
        dense = f"{stack}.block.0.layer.{len(attentions)}"
        weights |= {f"{dense}.DenseReluDense.{name}.weight": none for name in ("wi", "wo")}
        weights |= {f"{dense}.layer_norm.weight": ones, f"{stack}.final_layer_norm.weight": ones}
    attention = "decoder.block.0.layer.1.EncDecAttention"
    weights |= {f"{attention}.v.weight": _seen(), f"{attention}.o.weight": np.eye(SIZE, dtype=np.float32)}
    config = {
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True,
        "vocab_size": SIZE, "d_model": SIZE, "d_kv": SIZE, "d_ff": SIZE, "num_layers": 1, "num_decoder_layers": 1,
        "num_heads": 1, "relative_attention_num_buckets": SIZE, "feed_forward_proj": "relu",
        "tie_word_embeddings": False, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    # What nobody asked for, and must not be done.
    generation = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1, "num_beams": 4, "max_length": 3}
    return _written(folder, weights, config, generation, {"model_max_length": 40}, card)


def make_llama(folder: Path, template: str | None = TEMPLATE, **card: Any) -> Path:
    """The folder of the chat model; it has places for 40 tokens."""
    none, layer = np.zeros((SIZE, SIZE), np.float32), "model.layers.0"
    ones = np.ones(SIZE, np.float32)
    weights: Weights = {"model.embed_tokens.weight": np.eye(SIZE, dtype=np.float32), "model.norm.weight": ones}
    weights |= {f"{layer}.self_attn.{name}_proj.weight": none for name in "qk"}
    weights |= {f"{layer}.self_attn.v_proj.weight": _seen()}
    weights |= {f"{layer}.self_attn.o_proj.weight": np.eye(SIZE, dtype=np.float32)}
    weights |= {f"{layer}.mlp.{name}_proj.weight": none for name in ("gate", "up", "down")}
    weights |= {f"{layer}.{name}_layernorm.weight": ones for name in ("input", "post_attention")}
    weights["lm_head.weight"] = _follows("<model>")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": SIZE, "hidden_size": SIZE,
        "intermediate_size": SIZE, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
        "head_dim": SIZE, "max_position_embeddings": 40, "tie_word_embeddings": False, "eos_token_id": 1,
    }  # fmt: skip
    settings = {} if template is None else {"chat_template": template}
    return _written(folder, weights, config, {"eos_token_id": 1}, settings, card)


def _follows(first: str) -> NDArray[np.float32]:
    """What follows which word: a row for each next token, a column for each dimension of what is known."""
    table = np.zeros((SIZE, SIZE), np.float32)
    chain = {"It": "is", "I": "do", "do": "not", "not": "know", "know": ".", ".": "</s>", **dict.fromkeys(COLOURS, ".")}
    for before, after in chain.items():
        table[VOCABULARY[after], VOCABULARY[before]] = 1e4
    table[VOCABULARY["I"], VOCABULARY[first]] = 0.1
    for colour in COLOURS:
        said, seen = VOCABULARY[colour], VOCABULARY[f"seen {colour}"]
        table[said, VOCABULARY["is"]], table[said, seen], table[VOCABULARY["It"], seen] = 1e4, 100, 300
    return table


def _seen() -> NDArray[np.float32]:
    table = np.zeros((SIZE, SIZE), np.float32)
    for colour in COLOURS:
        table[VOCABULARY[f"seen {colour}"], VOCABULARY[colour]] = 1
    return table


def _written(
    folder: Path, weights: Weights, config: object, generation: object, tokenizer: dict[str, Any], card: object
) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    whole = {name: np.ascontiguousarray(value) for name, value in weights.items()}
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    _save_tokenizer(folder / "tokenizer.json", closing="chat_template" not in tokenizer)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "eos_token": "</s>"}
    files = {"config": config, "generation_config": generation, "tokenizer_config": settings | tokenizer}
    for name, value in (files | ({"redraft": card} if card else {})).items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def _save_tokenizer(path: Path, *, closing: bool) -> None:
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(VOCABULARY, "<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(list(_MARKS))
    if closing:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing("$A </s>", "$A $B </s>", [("</s>", 1)])
    tokenizer.save(str(path))
