"""A model in this process: its answers are those of its training, and a call that it fails at spoils no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from handmade import make_t5

from redraft.errors import ConfigurationError
from redraft.serving import loading
from redraft.serving.answering import LocalModel, Reply
from redraft.serving.asked import Asked, ChatMessage, Refused
from redraft.serving.folders import named_folders
from redraft.training.local.held_out import Answerer
from redraft.training.local.settings import CurriculumSettings

TEXTS = ("the house is red", "the house", "white")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """Its tokenizer writes a space before a word, before the first as well, as that of T5 does for some."""
    for name in ("torch", "transformers"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")
    folder = make_t5(tmp_path_factory.mktemp("models") / "spaced")
    written: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text())
    replaced = {"type": "Replace", "pattern": {"Regex": "^"}, "content": " "}
    written["decoder"] = {"type": "Sequence", "decoders": [replaced, {"type": "Fuse"}]}
    (folder / "tokenizer.json").write_text(json.dumps(written))
    return LocalModel(named_folders([str(folder)])[0], "cpu")


def asked(text: str, **more: Any) -> Asked:
    return Asked(model="spaced", messages=(ChatMessage("user", text),), **more)


def test_what_is_served_is_what_the_training_stores(model: LocalModel) -> None:
    loaded = model._is  # the weights are loaded once
    stored = Answerer(loaded.model, loaded.tokenizer, CurriculumSettings(), "cpu")
    predictions = stored.answers([loaded.tokenizer(text)["input_ids"] for text in TEXTS])
    assert predictions == ["It is red .", "I do not know .", "It is white ."]
    served = model.answer([asked(text) for text in TEXTS])
    assert [reply.text for reply in served if isinstance(reply, Reply)] == predictions
    stopped = model.answer([asked(TEXTS[0], stop=("red",))])[0]
    assert isinstance(stopped, Reply) and stopped.text == "It is "


def test_a_call_that_the_model_fails_at_spoils_no_other(model: LocalModel, capsys: pytest.CaptureFixture[str]) -> None:
    # Past what a body may ask: all chances are no numbers.
    answers = model.answer([asked(TEXTS[0]), asked(TEXTS[0], temperature=1e-320), asked(TEXTS[1])])
    assert [one.text for one in answers if isinstance(one, Reply)] == ["It is red .", "I do not know ."]
    refused = answers[1]
    assert isinstance(refused, Refused) and (refused.status, "the model failed" in refused.message) == (500, True)
    assert capsys.readouterr().err.count("redraft: spaced: ") == 1


def test_a_torch_that_cannot_be_imported_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(loading, "import_module", broken)
    with pytest.raises(ConfigurationError, match=r"cannot be imported \(libcudart.*pip install 'redraft\[local\]'"):
        loading.chosen_device("auto")
