"""A model's weights and tokenizer in memory: safetensors alone, no code of the folder, nothing left to chance.

Neighbours: `folders` looked at the folder before, `answering` asks what is loaded here. transformers ships few types.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, cast

from redraft.errors import ConfigurationError, InputError, RedraftError
from redraft.serving.folders import ModelFolder
from redraft.serving.imitators import Imitator, load_imitator
from redraft.training.adapting.models import causal_tokenizer, stops

Device = Literal["auto", "cpu", "cuda"]
# Tokenizers without a limit of their own name 10^30.
_NO_LIMIT = 10**9
_EXTRA = "needs the extra local: pip install 'redraft[local]'"


class Loaded(NamedTuple):
    """`one_text`: a sequence-to-sequence model, which reads one text; else one that goes on with a conversation.

    `reads` is the most tokens that it reads, `positions` the most that it has places for: for what it writes, or for
    what it reads and writes together. None where nothing limits them. `closing` are the tokens that end an answer.
    `imitator` reads and writes for a model that imitates a person; such a one has `known` tokens, and rows to spare.
    """

    model: Any
    tokenizer: Any
    device: str
    one_text: bool
    reads: int | None
    positions: int | None
    closing: frozenset[int]
    padding: int
    imitator: Imitator | None = None
    known: int | None = None


def require_extra() -> None:
    """Raises ConfigurationError where the extra `local` is not installed; imports nothing of it."""
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ConfigurationError(f"serving a model {_EXTRA}")


def chosen_device(device: Device) -> str:
    """`cuda` where there is one, for `auto`. Raises ConfigurationError where it is asked for and missing, and where
    torch is there but cannot be imported."""
    # As in training: threads of torch that wait for each other sleep, and hold up nobody who wants a processor.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        torch: Any = import_module("torch")
        import_module("transformers")
    except (ImportError, OSError) as error:  # OSError: one of its libraries is not there
        said = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"torch or transformers cannot be imported ({said}); serving {_EXTRA}") from None
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise ConfigurationError("--device cuda: this torch finds no CUDA device; leave it out to serve on the CPU")
    return "cuda" if found and device != "cpu" else "cpu"


def load(folder: ModelFolder, device: str) -> Loaded:
    """The model of a folder. Raises InputError, in one line, for what transformers cannot load whole."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return _loaded_adapter(folder, device) if folder.is_adapter else _loaded(folder, device)
    except RedraftError:
        raise
    except Exception as fault:  # a broken folder ends in whatever its files lead to
        said = " ".join(str(fault).split())[:300]
        raise InputError(f"{folder.path}: cannot be loaded ({type(fault).__name__}: {said})") from fault


def _loaded(folder: ModelFolder, device: str) -> Loaded:
    transformers: Any = import_module("transformers")
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(folder.path, **where)
    one_text = bool(config.is_encoder_decoder)
    kind = transformers.AutoModelForSeq2SeqLM if one_text else transformers.AutoModelForCausalLM
    model, info = kind.from_pretrained(
        folder.path, config=config, use_safetensors=True, dtype="auto", output_loading_info=True, **where
    )
    if missing := sorted(info["missing_keys"]):
        # transformers would draw them by chance, and answer all the same.
        raise InputError(f"{folder.path}: {len(missing)} of its weights are not there, such as {missing[0]}; copy it")
    if folder.card.imitates and not one_text:
        return _imitating(folder, model.to(device), causal_tokenizer(folder.path), device)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder.path, **where)
    if not one_text and not tokenizer.chat_template:
        raise InputError(f"{folder.path}: its tokenizer has no chat template, so it can answer no messages; add one")
    closing = _closing(model, tokenizer)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(closing, default=0)
    model.generation_config = _plain(model, closing, padding)
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    # What a chat model reads and writes shares its places: one is kept for the answer.
    places = positions if positions is None or one_text else positions - 1
    reads = _least(folder.card.max_input_tokens or _limit(tokenizer), places)
    return Loaded(model.to(device).eval(), tokenizer, device, one_text, reads, positions, closing, padding)


def _loaded_adapter(folder: ModelFolder, device: str) -> Loaded:
    return _imitating(folder, *load_imitator(folder.path, device), device)


def _imitating(folder: ModelFolder, model: Any, tokenizer: Any, device: str) -> Loaded:
    tokens, named = folder.card.tokens, getattr(model.config.get_text_config(), "max_position_embeddings", None)
    places = _least(folder.card.max_tokens, named)
    if tokens is None or places is None:
        raise InputError(f"{folder.path}: says not how many tokens it reads; train it here, or copy its redraft.json")
    closing = frozenset(stops(model, tokenizer, tokens))
    model.generation_config = _plain(model, closing, tokenizer.pad_token_id)
    return Loaded(
        model.eval(), tokenizer, device, False, places - 1, places, closing, tokenizer.pad_token_id,
        Imitator(tokenizer, tokens, places), len(tokenizer),
    )  # fmt: skip


def _closing(model: Any, tokenizer: Any) -> frozenset[int]:
    named = model.generation_config.eos_token_id
    several = cast("list[int | None]", named if isinstance(named, list) else [named])
    return frozenset(one for one in (*several, tokenizer.eos_token_id) if one is not None)


def _plain(model: Any, closing: frozenset[int], padding: int) -> Any:
    """The likeliest token each time, and no other setting than a call's own: folders may bring beams, penalties or
    sampling, which nobody asked for."""
    from transformers import GenerationConfig

    own = model.generation_config
    return GenerationConfig(
        eos_token_id=sorted(closing) or None, pad_token_id=padding, bos_token_id=own.bos_token_id,
        decoder_start_token_id=own.decoder_start_token_id, forced_bos_token_id=own.forced_bos_token_id,
        do_sample=False, num_beams=1,
    )  # fmt: skip


def _limit(tokenizer: Any) -> int | None:
    return tokenizer.model_max_length if tokenizer.model_max_length < _NO_LIMIT else None


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
