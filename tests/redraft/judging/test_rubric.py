"""The file of traits: the bundled one, one of a user's own, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.errors import ConfigurationError
from redraft.judging.rubric import load_rubric

GOOD = """format = "redraft.traits@1"
name = "support-desk"
version = 3
[scale]
low = 0
high = 2.5
[[traits]]
name = "polite"
description = "Says please."
[traits.anchors]
0 = "Rude."
"1.5" = "Curt."
"2.5" = "Warm."
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "traits.toml"
    path.write_text(text)
    return path


def test_the_bundled_traits() -> None:
    rubric = load_rubric()
    assert rubric.id == "collaborative@1"
    assert rubric.names == ("collaborative", "inquisitive", "cautious_ethical", "encouraging", "thorough")
    assert all(sorted(trait.anchors) == [1, 3, 5, 7, 10] for trait in rubric.traits)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    rubric = load_rubric(written(tmp_path, GOOD))
    assert (rubric.id, rubric.names, rubric.scale.high) == ("support-desk@3", ("polite",), 2.5)
    assert rubric.traits[0].anchors == {0.0: "Rude.", 1.5: "Curt.", 2.5: "Warm."}
    assert rubric.traits[0].title == "polite"
    renamed = load_rubric(
        written(tmp_path, GOOD.replace("support-desk", "other").replace("version = 3", "version = 4"))
    )
    edited = load_rubric(written(tmp_path, GOOD.replace("Curt.", "Short.")))
    assert renamed.digest == rubric.digest != edited.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("redraft.traits@1", "other@1", "the file begins with format"),
        ("version = 3", "version = 0", "a version from 1 on"),
        ("version = 3", 'version = "3"', "Expected `int`, got `str` - at `$.version`"),
        ("low = 0", "low = 3", "low lies below high"),
        ("low = 0", "low = nan", "low lies below high"),
        ("low = 0", "lowest = 0", "lowest"),
        ('name = "polite"', 'name = "Polite!"', "a name has small letters"),
        ('"Says please."', '" "', "has no description"),
        ('"2.5" = "Warm."', '3 = "Warm."', "the anchor 3 lies outside"),
        ('"2.5" = "Warm."', "", "an anchor for 2.5 is missing"),
        ('"Curt."', '""', "the anchor 1.5 has no text"),
        ("[[traits]]", "[[traits]", "no TOML"),
        ('"1.5" =', "often =", "Expected `float`"),
        ('"1.5" =', "1.5 =", "stands in quotes"),
    ],
)
def test_faults_name_the_file_and_the_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as fault:
        load_rubric(path)
    assert str(fault.value).startswith(f"{path}: ") and said in str(fault.value) and "\n" not in str(fault.value)


def test_traits_that_are_missing_or_twice(tmp_path: Path) -> None:
    head, trait = GOOD.split("[[traits]]")
    with pytest.raises(ConfigurationError, match="stands there twice"):
        load_rubric(written(tmp_path, f"{head}[[traits]]{trait}[[traits]]{trait}"))
    with pytest.raises(ConfigurationError, match=r"no \[\[traits\]\]"):
        load_rubric(written(tmp_path, "traits = []\n" + head))
    with pytest.raises(ConfigurationError, match="no bundled traits are called collaborative@9"):
        load_rubric("collaborative@9")
    with pytest.raises(ConfigurationError, match="no such file"):
        load_rubric(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_rubric(tmp_path)
