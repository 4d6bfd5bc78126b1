"""What a persona study was asked to do, in one hand, checked before anything is paid.

Neighbours: the flow `build_persona` fills it from its parameters, the stages in `persona_*` read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.datasets.files import require_writable
from redraft.documents.persona import Persona
from redraft.documents.prompting import Prompts
from redraft.errors import ConfigurationError
from redraft.judging.judges import Judge
from redraft.judging.prompts import Criteria
from redraft.judging.rubric import Rubric
from redraft.providers.endpoints import canonical
from redraft.training.settings import OWN_SUFFIX, TrainingSettings, settings_of
from tasks.generation_plan import Gating, gating_of, persona_of
from tasks.score_shard import rubric_of
from tasks.session import CallOptions, require_prices_of_trained, require_reachable
from tasks.training_jobs import require_watched

Under = Literal["auto", "persona", "none"]
BASE = "base"


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One persona of the study: what it is called in folders, names of models and the report, and where it is from."""

    name: str
    source: str
    system_prompt: str
    persona: Persona

    @property
    def axes(self) -> Persona:
        """The persona as far as scenarios and documents depend on it: equal for personas that share these."""
        return msgspec.structs.replace(
            self.persona, name="axes", version=1, system_prompt="", paraphrases=(), traits=(),
        )  # fmt: skip

    @property
    def suffix(self) -> str:
        """What ends the name of its trained model."""
        return self.name[:OWN_SUFFIX]


class PersonaPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The flow's parameters; models with their providers, the judges as they are asked.

    `generating` are parameters of generate-documents that all personas share. Raises ConfigurationError for settings
    that no training could have, scales that differ, or a model that stands twice.
    """

    arms: tuple[Arm, ...]
    generating: dict[str, Any]
    model: str
    also: tuple[str, ...]
    judges: tuple[Judge, ...]
    trait_judges: tuple[Judge, ...]
    gate_judge: str
    output: str
    evaluation_prompts: str
    plain_prompts: str
    test_size: int
    under: Under
    system_prompts: Prompts
    epochs: int
    learning_rate: float
    lora: bool
    training_budget: float | None
    ask_above: float | None
    jobs_at_once: int
    allow_lost_rows: bool
    max_rejected: float
    max_missing: float
    serve: bool
    calls: CallOptions
    check_interval: float
    credentials: str | None

    def __post_init__(self) -> None:
        if self.test_size < 1:
            raise ConfigurationError(f"--test-size {self.test_size}: must be at least 1")
        named = [self.model, *self.also]
        if twice := sorted({one for one in named if named.count(one) > 1}):
            raise ConfigurationError(
                f"{', '.join(twice)} stands twice; name each model once, the base model not at all"
            )
        scales = {(one.persona.scale.low, one.persona.scale.high) for one in self.arms}
        if len(scales) > 1:
            raise ConfigurationError(
                "the personas' scales differ, so their traits cannot be scored together; align them"
            )
        require_watched(len(self.arms), self.jobs_at_once, True)
        settings_of(self.training)
        # A threshold or a number of rounds that cannot be is told before anything is made.
        for arm in self.arms:
            self.gating(arm)

    @property
    def training(self) -> dict[str, Any]:
        """What all trainings share."""
        return {name: getattr(self, name) for name in ("model", "epochs", "learning_rate", "lora")}

    @property
    def work(self) -> str:
        """Whose spending counts towards the budget."""
        return f"persona:{Path(self.output).resolve()}"

    @property
    def pace(self) -> dict[str, Any]:
        return {name: getattr(self.calls, name) for name in ("rpm", "tpm", "delay", "in_flight", "mode")}

    @property
    def most_for_training(self) -> float | None:
        """US dollars that all trainings may cost: what was agreed to, or else what nobody need be asked about."""
        return self.ask_above if self.training_budget is None else self.training_budget

    @property
    def evaluate_with(self) -> Literal["persona", "none"]:
        """Under which system message all models answer: the persona's, or none, where several cannot share one."""
        if self.under != "auto":
            return self.under
        return "persona" if len(self.arms) == 1 else "none"

    @property
    def system_prompt(self) -> str:
        """That message; "" for none."""
        return self.arms[0].persona.system_prompt if self.evaluate_with == "persona" else ""

    @property
    def rubric(self) -> Rubric:
        """The traits of all personas, each once."""
        return joined(self.arms)

    @property
    def sharing(self) -> list[tuple[Criteria, list[str]]]:
        """Names of the personas that have the same traits, with what makes the better answer for them."""
        found: dict[str, tuple[Criteria, list[str]]] = {}
        for arm in self.arms:
            found.setdefault(rubric_of(arm.persona).digest, (criteria_of(arm.persona), []))[1].append(arm.name)
        return list(found.values())

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who is compared at plain tasks, by names: every persona with the base model, and with every other."""
        names = [one.name for one in self.arms]
        return [*((name, BASE) for name in names), *combinations(names, 2)]

    @property
    def tested(self) -> list[str]:
        """Where the prompts are that there are before anything is generated, but for the bundled ones."""
        return [one for one in (self.evaluation_prompts, self.plain_prompts) if one]

    def data(self, arm: Arm) -> str:
        """Where a persona's training data lie."""
        return f"{self.output}/data/{arm.name}"

    def generation(self, arm: Arm) -> dict[str, Any]:
        """Parameters of the flow generate-documents for one persona."""
        return {
            **self.generating, **self.pace, "persona": arm.source, "system_prompt": arm.system_prompt,
            "output": self.data(arm), "judge": self.gate_judge, "system_prompts": self.system_prompts,
            "evaluation_prompts": self.tested, "max_rejected": self.max_rejected,
            "move_on": self.calls.move_on, "check_interval": self.check_interval, "credentials": self.credentials,
        }  # fmt: skip

    def gating(self, arm: Arm) -> Gating:
        asked = self.generating
        return gating_of(arm.persona, self.gate_judge, asked["min_score"], asked["regenerate"])

    def settings(self, arm: Arm) -> TrainingSettings:
        return settings_of({**self.training, "suffix": arm.suffix})


