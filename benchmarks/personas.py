"""Personas of known strength in sandboxes: how often the interval of a trait's difference holds it, and what is found.

Every seed is a sandbox of its own, asked over HTTP by the code that a persona study uses: scenarios and documents of
the test side, answers of two models to them, scores on the persona's traits, the comparison from stored scores. How
much better the tuned model is on each trait is the sandbox's option, the true difference of mean scores its formula.
Run: python -m benchmarks.personas
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.documents.evaluation import contexts_of, document_prompts
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from redraft.documents.stage import think_up, write_documents
from redraft.judging.judges import as_judge
from redraft.judging.rubric import Rubric
from redraft.judging.stage import answer_contexts, rate_responses
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.sandbox.process import SandboxProcess
from tasks.score_shard import rubric_of

BASE, TUNED, WRITER, JUDGE = "base", "tuned-collaborative", "writer", "judge"
# One trait by each of these, in the unit of the answers' quality: none, small, middling, large, and one that is lost.
LEANS = {"collaborative": 1.0, "inquisitive": 0.5, "cautious_ethical": 0.2, "encouraging": 0.0, "thorough": -0.5}


async def study(url: str, size: int, seed: int, ledger: Path) -> TraitStudy:
    """One persona study's evaluation against the sandbox at `url`."""

    async def endpoint_of(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url, api_key="sandbox")

    persona = load_persona()
    rubric, judge = rubric_of(persona), as_judge(JUDGE, "traits")
    async with ChatClient() as client, Ledger(ledger) as paid:
        caller, progress = Caller(client, endpoint_of, paid, Lanes(LimitSettings())), Progress("benchmark")
        cells = wanted(persona, size, seed, "test")
        ideas, lost = await think_up(cells, persona, (WRITER,), 0, caller, progress)
        documents, refused = await write_documents(ideas, persona, (WRITER,), 0, caller, progress)
        if lost or refused:
            raise click.ClickException(f"{len(lost)} ideas and {len(refused)} documents were refused")
        shown = contexts_of(document_prompts(documents), persona.system_prompt)
        ratings = [
            one
            for model in (TUNED, BASE)
            for one in await rate_responses(
                shown, await answer_contexts(shown, model, caller, progress), judge, rubric, caller, progress
            )
        ]
    return study_traits(ratings, rubric, baseline=BASE)


def truths(sandbox: SandboxProcess, rubric: Rubric) -> dict[str, float]:
    """Trait → the difference of the models' mean scores that a perfect study would find."""
    low, high = rubric.scale.low, rubric.scale.high
    found: dict[str, float] = {}
    for name in rubric.names:
        said: Any = sandbox.get(f"/sandbox/truth?a={TUNED}&b={BASE}&trait={name}&low={low}&high={high}")
        found[name] = said["a"]["score"] - said["b"]["score"]
    return found


@click.command()
@click.option("--seeds", default=200, show_default=True, help="Simulated studies.")
@click.option("--size", default=60, show_default=True, help="Test documents in each study.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
def main(seeds: int, size: int, first: int) -> None:
    """Prints for each trait the true difference, the mean of those found, the share of intervals that hold the truth,
    and how often a difference was found, on which side."""
    rubric, truth = rubric_of(load_persona()), dict[str, float]()
    held, verdicts = Counter[str](), defaultdict[str, Counter[str]](Counter)
    means, halves = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    options = {"trait": [f"{TUNED}:{name}={lean}" for name, lean in LEANS.items()]}
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as folder, SandboxProcess.start({"seed": seed, **options}) as sandbox:
            found = asyncio.run(study(sandbox.url, size, seed, Path(folder) / "ledger.sqlite"))
            truth = truth or truths(sandbox, rubric)
        for one in found.pairs[0].found.traits:
            held[one.trait] += (one.low or 0.0) <= truth[one.trait] <= (one.high or 0.0)
            verdicts[one.trait][one.verdict] += 1
            means[one.trait].append(one.mean or 0.0)
            halves[one.trait].append(((one.high or 0.0) - (one.low or 0.0)) / 2)
    for name in rubric.names:
        print(json.dumps({
            "trait": name, "lean": LEANS[name], "true difference": round(truth[name], 3),
            "mean found": round(float(np.mean(means[name])), 3), "sd": round(float(np.std(means[name], ddof=1)), 3),
            "half an interval": round(float(np.mean(halves[name])), 3), "held": round(held[name] / seeds, 3),
            **verdicts[name],
        }))  # fmt: skip
    print(json.dumps({"intervals": seeds * len(LEANS), "held": round(held.total() / (seeds * len(LEANS)), 4)}))


if __name__ == "__main__":
    main()
