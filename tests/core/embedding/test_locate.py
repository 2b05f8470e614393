"""Where the embedding model is found, and what is refused."""

import shutil
import subprocess
import sys

import pytest

from core.embedding import locate
from core.embedding.locate import DEFAULT_MODEL, cached_snapshot, find_model, packaged_model


def model_folder(path, weights=b"weights"):
    path.mkdir(parents=True)
    for name in ("config.json", "modules.json", "tokenizer.json"):
        (path / name).write_text("{}")
    (path / "model.safetensors").write_bytes(weights)
    return path


def hub_model(cache, name, weights=b"weights", revision="abc"):
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(revision)
    return model_folder(folder / "snapshots" / revision, weights)


@pytest.fixture
def hub(tmp_path):
    cache = tmp_path / "hub"
    cache.mkdir()
    return cache


@pytest.fixture
def known_weights(monkeypatch):
    """Makes b"good" the default model's known weights."""
    digest = "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c"
    monkeypatch.setattr(locate, "DEFAULT_WEIGHTS_SHA256", digest)
    return b"good"


def test_the_packaged_model_is_found_offline_and_verified():
    found = find_model(environment={"HF_HOME": "/nowhere", "HOME": "/nowhere"})
    assert found.found
    assert found.source == "package"
    assert found.name == DEFAULT_MODEL
    assert found.path == packaged_model()
    assert "checksum verified" in found.reason
    assert found.remedy == ""


def test_the_lookup_order(tmp_path, hub, known_weights):
    environment = {"HF_HUB_CACHE": str(hub), "HOME": str(tmp_path)}
    package = model_folder(tmp_path / "package", known_weights)
    own = model_folder(tmp_path / "own", b"other")
    assert find_model(environment=environment, package=package).source == "package"
    cached = hub_model(hub, DEFAULT_MODEL, known_weights)
    found = find_model(environment=environment, package=package)
    assert (found.source, found.path) == ("hub cache", cached)
    found = find_model(str(own), environment=environment, package=package)
    assert (found.source, found.path, found.name) == ("configured", own, "own")
    snapshot = hub_model(hub, "lab/model", b"x")
    found = find_model("lab/model", environment=environment, package=package)
    assert (found.source, found.path, found.name) == ("configured", snapshot, "lab/model")


def test_a_missing_configured_model_is_said_and_the_default_is_used(tmp_path, known_weights):
    package = model_folder(tmp_path / "package", known_weights)
    for wanted in ("lab/missing", str(tmp_path / "missing")):
        found = find_model(wanted, environment={"HOME": str(tmp_path)}, package=package)
        assert (found.source, found.found, found.name) == ("package", True, DEFAULT_MODEL)
        assert wanted in found.reason
        assert "TAGLOOM_EMBEDDING_MODEL" in found.remedy


def test_a_configured_folder_without_a_model_is_said(tmp_path, known_weights):
    package = model_folder(tmp_path / "package", known_weights)
    (tmp_path / "empty").mkdir()
    found = find_model(str(tmp_path / "empty"), environment={"HOME": str(tmp_path)}, package=package)
    assert found.source == "package"
    assert "holds no sentence-transformers model" in found.reason


def test_damaged_package_weights_are_refused_with_a_remedy(tmp_path, known_weights):
    package = model_folder(tmp_path / "package", b"damaged")
    found = find_model(environment={"HOME": str(tmp_path)}, package=package)
    assert not found.found
    assert found.path is None
    assert "checksum" in found.reason
    assert "force-reinstall" in found.remedy


def test_weights_that_change_are_checked_again(tmp_path, known_weights):
    package = model_folder(tmp_path / "package", known_weights)
    environment = {"HOME": str(tmp_path)}
    assert find_model(environment=environment, package=package).found
    (package / "model.safetensors").write_bytes(b"not good")
    assert not find_model(environment=environment, package=package).found


def test_a_damaged_hub_copy_is_passed_over(tmp_path, hub, known_weights):
    hub_model(hub, DEFAULT_MODEL, b"damaged")
    package = model_folder(tmp_path / "package", known_weights)
    found = find_model(environment={"HF_HUB_CACHE": str(hub), "HOME": str(tmp_path)}, package=package)
    assert found.source == "package"
    assert "hub cache was passed over" in found.reason


def test_the_hub_is_named_only_where_downloads_are_allowed(tmp_path):
    environment = {"HOME": str(tmp_path)}
    nothing = tmp_path / "none"
    closed = find_model(environment=environment, package=nothing)
    assert not closed.found
    assert closed.source == ""
    assert closed.remedy
    opened = find_model(allow_downloads=True, environment=environment, package=nothing)
    assert (opened.source, opened.path) == ("hub", None)
    assert find_model("lab/m", allow_downloads=True, environment=environment, package=nothing).name == "lab/m"


def test_the_newest_snapshot_stands_in_for_a_missing_reference(hub):
    hub_model(hub, "a/b", revision="one")
    (hub / "models--a--b" / "refs" / "main").write_text("../../elsewhere")
    assert cached_snapshot(hub, "a/b") == hub / "models--a--b" / "snapshots" / "one"
    assert cached_snapshot(hub, "a/none") is None


def test_identity_follows_the_weights_not_the_place(tmp_path):
    one = model_folder(tmp_path / "a" / "model", b"one")
    shutil.copytree(one, tmp_path / "b" / "model")
    two = model_folder(tmp_path / "c" / "model", b"two")
    names = [find_model(str(p), environment={}).identity for p in (one, tmp_path / "b" / "model", two)]
    assert names[0] == names[1] != names[2]


def test_finding_a_model_loads_no_torch():
    code = (
        "import sys; from core.embedding.encoder import find_model; find_model();"
        "print(*(n for n in ('torch', 'sentence_transformers', 'transformers') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
