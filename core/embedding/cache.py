"""Vectors that were computed once: kept by the encoder's name and the text's SHA-256."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from core.embedding.vectors import TextEncoder, Vectors

ROWS_PER_TRANSACTION = 200
KEYS_PER_QUERY = 400
ENCODE_AT_ONCE = 512
BUSY_SECONDS = 10.0

FORGET = """
    DELETE FROM vectors WHERE rowid IN (
        SELECT rowid FROM vectors WHERE rowid <= (SELECT max(rowid) FROM vectors) - ? ORDER BY rowid LIMIT ?
    )
"""


def vector_key(encoder_name: str, text: str) -> bytes:
    """32 bytes that stand for a text under an encoder."""
    inner = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return hashlib.sha256(encoder_name.encode("utf-8") + b"\0" + inner).digest()


class VectorCache(Protocol):
    """Keeps vectors by key. A cache may forget; it never returns a vector under another key."""

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The vectors it has, float32 (dimension,) each."""

    def put_many(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Keep these."""


class MemoryCache:
    """The last `capacity` vectors used, in this process (1.5 kB each at 384 dimensions)."""

    def __init__(self, capacity: int = 50_000) -> None:
        self.capacity = capacity
        self._vectors: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found = {}
        with self._lock:
            for key in keys:
                vector = self._vectors.get(key)
                if vector is not None:
                    self._vectors.move_to_end(key)
                    found[key] = vector
        return found

    def put_many(self, vectors: Mapping[bytes, Vectors]) -> None:
        with self._lock:
            for key, vector in vectors.items():
                self._vectors[key] = vector
                self._vectors.move_to_end(key)
            while len(self._vectors) > self.capacity:
                self._vectors.popitem(last=False)


class SqliteCache:
    """Vectors in a SQLite file of their own: vectors(key blob primary key, vector blob of float32).

    Several processes may use one file: write-ahead log, transactions of at most ROWS_PER_TRANSACTION rows, a busy
    wait. Beyond `capacity` rows the oldest go (about 0.9 GB at 384 dimensions). A cache must never stop work: when the
    file is damaged or cannot be written, it is passed over and `problem` says why.
    """

    def __init__(self, path: Path, capacity: int = 500_000) -> None:
        self.path = path
        self.capacity = capacity
        self.problem = ""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found: dict[bytes, Vectors] = {}
        with self._lock:
            try:
                connection = self._open()
                for start in range(0, len(keys), KEYS_PER_QUERY):
                    part = list(keys[start : start + KEYS_PER_QUERY])
                    marks = ",".join("?" * len(part))
                    query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"
                    for key, blob in connection.execute(query, part):
                        if len(blob) % 4 == 0 and blob:
                            found[bytes(key)] = np.frombuffer(blob, np.float32)
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
        return found

    def put_many(self, vectors: Mapping[bytes, Vectors]) -> None:
        rows = [(key, np.ascontiguousarray(vector, np.float32).tobytes()) for key, vector in vectors.items()]
        with self._lock:
            try:
                connection = self._open()
                for start in range(0, len(rows), ROWS_PER_TRANSACTION):
                    with connection:
                        connection.execute("BEGIN IMMEDIATE")
                        connection.executemany(
                            "INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows[start : start + ROWS_PER_TRANSACTION]
                        )
                        connection.execute(FORGET, (self.capacity, ROWS_PER_TRANSACTION * 2))
            except (sqlite3.Error, OSError) as error:
                self._failed(error)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():  # a forked child must not share it
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")  # losing the last vectors costs time, not data
                connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
            except sqlite3.Error:
                connection.close()
                raise
            self._connection, self._process = connection, os.getpid()
        return self._connection

    def _failed(self, error: Exception) -> None:
        self.problem = f"The vector cache {self.path.name} is passed over: {error}."
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class LayeredCache:
    """Asks `first`, then `second`; what the second had, the first keeps."""

    def __init__(self, first: VectorCache, second: VectorCache) -> None:
        self.first = first
        self.second = second

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found = self.first.get_many(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            more = self.second.get_many(missing)
            self.first.put_many(more)
            found.update(more)
        return found

    def put_many(self, vectors: Mapping[bytes, Vectors]) -> None:
        self.first.put_many(vectors)
        self.second.put_many(vectors)


class CachedEncoder:
    """An encoder that computes each text once. New vectors are kept after every ENCODE_AT_ONCE texts, so that
    stopping in the middle loses little."""

    def __init__(self, encoder: TextEncoder, cache: VectorCache) -> None:
        self.encoder = encoder
        self.cache = cache

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def dimension(self) -> int:
        return self.encoder.dimension

    @property
    def semantic(self) -> bool:
        return self.encoder.semantic

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder.encode`."""
        keys = [vector_key(self.name, text) for text in texts]
        known = self.cache.get_many(list(dict.fromkeys(keys)))
        missing: dict[bytes, str] = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
        wanted = sorted(missing.items(), key=lambda pair: len(pair[1]))
        for start in range(0, len(wanted), ENCODE_AT_ONCE):
            part = wanted[start : start + ENCODE_AT_ONCE]
            vectors = self.encoder.encode([text for _, text in part])
            new = {key: vector for (key, _), vector in zip(part, vectors, strict=True)}
            self.cache.put_many(new)
            known.update(new)
        if not keys:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([known[key] for key in keys])
