"""Causal models and their tokenizers, loaded as they are trained and asked here.

Neighbours: `redraft.training.local.models` finds them; `prepared` gives them the tokens that they lack.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.errors import ConfigurationError, InputError
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.preference_settings import RewardSettings
from redraft.training.adapting.settings import LoraSettings
from redraft.training.local.models import load_tokenizer, quiet_transformers, require_local

# The configuration of a saved adapter.
ADAPTER = "adapter_config.json"
_FIRST_WORDS = 200


def require_adapting() -> None:
    """Raises ConfigurationError where the extra `local` is not installed, or cannot be imported."""
    require_local()
    try:
        importlib.import_module("peft")
    except (ImportError, OSError) as error:
        raise ConfigurationError(
            f"adapters need the extra local, and peft is missing ({first_words(error)}): pip install 'redraft[local]'"
        ) from None


def load_causal(folder: Path, dtype: Any = "auto") -> Any:
    """The causal model in a folder, in numbers of `dtype` (torch's; "auto": as it was saved)."""
    transformers: Any = quiet_transformers()
    try:
        return transformers.AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True, dtype=dtype)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f"{folder}: no usable causal model ({first_words(error)}); give one such as Gemma") from error


def load_adapter(model: Any, folder: Path, *, trained: bool = False) -> Any:
    """The model with the adapter in `folder`; `trained`: it can be trained further."""
    peft: Any = importlib.import_module("peft")
    try:
        with quiet_peft():
            return peft.PeftModel.from_pretrained(model, str(folder), is_trainable=trained, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{folder}: no adapter to this model ({first_words(error)})") from error


def new_adapter(model: Any, settings: LoraSettings | RewardSettings, task: str, **more: Any) -> Any:
    """The model with an adapter for a `task` of peft's, which alone is trained, in 32-bit numbers. `more` goes to peft.
    Raises ConfigurationError where the model has none of the modules."""
    peft: Any = importlib.import_module("peft")
    torch: Any = importlib.import_module("torch")
    every = settings.target_modules == "all-linear"
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.target_modules if every else settings.target_modules.split(","),
        task_type=task,
        **more,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        try:
            with quiet_peft():
                model = peft.get_peft_model(model, config)
        except ValueError as error:
            raise ConfigurationError(f"target modules {settings.target_modules}: {first_words(error)}") from error
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return model


@contextmanager
def quiet_peft() -> Generator[None]:
    """Inside, peft 0.21 is not warned of a name that transformers 5.23 is about to give up."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def causal_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder, with a token to fill up batches with: the end where it has none of its own. Filling
    is never learned or read. Raises InputError where it has neither."""
    tokenizer = load_tokenizer(folder)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise InputError(f"{folder}: its tokenizer has no end and nothing to fill batches with; give another model")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def single_ids(tokenizer: Any, words: Sequence[str]) -> list[int]:
    """The token of each word. Raises ConfigurationError for one that is not one token wherever it stands."""
    for word in words:
        if not is_single(tokenizer, word):
            raise ConfigurationError(f"{word}: is not one token of this model; name it among the special tokens")
    return [tokenizer.convert_tokens_to_ids(word) for word in words]


def is_single(tokenizer: Any, word: str) -> bool:
    """Whether the word is one token, wherever it stands in a text."""
    known = tokenizer.convert_tokens_to_ids(word)
    if known is None or known == tokenizer.unk_token_id:
        return False
    return known in tokenizer(f"a{word}b", add_special_tokens=False)["input_ids"]


def stops(model: Any, tokenizer: Any, tokens: Tokens) -> list[int]:
    """The tokens at which an output ends: those of the plan, and the model's own ends."""
    own = model.generation_config.eos_token_id
    ends = [own] if isinstance(own, int) else list(own or [])
    return sorted({*single_ids(tokenizer, tokens.stop), *ends, tokenizer.eos_token_id} - {None})


def is_tied(model: Any) -> bool:
    """Whether embeddings and last layer are one matrix."""
    output = model.get_output_embeddings()
    return output is not None and output.weight is model.get_input_embeddings().weight


def require_positions(model: Any, max_tokens: int) -> None:
    """Raises ConfigurationError where the model has fewer positions than a row may have tokens."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if most is not None and max_tokens > most:
        raise ConfigurationError(f"max tokens {max_tokens:,}: this model reads {most:,} at most; lower it")


def first_words(error: BaseException) -> str:
    """What an error of a library says, in one line."""
    return " ".join(str(error).split())[:_FIRST_WORDS]
