"""Models in this process: found, loaded once for everybody, gone when idle; what does not fit is said, not tried."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.engines.local import local_files, local_models
from core.engines.local.local_files import Size, find, size_of
from core.engines.local.local_models import Plan, plan, status, unload, use
from core.errors import EngineError
from core.settings import Settings
from tests import tiny_models
from tests.support import wait_for

GB = 10**9


@pytest.fixture(scope="module")
def model():
    yield tiny_models.text_model()
    unload()


@pytest.fixture(autouse=True)
def nothing_loaded():
    unload()


@pytest.fixture
def here(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def loads(monkeypatch):
    """Names of the models that were loaded."""
    names, real = [], local_models._load

    def load(found):
        names.append(found.name)
        return real(found)

    monkeypatch.setattr(local_models, "_load", load)
    return names


def folder(path, **config):
    """A folder that looks like a model."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").write_bytes(b"weights")
    return path


# finding


def test_a_folder_is_a_model_by_its_configuration_and_weights(here, model, tmp_path):
    found = find(here, str(model))
    assert (found.name, found.path, found.vision) == ("tiny-text", model.resolve(), False)
    assert found.endpoint == f"local:{found.fingerprint}" and len(found.fingerprint) == 16
    assert find(here, str(tiny_models.vision_model())).vision
    size = size_of(model)
    assert 100_000 < size.parameters < 200_000 and not size.packed and size.stored > 4 * size.parameters


def test_a_hub_id_is_found_in_the_cache(here, tmp_path):
    hub = tmp_path / "hub"
    (hub / "models--lab--model" / "refs").mkdir(parents=True)
    (hub / "models--lab--model" / "refs" / "main").write_text("two")
    for revision in ("one", "two"):
        folder(hub / "models--lab--model" / "snapshots" / revision, revision=revision)
    found = find(here, "lab/model", {"HF_HUB_CACHE": str(hub)})
    assert (found.name, found.path.name) == ("lab/model", "two")


def test_what_is_not_here_is_fetched_only_where_that_is_allowed(tmp_path):
    with pytest.raises(EngineError, match="lab/model is not on this machine") as caught:
        find(Settings(home=tmp_path), "lab/model", {"HOME": str(tmp_path)})
    assert "TAGLOOM_ALLOW_DOWNLOADS" in caught.value.remedy and caught.value.kind == "model"
    found = find(Settings(home=tmp_path, allow_downloads=True), "lab/model", {"HOME": str(tmp_path)})
    assert found.path is None and found.endpoint == "local:lab/model"


def test_a_hub_that_cannot_be_reached_is_said(tmp_path, monkeypatch):
    import huggingface_hub

    def offline(name, **_):
        raise ConnectionError(f"no way to {name}\nand so on")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    found = find(Settings(home=tmp_path, allow_downloads=True), "lab/model", {"HOME": str(tmp_path)})
    with pytest.raises(EngineError, match="cannot be fetched from the hub: no way to lab/model") as caught:
        local_files.fetched(found)
    assert caught.value.kind == "unreachable"


def test_a_model_is_fetched_into_the_hubs_own_cache(tmp_path, monkeypatch, model):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: str(model))
    found = find(Settings(home=tmp_path, allow_downloads=True), "lab/model", {"HOME": str(tmp_path)})
    here = local_files.fetched(found)
    assert (here.name, here.path) == ("lab/model", model) and here.fingerprint != found.fingerprint


@pytest.mark.parametrize(
    ("files", "said", "remedy"),
    [
        ({}, "config.json is missing", "another folder"),
        ({"config.json": "{}"}, "weights .* missing", "another folder"),
        ({"config.json": "{}", "a.gguf": "x"}, "holds GGUF files", "llama.cpp"),
        ({"adapter_config.json": "{}", "adapter_model.safetensors": "x"}, "an adapter", "Merge"),
        ({"config.json": "{", "model.safetensors": "x"}, "config.json .* cannot be read", "again"),
    ],
)
def test_folders_that_are_no_models_say_what_they_lack(here, tmp_path, files, said, remedy):
    path = tmp_path / "folder"
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    with pytest.raises(EngineError, match=said) as caught:
        find(here, str(path))
    assert remedy in caught.value.remedy and caught.value.kind == "model"


