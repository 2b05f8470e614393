"""Model files on this machine: the hub's cache, and what tells one set of weights from the next. Opens no connection
and loads no model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

END = 1 << 20  # bytes at each end of a weights file that are looked at


def hub_caches(environment: Mapping[str, str]) -> list[Path]:
    """Folders in which the hub's client keeps models, as its documentation names them; existing ones only."""
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    base = environment.get("HF_HOME") or str(Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface")
    named = [
        environment.get("HF_HUB_CACHE"),
        environment.get("HUGGINGFACE_HUB_CACHE"),
        str(Path(base) / "hub"),
        environment.get("SENTENCE_TRANSFORMERS_HOME"),
    ]
    folders = dict.fromkeys(Path(name).expanduser() for name in named if name)
    return [folder for folder in folders if folder.is_dir()]


def cached_snapshot(cache: Path, model: str, usable: Callable[[Path], bool]) -> Path | None:
    """The folder of a hub id in a hub cache: the revision `main` names, else the newest; None when there is none."""
    folder = cache / f"models--{model.replace('/', '--')}"
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        return None
    main = folder / "refs" / "main"
    if main.is_file():
        named = snapshots / main.read_text(encoding="utf-8").strip()
        if named.parent == snapshots and usable(named):
            return named
    complete = [path for path in snapshots.iterdir() if usable(path)]
    return max(complete, key=lambda path: (path.stat().st_mtime, path.name), default=None)


def looks_like_path(name: str) -> bool:
    """True for what a person means as a folder of this machine, not as a hub id (`owner/name`)."""
    path = Path(name).expanduser()
    return path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name


def fingerprint(folder: Path, files: Iterable[Path]) -> str:
    """16 hex digits of the names, the sizes and both ends of a model's files: enough to tell one checkpoint from the
    next without reading gigabytes."""
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(END))
            if size > 2 * END:
                file.seek(-END, os.SEEK_END)
                digest.update(file.read())
    return digest.hexdigest()[:16]
