"""Texts to vectors: shapes, independence of company, no network."""

import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.embedding.encoder import Encoder, HashingEncoder, find_model
from core.errors import EngineError

TEXTS = [
    "solar power for villages",
    "",
    "a short history of the violin",
    "   \n ",
    "wind turbines at sea " * 60,
    "太阳能",
    "\ud800 broken \x00 text <script>alert(1)</script>",
]


@pytest.fixture(scope="module")
def encoder():
    location = find_model()
    assert location.path is not None, location.reason  # its package is a dependency
    return Encoder(location)


def test_shape_and_length(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx([1, 0, 1, 0, 1, 1, 1], abs=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_near_meanings_are_near(encoder):
    a, b, c = encoder.encode(["renewable energy", "solar power", "medieval poetry"])
    assert a @ b > a @ c + 0.2


def test_a_vector_does_not_depend_on_its_company(encoder):
    together = encoder.encode(TEXTS)
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.array_equal(together, backwards)
    assert np.array_equal(together, alone)


def test_threads_share_an_encoder(encoder):
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(encoder.encode, [TEXTS] * 8):
            assert np.array_equal(vectors, expected)


def test_loading_and_encoding_open_no_connection(encoder, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert Encoder(encoder.location).encode(["quiet"]).shape == (1, 384)


def test_a_model_that_cannot_be_loaded_is_a_sentence(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EngineError) as caught:
        Encoder(find_model(str(folder))).encode(["x"])
    assert "cannot be loaded" in caught.value.message
    assert caught.value.remedy


def test_without_a_model_there_is_no_encoder(tmp_path):
    with pytest.raises(EngineError) as caught:
        Encoder(find_model(environment={"HOME": str(tmp_path)}, package=tmp_path / "none"))
    assert caught.value.remedy


def test_hashing_knows_spelling():
    encoder = HashingEncoder()
    vectors = encoder.encode(["photography", "photographs", "weather", ""])
    assert vectors.shape == (4, encoder.dimension)
    assert vectors[0] @ vectors[1] > 0.5 > abs(vectors[0] @ vectors[2])
    assert not vectors[3].any()
    assert np.array_equal(vectors, HashingEncoder().encode(["photography", "photographs", "weather", ""]))
