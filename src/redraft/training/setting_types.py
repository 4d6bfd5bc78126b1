"""The kinds of values that training settings take: their bounds, how a wrong one is refused, and what to say of them.

Neighbours: `settings` declares its fields with these; the command line makes its options from the same declarations.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError

# Without an upper bound infinity would pass.
_MOST = sys.float_info.max

Count = Annotated[int, Meta(ge=1)]
Whole = Annotated[int, Meta(ge=0)]
# What the libraries that train take for one.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
ShareBelowOne = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=_MOST)]
NotNegative = Annotated[float, Meta(ge=0, le=_MOST)]
# Names go into URLs and file names there; a blank or a line break in one is a slip of the pen.
Name = Annotated[str, Meta(pattern=r"\A[^\s\x00-\x1f\x7f]+\Z", max_length=200)]
Checkpoint = Annotated[str, Meta(pattern=r"\A[^\s:\x00-\x1f\x7f]+(:\d+)?\Z", max_length=300)]
Address = Annotated[str, Meta(pattern=r"\Ahttps?://[^\s@?#]+\Z", max_length=300)]
Modules = Annotated[str, Meta(pattern=r"\A[a-z0-9_-]+(,[a-z0-9_-]+)*\Z")]
Path = Annotated[str, Meta(min_length=1)]

# What a pattern says, in words.
_PATTERNS = {
    get_args(kind)[1].pattern: words
    for kind, words in (
        (Name, "a name without blanks"),
        (Checkpoint, "a job or a model, where wanted with the step behind a colon (ft-1234:50)"),
        (Address, "an address, http://host or https://host, without user, password and parameters"),
        (Modules, "module names with commas between them, such as q_proj,v_proj, or all-linear"),
    )
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
# Words of setting names that are written otherwise in a sentence.
_WORDS = {
    "lora": "LoRA", "dpo": "DPO", "rpo": "RPO", "simpo": "SimPO", "lr": "learning rate", "wandb": "W&B", "hf": "HF",
}  # fmt: skip


def number(value: float) -> str:
    """A number as people write it: 100,000,000 and not 1e+08, but 1e-05."""
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def label(name: str) -> str:
    """`lora_rank` as it reads in a sentence: LoRA rank."""
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def require_kind(name: str, value: object, kind: Any) -> None:
    """ConfigurationError, in one line with what would be right, where `value` is none of `kind`.

    True is no whole number here, and neither is 2.0. An address is not repeated: it may hold a password.
    """
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        shown = "" if Address in alternatives(kind) else f" {value!r}"
        raise ConfigurationError(f"{label(name)}{shown}: must be {expected(kind)}") from None


def expected(kind: Any) -> str:
    """The values of a kind in words: `a whole number, at least 1, or max`."""
    words = [_expected(one) for one in alternatives(kind)]
    return f"{', '.join(words[:-1])}, or {words[-1]}" if len(words) > 1 else words[0]


def alternatives(kind: Any) -> list[Any]:
    """The kinds that a value may be of, without None and without what is only said about the field."""
    if get_origin(kind) is Annotated:
        inner = get_args(kind)[0]
        return alternatives(inner) if get_args(inner) and not _literal(inner) else [kind]
    if _literal(kind) or not get_args(kind):
        return [kind]
    return [one for part in get_args(kind) if part is not type(None) for one in alternatives(part)]


def bounds(kind: Any) -> tuple[type, Meta]:
    """(the plain type, its bounds) of one alternative."""
    if get_origin(kind) is Annotated:
        return get_args(kind)[0], get_args(kind)[1]
    return kind, Meta()


def limits(kind: Any) -> dict[str, float]:
    """The bounds of one alternative that is a number, by the names `ge`, `gt`, `le`, `lt`; finite ones alone."""
    _, meta = bounds(kind)
    named = {"ge": meta.ge, "gt": meta.gt, "le": meta.le, "lt": meta.lt}
    return {name: limit for name, limit in named.items() if limit is not None and limit != _MOST}


def optional(kind: Any) -> bool:
    """Whether None is a value of the kind."""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return type(None) in get_args(inner)


def description(kind: Any) -> str:
    """What a declaration says of its field."""
    return next((meta.description for meta in getattr(kind, "__metadata__", ()) if meta.description), "")


def choices(kind: Any) -> tuple[str, ...]:
    """The words of a Literal, nothing of any other kind."""
    plain, _ = bounds(kind)
    return tuple(str(word) for word in get_args(plain)) if _literal(plain) else ()


def _literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _expected(kind: Any) -> str:
    if words := choices(kind):
        return " or ".join(words)
    plain, meta = bounds(kind)
    if plain is bool:
        return "true or false"
    if plain is str:
        return _PATTERNS.get(meta.pattern or "", "a word")
    what = "a whole number" if plain is int else "a number"
    parts = [f"{_LIMITS[name]} {number(limit)}" for name, limit in limits(kind).items()]
    return ", ".join([what, " and ".join(parts)]) if parts else what