def arms_of(personas: str | Sequence[str], prompts: str | Sequence[str], words: tuple[int, int] | None) -> list[Arm]:
    """One arm for each persona, or for each system prompt of one persona, or for each pair of both.

    ConfigurationError for numbers of both that do not go together, or two arms that are the same.
    """
    sources = [personas] if isinstance(personas, str) else list(personas)
    files = [prompts] if isinstance(prompts, str) else list(prompts) or [""]
    if not sources:
        raise ConfigurationError("no persona is named; name one at least")
    if len(sources) > 1 and len(files) > 1 and len(sources) != len(files):
        raise ConfigurationError(
            f"{len(sources)} personas and {len(files)} system prompts; give one of either, or as many of each"
        )
    most = max(len(sources), len(files))
    sources, files = sources * (most // len(sources)), files * (most // len(files))
    loaded = [persona_of(source, file, words) for source, file in zip(sources, files, strict=True)]
    digests = [one.digest for one in loaded]
    if len(set(digests)) < len(digests):
        raise ConfigurationError("two of the personas are the same; give each another system prompt, or other traits")
    return [
        Arm(name=name, source=source, system_prompt=file, persona=one)
        for name, source, file, one in zip(_names(loaded, files), sources, files, loaded, strict=True)
    ]


def _names(personas: Sequence[Persona], files: Sequence[str]) -> list[str]:
    """The personas' own names; where two are called the same, with that of the prompt's file or a number behind."""
    names = [one.name for one in personas]
    found: list[str] = []
    for name, file in zip(names, files, strict=True):
        stem = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in Path(file).stem.lower())
        wanted = f"{name[: OWN_SUFFIX - 15]}-{stem[:12]}" if names.count(name) > 1 and stem else name[:OWN_SUFFIX]
        wanted = f"{wanted}-2" if wanted == BASE else wanted
        free = (f"{wanted[: OWN_SUFFIX - 3]}-{number}" if number > 1 else wanted for number in range(1, len(names) + 2))
        found.append(next(one for one in free if one not in found))
    return found


def joined(arms: Sequence[Arm]) -> Rubric:
    """The traits of all personas as one rubric, so that every answer is scored once on each. Traits that are the same
    in two of them stand once; of two that only share a name, the later has its persona's before it."""
    rubrics = [rubric_of(one.persona) for one in arms]
    if len(rubrics) == 1 or all(one.digest == rubrics[0].digest for one in rubrics):
        return rubrics[0]
    traits = {}
    for arm, rubric in zip(arms, rubrics, strict=True):
        for trait in rubric.traits:
            if traits.get(trait.name) == trait:
                continue
            name = trait.name
            if name in traits:
                name = f"{arm.name.replace('-', '_')}_{name}"[:40]
                trait = msgspec.structs.replace(trait, name=name, label=f"{trait.title} ({arm.name})")
            traits[name] = trait
    together = "-".join(dict.fromkeys(one.name for one in rubrics))[:60]
    return Rubric(name=together, version=1, scale=rubrics[0].scale, traits=tuple(traits.values()))


def criteria_of(persona: Persona) -> Criteria:
    """The persona's traits as what makes the better of two answers."""
    first = (
        "It shows, taken together, more of the traits below, which all count the same. What counts is what the answer "
        "does for the user's last message, not what it says of itself."
    )
    traits = tuple(f"{one.title}: {' '.join(one.meaning.split())}" for one in persona.traits)
    # Double braces are gaps to whoever fills the prompt.
    texts = (text.replace("{{", "{ {").replace("}}", "} }") for text in (first, *traits))
    return Criteria(name=persona.name, version=persona.version, criteria=tuple(texts))


def remark_of_gate(plan: PersonaPlan) -> str:
    """What is to be said where the model that chooses the training rows also judges what was learned from them."""
    if not plan.gate_judge or canonical(plan.gate_judge) not in {one.model for one in plan.judges}:
        return ""
    return (
        f"{plan.gate_judge} chooses the training rows by its scores and judges the models, too: what pleases this "
        "judge is trained for; let another model choose (gate_judge), or judge."
    )


async def require_persona_askable(plan: PersonaPlan) -> None:
    """Raises ConfigurationError for a missing key, or a price that a budget needs, and InputError for a folder that
    cannot be written. Sends nothing to a provider."""
    require_writable(Path(plan.output))
    if remark := remark_of_gate(plan):
        get_run_logger().warning("%s", remark)
        tell(remark)
    judges = dict.fromkeys(one.model for one in (*plan.judges, *plan.trait_judges))
    gate = [canonical(plan.gate_judge)] if plan.gate_judge else []
    await require_reachable(*judges, *gate)
    if not plan.serve:  # an endpoint is paid by the hour, not by the call
        require_prices_of_trained(plan.model, [one.suffix for one in plan.arms])
