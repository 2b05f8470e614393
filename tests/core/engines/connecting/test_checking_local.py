"""Whether a model can run in a process of this machine, before it is loaded."""

import json
import struct
from dataclasses import replace

import pytest

from core.engines.connecting.checking_local import check_local
from core.store.projects import Host

CONFIG = {"model_type": "llama", "max_position_embeddings": 2048}


def weights(folder, parameters):
    """A weights' file that says how many parameters it has, without them."""
    header = json.dumps({"w": {"dtype": "BF16", "shape": [parameters], "data_offsets": [0, 2 * parameters]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


@pytest.fixture
def folder(tmp_path):
    """What a folder with a model holds, as far as it is looked at."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    weights(folder, 1000)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return folder


def test_a_folder_with_a_model(sqlite_host, folder):
    found = check_local(sqlite_host, str(folder))
    assert found.ok and found.context == 2048 and found.vision is None and "tiny is here (texts" in found.message
    blind = check_local(sqlite_host, str(folder), pictures=True)
    assert (blind.kind, blind.vision) == ("vision", "refuses")
    (folder / "config.json").write_text(json.dumps({"vision_config": {}, "text_config": CONFIG}))
    (folder / "preprocessor_config.json").write_text("{}")
    sees = check_local(sqlite_host, str(folder), pictures=True)
    assert sees.ok and sees.vision == "takes" and sees.context == 2048


@pytest.mark.parametrize(
    ("gone", "kind", "words"),
    [
        ("config.json", "model", "config.json is missing"),
        ("model.safetensors", "model", "weights (model.safetensors) is missing"),
        ("tokenizer_config.json", "no_chat", "no chat template"),
    ],
)
def test_what_lacks_is_named(sqlite_host, folder, gone, kind, words):
    (folder / gone).unlink()
    found = check_local(sqlite_host, str(folder))
    assert not found.ok and found.kind == kind and words in found.message and found.remedy


def test_other_things_that_people_name(sqlite_host, folder, tmp_path):
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "model.gguf").touch()
    assert "llama.cpp" in check_local(sqlite_host, str(tmp_path / "gguf")).remedy
    assert check_local(sqlite_host, str(tmp_path / "nowhere")).kind == "model"
    assert check_local(sqlite_host, "").kind == "choose"
    weights(folder, 1 << 50)
    large = check_local(sqlite_host, str(folder))
    assert (large.ok, large.kind) == (False, "memory") and large.remedy


def test_the_hub_is_asked_only_where_that_is_allowed(sqlite_settings):
    for allowed in (False, True):
        host = Host(replace(sqlite_settings, allow_downloads=allowed))
        found = check_local(host, "nobody/has-this-model")
        assert found.ok == allowed
        assert "at first use" in found.message or "ALLOW_DOWNLOADS" in found.remedy
        host.close()
