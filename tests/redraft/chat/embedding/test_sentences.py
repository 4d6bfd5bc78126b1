"""A sentence model in a folder gives the vectors that its files say; what is none is refused in one line."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.chat.embedding.cache import EmbeddingCache
from redraft.chat.embedding.sentences import SentenceModel
from redraft.errors import ConfigurationError

TEXTS = ["see you at nine", "at nine, see you there then", "lunch?", "at nine", "see you at nine"]


def build(folder: Path) -> Path:
    """A tiny sentence model with random weights: BERT of one layer, mean pooling."""
    library: Any = pytest.importorskip("sentence_transformers", reason="needs the extra local")
    tokenizers: Any = pytest.importorskip("tokenizers")
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    made = tokenizers.BertWordPieceTokenizer()
    made.train_from_iterator(TEXTS, vocab_size=200, show_progress=False)
    plain = folder.with_name("plain")
    plain.mkdir()
    made.save_model(str(plain))
    transformers.BertTokenizerFast(str(plain / "vocab.txt")).save_pretrained(plain)
    config = transformers.BertConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(1)
    transformers.BertModel(config).save_pretrained(plain)
    modules: Any = library.sentence_transformer.modules if hasattr(library, "sentence_transformer") else library.models
    words = modules.Transformer(str(plain))
    pooling = modules.Pooling(32, pooling_mode="mean")
    library.SentenceTransformer(modules=[words, pooling]).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_vectors_are_the_means_of_the_models_last_layer(model: Path) -> None:
    opened = SentenceModel.open(str(model))
    found = opened.embed(TEXTS)
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    bert = transformers.AutoModel.from_pretrained(model).eval()
    read = transformers.AutoTokenizer.from_pretrained(model)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        last = bert(**read).last_hidden_state.numpy()
    mask = read["attention_mask"].numpy()[:, :, None]
    means = (last * mask).sum(axis=1) / mask.sum(axis=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-5)
    assert opened.embed([]).shape[0] == 0


def test_the_cache_keeps_its_vectors(model: Path, tmp_path: Path) -> None:
    opened = SentenceModel.open(str(model))
    kept = EmbeddingCache(opened, tmp_path).embeddings(TEXTS.__getitem__, len(TEXTS))
    np.testing.assert_allclose(kept.take(np.arange(5)), opened.embed(TEXTS), atol=1e-5)
    assert (kept.take(np.array([0])) == kept.take(np.array([4]))).all(), "equal texts, equal vectors"


def test_the_revision_is_that_of_the_files(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    revision = SentenceModel.open(str(model)).revision
    assert revision.startswith("sha256:") and SentenceModel.open(str(copy)).revision == revision
    weights = next(copy.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    assert SentenceModel.open(str(copy)).revision != revision


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "no model: no such folder"),
        ("./nothing", "no such folder"),
        ("a/b/c", "no such folder"),
        ("nobody/nothing", "no model could be fetched"),
    ],
)
def test_a_model_that_is_not_there_is_told_in_one_line(name: str, said: str) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra local")
    with pytest.raises(ConfigurationError, match=said) as caught:
        SentenceModel.open(name)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra local")
    with pytest.raises(ConfigurationError, match="no usable sentence model") as caught:
        SentenceModel.open(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'redraft\[local\]'") as caught:
        SentenceModel.open("nobody/nothing")
    assert "\n" not in str(caught.value)
