"""The encoder of an installation."""

import numpy as np

from core.embedding import service
from core.embedding.encoder import DEFAULT_MODEL
from core.embedding.hashing import HashingEncoder
from core.embedding.locate import ModelLocation
from core.settings import Settings


def test_vectors_are_kept_in_the_data_folder(tmp_path):
    settings = Settings(home=tmp_path)
    encoder = service.cached_encoder(settings)
    assert encoder.name == DEFAULT_MODEL
    assert encoder.semantic
    first = encoder.encode(["kept"])
    assert (tmp_path / "cache" / service.CACHE_FILE).is_file()
    again = service.cached_encoder(settings)
    assert again.encoder is encoder.encoder
    assert np.array_equal(again.encode(["kept"]), first)


def test_without_a_model_spelling_stands_in(tmp_path, monkeypatch):
    nothing = ModelLocation(DEFAULT_MODEL, None, "", False, "Nothing was found.", "Install it.", DEFAULT_MODEL)
    monkeypatch.setattr(service, "_encoders", {})  # another test of this process may have found one under this name
    monkeypatch.setattr(service, "find_model", lambda *_args, **_kwargs: nothing)
    encoder = service.cached_encoder(Settings(home=tmp_path, embedding_model="none/such"))
    assert encoder.name == HashingEncoder().name
    assert not encoder.semantic
