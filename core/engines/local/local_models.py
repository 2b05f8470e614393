"""Language models in this process: each is loaded once, shared by everybody who asks it, and goes when it is idle.

A model is used by one thread at a time, a batch at a time: `use` waits for its turn. What is idle for `IDLE_SECONDS`
is unloaded, and loaded again when it is next asked.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from core.engines.local.local_files import LocalModel, Size, context_of, fetched, find, first_line, size_of
from core.engines.local.local_prompts import CHANNEL, turn_end
from core.errors import EngineError

__all__ = ["IDLE_SECONDS", "LoadedModel", "LocalModel", "Plan", "find", "plan", "plan_here", "status", "unload", "use"]

IDLE_SECONDS = 300.0
# no connection is opened, and no code of a model's own is run; unsaid, transformers would ask on standard input
_OPTIONS: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_MARK = re.compile(r"[<\[{|].*[>\]}|]|[\ue000-\uf8ff]+", re.S)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is loaded. `dtype`: a torch name, "auto" for what is quantised already; `eight_bit`: quantised
    while loading; `spread`: what does not fit the device stays in main memory."""

    device: str
    dtype: str
    eight_bit: bool = False
    spread: bool = False


def plan(size: Size, device: str, free: int, main: int, *, bf16: bool, bitsandbytes: bool) -> Plan:
    """How a model fits this machine.

    Args:
        device: "cuda", "mps" or "cpu".
        free: bytes free on the device.
        main: bytes free in main memory.
        bf16: the device computes in bfloat16.
        bitsandbytes: that package is installed, which quantises to 8 bits.

    Raises:
        EngineError: it does not fit.
    """
    half = "bfloat16" if bf16 else "float16"
    needed = size.stored if size.packed else 2 * size.parameters
    if device != "cpu" and needed * 1.2 <= free:
        return Plan(device, "auto" if size.packed else half)
    if device == "cuda":
        if bitsandbytes and not size.packed and size.parameters * 1.3 <= free:
            return Plan(device, half, eight_bit=True)
        if needed * 1.2 <= free + main:
            return Plan(device, "auto" if size.packed else half, spread=True)
    if size.packed and size.stored * 1.2 <= main:
        return Plan("cpu", "auto")
    if not size.packed:
        if 4 * size.parameters * 1.2 <= 0.6 * main:
            return Plan("cpu", "float32")
        if needed * 1.1 <= 0.9 * main:
            return Plan("cpu", "bfloat16")
    raise EngineError(
        f"The model needs about {_gigabytes(needed * 1.2)}, and {_gigabytes(max(free, main))} are free.",
        "Choose a smaller model, or close what else fills the memory.",
        "memory",
    )


@dataclass
class LoadedModel:
    """A model in memory. Only whoever is inside `use` may touch it.

    Attributes:
        processor: turns pictures and text into what the model takes; None for a model of text alone.
        context: tokens that it can take in and give together; None where its files do not say.
        system_role: False once its template has turned out to know no system messages.
        rows: answers written at once at most, as far as the memory was found to allow; None: not yet found out.
    """

    name: str
    model: Any
    tokenizer: Any
    processor: Any | None
    device: str
    dtype: str
    context: int | None
    memory_bytes: int
    ends: tuple[int, ...]
    system_role: bool = True
    rows: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def vision(self) -> bool:
        return self.processor is not None

    @cached_property
    def controls(self) -> re.Pattern[str] | None:
        """What in a text would be read as a mark of the model's own: its special tokens, and those shaped like it."""
        added = self.tokenizer.added_tokens_decoder.values()
        marks = {str(token.content) for token in added if token.special or _MARK.fullmatch(token.content)}
        texts = sorted((m for m in marks if len(m) > 1 and m.strip()), key=lambda m: (-len(m), m))
        return re.compile("|".join(map(re.escape, texts))) if texts else None

    @cached_property
    def channels(self) -> bool:
        """Thoughts and answers come in channels of their own, told apart by marks (gpt-oss)."""
        return any(str(token.content) == CHANNEL for token in self.tokenizer.added_tokens_decoder.values())

    @cached_property
    def grammars(self) -> Any:
        """Makes constraints for this model's tokens; None without llguidance, or where its tokenizer is too old."""
        from core.engines.local.constrained import Grammars

        return Grammars.of(self.tokenizer, int(self.model.config.get_text_config().vocab_size), self.ends)


