"""What is served as a model, and what is refused in one line before torch is imported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from redraft.cli import main
from redraft.errors import ConfigurationError, InputError
from redraft.serving import loading
from redraft.serving.folders import Card, fingerprint, named_folders, open_folder


def model(folder: Path, card: str | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "t5"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    if card is not None:
        (folder / "redraft.json").write_text(card)
    return folder


def test_names_are_the_folders_or_given_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = model(tmp_path / "one"), model(tmp_path / "deep" / "a=b")
    found = named_folders([str(one), f"mine={one}"])
    assert [(folder.name, folder.path) for folder in found] == [("one", one), ("mine", one)]
    with pytest.raises(InputError, match="letters and digits"):
        named_folders([str(other)])  # a folder that has = in its name is a folder
    assert [folder.name for folder in named_folders([f"ab={other}"])] == ["ab"]
    with pytest.raises(InputError, match=r"called one too; name one of them: NAME="):
        named_folders([str(one), f"one={other}"])
    monkeypatch.chdir(one)
    assert named_folders(["."])[0].name == "one"


def test_the_card_is_read_beside_what_else_it_holds(tmp_path: Path) -> None:
    card = '{"format": 1, "serve_prefix": "answer: ", "max_input_tokens": 256, "simulated": true, "phases": ["a"]}'
    assert open_folder(model(tmp_path / "a", card), "a").card == Card(
        serve_prefix="answer: ", max_input_tokens=256, simulated=True
    )
    assert open_folder(model(tmp_path / "b"), "b").card == Card()
    for broken in ("{", "[]", '{"format": 2}', '{"serve_prefix": 3}'):
        shutil.rmtree(tmp_path / "b")
        with pytest.raises(InputError, match=r"b/redraft\.json: "):
            open_folder(model(tmp_path / "b", broken), "b")


def test_the_fingerprint_is_that_of_everything_that_answers_follow_from(tmp_path: Path) -> None:
    one = model(tmp_path / "one")
    known = {"": fingerprint(one)}
    shutil.copytree(one, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("about it")
    (tmp_path / "copy" / "trainer_state.json").write_text("{}")
    (tmp_path / "copy" / "optimizer.pt").write_bytes(b"x")
    assert fingerprint(tmp_path / "copy") == known[""]
    for name in ("model.safetensors", "config.json", "tokenizer.json", "redraft.json", "chat_template.jinja"):
        changed = tmp_path / f"with-{name}"
        shutil.copytree(one, changed)
        (changed / name).write_bytes(b"other")
        known[name] = fingerprint(changed)
    assert len(set(known.values())) == len(known)


def nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def run_folder(folder: Path) -> None:
    shutil.copytree(folder, folder / "model")
    no_config(folder)


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (nothing, "no such folder"), (no_config, "no model, it holds no config.json"),
        (adapter, "an adapter, not a model; merge it into its model first"), (run_folder, "did you mean {}/model?"),
        (pickled, "its weights are a pickle, which can run code and is never loaded"),
        (no_weights, "no weights as safetensors"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    folder = model(tmp_path / "one")
    spoil(folder)
    done = CliRunner().invoke(main, ["serve", str(folder), "--port", "0"])
    assert done.exit_code == 2 and said.format(folder) in done.output and f"redraft: bad input: {folder}" in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours(tmp_path: Path, host: str) -> None:
    done = CliRunner().invoke(main, ["serve", str(model(tmp_path / "one")), "--host", host])
    assert done.exit_code == 2 and host in done.output and done.output.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'redraft\[local\]'"):
        loading.require_extra()
