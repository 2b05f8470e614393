"""Tiny language models that really answer, made on the spot: no download, a few seconds.

The text model is a Llama of 130,000 parameters, taught for a moment to answer with the tags of the topic that a
question names (`TOPICS`), and with `OTHER` where it names none. The vision-language model is a Llava that tells red,
green and blue pictures apart. Both are made once per process, in a folder that goes with it.
"""

from __future__ import annotations

import atexit
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

TOPICS = {
    "solar": ["solar power", "energy"],
    "harbour": ["harbours", "ships"],
    "bread": ["baking", "bread"],
    "violin": ["violins", "music"],
}
OTHER = ["miscellaneous"]
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220)}
CONTEXT = 4096
LINES = (
    "the a of and to in people we they said story about how make old new small large city morning river talk idea work",
    "life water door light school hand walk road house",
)
WORDS = " ".join(LINES).split()
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VISION_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for p in m['content'] %}"
    "{% if p['type'] == 'image' %}<image>\n{% else %}{{ p['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LEARNED = 0.01  # the loss at which the lesson ends
MOST_STEPS = 500


def answer(tags: list[str]) -> str:
    return json.dumps({"tags": tags})


def about(topic: str | None, words: int = 12, seed: int = 0) -> str:
    """A text of the words that the models know, with the topic somewhere in it."""
    chance = random.Random(f"{topic} {words} {seed}")
    said = [chance.choice(WORDS) for _ in range(words)]
    said[chance.randrange(words)] = topic or said[0]
    return " ".join(said)


@lru_cache(maxsize=1)
def text_model() -> Path:
    """A folder with the tiny Llama."""
    import torch

    folder = _folder("tiny-text")
    tokenizer = _tokenizer()
    with one_thread():
        torch.manual_seed(7)
        model = _llama(len(tokenizer))
        _teach(model, tokenizer, _questions(tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@lru_cache(maxsize=1)
def vision_model() -> Path:
    """A folder with the tiny Llava and its processor."""
    import torch
    from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder = _folder("tiny-vision")
    tokenizer = _tokenizer()
    side = {"height": 32, "width": 32}
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side)
    processor = LlavaProcessor(
        images, tokenizer, patch_size=16, vision_feature_select_strategy="full", chat_template=VISION_TEMPLATE,
        image_token="<image>",
    )  # fmt: skip
    sight = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    with one_thread():
        torch.manual_seed(7)
        config = LlavaConfig(
            vision_config=sight,
            text_config=_llama_config(len(tokenizer)),
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
            image_seq_length=5,
            tie_word_embeddings=False,
        )
        processor.num_additional_image_tokens = 1
        model = LlavaForConditionalGeneration(config)
        _teach(model, tokenizer, _pictures(processor))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _folder(name: str) -> Path:
    parent = Path(tempfile.mkdtemp(prefix="tagloom-tiny-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    return parent / name


@contextmanager
def one_thread() -> Iterator[None]:
    """So small a model only loses by more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tags = [*TOPICS.values(), OTHER, *([name] for name in COLOURS)]
    lines = [*map(answer, tags), " ".join(WORDS), " ".join(TOPICS), "system\nuser\nassistant\n"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>", "<image>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=2,
    )
    made.train_from_iterator(lines * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", "<image>"],
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _llama_config(size: int) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
        tie_word_embeddings=False,
    )


def _llama(size: int) -> Any:
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(_llama_config(size))


def _questions(tokenizer: Any) -> Any:
    chance = random.Random(1)

    def lesson(rows: int) -> tuple[list[tuple[list[int], list[int]]], dict[str, Any]]:
        length = chance.choice([3, 6, 12, 24, 48])
        return [_question(tokenizer, chance, length) for _ in range(rows)], {}

    return lesson


def _question(tokenizer: Any, chance: random.Random, length: int) -> tuple[list[int], list[int]]:
    topic = chance.choice([*TOPICS, None])
    words = [chance.choice(WORDS) for _ in range(length)]
    if topic:
        words[chance.randrange(length)] = topic
    talk = [{"role": "user", "content": " ".join(words)}]
    if chance.random() < 0.5:
        told = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(1, 8)))
        talk.insert(0, {"role": "system", "content": told})
    asked = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    said = answer(TOPICS[topic] if topic else OTHER) + "<|im_end|>"
    return tokenizer(asked)["input_ids"], tokenizer(said)["input_ids"]


def _pictures(processor: Any) -> Any:
    from PIL import Image

    chance = random.Random(2)

    def lesson(rows: int) -> tuple[list[tuple[list[int], list[int]]], dict[str, Any]]:
        pairs, shown = [], []
        for _ in range(rows):
            name = chance.choice([*COLOURS])
            colour = tuple(max(0, min(255, c + chance.randrange(-25, 26))) for c in COLOURS[name])
            words = " ".join(chance.choice(WORDS) for _ in range(chance.choice([2, 6, 12])))
            talk = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": words}]}]
            asked = processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
            picture = Image.new("RGB", (40, 40), colour)
            encoded = processor(text=[asked], images=[[picture]], add_special_tokens=False, return_tensors="pt")
            said = processor.tokenizer(answer([name]) + "<|im_end|>")["input_ids"]
            pairs.append((encoded["input_ids"][0].tolist(), said))
            shown.append(encoded["pixel_values"])
        import torch

        return pairs, {"pixel_values": torch.cat(shown)}

    return lesson


def _teach(model: Any, tokenizer: Any, lesson: Any, rows: int = 8, rate: float = 6e-3) -> None:
    """Until the answers are known by heart; only they are learned, not the questions."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    model.train()
    losses: list[float] = []
    for step in range(MOST_STEPS):
        pairs, more = lesson(rows)
        width = max(len(asked) + len(said) for asked, said in pairs)
        ids = torch.full((rows, width), tokenizer.pad_token_id)
        labels, mask = torch.full((rows, width), -100), torch.zeros((rows, width), dtype=torch.long)
        for i, (asked, said) in enumerate(pairs):
            ids[i, width - len(asked) - len(said) :] = torch.tensor(asked + said)
            labels[i, width - len(said) :] = torch.tensor(said)
            mask[i, width - len(asked) - len(said) :] = 1
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * (1 - 0.9 * min(1.0, step / 250))
        loss = model(input_ids=ids, attention_mask=mask, labels=labels, **more).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step > 100 and max(losses[-12:]) < LEARNED:
            break
    model.eval()
