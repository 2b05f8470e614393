"""Texts to unit vectors, with the model that `find_model` found; torch is loaded by the first text, not before.

A text's vector does not depend on the texts beside it: batches have fixed shapes (rows and tokens are filled up), so
that the arithmetic of a row is the same whatever surrounds it. Runs can then be resumed, repeated and compared bit
for bit on one machine.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.embedding.hashing import HashingEncoder
from core.embedding.locate import DEFAULT_MODEL, ModelLocation, Source, find_model
from core.embedding.vectors import TextEncoder, Vectors, clean_text, unit_rows
from core.errors import EngineError

__all__ = ["DEFAULT_MODEL", "Encoder", "HashingEncoder", "ModelLocation", "Source", "TextEncoder", "find_model"]

TOKEN_STEPS = ((8, 2), (32, 8), (0, 16))  # up to so many tokens in such steps: tags are short, and there are many
BATCH_TOKENS = 1024
MOST_ROWS = 32
MOST_SHORT_ROWS = 64  # of texts of at most SHORT tokens
SHORT = 8
THREADS = 8


class Encoder:
    """A sentence-transformers model.

    Contacts the network only when the location's source is "hub", which `find_model` names only where downloads are
    allowed. Safe to share between threads: one batch is computed at a time.

    Args:
        location: what `find_model` returned.
        device: a torch device; None for the best there is.
    """

    semantic = True

    def __init__(self, location: ModelLocation, *, device: str | None = None) -> None:
        if not location.found:
            raise EngineError(location.reason, location.remedy)
        self.location = location
        self._device = device
        self._model: Any = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self.location.identity

    @property
    def dimension(self) -> int:
        with self._lock:
            return int(self._load().get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder.encode`.

        Raises:
            EngineError: the model's files cannot be loaded.
        """
        shown = [clean_text(text) for text in texts]
        order = [i for i, text in enumerate(shown) if text]
        with self._lock:
            model = self._load()
            vectors = np.zeros((len(shown), int(model.get_embedding_dimension())), np.float32)
        if order:
            vectors[order] = _forward(model, [shown[i] for i in order], self._lock)
        return vectors

    def _load(self) -> Any:
        if self._model is None:
            offline = self.location.source != "hub"
            where = self.location.name if self.location.path is None else str(self.location.path)
            # waiting threads must sleep: spinning ones take the cores from the people who review meanwhile
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            try:
                import torch
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging as transformers_logging

                if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > THREADS:
                    torch.set_num_threads(THREADS)  # a small model gains nothing from more
                transformers_logging.disable_progress_bar()
                model = SentenceTransformer(where, device=self._device, local_files_only=offline)
            except Exception as error:  # the libraries raise many kinds; a person needs one sentence
                raise EngineError(
                    f"The embedding model {self.location.name} cannot be loaded: {_first_line(error)}.",
                    "Check the model in Settings, or remove TAGLOOM_EMBEDDING_MODEL to use the packaged one.",
                ) from error
            model.eval()
            self._model = model
        return self._model


def filled_length(tokens: int) -> int:
    """How many tokens a text is filled up to."""
    step = next(step for most, step in TOKEN_STEPS if tokens <= most or not most)
    return -(-tokens // step) * step


def _forward(model: Any, texts: list[str], lock: threading.Lock) -> Vectors:
    """Vectors of texts in batches of fixed shape: tokens filled up to `filled_length`, rows to a number that depends on
    the tokens alone."""
    import torch

    prompt = model.prompts.get(model.default_prompt_name) if model.default_prompt_name else None
    tokens = model.tokenizer(
        [f"{prompt}{text}" for text in texts] if prompt else texts,
        truncation=True,
        max_length=model.max_seq_length or 512,
        padding=False,
    )
    names = list(tokens.keys())
    shapes: defaultdict[int, list[int]] = defaultdict(list)
    for i, ids in enumerate(tokens["input_ids"]):
        shapes[filled_length(len(ids))].append(i)
    limit = model.max_seq_length or 512
    vectors = np.zeros((len(texts), int(model.get_embedding_dimension())), np.float32)
    for length, members in sorted(shapes.items()):
        rows = min(MOST_SHORT_ROWS if length <= SHORT else MOST_ROWS, max(4, BATCH_TOKENS // length))
        for start in range(0, len(members), rows):
            chosen = members[start : start + rows]
            filled = chosen + [chosen[0]] * (rows - len(chosen))
            batch = {name: [tokens[name][i] for i in filled] for name in names}
            padded = model.tokenizer.pad(
                batch, padding="max_length", max_length=max(min(length, limit), 1), return_tensors="pt"
            )
            features = {name: tensor.to(model.device) for name, tensor in padded.items()}
            with lock, torch.inference_mode():  # between two batches another thread gets its turn
                embedded = model.forward(features)["sentence_embedding"]
            vectors[chosen] = embedded[: len(chosen)].float().cpu().numpy()
    return unit_rows(vectors)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")
