"""What is generated, by whom and how, in one hand, checked before anything is paid.

Neighbours: the flows of the documents study fill it from their parameters, `generation` runs its stages.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from blocks.credentials import endpoint_of
from redraft.calling.notices import tell
from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset, require_target
from redraft.documents import responding, scenarios, writing
from redraft.documents.chains import Stage, chain_of
from redraft.documents.exporting import require_views
from redraft.documents.persona import Persona, load_persona
from redraft.documents.prompting import Prompts
from redraft.errors import ConfigurationError, InputError
from redraft.judging.judges import Judge
from redraft.providers.endpoints import canonical, split_model
from tasks.judge_panel import panel_of
from tasks.session import credentials_name, require_reachable


class Chains(msgspec.Struct, frozen=True, kw_only=True):
    """The models of each stage, in the order in which they are asked."""

    scenarios: tuple[str, ...]
    documents: tuple[str, ...]
    responses: tuple[str, ...]

    def every(self) -> list[str]:
        return list(dict.fromkeys([*self.scenarios, *self.documents, *self.responses]))


class Gating(msgspec.Struct, frozen=True, kw_only=True):
    """Who scores new responses, from which score on every trait one is kept, and how often what is refused is made
    anew. Without a judge nothing is scored."""

    judge: Judge | None
    least_score: float
    regenerate: int


def persona_of(source: str, system_prompt: str = "", words: Sequence[int] | None = None) -> Persona:
    """The persona, with the system prompt of a file and another range of words where these are given."""
    persona = load_persona(source, Path(system_prompt) if system_prompt else None)
    if words is None:
        return persona
    if len(words) != 2 or not 100 <= words[0] < words[1] <= 20_000:
        raise ConfigurationError(
            f"--words {' '.join(map(str, words))}: two numbers, the fewest first, from 100 to 20,000"
        )
    return msgspec.structs.replace(persona, words=(words[0], words[1]))


def gating_of(persona: Persona, judge: str, least_score: float | None, regenerate: int) -> Gating:
    """ConfigurationError for a threshold outside the persona's scale or without a judge, or fewer than no rounds."""
    low, high = persona.scale.low, persona.scale.high
    # 5 on a scale from 1 to 10: there the anchors turn from lacking to showing.
    least = low + (high - low) * 4 / 9 if least_score is None else least_score
    if not low <= least <= high:
        raise ConfigurationError(f"--min-score {least:g}: the persona's scale goes from {low:g} to {high:g}")
    if least_score is not None and not judge:
        raise ConfigurationError(
            f"--min-score {least_score:g}: nobody scores the responses; name a judge, or leave --min-score out"
        )
    asked = panel_of(judge, kind="traits")[0] if judge else None
    return Gating(judge=asked, least_score=least, regenerate=regenerations(regenerate))


def regenerations(asked: int) -> int:
    """How often what a gate refused is made anew. ConfigurationError for fewer than no rounds, or very many."""
    if not 0 <= asked <= 10:
        raise ConfigurationError(f"--regenerate {asked}: from 0 to 10 times")
    return asked


def require_examples(output: str, source: Path | None = None) -> None:
    """Raises InputError where the dataset of examples, or a file beside it, cannot be made there."""
    require_target(Path(output), "examples", source)
    require_views(Path(output))


def as_written(persona: Persona, documents: Dataset) -> Persona:
    """The persona with the range of words that the documents were held to when they were written."""
    words = documents.manifest.get("words")
    return persona if words is None else msgspec.structs.replace(persona, words=(words[0], words[1]))


def rows_of(source: str, kind: str) -> Dataset:
    """The dataset that a stage goes on from. InputError where it is none, or one of another kind."""
    found = Dataset.open(Path(source))
    if found.kind != kind:
        raise InputError(f"{source}: a dataset of {found.kind}; this stage goes on from {kind}")
    return found


