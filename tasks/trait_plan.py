"""Who is scored on traits, from what a user names: models that answer, answers that exist; refused in one line before
anything is paid.

Neighbours: `judge_traits` scores, `given_answers` reads what exists, `test_contexts` makes the contexts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.storage import Dataset, require_target
from redraft.errors import ConfigurationError
from redraft.judging.judges import MAX_REASKS, Judge
from redraft.judging.ratings import prerated, rating_request
from redraft.judging.rubric import Rubric
from redraft.judging.trait_checks import picked
from redraft.providers.endpoints import canonical
from redraft.records import Request
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.answers_ahead import LONGER, AnswersAhead, answers_ahead
from tasks.estimates import estimate, still_unknown
from tasks.given_answers import given_answers
from tasks.judge_panel import panel_facts
from tasks.judge_traits import TRAITS_STAGE, rating_requests
from tasks.session import CallOptions
from tasks.test_contexts import contexts_row, make_contexts
from tasks.trait_checks import check_requests


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are asked to answer the contexts, `given` have answered them: folders of responses by model."""

    contexts: str
    models: list[str]
    given: dict[str, str]
    baseline: str

    @property
    def names(self) -> list[str]:
        return [*self.models, *self.given]

    @property
    def title(self) -> str:
        names = self.names
        return f"{names[0]} scored on traits" if len(names) == 1 else f"{len(names)} models scored on traits"


async def who_is_scored(
    models: Sequence[str], responses: Sequence[str], baseline: str, conversations: str, test_size: int
) -> Scored:
    """The contexts are those that the given responses answer, where there are any, else the last of the conversations.

    ConfigurationError for nobody to score, a model twice, or a baseline that is none of them.
    """
    named = [canonical(one) for one in models]
    if not named and not responses:
        raise ConfigurationError("nobody is scored; name a model (-m), or answers that exist (--responses)")
    given: dict[str, str] = {}
    if responses:
        found = await given_answers(list(responses))
        contexts, given = str(found["contexts"]), cast("dict[str, str]", found["responses"])
    else:
        contexts = await make_contexts(conversations, test_size)
    every = [*named, *given]
    if twice := sorted({one for one in every if every.count(one) > 1}):
        raise ConfigurationError(f"{', '.join(twice)} stands twice; name each model once")
    against = next((one for one in every if baseline and one in (baseline, canonical(baseline))), "")
    if baseline and not against:
        raise ConfigurationError(f"--baseline {baseline} is none of the models that are scored ({', '.join(every)})")
    return Scored(contexts=contexts, models=named, given=given, baseline=against)


def rating_folders(output: str, judges: Sequence[Judge], names: Sequence[str]) -> dict[tuple[str, str], Path]:
    """(judge, model) → where its ratings go: the first judge's under `ratings`, another's with its name behind.

    InputError where something else lies there.
    """
    found: dict[tuple[str, str], Path] = {}
    for judge, below in zip(judges, beside(output, "ratings", judges), strict=True):
        for place, name in enumerate(names, start=1):
            target = below / f"{place}-{slug(name)}"
            require_target(target, "ratings")
            found[judge.model, name] = target
    return found


def beside(output: str, what: str, judges: Sequence[Judge]) -> list[Path]:
    """A folder for each judge; names that differ in signs alone are told apart by a number."""
    folders: list[Path] = []
    for number, judge in enumerate(judges):
        folder = Path(output) / (what if number == 0 else f"{what}-{slug(judge.model)}")
        folders.append(folder if folder not in folders else folder.with_name(f"{folder.name}-{number + 1}"))
    return folders


def trait_facts(who: Scored, judges: Sequence[Judge], rubric: Rubric, contexts: Dataset) -> dict[str, Any]:
    """What results.json and the report say of who was scored by whom, and how."""
    facts = panel_facts(judges, who.names)
    if not who.models:  # nobody was asked for an answer
        asked = {one.model for one in judges}
        facts = {name: value for name, value in facts.items() if not name.startswith("answer_")}
        facts["temperature"] = {model: one for model, one in facts["temperature"].items() if model in asked}
    return {
        "models": who.models or None,
        "given": list(who.given) or None,
        "baseline": who.baseline or None,
        **facts,
        "rubric": rubric.id,
        "rubric_digest": rubric.digest,
        "test_contexts": contexts_row(contexts),
    }


def slug(name: str) -> str:
    """A model's name as part of a file's."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:80] or "model"


async def estimate_traits(
    who: Scored, judges: Sequence[Judge], rubric: Rubric, credentials: str | None, options: CallOptions
) -> list[dict[str, Any]]:
    """The answers that are still to be given, then the scores by each judge, its tests included.

    What is recorded of the scores of an answer that is there is found, too; the length of one that is not is assumed,
    and its score counts as new.
    """
    contexts = Dataset.open(Path(who.contexts))
    answers = await answers_ahead(contexts, who.models, credentials, options)
    places = range(len(who.models))
    waiting = sum(answers.missing(context, [place]) for context in contexts.rows() for place in places)
    found = [
        await estimate(ANSWER_STAGE, answering_requests(contexts, model), credentials, options) for model in who.models
    ]
    for judge in judges:
        scoring = await estimate(
            TRAITS_STAGE, _to_be_scored(who, contexts, answers, judge, rubric), credentials, options,
            reasks=MAX_REASKS, more_input=LONGER if waiting else 0,
        )  # fmt: skip
        found.append({**scoring, **still_unknown(waiting, "score", scoring)})
    return found


def _to_be_scored(
    who: Scored, contexts: Dataset, answers: AnswersAhead, judge: Judge, rubric: Rubric
) -> Iterator[Request]:
    for folder in who.given.values():
        yield from rating_requests(contexts, Dataset.open(Path(folder)), judge, rubric)
    for place in range(len(who.models)):
        for context in contexts.rows():
            if prerated(response := answers.response(context, place), judge, rubric) is None:
                yield rating_request(context, response, judge, rubric)
    # The tests are made of the first model's answers, whoever that is.
    first = (
        (answers.response(context, 0) for context in contexts.rows())
        if who.models
        else Dataset.open(Path(next(iter(who.given.values())))).rows()
    )
    yield from check_requests(picked(zip(contexts.rows(), first, strict=True)), judge, rubric)
