"""Single sentences of a methods section that take more than a number: groups of contexts, temperatures.

Neighbour: `methods`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from redraft.judging.summary import Summary


def grouping(pairs: Sequence[Summary]) -> list[str]:
    """How groups of contexts were allowed for; nothing where there are none."""
    if not pairs:
        return []
    ratios = [one.design_effect if one.underdispersion >= 1 else one.underdispersion for one in pairs]
    told = f"{min(ratios):.2f}" + (f" to {max(ratios):.2f}" if f"{max(ratios):.2f}" != f"{min(ratios):.2f}" else "")
    said = [
        f"Contexts come in groups ({max(one.clusters or 0 for one in pairs):,}); counts were divided by the design "
        f"effect, that of the jackknife over groups ({told}), and Student's t was used, with as many degrees of "
        "freedom as the effective number of groups less one."
    ]
    if any(one.underdispersion < 1 for one in pairs):
        said.append(
            "Where the design effect was below 1, as groups differed less than chance would make them, the wider was "
            "taken of this interval and that of independent contexts, and the larger of their p-values."
        )
    return said


def decoding(facts: Mapping[str, str]) -> str:
    """The temperatures among the facts in a sentence, whether one number or one for each model; "" without any."""
    sent: dict[str, list[str]] = {}
    for name, value in facts.items():
        if "temperature" not in name:
            continue
        for model, one in _temperatures(value).items():
            sent.setdefault(one, []).append(model or ("all models" if name == "temperature" else name.split()[0]))
    told = [f"temperature {one} ({_listed(models)})" for one, models in sent.items() if one]
    if own := sent.get(""):
        told.append(f"the provider's own temperature, as none can be sent ({_listed(own)})")
    return f"Decoding: {'; '.join(told)}." if told else ""


def _temperatures(value: str) -> dict[str, str]:
    """Model → its temperature, "" where it is sent none, as `publishing.facts_of` writes a table; a value alone under
    the model ""."""
    try:
        table = msgspec.json.decode(value, type=dict[str, float | None])
    except msgspec.DecodeError:
        return {"": value}
    return {model: "" if one is None else f"{one:g}" for model, one in table.items()}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
