"""Language models on this machine: where their files are, what they are, how much memory they need. Loads none."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from core import hub
from core.errors import EngineError
from core.settings import Settings

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_ADAPTERS = ("adapter_model", "consolidated")  # files beside the weights that are none
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
_CONTEXTS = ("max_position_embeddings", "n_positions", "max_sequence_length")
MOST_CONTEXT = 1 << 30  # tokenizers without a limit name an absurd one
_FETCHED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
LONGEST_HEADER = 100 << 20


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that this process could load.

    Attributes:
        name: hub id, or the folder's name.
        path: folder with its files; None for a hub id that is fetched at first use.
        vision: it takes pictures.
        fingerprint: of configuration and weights, the same wherever they lie; the hub id until it is fetched.
        reason: one sentence: where it was found.
    """

    name: str
    path: Path | None
    vision: bool
    fingerprint: str
    reason: str

    @property
    def endpoint(self) -> str:
        """What stands in the place of an address in keys and ledgers: other weights are another endpoint."""
        return f"local:{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Size:
    """Parameters of a model, and bytes of its weights as stored; `packed`: they are quantised already."""

    parameters: int
    stored: int
    packed: bool


def find(settings: Settings, model: str, environment: Mapping[str, str] | None = None) -> LocalModel:
    """Find a model by its folder or hub id. Opens no connection.

    Raises:
        EngineError: it is not on this machine and may not be fetched, or is no model that transformers can load.
    """
    wanted = model.strip()
    if not wanted:
        raise _missing("No model is named.", "Name a folder or a hub id.")
    folder = Path(wanted).expanduser()
    if folder.is_file() and folder.suffix.lower() == ".gguf":
        raise _missing(
            f"{folder.name} is a GGUF file, which is not loaded in this process.",
            "Serve it with llama.cpp, Ollama or LM Studio, and connect that server.",
        )
    if folder.is_dir():
        return _described(folder.resolve().name, folder.resolve(), f"Found in the folder {folder}.")
    if not hub.looks_like_path(wanted):
        for cache in hub.hub_caches(os.environ if environment is None else environment):
            snapshot = hub.cached_snapshot(cache, wanted, is_model_folder)
            if snapshot is not None:
                return _described(wanted, snapshot, "Found in the hub cache.")
        if settings.allow_downloads and "/" in wanted:
            return LocalModel(
                wanted, None, False, wanted, "Not on this machine; it is fetched from the hub at first use."
            )
        raise _missing(
            f"The model {wanted} is not on this machine.",
            "Name the folder it lies in, or set TAGLOOM_ALLOW_DOWNLOADS=1 to fetch it from the hub (owner/name).",
        )
    raise _missing(f"There is no folder {wanted}.", "Correct the path, or name a hub id (owner/name).")


def fetched(model: LocalModel) -> LocalModel:
    """The same model, on this machine; downloads what is missing.

    Raises:
        EngineError: the hub cannot be reached, or has no such model.
    """
    if model.path is not None:
        return model
    from huggingface_hub import snapshot_download

    try:
        path = Path(snapshot_download(model.name, allow_patterns=_FETCHED))
        if not is_model_folder(path):
            path = Path(snapshot_download(model.name, allow_patterns=[*_FETCHED, "pytorch_model*.bin"]))
    except Exception as error:  # the hub's client raises many kinds; a person needs one sentence
        raise EngineError(
            f"The model {model.name} cannot be fetched from the hub: {first_line(error)}.",
            "Check the name and the connection, or fetch it elsewhere and name its folder.",
            "unreachable",
        ) from error
    return _described(model.name, path, "Fetched from the hub.")


def is_model_folder(path: Path) -> bool:
    """True when the folder holds a configuration and weights."""
    return (path / "config.json").is_file() and bool(weight_files(path))


def weight_files(folder: Path) -> list[Path]:
    """The weights: safetensors where there are any, else the older kind."""
    for pattern in WEIGHTS:
        found = sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith(_ADAPTERS))
        if found:
            return found
    return []


def size_of(folder: Path) -> Size:
    """How large the weights are, from the headers of their files."""
    files = weight_files(folder)
    stored = sum(path.stat().st_size for path in files)
    packed = "quantization_config" in _config(folder)
    parameters = 0
    for path in files:
        counted = _parameters(path) if path.suffix == ".safetensors" else None
        parameters += counted if counted is not None else path.stat().st_size // 2
    return Size(parameters, stored, packed)


def context_of(folder: Path) -> int | None:
    """Tokens that a model can take in and give together; None where its files do not say."""
    config, tokens = _config(folder), _json(folder / "tokenizer_config.json")
    inner = config.get("text_config")
    told = [place.get(name) for place in (config, inner) if isinstance(place, dict) for name in _CONTEXTS]
    known = [n for n in (*told, tokens.get("model_max_length")) if type(n) is int and 0 < n < MOST_CONTEXT]
    return min(known, default=None)


def _described(name: str, folder: Path, reason: str) -> LocalModel:
    if not is_model_folder(folder):
        lacking = "config.json" if not (folder / "config.json").is_file() else "weights (model.safetensors)"
        ggufs = sorted(folder.glob("*.gguf"))
        if ggufs:
            raise _missing(
                f"The folder {folder} holds GGUF files, which are not loaded in this process.",
                "Serve them with llama.cpp, Ollama or LM Studio, and connect that server.",
            )
        if (folder / "adapter_config.json").is_file():
            raise _missing(
                f"The folder {folder} holds an adapter, not a whole model.", "Merge it into its base model first."
            )
        raise _missing(
            f"The folder {folder} holds no language model: {lacking} is missing.",
            "Name another folder, or copy it again.",
        )
    config = _config(folder)
    vision = "vision_config" in config and any((folder / p).is_file() for p in _PROCESSORS)
    return LocalModel(name, folder, vision, _fingerprint(folder), reason)


def _fingerprint(folder: Path) -> str:
    """Remembered in this process until a file's size or time of change is another."""
    files = [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.jinja")), *weight_files(folder)]
    return _fingerprint_of(folder, tuple((p, p.stat().st_size, p.stat().st_mtime_ns) for p in files))


@lru_cache(maxsize=16)
def _fingerprint_of(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    return hub.fingerprint(folder, [path for path, _, _ in files])


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = orjson.loads((folder / "config.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _missing(
            f"The model's config.json in {folder} cannot be read: {first_line(error)}.", "Copy the model again."
        ) from error
    return found if isinstance(found, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    """A file that may be missing."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(path: Path) -> int | None:
    """Parameters in a safetensors file, by its header; None where that is damaged."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST_HEADER:
                return None
            header = orjson.loads(file.read(length))
    except (OSError, struct.error, orjson.JSONDecodeError):
        return None
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    return sum(math.prod(tensor["shape"]) for tensor in tensors if tensor.get("dtype") in _BYTES or tensor.get("shape"))


def _missing(message: str, remedy: str) -> EngineError:
    return EngineError(message, remedy, "model")


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")
