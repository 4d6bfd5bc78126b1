"""Each text is embedded once, in shards that a killed run leaves whole, for each model apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chats import CountingEmbedder
from numpy.typing import NDArray

from redraft.chat.embedding import cache as caching
from redraft.chat.embedding.cache import EmbeddingCache
from redraft.errors import ConfigurationError, StorageError

batches = st.lists(st.lists(st.text(max_size=3), max_size=12), max_size=5)


@settings(max_examples=30)
@given(batches, st.booleans(), st.data())
def test_vectors_are_those_of_the_texts_and_made_once(
    given_texts: list[list[str]], anew: bool, data: st.DataObject
) -> None:
    embedder = CountingEmbedder()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(caching, "SHARD", 3)
        cache = EmbeddingCache(embedder, Path(folder))
        for texts in given_texts:
            cache = EmbeddingCache(embedder, Path(folder)) if anew else cache
            found = cache.embeddings(texts.__getitem__, len(texts))
            assert len(found) == len(texts)
            places = data.draw(st.lists(st.integers(0, len(texts) - 1))) if texts else []
            for place, vector in zip(places, found.take(np.array(places, np.int64)), strict=True):
                assert (vector == embedder.one(texts[place])).all()
        assert len(embedder.asked) == len({text for texts in given_texts for text in texts})


class Failing(CountingEmbedder):
    """Is killed when it is asked for the third time."""

    calls = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += 1
        if self.calls == 3:
            raise KeyboardInterrupt
        return super().embed(texts)


def test_what_was_embedded_before_a_kill_is_not_embedded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "SHARD", 10)
    texts = [f"text {number}" for number in range(45)]
    killed, told = Failing(), list[tuple[int, int]]()
    with pytest.raises(KeyboardInterrupt):
        EmbeddingCache(killed, tmp_path).embeddings(texts.__getitem__, 45)
    again = CountingEmbedder()
    EmbeddingCache(again, tmp_path, lambda done, of: told.append((done, of))).embeddings(texts.__getitem__, 45)
    assert again.asked == texts[20:]
    assert told == [(10, 25), (20, 25), (25, 25)]


def test_a_shard_without_its_keys_or_vectors_is_none(tmp_path: Path) -> None:
    texts = ["a", "b"]
    for suffix in (".keys", ".npy"):
        cache = EmbeddingCache(CountingEmbedder(), tmp_path)
        cache.embeddings(texts.__getitem__, 2)
        for file in cache.folder.glob(f"*{suffix}"):
            file.unlink()
        again = CountingEmbedder()
        found = EmbeddingCache(again, tmp_path).embeddings(texts.__getitem__, 2)
        assert again.asked == texts and len(found.take(np.array([0, 1]))) == 2


def test_another_model_has_vectors_of_its_own(tmp_path: Path) -> None:
    one, other = CountingEmbedder(), CountingEmbedder()
    other.revision = "letters@2"  # type: ignore[misc]
    for embedder in (one, other):
        EmbeddingCache(embedder, tmp_path).embeddings(["a"].__getitem__, 1)
    assert one.asked == other.asked == ["a"]
    keys = [path.read_bytes() for path in tmp_path.rglob("*.keys")]
    assert len(set(keys)) == 2, "what a text is in one model's cache says nothing about another's"


def test_texts_are_not_kept(tmp_path: Path) -> None:
    EmbeddingCache(CountingEmbedder(), tmp_path).embeddings(["a very private matter"].__getitem__, 1)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(b"private" in path.read_bytes() or "private" in path.name for path in files)


def test_what_is_no_vector_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountingEmbedder, "one", lambda self, text: np.full(4, np.nan, np.float32))
    with pytest.raises(ConfigurationError, match="letters: gives vectors that are no numbers"):
        EmbeddingCache(CountingEmbedder(), tmp_path).embeddings(["a"].__getitem__, 1)
    assert not list(tmp_path.rglob("*.keys"))


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        EmbeddingCache(CountingEmbedder(), tmp_path / "file").embeddings(["a"].__getitem__, 1)
