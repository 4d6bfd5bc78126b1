"""A model prepared for the tokens of a plan: those that it lacks are added, its embeddings grow where they must, and it
is saved, once for all runs. An adapter belongs to that prepared model and to no other.

A model whose matrix has rows to spare, as many have, does not grow; one that knows all tokens is taken as it is.
Neighbours: `models` loads, `redraft.training.local.models` finds the model as it was published.
"""

from __future__ import annotations

import hashlib
import importlib
import shutil
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.errors import TrainingError
from redraft.training.adapting.models import causal_tokenizer, is_single, is_tied, load_causal
from redraft.training.local.models import BUILT, Base, folder_revision

ABOUT = "redraft.json"
# Matrices are as computers like them with a multiple of so many rows.
_MULTIPLE = 8
# New rows lie around the mean of the known ones, apart by this share of their spread: a row far off would spoil the
# logits of all others, and equal ones could not be told from each other.
_SPREAD = 0.1


class PreparedBase(msgspec.Struct, frozen=True, kw_only=True):
    """A model that knows the plan's tokens, in `path`; `sha256` is `sha256:…` of its weights and settings, `new` the
    tokens that were added. `base_model` and `revision` say what it was made from."""

    path: Path
    sha256: str
    base_model: str
    revision: str
    special: tuple[str, ...] = ()
    new: tuple[int, ...] = ()


class _About(msgspec.Struct, frozen=True, kw_only=True):
    base_model: str
    revision: str
    special: tuple[str, ...]
    new: tuple[int, ...]
    format: int = 1


def prepare_base(base: Base, special: tuple[str, ...], work: Path) -> PreparedBase:
    """The model with these special tokens, out of the folder `work`/bases where it was prepared before.

    Raises InputError for what is no causal model, TrainingError where the saved one computes anything else.
    """
    tokenizer = causal_tokenizer(base.path)
    if all(is_single(tokenizer, token) for token in special):
        # Of a folder the revision is that checksum already; of the Hub's model it is the commit.
        own = base.revision if base.revision.startswith("sha256:") else folder_revision(base.path)
        return PreparedBase(
            path=base.path, sha256=own, base_model=base.name, revision=base.revision, special=special
        )  # fmt: skip
    folder = work / "bases" / _key(base, special)
    with storage_faults(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                _build(base, special, tokenizer, folder)
    return PreparedBase(
        path=folder,
        sha256=folder_revision(folder),
        base_model=base.name,
        revision=base.revision,
        special=special,
        new=new_in(folder),
    )


def new_in(folder: Path) -> tuple[int, ...]:
    """The tokens that were added to the model in a folder; none where it was not prepared here, as it knew them."""
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=_About).new
    except (FileNotFoundError, msgspec.ValidationError):
        return ()


def _key(base: Base, special: tuple[str, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode([1, base.revision, special])).hexdigest()[:32]


def _build(base: Base, special: tuple[str, ...], tokenizer: Any, folder: Path) -> None:
    torch: Any = importlib.import_module("torch")
    aside = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    model = load_causal(base.path)
    with torch.random.fork_rng(devices=[]):
        # The same wherever it is prepared, rows that only fill up the matrix too.
        torch.manual_seed(int(folder.name[:8], 16))
        new = _grow(model, tokenizer, special)
    model.save_pretrained(aside)
    tokenizer.save_pretrained(aside)
    if (base.path / BUILT).is_file():
        shutil.copyfile(base.path / BUILT, aside / BUILT)
    about = _About(base_model=base.name, revision=base.revision, special=special, new=new)
    write_whole(aside / ABOUT, msgspec.json.format(msgspec.json.encode(about)) + b"\n")
    probe = [*new, *range(min(new))][:64]
    if not torch.equal(_logits(model, probe), _logits(load_causal(aside), probe)):
        raise TrainingError(f"{base.name}: with new tokens it is read otherwise than it was saved; report this model")
    aside.rename(folder)
    sync_folder(folder.parent)


def _grow(model: Any, tokenizer: Any, special: tuple[str, ...]) -> tuple[int, ...]:
    """Adds the tokens that are not known, with rows for them; returns those."""
    new = add_tokens(tokenizer, special)
    tied = is_tied(model)
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=_MULTIPLE, mean_resizing=False)
    if is_tied(model) != tied:
        raise TrainingError("with new tokens the model's embeddings and last layer are no longer one; report this")
    layers = [model.get_input_embeddings(), *([] if tied else [model.get_output_embeddings()])]
    for layer in layers:
        _place(layer.weight, new)
    return tuple(new)


def add_tokens(tokenizer: Any, special: tuple[str, ...]) -> list[int]:
    """Has the tokenizer know these tokens; returns those that it did not, in their order."""
    unknown = [token for token in special if not is_single(tokenizer, token)]
    tokenizer.add_tokens(unknown, special_tokens=True)
    return sorted(tokenizer.convert_tokens_to_ids(token) for token in unknown)


def _place(weight: Any, new: list[int]) -> None:
    """Gives the new rows of a matrix their first values."""
    torch: Any = importlib.import_module("torch")
    with torch.no_grad():
        known = weight[: min(new)].float()
        noise = torch.randn((len(new), weight.shape[1]))
        rows = known.mean(0) + _SPREAD * known.std(0) * noise
        weight[new] = rows.to(weight.dtype)


def _logits(model: Any, ids: list[int]) -> Any:
    torch: Any = importlib.import_module("torch")
    with torch.inference_mode():
        return model.eval()(input_ids=torch.tensor([ids])).logits
