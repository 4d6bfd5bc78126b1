"""The settings of what learns from preferences as one nested form: each may be left empty, and is then at the default
of the method.

Made from the declarations in `redraft.training.adapting`, so that nothing is written twice. Neighbour:
`training_form`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from redraft.training.adapting.preference_methods import METHODS, Method, defaults_of, kinds_of
from redraft.training.setting_types import description, label
from tasks.training_form import kind_of

_OF: dict[str, list[Method]] = {}
for _method in METHODS:
    for _name in kinds_of(_method):
        _OF.setdefault(_name, []).append(_method)


def _field(name: str) -> tuple[Any, Any]:
    methods = _OF[name]
    kinds = kinds_of(methods[0])
    said = dict[str, list[str]]()
    for method in methods:
        default = defaults_of(method)[name]
        said.setdefault(description(kinds_of(method)[name]), []).append(f"{default} for {method}")
    words = " ".join(f"{one} Default: {', '.join(defaults)}." for one, defaults in said.items())
    title = label(name)
    return kind_of(name, kinds) | None, Field(default=None, title=title[:1].upper() + title[1:], description=words)


if TYPE_CHECKING:
    AlignSettings = BaseModel
else:
    AlignSettings = create_model(
        "AlignSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings of one method; what is left empty is at the method's default.",
        **{name: _field(name) for name in _OF},
    )