async def chains_of(
    asked: Mapping[Stage, Sequence[str]], mixing: bool, credentials: str | None, fallback: Sequence[str] = (),
    ahead: bool = False,
) -> Chains:  # fmt: skip
    """The chains of all stages: those asked for as they are; of the bundled ones only what there are credentials for.

    Without `mixing` only the first model of each writes. ConfigurationError where none is left, but for a look
    `ahead`, which needs no credentials.
    """
    found: dict[str, tuple[str, ...]] = {}
    for stage, named in asked.items():
        chain = chain_of(stage, named)
        if not named:
            # Of a stage alone there is one chain, and one option to name it by.
            option = "--model" if len(asked) == 1 else f"--{stage}-model"
            chain = await _with_credentials(stage, chain, credentials, ahead, option)
        chain = (*chain, *(one for one in map(canonical, fallback) if one not in chain))
        found[stage] = chain if mixing else chain[:1]
    return Chains(**{name: found.get(name, ()) for name in Chains.__struct_fields__})


async def _with_credentials(
    stage: Stage, chain: tuple[str, ...], credentials: str | None, ahead: bool, option: str
) -> tuple[str, ...]:
    kept: list[str] = []
    faults: list[str] = []
    for model in chain:
        try:
            await endpoint_of(split_model(model)[0], credentials_name(credentials))
            kept.append(model)
        except ConfigurationError as fault:
            faults.append(str(fault))
    if not kept and ahead:
        return chain
    if not kept:
        raise ConfigurationError(
            f"none of the models for {stage} can be asked ({'; '.join(dict.fromkeys(faults))}); name others with "
            f"{option}, or in .redraft/chains.toml"
        )
    if len(kept) < len(chain):
        left_out = [one for one in chain if one not in kept]
        tell(f"{stage}: {', '.join(left_out)} left out, there are no credentials for it")
    return tuple(kept)


async def require_generation(chains: Chains, gating: Gating | None, *outputs: str) -> None:
    """Raises ConfigurationError for a missing key, or a price that a budget needs, and InputError for a folder that
    cannot be written. Sends nothing to a provider."""
    for output in outputs:
        await asyncio.to_thread(require_writable, Path(output))
    firsts = [chain[0] for chain in (chains.scenarios, chains.documents, chains.responses) if chain]
    later = [one for one in chains.every() if one not in firsts]
    judge = [gating.judge.model] if gating is not None and gating.judge is not None else []
    await require_reachable(*dict.fromkeys([*firsts, *judge]), fallbacks=later)


def generation_facts(persona: Persona, chains: Chains, gating: Gating | None) -> dict[str, Any]:
    """What metadata and report say of how it was made."""
    facts: dict[str, Any] = {
        "persona": persona.id,
        "persona_digest": persona.digest,
        "words": list(persona.words),
        "language": persona.language,
        "prompts": list(persona.prompts),
        "chains": {name: list(getattr(chains, name)) for name in Chains.__struct_fields__ if getattr(chains, name)},
    }
    if gating is not None:
        facts |= {
            "judge": gating.judge.model if gating.judge is not None else None,
            "least_score": gating.least_score if gating.judge is not None else None,
            "regenerate": gating.regenerate,
        }
    return facts


def asked_digest(
    persona: Persona, chains: Chains, gating: Gating, tested: Sequence[str], *, count: int, seed: int, move_on: str,
    system_prompts: Prompts,
) -> str:  # fmt: skip
    """Of all that decides which rows a generation makes, as far as it is asked for: two with the same make the same,
    where no provider's fault came between. `persona` is as it was given, before any wordings were asked for."""
    judge = gating.judge
    decides = {
        **generation_facts(persona, chains, gating), "tested": list(tested), "count": count, "seed": seed,
        "move_on": move_on, "system_prompts": system_prompts,
        "templates": [scenarios.TEMPLATE, writing.TEMPLATE, responding.TEMPLATE, judge.template if judge else None],
    }  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(decides)).hexdigest()
