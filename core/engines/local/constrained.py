"""Answers held to a JSON schema while they are written: the extra `constrained` (llguidance). Works without it, too:
then nothing is held to anything, and every answer is checked afterwards as always."""

from __future__ import annotations

from typing import Any

import orjson

# JSON as models write it by themselves; free white space would let small ones run away in it
_SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Grammars:
    """Makes constraints for the tokens of one model; schemas are compiled once.

    Args:
        tokens: llguidance's own form of the vocabulary.
        size: tokens that the model gives scores for, which can be more than the vocabulary has.
    """

    def __init__(self, tokens: Any, size: int) -> None:
        self._tokens = tokens
        self._size = size
        self._compiled: dict[bytes, Any] = {}

    @classmethod
    def of(cls, tokenizer: Any, size: int, ends: tuple[int, ...]) -> Grammars | None:
        """For a tokenizer of transformers; None where llguidance is not installed or cannot read the tokenizer."""
        try:
            import llguidance.hf
        except ImportError:
            return None
        try:
            size = max(size, len(tokenizer))
            tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=size, eos_token=list(ends) or None)
        except Exception:  # slow tokenizers, and kinds that its reader does not know
            return None
        return cls(tokens, size)

    def constraint(self, schema: dict[str, Any]) -> Constraint | None:
        """A fresh constraint for one answer; None where the schema asks for what cannot be held to."""
        from llguidance import LLMatcher

        key = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
        if key not in self._compiled:
            try:
                grammar = LLMatcher.grammar_from_json_schema(schema, overrides=_SPACING)
                matcher = LLMatcher(self._tokens, grammar, log_level=0)
                self._compiled[key] = None if matcher.is_error() else matcher
            except ValueError:
                self._compiled[key] = None
        first = self._compiled[key]
        return Constraint(first.deep_copy()) if first is not None else None


class Constraint:
    """What may follow in one answer."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self, size: int) -> Any:
        """Which of the `size` tokens may come next, as an array of truth values."""
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        found = np.unpackbits(bits, bitorder="little")[:size].astype(bool)
        return np.pad(found, (0, size - len(found))) if len(found) < size else found

    def took(self, token: int) -> None:
        """The token was written."""
        self._matcher.consume_token(token)

    @property
    def complete(self) -> bool:
        """Nothing can follow any more."""
        return bool(self._matcher.is_stopped())

    @property
    def broken(self) -> bool:
        """It ran into one of llguidance's own limits: the answer goes on without it."""
        return bool(self._matcher.is_error())