def test_names_that_lead_nowhere(here, tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    for name, said in (
        ("", "No model is named"),
        (str(tmp_path / "gone"), "no folder"),
        (str(tmp_path / "a.gguf"), "GGUF"),
    ):
        with pytest.raises(EngineError, match=said):
            find(here, name)


# memory


@pytest.mark.parametrize(
    ("size", "device", "free", "main", "options", "expected"),
    [
        (Size(GB, 2 * GB, False), "cuda", 10 * GB, 50 * GB, {}, Plan("cuda", "bfloat16")),
        (Size(GB, 2 * GB, False), "cuda", 10 * GB, 50 * GB, {"bf16": False}, Plan("cuda", "float16")),
        (
            Size(8 * GB, 16 * GB, False),
            "cuda",
            12 * GB,
            50 * GB,
            {"bitsandbytes": True},
            Plan("cuda", "bfloat16", True),
        ),
        (Size(8 * GB, 16 * GB, False), "cuda", 12 * GB, 50 * GB, {}, Plan("cuda", "bfloat16", spread=True)),
        (Size(8 * GB, 5 * GB, True), "cuda", 12 * GB, 50 * GB, {}, Plan("cuda", "auto")),
        (Size(GB, 2 * GB, False), "mps", 9 * GB, 9 * GB, {"bf16": False}, Plan("mps", "float16")),
        (Size(GB, 2 * GB, False), "cpu", 9 * GB, 9 * GB, {}, Plan("cpu", "float32")),
        (Size(3 * GB, 6 * GB, False), "cpu", 9 * GB, 9 * GB, {}, Plan("cpu", "bfloat16")),
        (Size(8 * GB, 5 * GB, True), "cpu", 9 * GB, 9 * GB, {}, Plan("cpu", "auto")),
    ],
)
def test_how_a_model_fits_a_machine(size, device, free, main, options, expected):
    assert plan(size, device, free, main, **{"bf16": True, "bitsandbytes": False, **options}) == expected


def test_a_model_that_does_not_fit_is_not_tried():
    with pytest.raises(EngineError, match=r"needs about 19\.2 GB, and 9\.0 GB are free") as caught:
        plan(Size(8 * GB, 16 * GB, False), "cpu", 9 * GB, 9 * GB, bf16=True, bitsandbytes=False)
    assert caught.value.kind == "memory"


# loading


def test_several_threads_share_one_model_and_take_turns(here, model, loads):
    found, inside, most = find(here, str(model)), [], []

    def work(_):
        with use(found) as loaded:
            inside.append(1)
            most.append(len(inside))
            loaded.tokenizer("words")
            inside.pop()
            return id(loaded.model)

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(work, range(12)))) == 1
    assert loads == ["tiny-text"] and max(most) == 1


def test_what_is_loaded_is_shown_and_can_be_unloaded(here, model, loads):
    found = find(here, str(model))
    assert status()["loaded"] == [] and status()["devices"][0]["name"] == "cpu"
    with use(found):
        (shown,) = status()["loaded"]
        assert shown["idle_seconds"] == 0.0
    (shown,) = status()["loaded"]
    assert (shown["model"], shown["device"], shown["dtype"]) == ("tiny-text", "cpu", "float32")
    assert 400_000 < shown["memory_bytes"] < 900_000
    assert unload("another") == 0 and unload(str(model)) == 1 and status()["loaded"] == []
    with use(found):
        pass
    assert loads == ["tiny-text"] * 2 and unload() == 1


def test_an_idle_model_goes_and_a_busy_one_stays(here, model, monkeypatch):
    monkeypatch.setattr(local_models, "IDLE_SECONDS", 0.6)
    with use(find(here, str(model))) as loaded:
        threading.Event().wait(0.9)
        assert status()["loaded"] and loaded.model is not None
    wait_for(lambda: not status()["loaded"])


def test_what_is_in_use_is_not_taken_away(here, model):
    found = find(here, str(model))
    unloading = threading.Thread(target=unload)
    with use(found) as loaded:
        unloading.start()
        assert loaded.model(loaded.tokenizer("words", return_tensors="pt")["input_ids"]).logits is not None
        assert status()["loaded"]
    unloading.join()
    assert not status()["loaded"]


def test_damaged_and_foreign_models_say_so(here, model, tmp_path):
    damaged = shutil.copytree(model, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(EngineError, match="damaged cannot be loaded") as caught, use(find(here, str(damaged))):
        pass
    assert caught.value.kind == "model" and "Traceback" not in str(caught.value)
    foreign = folder(tmp_path / "foreign", model_type="unheard-of", auto_map={"AutoConfig": "own.Config"})
    with pytest.raises(EngineError, match="foreign cannot be loaded") as caught, use(find(here, str(foreign))):
        pass
    assert "never run" in caught.value.remedy, str(caught.value)
    assert "tagloom[vision]" in local_models._remedy("Qwen2VLVideoProcessor requires the Torchvision library")
    assert status()["loaded"] == []


def test_what_ends_an_answer_is_known_from_the_template(here, model, tmp_path):
    """Files that name no end are common: the template shows it."""
    silent = shutil.copytree(model, tmp_path / "silent")
    for name, key in (("generation_config.json", "eos_token_id"), ("tokenizer_config.json", "eos_token")):
        known = json.loads((silent / name).read_text())
        known.pop(key)
        (silent / name).write_text(json.dumps(known))
    with use(find(here, str(silent))) as loaded:
        assert loaded.ends and loaded.tokenizer.convert_ids_to_tokens(loaded.ends[0]) == "<|im_end|>"
