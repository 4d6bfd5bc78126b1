"""YAML and JSON that people write, in which no key may stand twice.

Of two the usual readers take the last and say nothing, while a person mends the first. Neighbour: `persona` reads its
files so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
_MERGED = "tag:yaml.org,2002:merge"


def in_yaml(text: str) -> Any:
    """What a YAML text holds. Raises yaml.YAMLError, with the line, for a key that stands twice in a mapping."""
    return yaml.load(text, _EachKeyOnce)  # noqa: S506 - it is a SafeLoader


def in_json(text: str) -> Any:
    """What a JSON text holds. Raises ValueError for a key that stands twice in an object."""
    document = msgspec.json.decode(text)
    json.loads(text, object_pairs_hook=_each_key_once)
    return document


class _EachKeyOnce(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGED]
        if (twice := _twice([key.value for key in keys])) is not None:
            raise yaml.constructor.ConstructorError(None, None, _told(keys[twice].value), keys[twice].start_mark)
        return super().construct_mapping(node, deep)


def _each_key_once(pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if (twice := _twice(keys)) is not None:
        raise ValueError(_told(keys[twice]))


def _twice(keys: Sequence[str]) -> int | None:
    """Place of the first key that stands there already; `10` and `10.0` are one score."""
    seen: set[str | float] = set()
    for place, key in enumerate(keys):
        same = float(key) if _NUMBER.fullmatch(key) else key
        if same in seen:
            return place
        seen.add(same)
    return None


def _told(key: str) -> str:
    return f"the key {key!r} stands there twice; leave one of them out"
