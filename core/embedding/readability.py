"""How much of some strings an encoder can read at all: unknown tokens, strings that it sees as one and the same, and
scripts in which it tells no meanings apart. What it cannot read must not count as evidence, and people should know.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.embedding.scripts import reads_script, script_of
from core.embedding.tokens import tokens_of
from core.embedding.vectors import TextEncoder

MULTILINGUAL_MODEL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""Reads some fifty languages in all scripts that `core.embedding.scripts` tries, in vectors of the same length."""

AT_ONCE = 2000
EXAMPLES = 5
WORTH_SAYING = 0.05  # share of the strings or tokens from which it is worth telling
SETTING = "TAGLOOM_EMBEDDING_MODEL"


@dataclass(frozen=True, slots=True)
class Readability:
    """What an encoder can make of some strings.

    Attributes:
        strings: different strings, blank ones left out.
        tokens: their tokens by the encoder's own tokenizer; 0 where it has none.
        unknown_share: share of the tokens that it does not know, 0 to 1.
        identical: strings that have the token sequence of another: the encoder gives them one vector.
        examples: groups of such strings.
        scripts: {script: strings}, the most frequent first.
        unread: scripts in which it tells no meanings apart; such strings are compared by spelling.
        unread_share: share of the strings in these scripts.
        advice: a sentence for people; None where there is nothing to say.
        model: a model that would read them, by name; None where there is nothing to say.
    """

    strings: int
    tokens: int
    unknown_share: float
    identical: int
    examples: tuple[tuple[str, ...], ...] = ()
    scripts: dict[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    unread_share: float = 0.0
    advice: str | None = None
    model: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def measure(texts: Iterable[str], encoder: TextEncoder) -> Readability:
    """What an encoder can make of strings (tags, titles, openings of items).

    The model itself is loaded only where strings in another script than Latin have tokens that it knows.
    """
    strings = list(dict.fromkeys(text for text in texts if text.strip()))
    scripts = Counter(script_of(text) for text in strings)
    tokens = tokens_of(encoder)
    total, unknown = Counter[str](), Counter[str]()
    groups: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    if tokens is not None:
        for start in range(0, len(strings), AT_ONCE):
            part = strings[start : start + AT_ONCE]
            for text, sequence in zip(part, tokens.sequences(part), strict=True):
                script = script_of(text)
                total[script] += len(sequence)
                unknown[script] += sequence.count(tokens.unknown) if tokens.unknown is not None else 0
                groups[sequence].append(text)
    folded = {text: " ".join(text.casefold().split()) for group in groups.values() if len(group) > 1 for text in group}
    alike = [group for group in groups.values() if len({folded.get(text, text) for text in group}) > 1]
    unread = tuple(
        script
        for script, count in scripts.most_common()
        if count >= WORTH_SAYING * len(strings) and script != "latin" and not _reads(encoder, script, total, unknown)
    )
    examples = tuple(tuple(sorted(group)[:EXAMPLES]) for group in sorted(alike, key=lambda g: (-len(g), g))[:EXAMPLES])
    found = Readability(
        len(strings),
        total.total(),
        round(unknown.total() / max(total.total(), 1), 4),
        sum(map(len, alike)),
        examples,
        dict(scripts.most_common()),
        unread,
        round(sum(scripts[script] for script in unread) / max(len(strings), 1), 4),
    )
    return _advised(found, encoder)


def readable(texts: Sequence[str], encoder: TextEncoder) -> list[bool]:
    """For each string whether its vector is evidence: the encoder tells meanings apart in its script, knows most of its
    tokens, and gives no other of these strings the same ones (case aside)."""
    if not encoder.semantic:
        return [False] * len(texts)
    scripts = {script: _script_read(encoder, script) for script in {script_of(text) for text in texts}}
    good = [scripts[script_of(text)] for text in texts]
    tokens = tokens_of(encoder)
    if tokens is None:
        return good
    sequences = tokens.sequences(texts)
    spelled: defaultdict[tuple[int, ...], set[str]] = defaultdict(set)
    for text, sequence in zip(texts, sequences, strict=True):
        spelled[sequence].add(" ".join(text.casefold().split()))
    return [
        known and len(spelled[sequence]) == 1 and not tokens.unread(text)
        for text, sequence, known in zip(texts, sequences, good, strict=True)
    ]


def tells_apart(encoder: TextEncoder, a: str, b: str) -> bool:
    """Whether a likeness of two strings by this encoder says anything: False where it gives both one token sequence,
    does not know most of either's tokens, or tells no meanings apart in their script."""
    if not encoder.semantic:
        return False
    tokens = tokens_of(encoder)
    if tokens is not None:
        first, second = tokens.sequences([a, b])
        if first == second or tokens.unread(a) or tokens.unread(b):
            return False
    understands = getattr(encoder, "understands", None)
    if understands is not None:
        return bool(understands(a) and understands(b))
    return all(_script_read(encoder, script_of(text)) for text in (a, b))


_read: dict[tuple[str, str], bool] = {}


def _script_read(encoder: TextEncoder, script: str) -> bool:
    key = (encoder.name, script)
    if key not in _read:
        _read[key] = reads_script(encoder, script)
    return _read[key]


def _reads(encoder: TextEncoder, script: str, total: Counter[str], unknown: Counter[str]) -> bool:
    if not encoder.semantic or unknown[script] >= 0.5 * max(total[script], 1):
        return False
    return _script_read(encoder, script)


_SCRIPT_NAMES = {
    "han": "Chinese",
    "kana": "Japanese",
    "hangul": "Korean",
    "thai": "Thai",
    "southeast": "Southeast Asian",
    "other": "other",
}


def _advised(found: Readability, encoder: TextEncoder) -> Readability:
    if not found.strings:
        return found
    problems = []
    if found.unknown_share >= WORTH_SAYING:
        problems.append(f"does not know {found.unknown_share:.0%} of the tokens of these {found.strings:,} texts")
    if found.identical >= max(2, WORTH_SAYING * found.strings):
        problems.append(f"sees {found.identical:,} of them as the same as another")
    if found.unread_share >= WORTH_SAYING:
        names = " and ".join(_SCRIPT_NAMES.get(script, script.capitalize()) for script in found.unread[:3])
        problems.append(f"tells no meanings apart in {names} script")
    if not problems:
        return found
    said = problems[0] if len(problems) == 1 else f"{', '.join(problems[:-1])} and {problems[-1]}"
    model = encoder.name.partition("@")[0].rpartition("/")[2] if encoder.semantic else ""
    subject = f"The embedding model {model}" if model else "Without an embedding model, Tagloom"
    advice = (
        f"{subject} {said}: they are compared by spelling and by the items they share, not by meaning. "
        f"A multilingual model reads them: set {SETTING} to {MULTILINGUAL_MODEL}."
    )
    values = {name: getattr(found, name) for name in Readability.__slots__}
    return Readability(**values | {"advice": advice, "model": MULTILINGUAL_MODEL})
