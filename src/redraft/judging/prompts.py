"""The texts with which a judge is asked, and the criteria that it goes by: files that a user can replace.

A replaced text cannot give up the protocol's structure: answers are escaped and bounded by `layout`, whatever the
prompt, the task follows them, and the menu of verdicts is named. Neighbours: `versioned` reads the files, `judges`
says who is asked with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.judging.versioned import load_versioned, name_fault

Kind = Literal["pairwise", "traits"]
PROMPT_FORMAT, CRITERIA_FORMAT = "redraft.judge-prompt@1", "redraft.criteria@1"
DEFAULT_PROMPTS: dict[Kind, str] = {"pairwise": "pairwise@1", "traits": "traits@1"}
DEFAULT_CRITERIA = "helpful@1"

_GAP = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# By kind and part: the gaps that must stand there, and those that may.
_MUST: dict[Kind, dict[str, tuple[str, ...]]] = {
    "pairwise": {"system": ("criteria",), "user": ("nonce", "conversation", "answer_1", "answer_2", "form")},
    "traits": {"system": ("traits",), "user": ("nonce", "conversation", "answer", "form")},
}
_MAY: dict[Kind, tuple[str, ...]] = {"pairwise": (), "traits": ("low", "high", "names")}
# By kind and part: the words without which a judge does not know how to answer.
_MENU: dict[Kind, dict[str, tuple[str, ...]]] = {
    "pairwise": {
        "schema": ('"analysis"', '"violations"', '"verdict"', '"strength"', '"answer_1"', '"answer_2"', '"tie"'),
        "text": ("VERDICT: 1", "VERDICT: 2", "VERDICT: TIE"),
    },
    "traits": {"schema": ('"analysis"', '"violation"', '"scores"', "{{names}}"), "text": ("SCORES:", "{{names}}")},
}


class Prompt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The texts of one way to ask; see templates/pairwise-1.toml for what each part is."""

    kind: Kind
    name: str
    version: int
    system: str
    user: str
    schema: str
    text: str
    reminder: str

    @property
    def digest(self) -> str:
        """sha256 (hex) of the texts: an edited file cannot pass for the one that it was."""
        return _digest([self.system, self.user, self.schema, self.text, self.reminder])

    def id(self, form: Literal["schema", "text"] = "schema") -> str:
        """`name@version`, as answers are filed; a prompt that is not the bundled one of that name adds its digest."""
        name = self.name if form == "schema" else f"{self.name}_text"
        return f"{name}@{self.version}{_mark(self.digest, _bundled_prompt(self.name, self.version))}"


class Criteria(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes the better of two answers, the most important first."""

    name: str
    version: int
    criteria: tuple[str, ...]

    @property
    def digest(self) -> str:
        return _digest(list(self.criteria))

    @property
    def id(self) -> str:
        """`name@version`; criteria that are not the bundled ones of that name add their digest."""
        return f"{self.name}@{self.version}{_mark(self.digest, _bundled_criteria(self.name, self.version))}"

    @property
    def listed(self) -> str:
        return "\n".join(f"{number}. {text}" for number, text in enumerate(self.criteria, 1))


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its gaps filled, in one pass: a gap inside a value stays what it is."""
    return _GAP.sub(lambda gap: values[gap[1]], template)


def load_prompt(source: str | Path, kind: Kind) -> Prompt:
    """The prompt in a TOML file, or a bundled one by `name@version`.

    ConfigurationError, one line with file and fault: not of `kind`, a gap that is missing, unknown or out of place,
    an answer's form that does not name what it must.
    """
    place, found = load_versioned(source, "templates", PROMPT_FORMAT, Prompt)
    stripped = {part: getattr(found, part).strip() for part in ("system", "user", "schema", "text", "reminder")}
    prompt = msgspec.structs.replace(found, **stripped)
    if fault := _prompt_fault(prompt, kind):
        raise ConfigurationError(f"{place}: {fault}")
    return prompt


def load_criteria(source: str | Path = DEFAULT_CRITERIA) -> Criteria:
    """The criteria in a TOML file, or bundled ones by `name@version`. ConfigurationError as `load_prompt`."""
    place, found = load_versioned(source, "criteria", CRITERIA_FORMAT, Criteria)
    criteria = msgspec.structs.replace(found, criteria=tuple(text.strip() for text in found.criteria))
    fault = name_fault(criteria.name, criteria.version)
    if not fault and not (criteria.criteria and all(criteria.criteria)):
        fault = "criteria: a list of one text at least, none of them empty"
    if not fault and (gap := next((text for text in criteria.criteria if _GAP.search(text)), None)):
        fault = f"criteria have no gaps, and {gap!r} has one"
    if fault:
        raise ConfigurationError(f"{place}: {fault}")
    return criteria


@cache
def default_prompt(kind: Kind = "pairwise") -> Prompt:
    return load_prompt(DEFAULT_PROMPTS[kind], kind)


@cache
def default_criteria() -> Criteria:
    return load_criteria()


def _prompt_fault(prompt: Prompt, kind: Kind) -> str:
    if prompt.kind != kind:
        return f'kind is "{prompt.kind}"; here it takes a prompt of kind "{kind}"'
    if fault := name_fault(prompt.name, prompt.version):
        return fault
    for part in ("system", "user", "schema", "text", "reminder"):
        template: str = getattr(prompt, part)
        must = _MUST[kind].get(part, ())
        found = _GAP.findall(template)
        if not template:
            return f"{part} is empty"
        if unknown := next((gap for gap in found if gap not in must + _MAY[kind]), None):
            allowed = ", ".join(must + _MAY[kind]) or "none"
            return f"{part} has the gap {{{{{unknown}}}}}, which is not known there; known: {allowed}"
        if missing := next((gap for gap in must if gap not in found), None):
            return f"{part} lacks the gap {{{{{missing}}}}}"
        if twice := next((gap for gap in must if found.count(gap) > 1 and gap != "nonce"), None):
            return f"{part} has the gap {{{{{twice}}}}} more than once"
        for word in _MENU[kind].get(part, ()):
            if word not in re.sub(r"\{\{\s*|\s*\}\}", lambda brace: brace[0].strip(), template):
                return f"{part} does not name {word}, so the judge would not know how to answer"
    order = [gap for gap in _GAP.findall(prompt.user) if gap.startswith(("answer", "form"))]
    if order != sorted(order):  # answer_1, answer_2, form
        return "user: the gap {{form}} stands after the answers, and the first answer before the second"
    places = {gap[1]: gap.start() for gap in _GAP.finditer(prompt.user)}
    if places["form"] < places["conversation"]:
        return "user: the gap {{form}} stands after the conversation, so that the task comes after all that is judged"
    return ""


def _digest(texts: list[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()


def _mark(digest: str, bundled: str | None) -> str:
    return "" if digest == bundled else f"#{digest[:8]}"


@cache
def _bundled_prompt(name: str, version: int) -> str | None:
    """The digest of the bundled prompt of that name, or None where there is none."""
    kind = next((kind for kind, known in DEFAULT_PROMPTS.items() if known == f"{name}@{version}"), None)
    return default_prompt(kind).digest if kind else None


@cache
def _bundled_criteria(name: str, version: int) -> str | None:
    return default_criteria().digest if f"{name}@{version}" == DEFAULT_CRITERIA else None
