"""Vectors are computed once and survive, also with several processes at one file."""

import subprocess
import sys

import numpy as np

from core.embedding.cache import CachedEncoder, LayeredCache, MemoryCache, SqliteCache, vector_key
from core.embedding.encoder import HashingEncoder


class Counting:
    """A real encoder that remembers what it was asked."""

    semantic = False

    def __init__(self, name="counting"):
        self.inner = HashingEncoder(64)
        self.name = name
        self.dimension = 64
        self.asked = []

    def encode(self, texts):
        self.asked += texts
        return self.inner.encode(texts)


def test_each_text_is_computed_once():
    encoder = Counting()
    cached = CachedEncoder(encoder, MemoryCache())
    first = cached.encode(["a b", "c d", "a b"])
    again = cached.encode(["c d", "a b", "e"])
    assert sorted(encoder.asked) == ["a b", "c d", "e"]
    assert np.array_equal(first, encoder.inner.encode(["a b", "c d", "a b"]))
    assert np.array_equal(again[:2], first[[1, 0]])
    assert cached.encode([]).shape == (0, 64)


def test_the_file_outlives_the_process(tmp_path):
    path = tmp_path / "vectors.db"
    expected = CachedEncoder(Counting(), SqliteCache(path)).encode(["lasting", "\ud800"])
    later = Counting()
    assert np.array_equal(CachedEncoder(later, SqliteCache(path)).encode(["lasting", "\ud800"]), expected)
    assert later.asked == []


def test_models_do_not_share_vectors(tmp_path):
    path = tmp_path / "vectors.db"
    CachedEncoder(Counting("one"), SqliteCache(path)).encode(["text"])
    other = Counting("two")
    CachedEncoder(other, SqliteCache(path)).encode(["text"])
    assert other.asked == ["text"]
    assert vector_key("a", "b") != vector_key("ab", "")


def test_memory_forgets_the_least_used():
    cache = MemoryCache(capacity=2)
    one, two, three = (np.full(4, n, np.float32) for n in range(3))
    cache.put_many({b"1": one, b"2": two})
    cache.get_many([b"1"])
    cache.put_many({b"3": three})
    assert set(cache.get_many([b"1", b"2", b"3"])) == {b"1", b"3"}


def test_layers_fill_the_first(tmp_path):
    disk = SqliteCache(tmp_path / "v.db")
    disk.put_many({b"k": np.ones(3, np.float32)})
    memory = MemoryCache()
    assert set(LayeredCache(memory, disk).get_many([b"k", b"none"])) == {b"k"}
    assert set(memory.get_many([b"k"])) == {b"k"}


def test_two_processes_write_one_file(tmp_path):
    path = tmp_path / "vectors.db"
    code = (
        "import sys; from pathlib import Path;"
        "from core.embedding.cache import CachedEncoder, SqliteCache;"
        "from core.embedding.encoder import HashingEncoder;"
        "CachedEncoder(HashingEncoder(64), c := SqliteCache(Path(sys.argv[1])))"
        ".encode([f'text {i}' for i in range(int(sys.argv[2]), int(sys.argv[2]) + 1500)]); print(c.problem)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(start)], stdout=subprocess.PIPE, text=True)
        for start in (0, 1000)
    ]
    for worker in workers:
        out, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        assert out.strip() == ""
    texts = [f"text {i}" for i in range(2500)]
    name = HashingEncoder(64).name
    found = SqliteCache(path).get_many([vector_key(name, text) for text in texts])
    assert len(found) == 2500
    expected = HashingEncoder(64).encode(texts)
    assert all(np.array_equal(found[vector_key(name, t)], v) for t, v in zip(texts, expected, strict=True))


def test_the_file_forgets_the_oldest(tmp_path):
    cache = SqliteCache(tmp_path / "v.db", capacity=300)
    keys = [str(i).encode() for i in range(1000)]
    for start in range(0, 1000, 100):
        cache.put_many({key: np.ones(2, np.float32) for key in keys[start : start + 100]})
    assert set(cache.get_many(keys)) == set(keys[700:])


def test_a_damaged_file_never_stops_work(tmp_path):
    path = tmp_path / "vectors.db"
    path.write_bytes(b"this is no database, it only looks like one " * 50)
    cache = SqliteCache(path)
    vectors = CachedEncoder(Counting(), cache).encode(["still works"])
    assert vectors.shape == (1, 64)
    assert "vectors.db" in cache.problem
