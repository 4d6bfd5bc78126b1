"""What is known of a dataset or training file beside its rows: persona, parameters, what was refused on the way to it.

Neighbours: `entries` makes what is looked at of both, `redraft.documents.exporting` writes the metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.storage import MANIFEST, Dataset
from redraft.documents.exporting import metadata_path, read_refused
from redraft.documents.persona import Persona, bundled, load_persona
from redraft.errors import InputError
from redraft.records import Document, Rejection, Scenario

_ENDINGS = ("_detailed.json", ".jsonl", ".json")


class Background(msgspec.Struct, frozen=True, kw_only=True):
    """`persona` is its `name@version` with its digest; `words`, `language`, `prompts` and `least_score` are what rows
    were held to. `dataset` is the one that the path is or is a view of. `notes` say what a reader should know. All may
    be missing."""

    persona: str = ""
    digest: str = ""
    words: tuple[int, int] | None = None
    language: str = ""
    prompts: tuple[str, ...] = ()
    least_score: float | None = None
    simulated: bool = False
    dataset: Dataset | None = None
    notes: tuple[str, ...] = ()

    def persona_found(self) -> Persona | None:
        """The bundled persona that the rows were made for, with the words and system prompts that they were made with;
        None where it is another one, or none is known."""
        name = self.persona.partition("@")[0]
        if name not in bundled():
            return None
        found = load_persona(name)
        # Options of the command change these, and with them the digest.
        changed: dict[str, Any] = {"words": self.words} if self.words else {}
        if self.prompts:
            changed |= {"system_prompt": self.prompts[0], "paraphrases": self.prompts[1:]}
        held = msgspec.structs.replace(found, **changed)
        return held if self.digest in ("", found.digest, held.digest) else None

    def persona_missing(self) -> str:
        """What is left unchecked for want of the persona, as a line for a person; empty where nothing is."""
        kind = self.dataset.kind if self.dataset is not None else "examples"
        parts = ["signs of its traits"] if kind == "examples" else []
        parts += ["its system prompt"] if kind == "examples" and not self.prompts else []
        parts += ["its language"] if kind != "scenarios" and not self.language else []
        if not self.persona or not parts:
            return ""
        name = self.persona.partition("@")[0]
        which = "with changes to the bundled persona" if name in bundled() else "which is no bundled persona"
        return f"made for {self.persona}, {which}: not looked at: {', '.join(parts)}; name its file with --persona FILE"


def background_of(path: Path) -> Background:
    """What the manifest and the metadata say. A file of which neither is there has no background."""
    stem = path if path.is_dir() else _stem(path)
    notes: list[str] = []
    dataset = Dataset.open(stem) if (stem / MANIFEST).is_file() else None
    said: dict[str, Any] = dict(dataset.manifest) if dataset is not None else {}
    described = _metadata(metadata_path(stem), notes)
    simulated = any(one.get("simulated") is True for one in (said, described))
    said |= described["parameters"] if isinstance(described.get("parameters"), dict) else {}
    prompts, language = said.get("prompts"), said.get("language")
    return Background(
        persona=str(said.get("persona") or ""), digest=str(said.get("persona_digest") or ""),
        words=_words(said.get("words")), language=language if isinstance(language, str) else "",
        prompts=tuple(map(str, cast("list[object]", prompts))) if isinstance(prompts, list) else (),
        least_score=_number(said.get("least_score")), simulated=simulated, dataset=dataset, notes=tuple(notes),
    )  # fmt: skip


def _words(value: object) -> tuple[int, int] | None:
    low, high = [*cast("list[object]", value), None, None][:2] if isinstance(value, list) else (None, None)
    return (low, high) if isinstance(low, int) and isinstance(high, int) and low < high else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _stem(path: Path) -> Path:
    """The dataset's folder that a file of this name would be a view of."""
    ending = next((one for one in _ENDINGS if path.name.endswith(one)), path.suffix)
    return path.with_name(path.name.removesuffix(ending)) if ending else path


def _metadata(file: Path, notes: list[str]) -> dict[str, Any]:
    """Our metadata; a file of that name which is something else is told and left alone."""
    try:
        read = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, OSError, UnicodeError) as fault:
        notes.append(f"{file}: cannot be read ({fault}), so the rows are held to the usual bounds")
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A rejection of one of the stages, with the document that a refused response was to answer. `models` are those
    that the stage asked. `anew` says that it was made anew, after this round (from 0 on); None that it was given up."""

    stage: str
    models: tuple[str, ...]
    rejection: Rejection
    anew: int | None = None
    source: Document | Scenario | None = None


def refused(dataset: Dataset, notes: list[str]) -> Iterator[Refused]:
    """What was refused on the way to a dataset: its own rejections, what was made anew, then the same of the datasets
    that it was made of.

    `notes` gets a line for each of these that is no longer there, or no longer the same.
    """
    parent = _parent(dataset, notes)
    told: list[tuple[int | None, Rejection]] = [(None, one) for one in dataset.rejections()]
    told += read_refused(dataset.path)
    wanted = {one.row_id for _, one in told}
    sources = {_id(row): row for row in parent.rows() if _id(row) in wanted} if parent is not None and wanted else {}
    models = tuple(map(str, cast("list[object]", dataset.manifest.get("models") or [])))
    for anew, one in told:
        source = sources.get(one.row_id or "")
        yield Refused(stage=dataset.kind, models=models, rejection=one, anew=anew, source=source)
    if parent is not None:
        yield from refused(parent, notes)


def _parent(dataset: Dataset, notes: list[str]) -> Dataset | None:
    """The documents or scenarios that a dataset was made of, or the cells of these, where they are still the same."""
    parents = cast("list[dict[str, Any]]", dataset.manifest.get("parents") or [])
    if dataset.kind not in ("examples", "documents", "scenarios") or not parents:
        return None
    if dataset.kind == "scenarios":
        notes = []  # cells are kept for a while only, and nothing was refused in them
    path = Path(str(parents[0].get("path", "")))
    beside = dataset.path.parent / path.name
    folder = next((one for one in (path, beside) if (one / MANIFEST).is_file()), None)
    if folder is None or folder.resolve() == dataset.path.resolve():
        if dataset.manifest.get("persona"):
            notes.append(f"{path} is not there any more, so what was refused in it is not shown")
        return None
    try:
        found = Dataset.open(folder)
    except InputError as fault:
        notes.append(str(fault))
        return None
    if found.kind not in ("documents", "scenarios"):
        return None
    if found.content_hash != parents[0].get("content_hash"):
        notes.append(f"{folder} was made anew since, so what was refused in it is not shown")
        return None
    return found


def _id(row: Document | Scenario) -> str:
    return row.document_id if isinstance(row, Document) else row.scenario_id
