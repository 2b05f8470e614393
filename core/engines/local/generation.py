"""Several answers written at once by a model in this process. Every row is its own: its length, its temperature, its
chance, its schema and its end do not depend on the rows beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.engines.images import prepared
from core.engines.local.local_prompts import Prompt, by_channel

if TYPE_CHECKING:
    from core.engines.local.constrained import Constraint
    from core.engines.local.local_models import LoadedModel

STOP_SECONDS = 0.25  # how often it is asked whether to stop
LOOKED_BACK = 24  # tokens in which a text that ends an answer is looked for
KV_SHARE = 0.5  # of the free memory, for what the model remembers of a batch


@dataclass(frozen=True, slots=True)
class Wanted:
    """One answer to be written.

    Attributes:
        most: tokens of the answer at most.
        temperature: 0 takes the likeliest token always.
        seed: of this answer's chance; the same seed writes the same answer.
        penalty: against tokens that were written already, per time.
        schema: of the JSON that it must be; None: free text.
        json: it is meant to be JSON, and ends where that is complete.
    """

    prompt: Prompt
    most: int
    temperature: float = 0.0
    seed: int = 0
    penalty: float = 0.0
    schema: dict[str, Any] | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """An answer. `finish`: "stop", "length", or None where it was interrupted; tokens are counted exactly; `thoughts`:
    where the model keeps them apart."""

    text: str
    finish: str | None
    prompt_tokens: int
    completion_tokens: int
    thoughts: str = ""


class NoMemory(Exception):
    """The batch did not fit the device's memory."""


def write(loaded: LoadedModel, wanted: Sequence[Wanted], stop: Callable[[], bool]) -> list[Written]:
    """Answers in the order of what is wanted; `stop` ends all of them within a few tokens.

    Raises:
        NoMemory: fewer at once may fit.
    """
    import torch

    inputs = _inputs(loaded, [each.prompt for each in wanted])
    length = int(inputs["input_ids"].shape[1])
    rows = [_Row(loaded, each) for each in wanted]
    try:
        with torch.inference_mode():
            _generate(loaded, inputs, rows, length, stop)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        inputs.clear()
        raise NoMemory(str(error)) from None
    read = [int(n) for n in inputs["attention_mask"].sum(1).tolist()]
    return [row.written(n) for row, n in zip(rows, read, strict=True)]


def rows_at_once(loaded: LoadedModel, tokens: int, most: int) -> int:
    """How many answers of that many tokens (prompt and answer) fit the free memory, at most `most`."""
    fit = most if loaded.rows is None else min(most, loaded.rows)
    each = _bytes_per_token(loaded) * tokens
    free = _free_bytes(loaded)
    return max(1, min(fit, int(KV_SHARE * free / each))) if each and free else max(1, fit)


class _Row:
    """One answer while it is written."""

    def __init__(self, loaded: LoadedModel, wanted: Wanted) -> None:
        import torch

        self._tokenizer = loaded.tokenizer
        self._ends = frozenset(loaded.ends)
        self._channels = loaded.channels
        self.wanted = wanted
        self.tokens: list[int] = []
        self.finish: str | None = None
        self.constraint: Constraint | None = None
        if wanted.schema is not None and loaded.grammars is not None:
            self.constraint = loaded.grammars.constraint(wanted.schema)
        self.chance = torch.Generator().manual_seed(wanted.seed) if wanted.temperature > 0 else None
        self._end: int | None = None  # characters of the text that belong to the answer

    def shape(self, scores: Any) -> None:
        """Change this row's scores of the next token, in place."""
        import torch

        wanted = self.wanted
        if wanted.penalty and self.tokens:
            ids, times = torch.tensor(self.tokens, device=scores.device).unique(return_counts=True)
            scores[ids] -= wanted.penalty * times
        if self.constraint is not None and not self.constraint.broken:
            allowed = torch.from_numpy(self.constraint.allowed(len(scores))).to(scores.device)
            scores.masked_fill_(~allowed, float("-inf"))
        if self.chance is not None:  # the likeliest after this noise is a fair draw from the distribution
            noise = torch.empty(len(scores)).exponential_(generator=self.chance).log_()
            scores.div_(wanted.temperature).sub_(noise.to(scores.device))

    def take(self, token: int) -> bool:
        """The token was written; True when the answer ends with it."""
        self.tokens.append(token)
        if token in self._ends or self._ends_here(token):
            self.finish = "stop"
        elif len(self.tokens) >= self.wanted.most:
            self.finish = "length"
        return self.finish is not None

    def _ends_here(self, token: int) -> bool:
        if self.constraint is not None:
            self.constraint.took(token)
            if not self.constraint.broken:
                return self.constraint.complete
        if self.wanted.prompt.stops and self._stopped():
            return True
        if not self.wanted.json or not _closes(self._tokenizer, token):
            return False
        return complete_json(self.text())

    def _stopped(self) -> bool:
        tail = self._tokenizer.decode(self.tokens[-LOOKED_BACK:], skip_special_tokens=True)
        if not any(stop in tail for stop in self.wanted.prompt.stops):
            return False
        text = self.text()
        found = [place for stop in self.wanted.prompt.stops if (place := text.find(stop)) >= 0]
        self._end = min(found, default=len(text))
        return True

    def text(self) -> str:
        return str(self._tokenizer.decode(self.tokens, skip_special_tokens=not self._channels))

    def written(self, read: int) -> Written:
        text = self.text()[: self._end]
        if self._channels:
            answer, thoughts = by_channel(text)
            return Written(answer, self.finish, read, len(self.tokens), thoughts)
        if self.wanted.prompt.thinking:
            text = f"<think>{text}"
        return Written(text, self.finish, read, len(self.tokens))