class _Slot:
    """A place for one model: empty, or loaded."""

    def __init__(self, found: LocalModel) -> None:
        self.found = found
        self.lock = threading.RLock()
        self.loaded: LoadedModel | None = None
        self.used = 0.0
        self.busy = False
        self.timer: threading.Timer | None = None


_slots: dict[str, _Slot] = {}
_lock = threading.Lock()


@contextmanager
def use(found: LocalModel) -> Iterator[LoadedModel]:
    """The model, loaded if need be, for this thread alone until the block ends.

    Raises:
        EngineError: it cannot be fetched or loaded, or does not fit the memory.
    """
    with _lock:
        slot = _slots.setdefault(found.fingerprint, _Slot(found))
    with slot.lock:
        if slot.timer is not None:
            slot.timer.cancel()
        if slot.loaded is None:
            _make_room(slot)
            slot.loaded = _load(fetched(found))
        slot.busy = True
        try:
            yield slot.loaded
        finally:
            slot.busy = False
            slot.used = time.monotonic()
            slot.timer = threading.Timer(IDLE_SECONDS, _when_idle, [slot])
            slot.timer.daemon = True
            slot.timer.start()


def unload(model: str | None = None) -> int:
    """Take a model (by name, folder or fingerprint), or all of them, out of memory; a batch under way is waited for.

    Returns:
        How many were unloaded.
    """
    with _lock:
        slots = list(_slots.values())
    return sum(_empty(slot) for slot in slots if model is None or _is(slot, model))


def status() -> dict[str, Any]:
    """What this process holds, and where it could put more.

    Returns:
        {"loaded": [{model, device, dtype, memory_bytes, idle_seconds (0 while it is answering)}],
        "devices": [{name, memory_bytes, free_bytes}]}; graphics cards are named once this process has loaded torch.
    """
    loaded = []
    for slot in list(_slots.values()):
        model = slot.loaded
        if model is None:
            continue
        loaded.append(
            {
                "model": model.name,
                "device": model.device,
                "dtype": model.dtype,
                "memory_bytes": model.memory_bytes,
                "idle_seconds": 0.0 if slot.busy else round(time.monotonic() - slot.used, 1),
            }
        )
    return {"loaded": loaded, "devices": _devices()}


def _is(slot: _Slot, model: str) -> bool:
    path = slot.found.path
    names = {slot.found.name, slot.found.fingerprint, *([str(path)] if path is not None else [])}
    return model in names or (path is not None and Path(model).expanduser().resolve() == path)


def _when_idle(slot: _Slot) -> None:
    if time.monotonic() - slot.used >= IDLE_SECONDS - 0.5 and slot.lock.acquire(blocking=False):
        try:
            _empty(slot)
        finally:
            slot.lock.release()


def _empty(slot: _Slot) -> int:
    with slot.lock:
        if slot.timer is not None:
            slot.timer.cancel()
        if slot.loaded is None:
            return 0
        slot.loaded = None
        free_memory()
        return 1


def _make_room(slot: _Slot) -> None:
    """What is loaded and idle goes, if the new model would not fit beside it."""
    path = slot.found.path
    others = [s for s in list(_slots.values()) if s is not slot and s.loaded is not None]
    if path is None or not others:
        return
    size = size_of(path)
    needed = size.stored if size.packed else 2 * size.parameters
    if needed * 1.5 <= psutil.virtual_memory().available and others[0].loaded and others[0].loaded.device == "cpu":
        return
    for other in others:
        if other.lock.acquire(blocking=False):
            try:
                _empty(other)
            finally:
                other.lock.release()


