"""How one judge is asked: its model, prompt, criteria and decoding; and what is to be said of it beside its verdicts.

Neighbours: `prompts` loads the texts, `protocol` and `ratings` ask with them, `families` knows relatives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.judging.families import related
from redraft.judging.prompts import (
    DEFAULT_CRITERIA,
    DEFAULT_PROMPTS,
    Criteria,
    Kind,
    Prompt,
    default_criteria,
    default_prompt,
    load_criteria,
    load_prompt,
)
from redraft.providers.endpoints import canonical, split_model
from redraft.providers.wire import takes
from redraft.records import Message, Request

MAX_TOKENS = 1024
MAX_REASKS = 2
# Where a person has what failed asked again, it goes on after the asks that are recorded, but not for ever.
MAX_ATTEMPTS = 20
TEMPERATURE = 0.0
# A name that a provider moves from one snapshot to the next.
_MOVING = re.compile(r"(?:^|[-:/@.])latest$")


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """A model and how it is asked. Of a comparison or a trait rating: `prompt.kind` says which.

    `form` is `schema` where its provider forces JSON, `text` where it takes no schema and a last line is read.
    `max_tokens` counts output tokens. `temperature` and `effort` (how long it may reason) are sent where the model
    takes them.
    """

    model: str
    prompt: Prompt = msgspec.field(default_factory=default_prompt)
    criteria: Criteria = msgspec.field(default_factory=default_criteria)
    form: Literal["schema", "text"] = "schema"
    max_tokens: int = MAX_TOKENS
    temperature: float | None = TEMPERATURE
    effort: Literal["low", "medium", "high"] | None = None

    @property
    def structured(self) -> bool:
        return self.form == "schema"

    @property
    def template(self) -> str:
        """What its answers are filed under: the prompt's id, and the criteria's where they are not the bundled ones."""
        own = self.prompt.kind == "pairwise" and self.criteria.id != DEFAULT_CRITERIA
        return self.prompt.id(self.form) + (f"+{self.criteria.id}" if own else "")

    def request(
        self,
        messages: tuple[Message, ...],
        key_messages: tuple[Message, ...],
        schema: dict[str, Any],
        *,
        row_id: str,
        sample: int = 0,
        attempt: int = 0,
        template: str = "",
    ) -> Request:
        """One ask. `key_messages` are the messages with a placeholder for the nonce, which is fresh for every call.

        `attempt` counts the re-asks of what could not be read; ValueError above MAX_ATTEMPTS, which no run reaches.
        """
        if not 0 <= attempt <= MAX_ATTEMPTS:
            raise ValueError(f"attempt {attempt}: an unreadable answer is asked again {MAX_ATTEMPTS} times at most")
        return Request(
            model=self.model,
            messages=messages,
            key_messages=key_messages,
            template=template or self.template,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            effort=self.effort,
            output_schema=schema if self.structured else None,
            sample=sample,
            attempt=attempt,
            row_id=row_id,
        )


def make_judge(
    model: str,
    *,
    kind: Kind = "pairwise",
    prompt: str | Path = "",
    criteria: str | Path = "",
    form: Literal["schema", "text"] = "schema",
    effort: Literal["low", "medium", "high"] | None = None,
) -> Judge:
    """A judge from what a user names: `provider:model`, and files for `prompt` and `criteria` ("": the bundled ones).

    ConfigurationError for a provider that is none, a file that is not as it must be, or criteria for traits, which
    have a rubric instead.
    """
    if criteria and kind != "pairwise":
        raise ConfigurationError("criteria belong to comparisons; traits are scored by a rubric")
    return Judge(
        model=canonical(model),
        prompt=load_prompt(prompt, kind) if prompt else default_prompt(kind),
        criteria=load_criteria(criteria) if criteria else default_criteria(),
        form=form,
        effort=effort,
    )


def as_judge(judge: Judge | str, kind: Kind = "pairwise") -> Judge:
    """A judge by its model's name is asked in the bundled way. ConfigurationError for a prompt of another kind."""
    if isinstance(judge, str):
        return Judge(model=judge, prompt=default_prompt(kind))
    if judge.prompt.kind != kind:
        wanted = DEFAULT_PROMPTS[kind]
        raise ConfigurationError(f"the prompt {judge.prompt.id()} is of kind {judge.prompt.kind}; take {wanted}")
    return judge


def judge_facts(judge: Judge) -> dict[str, object]:
    """How the judge is asked, for whoever reads the results; None stands for what the model is not sent."""
    return {
        "judge": judge.model,
        "judge_template": judge.template,
        "judge_prompt_digest": judge.prompt.digest,
        **({"judge_criteria": judge.criteria.id} if judge.prompt.kind == "pairwise" else {}),
        "judge_form": judge.form,
        "judge_max_tokens": judge.max_tokens,
        "judge_temperature": judge.temperature if takes(judge.model, "temperature") else None,
        "judge_effort": judge.effort if takes(judge.model, "effort") or _thinks(judge.model) else None,
    }


def _thinks(model: str) -> bool:
    """Anthropic's models take an effort beside the parameters that `takes` knows."""
    return split_model(model)[0] == "anthropic"


def model_remarks(model: str, answered: Iterable[str] = ()) -> tuple[str, ...]:
    """One-line cautions about a judge by its model alone: a name that moves on, or no temperature.

    `answered` are the ids of the models that answered under it, as the provider returned them.
    """
    said: list[str] = []
    name, known = split_model(model)[1], sorted(set(answered) - {""})
    if _MOVING.search(name):
        told = f" ({', '.join(known)} answered)" if known else ""
        said.append(
            f"{model} is a name that its provider moves from model to model{told}; name a snapshot for results that "
            "can be repeated."
        )
    elif others := [one for one in known if one != name]:
        said.append(f"The judge was asked for as {model}; {', '.join(others)} answered.")
    if not takes(model, "temperature"):
        said.append(f"{model} takes no temperature; its own setting holds, and its verdicts may vary.")
    return tuple(said)


def judge_remarks(judge: Judge, candidates: Iterable[str] = (), answered: Iterable[str] = ()) -> tuple[str, ...]:
    """One-line cautions about a judge: those of its model, and relatives among the models that it judges."""
    kin = {one: family for one in candidates if (family := related(judge.model, one))}
    return (
        *model_remarks(judge.model, answered),
        *(
            f"{judge.model} is from the same family as {one} ({family}); judges tend to favour their own: take a "
            "judge of another family, or a second one."
            for one, family in kin.items()
        ),
    )