def _generate(
    loaded: LoadedModel, inputs: dict[str, Any], rows: list[_Row], length: int, stop: Callable[[], bool]
) -> None:
    import torch
    from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

    class Shape(LogitsProcessor):
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            scores = scores.float().clone()
            for i, row in enumerate(rows):
                if row.finish is None:
                    row.shape(scores[i])
            return scores

    class Ends(StoppingCriteria):
        asked = time.monotonic()
        stopped = False

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            if not self.stopped and time.monotonic() - self.asked >= STOP_SECONDS:
                self.asked, self.stopped = time.monotonic(), stop()
            last = input_ids[:, -1].tolist()
            ended = [row.finish is not None or row.take(token) for row, token in zip(rows, last, strict=True)]
            return torch.tensor([end or self.stopped for end in ended], device=input_ids.device)

    config = deepcopy(loaded.model.generation_config)
    config.update(
        do_sample=False,
        num_beams=1,
        num_return_sequences=1,
        temperature=None,
        top_p=None,
        top_k=None,
        max_length=None,
        max_new_tokens=max(row.wanted.most for row in rows),
        min_length=0,
        min_new_tokens=None,
        eos_token_id=list(loaded.ends) or None,
        pad_token_id=loaded.tokenizer.pad_token_id,
        return_dict_in_generate=False,
    )
    loaded.model.generate(
        **inputs,
        generation_config=config,
        logits_processor=LogitsProcessorList([Shape()]),
        stopping_criteria=StoppingCriteriaList([Ends()]),
    )


def _inputs(loaded: LoadedModel, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """The prompts as the model takes them, filled up on the left."""
    texts = [prompt.text for prompt in prompts]
    options = {"return_tensors": "pt", "padding": True, "add_special_tokens": prompts[0].bos}
    if any(prompt.images for prompt in prompts) and loaded.processor is not None:
        pictures = [[prepared(part) for part in prompt.images] for prompt in prompts]
        encoded = loaded.processor(text=texts, images=pictures, **options)
    else:
        encoded = loaded.tokenizer(texts, **options)
    found = {name: value.to(loaded.model.device) for name, value in encoded.items() if hasattr(value, "to")}
    dtype = loaded.model.dtype
    for name, value in found.items():
        if value.is_floating_point():
            found[name] = value.to(dtype)
    found.pop("token_type_ids", None) if loaded.processor is None else None
    return found


def complete_json(text: str) -> bool:
    """Whether a text that begins as JSON has come to the end of its first value: what follows is no answer."""
    text = text.lstrip()
    if text.startswith("```"):
        text = text.partition("\n")[2].lstrip()
    if not text.startswith(("{", "[")):
        return False
    depth, quoted, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = character == "\\", character != '"'
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return True
    return False


def _closes(tokenizer: Any, token: int) -> bool:
    return _has_bracket(str(tokenizer.convert_ids_to_tokens(token)))


@lru_cache(maxsize=4096)
def _has_bracket(token: str) -> bool:
    return "}" in token or "]" in token


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    said = str(error).casefold()
    return isinstance(error, RuntimeError | MemoryError) and (
        "out of memory" in said or "can't allocate memory" in said
    )


def _bytes_per_token(loaded: LoadedModel) -> int:
    """What the model remembers of a token; 0 where its configuration does not say."""
    config = loaded.model.config.get_text_config()
    try:
        heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        return 2 * int(config.num_hidden_layers) * heads * width * int(loaded.model.dtype.itemsize)
    except (AttributeError, TypeError, ZeroDivisionError):
        return 0


def _free_bytes(loaded: LoadedModel) -> int:
    import psutil
    import torch

    if loaded.device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(loaded.model.device)
        return int(
            free + torch.cuda.memory_reserved(loaded.model.device) - torch.cuda.memory_allocated(loaded.model.device)
        )
    return int(psutil.virtual_memory().available)