def free_memory() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _devices() -> list[dict[str, Any]]:
    memory = psutil.virtual_memory()
    devices = [{"name": "cpu", "memory_bytes": memory.total, "free_bytes": memory.available}]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(i)
            name = f"cuda:{i} {torch.cuda.get_device_name(i)}"
            devices.append({"name": name, "memory_bytes": total, "free_bytes": free})
    elif torch is not None and torch.backends.mps.is_available():
        devices.append({"name": "mps", "memory_bytes": memory.total, "free_bytes": memory.available})
    return devices


# loading


def _load(found: LocalModel) -> LoadedModel:
    # waiting threads must sleep: spinning ones take the cores from the people who work beside
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    path = found.path
    assert path is not None
    try:
        import torch
        from transformers import AutoConfig, AutoProcessor, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        made = plan_here(path)
        config = AutoConfig.from_pretrained(path, **_OPTIONS)
        processor = None
        if found.vision:
            processor = AutoProcessor.from_pretrained(path, **_OPTIONS)
            tokenizer = processor.tokenizer
        else:
            tokenizer = AutoTokenizer.from_pretrained(path, **_OPTIONS)
        with torch.inference_mode():
            model = _weights(path, config, made, found.vision)
    except EngineError:
        raise
    except Exception as error:  # the libraries raise many kinds; a person needs one sentence
        raise EngineError(
            f"The model {found.name} cannot be loaded: {first_line(error)}.", _remedy(str(error)), "model"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    tokenizer.padding_side = "left"
    tokenizer.truncation_side = "left"
    tensors = [*model.parameters(), *model.buffers()]
    bits = "8 bits" if made.eight_bit else str(tensors[0].dtype).removeprefix("torch.")
    memory = sum(t.numel() * t.element_size() for t in tensors)
    device = str(model.device)
    ends = _ends(model, tokenizer, processor)
    return LoadedModel(found.name, model, tokenizer, processor, device, bits, context_of(path), memory, ends)


def _remedy(said: str) -> str:
    """What helps against a model that cannot be loaded."""
    if "trust_remote_code" in said or "custom code" in said:
        return "It brings code of its own, which is never run; choose a model that transformers knows."
    if "orchvision" in said:
        return 'Models of this kind need one more package: pip install "tagloom[vision]".'
    return "Check its files, or choose another model."


def _weights(path: Path, config: Any, made: Plan, vision: bool) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind: Any = AutoModelForImageTextToText if vision else AutoModelForCausalLM
    options: dict[str, Any] = {
        "config": config,
        **_OPTIONS,
        "dtype": "auto" if made.dtype == "auto" else getattr(torch, made.dtype),
    }
    if made.eight_bit:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if made.spread or made.eight_bit:
        options["device_map"] = "auto"
    model = kind.from_pretrained(path, **options)
    if not (made.spread or made.eight_bit) and made.device != "cpu":
        model = model.to(made.device)
    return model.eval()


def plan_here(path: Path) -> Plan:
    """How the model in a folder would be loaded now. Loads torch.

    Raises:
        EngineError: it does not fit.
    """
    import importlib.util

    import torch

    main = psutil.virtual_memory().available
    size = size_of(path)
    if torch.cuda.is_available():
        free, bf16 = torch.cuda.mem_get_info()[0], torch.cuda.is_bf16_supported()
        has_8bit = importlib.util.find_spec("bitsandbytes") is not None
        return plan(size, "cuda", free, main, bf16=bf16, bitsandbytes=has_8bit)
    if torch.backends.mps.is_available():
        return plan(size, "mps", main, main, bf16=False, bitsandbytes=False)
    return plan(size, "cpu", main, main, bf16=True, bitsandbytes=False)


def _ends(model: Any, tokenizer: Any, processor: Any | None) -> tuple[int, ...]:
    """Tokens that end an answer: as the model's files say, and as its template ends a turn."""
    told = model.generation_config.eos_token_id
    ends = list(told) if isinstance(told, (list, tuple)) else [told]
    ends += [tokenizer.eos_token_id, turn_end(tokenizer, processor)]
    return tuple(dict.fromkeys(int(e) for e in ends if e is not None))


def _gigabytes(number: float) -> str:
    return f"{number / 1e9:.1f} GB"
