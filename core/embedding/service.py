"""The encoder of this installation: the model that was found, with its vectors kept on disk."""

from __future__ import annotations

import threading
from pathlib import Path

from core.embedding.cache import CachedEncoder, LayeredCache, MemoryCache, SqliteCache
from core.embedding.encoder import Encoder
from core.embedding.hashing import HashingEncoder
from core.embedding.locate import find_model
from core.embedding.vectors import TextEncoder
from core.settings import Settings

CACHE_FILE = "vectors.db"

_encoders: dict[tuple[str | None, bool], TextEncoder] = {}
_caches: dict[Path, LayeredCache] = {}
_lock = threading.Lock()


def cached_encoder(settings: Settings) -> CachedEncoder:
    """The encoder that the settings name, or the character-n-gram fallback where no model was found.

    Loads no model: the first text does. Vectors are kept in TAGLOOM_HOME/cache/vectors.db, which may be deleted at
    any time. The model is shared by all callers in this process.
    """
    wanted = (settings.embedding_model, settings.allow_downloads)
    path = settings.home / "cache" / CACHE_FILE
    with _lock:
        encoder = _encoders.get(wanted)
        if encoder is None:
            location = find_model(settings.embedding_model, allow_downloads=settings.allow_downloads)
            encoder = Encoder(location) if location.found else HashingEncoder()
            if location.found:  # a model may be installed while the app runs
                _encoders[wanted] = encoder
        cache = _caches.setdefault(path, LayeredCache(MemoryCache(), SqliteCache(path)))
    return CachedEncoder(encoder, cache)
