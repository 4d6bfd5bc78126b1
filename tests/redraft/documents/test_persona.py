"""Persona files: the bundled ones, a user's own, and every way in which one can be broken told in one line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from redraft.documents.persona import Persona, bundled, load_persona
from redraft.errors import ConfigurationError

OWN: dict[str, Any] = {
    "name": "brief",
    "version": 1,
    "system_prompt": "You are brief.",
    "traits": [
        {"name": "short", "meaning": "Says it in few words.", "anchors": {1: "Rambles.", 10: "Not a word too many."}}
    ],
    "document_types": [{"name": "memo", "description": "A memo.", "share": 2}, {"name": "note", "description": "A."}],
    "domains": ["water", "bread"],
    "words": [150, 300],
}


def saved(folder: Path, content: Any, name: str = "own.yaml") -> Path:
    file = folder / name
    file.write_text(msgspec.json.encode(content).decode() if name.endswith(".json") else yaml.safe_dump(content))
    return file


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    content = copy.deepcopy(OWN)
    inner: Any = content
    for one in path[:-1]:
        inner = inner[one]
    inner[path[-1]] = value
    return content


@pytest.mark.parametrize("name", bundled())
def test_bundled_personas_load_by_name(name: str) -> None:
    persona = load_persona(name)
    assert persona.name == name and persona.traits and persona.document_types and persona.domains
    assert 500 <= persona.words[0] < persona.words[1] <= 1000


def test_the_default_has_the_five_traits() -> None:
    labels = [one.title for one in load_persona().traits]
    assert labels == ["Collaborative", "Inquisitive", "Cautious & ethical", "Encouraging", "Thorough"]


@pytest.mark.parametrize("name", ["own.yaml", "own.json"])
def test_a_file_of_ones_own_in_both_forms(tmp_path: Path, name: str) -> None:
    persona = load_persona(saved(tmp_path, OWN, name))
    default = load_persona()
    assert (persona.id, persona.words, persona.domains) == ("brief@1", (150, 300), ("water", "bread"))
    assert persona.traits[0].anchors == {1.0: "Rambles.", 10.0: "Not a word too many."}
    assert persona.tones == default.tones, "axes that it leaves out are the bundled persona's"
    assert persona.digest == load_persona(saved(tmp_path, {**OWN, "name": "other"}, "x.yaml")).digest
    assert persona.digest != load_persona(saved(tmp_path, {**OWN, "system_prompt": "x"}, "x.yaml")).digest


def test_another_system_prompt_has_no_paraphrases_of_the_first(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("  Be kind.\n")
    persona = load_persona("collaborative", prompt)
    assert (persona.system_prompt, persona.paraphrases) == ("Be kind.", ())
    prompt.write_text(" \n")
    with pytest.raises(ConfigurationError, match=r"prompt\.txt: empty"):
        load_persona("collaborative", prompt)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("name",), "Not This", "small letters"),
        (("version",), 0, "a version from 1 on"),
        (("version",), "x", "Expected `int`"),
        (("system_prompt",), " ", "system_prompt is empty"),
        (("traits",), [], "traits: there are none"),
        (("traits", 0, "name"), "9", "trait '9': a name has small letters"),
        (("traits", 0, "meaning"), "", "has no meaning"),
        (("traits", 0, "anchors"), {1: "x"}, "an anchor for 10 is missing"),
        (("traits", 0, "anchors"), {0: "x", 1: "x", 10: "y"}, "anchor 0 lies outside"),
        (("traits", 0, "anchors", 10), " ", "the anchor 10 has no text"),
        (("traits", 0, "signs"), ["("], "no regular expression"),
        (("traits", 0, "signs"), ["risk", ""], "the sign '' fits every text"),
        (("traits", 0, "signs"), ["risk|"], "the sign 'risk|' fits every text"),
        (("traits", 0, "signs"), [r"\b"], "fits every text"),
        (("traits", 0, "sings"), ["x"], "unknown field `sings`"),
        (("traits",), OWN["traits"] * 2, "stands there twice"),
        (("document_types", 0, "share"), 0, "its share is 0"),
        (("document_types", 1, "name"), "memo", "'memo' stands there twice"),
        (("domains",), ["water", ""], "domains: one of them is empty"),
        (("words",), [99, 300], "at least 100"),
        (("words",), [300, 300], "the fewest first"),
        (("words",), [300], "Expected `array` of length 2"),
        (("language",), "English", "two letters"),
        (("language",), "xx", "language 'xx': no text can be told to be in it; write a known code, such as en"),
        (("language",), False, "put a word such as no or yes in quotes"),
        (("scale",), {"low": 10, "high": 1}, "low lies below high"),
        (("paraphrases",), [""], "paraphrases: one of them is empty"),
        (("format",), "redraft.persona@2", "this version reads"),
        (("tone",), ["x"], "unknown field `tone`"),
    ],
)
def test_a_fault_is_one_line_with_file_and_place(tmp_path: Path, path: tuple[Any, ...], value: Any, said: str) -> None:
    file = saved(tmp_path, changed(path, value))
    with pytest.raises(ConfigurationError) as fault:
        load_persona(file)
    line = str(fault.value)
    assert line.startswith(f"{file}: ") and said in line and "\n" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "no YAML"), ("- a", "holds no fields"), ("", "holds no fields"), ("\x00", "no YAML"),
        ("name: a\nversion: 1\nname: b", r"the key 'name' stands there twice; leave one of them out.*line 3"),
        ("traits:\n- name: a\n  anchors: {1: a, 10: b, 10.0: c}", r"the key '10\.0' stands there twice"),
        ('name: a\nversion: 1\ntraits: []\nsystem_prompt: "\\ud800"', "surrogates not allowed"),
    ],
)  # fmt: skip
def test_what_is_no_persona_at_all(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load_persona(tmp_path / "own.yaml")


def test_a_key_that_stands_twice_in_json(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"name": "a", "words": [150, 300], "words": [500, 900]}')
    with pytest.raises(ConfigurationError, match=r"own\.json: no JSON \(the key 'words' stands there twice"):
        load_persona(file)


def test_merged_keys_may_be_written_again(tmp_path: Path) -> None:
    trait = "meaning: m, anchors: {1: a, 10: b}"
    (tmp_path / "own.yaml").write_text(
        f"name: own\nversion: 1\nsystem_prompt: p\nlanguage: is\n"
        f"traits:\n- &first {{name: a, {trait}}}\n- {{<<: *first, name: b}}\n"
    )
    persona = load_persona(tmp_path / "own.yaml")
    assert ([one.name for one in persona.traits], persona.language) == (["a", "b"], "is")


def test_names_that_are_nothing() -> None:
    for name in ("nobody", "../collaborative", "collaborative.yaml"):
        with pytest.raises(ConfigurationError, match=r"no such file.*collaborative"):
            load_persona(name)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_PLACES = st.sampled_from(
    [(name,) for name in Persona.__struct_fields__]
    + [("traits", 0, name) for name in ("name", "meaning", "anchors", "label", "signs")]
    + [("document_types", 0, name) for name in ("name", "description", "share")]
)


@given(_PLACES, _ANY)
def test_whatever_stands_in_a_field_it_loads_or_is_told_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], value: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(changed(path, value), allow_unicode=True), "utf-8", "surrogatepass")
    try:
        persona = load_persona(file)
    except ConfigurationError as fault:
        assert str(fault).startswith(f"{file}: ") and len(str(fault).splitlines()) == 1
    else:
        assert persona.prompts and persona.digest and 100 <= persona.words[0] < persona.words[1]
