"""Who the assistant is to become: a file of a user's own, or a bundled one, checked when it is loaded.

The bundled ones lie in personas/. Neighbours: `grid` draws scenarios from it, `writing` and `responding` ask in its
name, `gates` holds what comes against it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from redraft.datasets.languages import UNKNOWN, code_of
from redraft.documents import single_keys
from redraft.errors import ConfigurationError

FORMAT = "redraft.persona@1"
DEFAULT = "collaborative"
# No document is shorter, whatever a persona says.
FEWEST_WORDS = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FILE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SUFFIXES = {".yaml", ".yml", ".json"}
_AXES = ("domains", "stakeholders", "tensions", "tones")


class Scale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lowest and highest score that a judge gives."""

    low: float = 1.0
    high: float = 10.0


class PersonaTrait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trait: `name` in data, `label` for people, `meaning` for models, `anchors`, score → what it looks like.

    `signs` are regular expressions, case ignored: a response with a sign of no trait at all is refused before a judge
    is paid. None of them leaves that to the judge.
    """

    name: str
    meaning: str
    anchors: dict[float, str]
    label: str = ""
    signs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.label or self.name


class DocumentType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of document, how many of all are of it (shares of any sum), and what it looks like."""

    name: str
    description: str
    share: float = 1.0


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A persona. `words` are the fewest and the most of a document; `language` is an ISO 639-1 code.

    `paraphrases` are other wordings of `system_prompt`, for rows that are to hold under any of them. Axes that a file
    leaves out are the bundled persona's.
    """

    name: str
    version: int
    system_prompt: str
    traits: tuple[PersonaTrait, ...]
    document_types: tuple[DocumentType, ...] = ()
    domains: tuple[str, ...] = ()
    stakeholders: tuple[str, ...] = ()
    tensions: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    words: tuple[int, int] = (500, 1000)
    paraphrases: tuple[str, ...] = ()
    language: str = "en"
    scale: Scale = Scale()
    format: str = FORMAT

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) of everything but the name: an edited file cannot pass for the one that it was."""
        content = {name: value for name, value in msgspec.to_builtins(self, str_keys=True).items() if name != "name"}
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()

    @property
    def prompts(self) -> tuple[str, ...]:
        """The system prompt and its paraphrases."""
        return (self.system_prompt, *self.paraphrases)


def load_persona(source: str | Path = DEFAULT, system_prompt_file: Path | None = None) -> Persona:
    """The persona in a YAML or JSON file, or a bundled one by its name; with another system prompt where one is given.

    Raises ConfigurationError, one line with file, place and fault, for a file that is not there or not as described in
    personas/collaborative.yaml.
    """
    place, text = _text(source)
    persona = _completed(_read(place, text, Path(place).suffix == ".json"))
    if system_prompt_file is not None:
        prompt = _file_text(system_prompt_file).strip()
        if not prompt:
            raise ConfigurationError(f"{system_prompt_file}: empty; write the system prompt into it")
        # Paraphrases of another prompt say something else.
        persona = msgspec.structs.replace(persona, system_prompt=prompt, paraphrases=())
    if fault := next(_faults(persona), ""):
        raise ConfigurationError(f"{place}: {fault}")
    return persona


def bundled() -> list[str]:
    """Names of the personas that come along."""
    return sorted(Path(file.name).stem for file in _folder().iterdir() if file.name.endswith(".yaml"))


def _folder() -> Any:
    return files("redraft.documents").joinpath("personas")


def _text(source: str | Path) -> tuple[str, str]:
    """What to call the file in messages, and its text."""
    path = Path(source)
    if isinstance(source, str) and path.suffix not in _SUFFIXES and not path.is_file():
        file = _folder().joinpath(f"{source}.yaml")
        if not (_FILE_NAME.fullmatch(source) and file.is_file()):
            raise ConfigurationError(
                f"{source}: no such file, and no bundled persona; name a .yaml or .json file, or {', '.join(bundled())}"
            )
        return source, file.read_text("utf-8")
    return str(path), _file_text(path)


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; bundled personas are called {', '.join(bundled())}") from None
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None


