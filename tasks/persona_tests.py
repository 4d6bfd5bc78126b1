"""What a persona study tests on: documents of the grid's other side or a user's prompts, plain instructions, and the
assurance that no model was trained on them.

Neighbours: `generation` makes the documents, `redraft.documents.evaluation` the contexts, `persona_answers` has models
answer them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.documents.evaluation import (
    contexts_of,
    document_prompts,
    plain_instructions,
    refuse_shared_words,
    write_contexts,
)
from redraft.documents.evaluation_prompts import Prompt, read_prompts
from redraft.errors import InputError
from redraft.home import Home
from redraft.providers.endpoints import split_model
from redraft.training.registry import Registry, registry_address
from tasks.generation import draw_cells, make_documents, make_scenarios
from tasks.generation_plan import Chains, chains_of
from tasks.made_inputs import intact
from tasks.persona_plan import Arm, PersonaPlan
from tasks.states import not_ours
from tasks.test_contexts import check_held_out, check_study_overlap


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """Contexts to test on: `hard` ones, which are the persona's own field, `plain` ones, and `asked`, both in a row:
    one folder of answers, and one endpoint, serves both. `made` are the datasets of test documents by stage."""

    hard: Dataset
    plain: Dataset
    asked: Dataset
    made: tuple[tuple[str, Dataset], ...] = ()


async def make_tests(plan: PersonaPlan, made: Sequence[dict[str, Any]]) -> Tests:
    """The contexts, with test documents made where the user gave no prompts. Nothing that a model of the study is, or
    was here, trained on has words of these: not what generate-documents gave for each persona, `made`, either."""
    documents: list[tuple[str, Dataset]] = []
    prompts: list[Prompt]
    if plan.evaluation_prompts:
        prompts = read_prompts(Path(plan.evaluation_prompts))
    else:
        earlier = await asyncio.to_thread(trained_here, [plan.model, *plan.also])
        documents = await _test_documents(plan, [*(Path(one["dataset"]) for one in made), *earlier.values()])
        prompts = [one for name, dataset in documents if name.startswith("test documents")
                   for one in document_prompts(dataset.rows(), _prefix(name))]  # fmt: skip
    return await tests_of(plan, prompts, tuple(documents))


async def known_tests(plan: PersonaPlan) -> Dataset:
    """The contexts that there are before anything is generated: plain instructions, and the user's prompts if any.

    Raises OverlapError where a model that is not trained here anew was trained on them, and ConfigurationError where a
    persona has too few cells for the documents to test on."""
    for arm, count in [] if plan.evaluation_prompts else axes_of(plan):
        await draw_cells(arm.persona, count, plan.generating["seed"], "test")
    prompts = read_prompts(Path(plan.evaluation_prompts)) if plan.evaluation_prompts else []
    plain = await asyncio.to_thread(plain_instructions, plan.plain_prompts)
    source = plan.evaluation_prompts or "plain instructions"
    contexts = Dataset.open(Path(await write_test_contexts([*prompts, *plain], plan.system_prompt, source)))
    await require_unseen(contexts, [plan.model, *plan.also])
    return contexts


async def tests_of(plan: PersonaPlan, prompts: Sequence[Prompt], made: tuple[tuple[str, Dataset], ...] = ()) -> Tests:
    """These prompts, the plain instructions, and both together, as contexts."""
    plain = await asyncio.to_thread(plain_instructions, plan.plain_prompts)
    source = plan.evaluation_prompts or f"{plan.output}/test_documents"
    both = [*prompts, *plain]
    folders = [
        await write_test_contexts(list(some), plan.system_prompt, said)
        for some, said in (
            (prompts, source), (plain, plan.plain_prompts or "plain instructions"),
            (both, f"{source} and plain instructions"),
        )
    ]  # fmt: skip
    hard, plainly, asked = (Dataset.open(Path(one)) for one in folders)
    if asked.count != hard.count + plainly.count:
        raise InputError(
            f"{source}: some of its prompts are plain instructions, too, which {plan.plain_prompts or 'redraft'} has; "
            "leave them out of one of both"
        )
    return Tests(hard=hard, plain=plainly, asked=asked, made=made)


@task(task_run_name="contexts of {source}")
async def write_test_contexts(prompts: list[Prompt], system_prompt: str, source: str) -> str:
    """Folder of the prompts as contexts, named after their content."""
    contexts = contexts_of(prompts, system_prompt)
    digest = hashlib.sha256(msgspec.json.encode([source, contexts])).hexdigest()[:16]
    target = Home.of().work / f"persona-contexts-{digest}"
    if not intact(target):
        await asyncio.to_thread(write_contexts, contexts, target, source)
    return str(target)


def axes_of(plan: PersonaPlan) -> list[tuple[Arm, int]]:
    """Of each group of personas that share documents the first, with how many test documents are of its kind."""
    groups: dict[str, Arm] = {}
    for arm in plan.arms:
        groups.setdefault(arm.axes.digest, arm)
    each, over = divmod(plan.test_size, len(groups))
    return [(arm, each + (place < over)) for place, arm in enumerate(groups.values()) if each + (place < over)]


async def test_chains(plan: PersonaPlan) -> Chains:
    asked = plan.generating
    return await chains_of(
        {"scenarios": asked["scenarios_model"], "documents": asked["documents_model"]}, asked["mixing"],
        plan.credentials,
    )  # fmt: skip


async def _test_documents(plan: PersonaPlan, trained: Sequence[Path]) -> list[tuple[str, Dataset]]:
    """Scenarios and documents of the side that is never trained on, by the name of their stage."""
    chains, regenerate = await test_chains(plan), plan.generating["regenerate"]
    found: list[tuple[str, Dataset]] = []
    for arm, count in axes_of(plan):
        of = "" if len(axes_of(plan)) == 1 else f" ({arm.name})"
        folder = f"{plan.output}/test{'' if not of else f'_{arm.name}'}"
        cells = Dataset.open(Path(await draw_cells(arm.persona, count, plan.generating["seed"], "test")))
        ideas, _ = await make_scenarios(cells, arm.persona, chains.scenarios, regenerate, f"{folder}_scenarios")
        documents, _ = await make_documents(
            ideas, arm.persona, chains.documents, regenerate, f"{folder}_documents", trained=trained
        )
        found += [(f"test scenarios{of}", ideas), (f"test documents{of}", documents)]
    return found


def _prefix(stage: str) -> str:
    """What tells the ids of one persona's test documents from another's."""
    name = stage.partition("(")[2].rstrip(")")
    return f"{name}-" if name else ""


async def require_unseen(contexts: Dataset, models: list[str]) -> None:
    """Raises OverlapError where a model was trained here on one of the contexts, or on their words."""
    await check_held_out(str(contexts.path), models)
    for model, dataset in (await asyncio.to_thread(trained_here, models)).items():
        await no_shared_words(str(contexts.path), str(dataset), model)


def trained_here(models: Sequence[str]) -> dict[str, Path]:
    """What those of the models that were trained here were trained on, as far as it still lies there; of others their
    fingerprints alone are left."""
    with Registry(registry_address()) as registry:
        jobs = {model: registry.by_model(split_model(model)[1]) for model in models}
    found = {model: Path(job.dataset_path) for model, job in jobs.items() if job is not None and job.dataset_path}
    return {model: path for model, path in found.items() if path.is_dir()}


async def require_apart(plan: PersonaPlan, tests: Tests, made: Sequence[dict[str, Any]]) -> None:
    """Raises OverlapError where a persona is about to be trained on what models are tested on, or another model was:
    equal contexts, or words that both share."""
    await require_unseen(tests.asked, [plan.model, *plan.also])
    await check_study_overlap(str(tests.asked.path), [one["dataset"] for one in made])
    for arm, one in zip(plan.arms, made, strict=True):
        await no_shared_words(str(tests.asked.path), one["dataset"], f"the persona {arm.name}")


@task(task_run_name="no words of the tests in {dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def no_shared_words(contexts: str, dataset: str, name: str) -> None:
    """Raises OverlapError where rows of the dataset have words of a test context."""
    trained = Dataset.open(Path(dataset))
    await asyncio.to_thread(refuse_shared_words, Dataset.open(Path(contexts)), trained.rows(), name)


def stand_ins(count: int, words: tuple[int, int]) -> list[Prompt]:
    """Prompts as long as test documents that are not there yet, for an estimate."""
    text = "word " * (sum(words) // 2)
    return [Prompt(f"t{number:05d}", f"**Title {number}**\n\n{text}") for number in range(1, count + 1)]
