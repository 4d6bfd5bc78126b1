"""Which makers' families a model's name tells of: judges favour relatives (Panickssery et al. 2024, arXiv 2404.13076).

Neighbours: `wording` warns of a judge related to what it judges, `panel` of judges related to each other.
"""

from __future__ import annotations

import re

from redraft.providers.endpoints import split_model

# Family → the words by which its models are called. A family that stands for its maker's others, since judges favour
# those too: Gemma is Google's as Gemini is.
_FAMILIES: dict[str, str] = {
    "llama": r"(?:code|tiny|open)?llama",
    "qwen": r"qwen|qwq|qvq",
    "mistral": r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|mathstral",
    "gemini": r"gemini|(?:code|med|shield|pali)?gemma",
    "claude": r"claude",
    "gpt": r"(?:chat)?gpt|davinci|o[134](?:-mini|-pro|-preview)?",
    "deepseek": r"deepseek",
    "phi": r"phi",
    "command": r"command|aya",
    "grok": r"grok",
    "kimi": r"kimi",
    "glm": r"(?:chat)?glm",
    "olmo": r"olmoe?",
    "nova": r"nova",
    "minimax": r"minimax",
    "granite": r"granite",
    "nemotron": r"nemotron",
}
# Whole words, with a number behind them or not: "dolphin" is no phi, "llama3" is a llama.
_PATTERNS = {name: re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z])") for name, words in _FAMILIES.items()}


def families(model: str) -> tuple[str, ...]:
    """All families that a model's name tells of, in the table's order: two where one was distilled into another.

    `model` is `provider:model` or a model of Together. None where the name tells of none, as a fine-tuned model's own
    name may: give its base model's then. Raises ConfigurationError for a provider that is none.
    """
    if not model:
        return ()
    name = split_model(model)[1].lower()  # without the provider: "ollama" is no llama
    return tuple(found for found, pattern in _PATTERNS.items() if pattern.search(name))


def family(model: str) -> str | None:
    """The first family that a model's name tells of, or None."""
    return next(iter(families(model)), None)


def related(first: str, second: str) -> str | None:
    """A family that both models are of, or None; the same model is its own relative, whatever it is called."""
    others = families(second)
    same = bool(first and second) and split_model(first)[1].lower() == split_model(second)[1].lower()
    return next((one for one in families(first) if one in others), "the same model" if same else None)
