"""Who judges, from what a user names; what the results say of them; and what is to be said before they are paid.

Neighbours: the flows that ask judges call this first; `judge_pair` and `judge_traits` ask them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.errors import ConfigurationError
from redraft.judging.judges import Judge, judge_remarks, make_judge
from redraft.judging.prompts import Kind
from redraft.judging.stage import decoding

JUDGE = "meta-llama/Llama-3.3-70B-Instruct-Turbo"

Effort = Literal["low", "medium", "high"]
# Output tokens, reasoning among them: with the bundled bound, one that was told to reason would be cut off.
REASONING_TOKENS: dict[Effort, int] = {"low": 4096, "medium": 8192, "high": 16384}


def panel_of(
    judge: str | Sequence[str],
    prompt: str = "",
    criteria: str = "",
    *,
    kind: Kind = "pairwise",
    effort: Effort | None = None,
) -> list[Judge]:
    """The judges, by their canonical names, with the texts of the files `prompt` and `criteria` ("": the bundled ones).

    With an `effort` they may answer at greater length. ConfigurationError, one line: no judge, one twice, a file that
    is not as it must be, or criteria for traits.
    """
    models = [judge] if isinstance(judge, str) else list(judge)
    if not models:
        raise ConfigurationError("no judge is named; name one at least")
    panel = [make_judge(model, kind=kind, prompt=prompt, criteria=criteria, effort=effort) for model in models]
    require_each_once(panel)
    if effort is None:
        return panel
    return [msgspec.structs.replace(one, max_tokens=REASONING_TOKENS[effort]) for one in panel]


def require_each_once(panel: Sequence[Judge]) -> None:
    """Raises ConfigurationError where a judge stands twice: its voice would count twice."""
    models = [one.model for one in panel]
    if twice := sorted({model for model in models if models.count(model) > 1}):
        raise ConfigurationError(f"{', '.join(twice)} judges twice; name each judge once")


def panel_facts(panel: Sequence[Judge], candidates: Iterable[str]) -> dict[str, Any]:
    """How answers and judgments are asked for, as results.json and the report tell it; plain values.

    What is the same for all judges stands once, anything else by the judge's model.
    """
    models = list(candidates)
    each = [decoding(models, one) for one in panel]
    if len(panel) == 1:
        return {"judge": panel[0].model, **each[0]}
    facts: dict[str, Any] = {"judge": [one.model for one in panel]}
    if remarks := panel_remarks(panel, models):
        facts["judge_remarks"] = remarks
    for name in each[0]:
        if name in ("temperature", "judge_remarks"):
            continue
        values = [facts_of_one[name] for facts_of_one in each]
        same = all(value == values[0] for value in values)
        by_judge = {one.model: value for one, value in zip(panel, values, strict=True)}
        facts[name] = values[0] if same else by_judge
    facts["temperature"] = {model: value for one in each for model, value in _temperatures(one).items()}
    return facts


def panel_remarks(panel: Sequence[Judge], candidates: Iterable[str]) -> list[str]:
    """One-line cautions about the judges, each said once."""
    models = list(candidates)
    return list(dict.fromkeys(remark for one in panel for remark in judge_remarks(one, models)))


def warn_of(panel: Sequence[Judge], candidates: Iterable[str]) -> None:
    """Says what is to be said of the judges before any of them is paid: in the log, and to whoever started the run."""
    for remark in panel_remarks(panel, candidates):
        get_run_logger().warning("%s", remark)
        tell(remark)


def _temperatures(facts: dict[str, Any]) -> dict[str, Any]:
    return facts["temperature"]
