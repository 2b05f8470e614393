"""What a model's own tokenizer makes of a text, without loading the model: which parts of it are unknown."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.embedding.vectors import TextEncoder, clean_text

TOKENIZER_FILE = "tokenizer.json"
MOST_TOKENS = 256
MOSTLY = 0.5  # share of unknown tokens from which a text counts as unread
KEPT = 50_000

_tokenizers: dict[str, Tokens] = {}
_lock = threading.Lock()


class Tokens:
    """Token sequences of texts as one encoder sees them; keeps those of the last KEPT texts.

    Args:
        tokenizer: of the `tokenizers` library.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}
        self.unknown = _unknown(tokenizer)

    def sequences(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each text, without the ones that every text gets; at most MOST_TOKENS."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(self._known) + len(new) > KEPT:
            self._known = {}
            new = list(dict.fromkeys(texts))
        encoded = self._tokenizer.encode_batch([clean_text(text) for text in new], add_special_tokens=False)
        self._known.update((text, tuple(e.ids[:MOST_TOKENS])) for text, e in zip(new, encoded, strict=True))
        return [self._known[text] for text in texts]

    def unread(self, text: str) -> bool:
        """Whether most of a text's tokens are unknown."""
        tokens = self.sequences([text])[0]
        return bool(tokens) and self.unknown is not None and tokens.count(self.unknown) >= MOSTLY * len(tokens)


def tokens_of(encoder: TextEncoder) -> Tokens | None:
    """The tokens of the model inside an encoder; None for an encoder without a model (it reads characters), or a model
    whose tokenizer is not on this machine or of a kind of its own."""
    inner: Any = encoder
    while not hasattr(inner, "location") and hasattr(inner, "encoder"):
        inner = inner.encoder
    folder: Path | None = inner.location.path if hasattr(inner, "location") else None
    if folder is None:
        return None
    with _lock:
        if inner.name not in _tokenizers:
            file = _file(folder)
            if file is None:
                return None
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(file))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            _tokenizers[inner.name] = Tokens(tokenizer)
        return _tokenizers[inner.name]


def _file(folder: Path) -> Path | None:
    found = [
        path for path in (folder / TOKENIZER_FILE, *sorted(folder.glob(f"0_*/{TOKENIZER_FILE}"))) if path.is_file()
    ]
    return found[0] if found else None


def _unknown(tokenizer: Any) -> int | None:
    for name in ("[UNK]", "<unk>", "<|unk|>"):
        number = tokenizer.token_to_id(name)
        if number is not None:
            return int(number)
    return None