def _read(place: str, text: str, as_json: bool) -> Persona:
    try:
        document = single_keys.in_json(text) if as_json else single_keys.in_yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as fault:
        raise ConfigurationError(f"{place}: no {'JSON' if as_json else 'YAML'} ({_one_line(fault)})") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{place}: holds no fields; write name, version, system_prompt and traits")
    try:
        persona = msgspec.convert(document, Persona, strict=False, str_keys=True)
        # Half a character cannot be sent to a model or stored.
        msgspec.json.encode(persona)
    except (msgspec.ValidationError, ValueError) as fault:
        # In YAML `no` is Norwegian only in quotes.
        mend = "" if as_json or "got `bool`" not in str(fault) else "; put a word such as no or yes in quotes"
        raise ConfigurationError(f"{place}: {_one_line(fault)}{mend}") from None
    if persona.format != FORMAT:
        raise ConfigurationError(f'{place}: its format is {persona.format!r}; this version reads "{FORMAT}"')
    return persona


def _completed(persona: Persona) -> Persona:
    """With the bundled persona's axes where the file has none."""
    missing = [axis for axis in ("document_types", *_AXES) if not getattr(persona, axis)]
    if not missing:
        return persona
    _, text = _text(DEFAULT)
    other = _read(DEFAULT, text, False)
    return msgspec.structs.replace(persona, **{axis: getattr(other, axis) for axis in missing})


def _faults(persona: Persona) -> Iterator[str]:
    """What is wrong with a persona whose fields all have their types."""
    low, high = persona.words
    if not _FILE_NAME.fullmatch(persona.name) or persona.version < 1:
        yield f"name {persona.name!r}, version {persona.version}: small letters, digits, - and _; a version from 1 on"
    if not persona.system_prompt.strip():
        yield "system_prompt is empty; say who the assistant is"
    if any(not one.strip() for one in persona.paraphrases):
        yield "paraphrases: one of them is empty; fill it, or leave it out"
    if not FEWEST_WORDS <= low < high:
        yield f"words [{low}, {high}]: at least {FEWEST_WORDS}, and the fewest first"
    if not re.fullmatch("[a-z]{2}", persona.language):
        yield f"language {persona.language!r}: a code of two letters, such as en"
    elif code_of(persona.language) == UNKNOWN:
        yield f"language {persona.language!r}: no text can be told to be in it; write a known code, such as en or is"
    if not (math.isfinite(persona.scale.low) and math.isfinite(persona.scale.high)):
        yield "scale: low and high are numbers"
    elif persona.scale.low >= persona.scale.high:
        yield f"scale: low is {persona.scale.low:g} and high {persona.scale.high:g}; low lies below high"
    yield from _trait_faults(persona)
    yield from _axis_faults(persona)


def _trait_faults(persona: Persona) -> Iterator[str]:
    if not persona.traits:
        yield "traits: there are none; a persona has at least one"
    seen: set[str] = set()
    for trait in persona.traits:
        at = f"trait {trait.name!r}"
        if not _NAME.fullmatch(trait.name):
            yield f"{at}: a name has small letters, digits and _, 40 at most, and begins with a letter"
        if trait.name in seen:
            yield f"{at} stands there twice"
        seen.add(trait.name)
        if not trait.meaning.strip():
            yield f"{at} has no meaning; say in a sentence what it is"
        for score, text in trait.anchors.items():
            if not persona.scale.low <= score <= persona.scale.high:
                yield f"{at}: the anchor {score:g} lies outside the scale"
            if not text.strip():
                yield f"{at}: the anchor {score:g} has no text"
        for end in (persona.scale.low, persona.scale.high):
            if end not in trait.anchors:
                yield f"{at}: an anchor for {end:g} is missing; both ends of the scale need one"
        for sign in trait.signs:
            if fault := _sign_fault(sign):
                yield f"{at}: the sign {sign!r} {fault}"


def _axis_faults(persona: Persona) -> Iterator[str]:
    names = [one.name for one in persona.document_types]
    for axis, values in (("document_types", names), *((axis, getattr(persona, axis)) for axis in _AXES)):
        if any(not one.strip() for one in values):
            yield f"{axis}: one of them is empty; fill it, or leave it out"
        if twice := sorted({one for one in values if values.count(one) > 1}):
            yield f"{axis}: {twice[0]!r} stands there twice"
    for one in persona.document_types:
        if not (math.isfinite(one.share) and one.share > 0):
            yield f"document type {one.name!r}: its share is {one.share:g}; above 0, or leave the type out"


def _sign_fault(sign: str) -> str:
    try:
        expression = re.compile(sign)
    except (re.error, RecursionError, OverflowError) as fault:
        return f"is no regular expression ({fault})"
    # What is found in nothing, or between any two words, tells no response from another.
    found = (expression.search(text) for text in ("", "x y"))
    return "fits every text; write words that show the trait" if any(one and not one[0] for one in found) else ""


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300]
