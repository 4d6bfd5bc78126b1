"""Answers in the shape of a JSON Schema: the judge's verdict, or the smallest instance of any other schema.

Neighbours: `truth` decides the verdict, `chat` and `anthropic_messages` find the schema in a request.
"""

from __future__ import annotations

import re
from typing import cast

Schema = dict[str, object]
VERDICTS = frozenset({"answer_1", "answer_2", "tie"})


def is_judging(schema: Schema) -> bool:
    """Whether the schema asks for one of the judge's three verdicts."""
    verdict = _table(_table(schema.get("properties")).get("verdict"))
    offered = {value for value in _items(verdict.get("enum")) if isinstance(value, str)}
    return offered.issuperset(VERDICTS)


def is_scoring(schema: Schema) -> bool:
    """Whether the schema asks for scores: an object `scores` of numbers."""
    scores = _table(_table(_table(schema.get("properties")).get("scores")).get("properties"))
    return bool(scores) and all(_table(one).get("type") == "number" for one in scores.values())


def scale_of(schema: Schema) -> tuple[list[str], float, float]:
    """What is scored, and the ends of the scale, which stand in words: `..., from 1 to 10`."""
    scores = _table(_table(_table(schema["properties"])["scores"])["properties"])
    found = re.search(r"from (\S+) to (\S+)$", str(_table(next(iter(scores.values()))).get("description", "")))
    return list(scores), float(found[1]) if found else 1.0, float(found[2]) if found else 10.0


def properties_of(schema: Schema) -> dict[str, Schema]:
    """The properties of an object by their names; empty for anything else."""
    return {name: _table(part) for name, part in _table(schema.get("properties")).items()}


def item_of(schema: Schema, name: str) -> Schema:
    """The schema of one item of the array `name`."""
    items = _table(properties_of(schema).get(name, {}).get("items"))
    reference = items.get("$ref")
    return _referred(reference, schema) if isinstance(reference, str) else items


def filled(schema: Schema, known: Schema) -> Schema:
    """An object with the schema's keys in the schema's order: what is known, else the smallest of its kind."""
    return {key: known.get(key, smallest(part, schema)) for key, part in properties_of(schema).items()}


def scored(schema: Schema, scores: dict[str, object], violation: bool) -> Schema:
    """The scores as an object with the schema's keys in the schema's order."""
    known: Schema = {"analysis": "Simulated analysis: what decides the scores.", "scores": scores}
    known |= {"violation": violation}
    return filled(schema, known)


def judged(schema: Schema, verdict: str, strength: str, violations: dict[str, bool] | None = None) -> Schema:
    """The verdict as an object with the schema's keys in the schema's order."""
    analysis = {
        "tie": "Simulated analysis: both answers serve the user about equally well.",
        "answer_1": "Simulated analysis: the first answer serves the user better than the second.",
        "answer_2": "Simulated analysis: the second answer serves the user better than the first.",
    }[verdict]
    known: Schema = {"analysis": analysis, "verdict": verdict, "strength": strength}
    if violations:
        known["violations"] = violations
    return filled(schema, known)


def smallest(schema: Schema, root: Schema | None = None, text: str = "simulated", depth: int = 0) -> object:
    """A minimal instance of `schema`: required properties only, first enum value, lower bounds.

    `text` fills strings; references are looked up in `root`; below eight levels everything is null.
    """
    root = schema if root is None else root
    if depth > 8:
        return None
    if "const" in schema:
        return schema["const"]
    if choices := _items(schema.get("enum")):
        return choices[0]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return smallest(_referred(reference, root), root, text, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if options := _items(schema.get(word)):
            return smallest(_table(options[0]), root, text, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kinds = _items(kind)
    return _of_type(str(kinds[0] if kinds else kind), schema, root, text, depth)


def _of_type(kind: str, schema: Schema, root: Schema, text: str, depth: int) -> object:
    if kind == "object":
        properties = _table(schema.get("properties"))
        required = [name for name in _items(schema.get("required")) if isinstance(name, str)] or list(properties)
        return {name: smallest(_table(properties.get(name)), root, text, depth + 1) for name in required}
    if kind == "array":
        count = schema.get("minItems", 0)
        item = smallest(_table(schema.get("items")), root, text, depth + 1)
        return [item] * (count if isinstance(count, int) else 0)
    if kind in {"integer", "number"}:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        number = low if isinstance(low, int | float) else 0
        return number + 1 if "exclusiveMinimum" in schema else number
    if kind in {"boolean", "null"}:
        return False if kind == "boolean" else None
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    filled = text.ljust(least if isinstance(least, int) else 0, ".")
    return filled[:most] if isinstance(most, int) else filled


def _referred(reference: str, root: Schema) -> Schema:
    found: object = root
    for name in reference.removeprefix("#/").split("/"):
        found = _table(found).get(name)
    return _table(found)


def _table(value: object) -> Schema:
    return cast(Schema, value) if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
