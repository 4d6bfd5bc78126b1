"""What a folder holds before anything of it is loaded: a model with weights as safetensors, and what redraft noted.

Neighbours: `answering` loads it; `redraft.training.local` writes such folders, with a `redraft.json` in them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from redraft.chat.rendering import END, REPLY
from redraft.errors import InputError
from redraft.training.adapting.plans import Tokens

CARD = "redraft.json"
_CONFIG = "config.json"
_ADAPTER = "adapter_config.json"
# Says that an adapter is one of a reward model.
_REWARD = "reward.json"
# Everything that a model's answers follow from, and no more: not what a trainer or a person left beside it.
_PARTS = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
_NOT_PARTS = frozenset({"trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What redraft's training notes beside a model; all of it by default where a model came from elsewhere.

    `serve_prefix` goes before each input. `max_input_tokens` counts the prefix and the closing mark too; None: what the
    tokenizer names. `max_output_tokens` is the longest answer that it was trained to give. `simulated`: what the model
    was trained on came from the sandbox. Of what is adapted, `tokens` structure its texts, and `max_tokens` count input
    and output together.
    """

    format: Literal[1] = 1
    serve_prefix: str = ""
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    simulated: bool = False
    tokens: Tokens | None = None
    max_tokens: int | None = None

    @property
    def imitates(self) -> bool:
        """Whether this is a model that replies in chats as one person, and reads and writes their markers."""
        tokens = self.tokens
        return tokens is not None and REPLY in tokens.special and tokens.separator == END


class ModelFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that can be served under `name`. `fingerprint` is `sha256:` with the digest of all that is loaded."""

    name: str
    path: Path
    card: Card
    fingerprint: str
    created: int

    @property
    def is_adapter(self) -> bool:
        """Whether weights of another model are needed too."""
        return not (self.path / _CONFIG).is_file()


def named_folders(words: Iterable[str]) -> list[ModelFolder]:
    """The folders that FOLDER or NAME=FOLDER name, by the folder's own name where there is no other.

    Raises InputError for what is no model, no name, or a name twice.
    """
    folders: dict[str, ModelFolder] = {}
    for word in words:
        name, path = _parted(word)
        if name in folders:
            raise InputError(f"{path}: {folders[name].path} is called {name} too; name one of them: NAME={path}")
        folders[name] = open_folder(path, name)
    return list(folders.values())


def open_folder(path: Path, name: str) -> ModelFolder:
    """The model in a folder, under a name. Raises InputError, in one line with the mend, where there is none."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{path}: {name!r} cannot be a model's name; give one of letters and digits: NAME={path}")
    _require_model(path)
    try:
        return ModelFolder(
            name=name, path=path, card=_card(path / CARD), fingerprint=fingerprint(path),
            created=int(_configuration(path).stat().st_mtime),
        )  # fmt: skip
    except PermissionError as fault:
        raise InputError(f"{fault.filename}: may not be read; check its permissions") from None


def fingerprint(path: Path) -> str:
    """`sha256:` and 64 hex digits of the names and contents of weights, settings, tokenizer and templates.

    Equal for equal copies, wherever they lie.
    """
    whole = hashlib.sha256()
    parts = {part for pattern in _PARTS for part in path.glob(pattern) if part.is_file()}
    for part in sorted(parts, key=lambda one: one.name):
        if part.name not in _NOT_PARTS:
            with part.open("rb") as file:
                whole.update(f"{part.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _parted(word: str) -> tuple[str, Path]:
    name, mark, folder = word.partition("=")
    if mark and not Path(word).is_dir():
        return name, Path(folder)
    return Path(word).resolve().name, Path(word)


def _configuration(path: Path) -> Path:
    return next((one for one in (path / _CONFIG, path / _ADAPTER) if one.is_file()), path / _CONFIG)


def _require_model(path: Path) -> None:
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; give the folder of a model, or NAME=FOLDER")
    configuration = _configuration(path)
    if not configuration.is_file():
        insides = sorted([*path.glob(f"*/{_CONFIG}"), *path.glob(f"*/{_ADAPTER}")])
        mend = f"did you mean {insides[0].parent}?" if insides else "give a folder that save_pretrained wrote"
        raise InputError(f"{path}: no model, it holds no {_CONFIG}; {mend}")
    if configuration.name == _ADAPTER and not _card(path / CARD).imitates:
        mend = "merge it into its model first (peft: merge_and_unload, then save_pretrained)"
        raise InputError(f"{path}: an adapter, not a model; {mend}")
    if (path / _REWARD).is_file():
        raise InputError(f"{path}: a reward model, which writes nothing; give an adapter that was trained to write")
    if not any(path.glob("*.safetensors")):
        pickled = "its weights are a pickle, which can run code and is never loaded" if any(path.glob("*.bin")) else ""
        raise InputError(
            f"{path}: {pickled or 'no weights as safetensors'}; load it where you trust it, and save_pretrained it"
        )


def _card(path: Path) -> Card:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except FileNotFoundError:
        return Card()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; redraft's training writes it, copy it again") from None
