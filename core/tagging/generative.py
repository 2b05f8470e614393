"""Generative tagging: free tags with their votes, each matched to the vocabulary; what matches nothing stays visible.

`rows_from_free_tags` serves every engine; `BuiltinGenerative` is the answer without a language model: keyphrases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from core.corpora.clues import Clue, TaggableItem
from core.store.runs import Answer
from core.vocabulary.keyphrases import Keyphrase, KeyphraseExtractor
from core.vocabulary.matching import Match, TagMatcher, word_form
from core.vocabulary.names import LONGEST, clean_name

LEAST_LIKENESS = 0.15  # of an item's opening shown as evidence of a phrase that it does not name
PASSAGE = 300
NEW = Match(None, None, 0.0)
_CLOSER = {"exact": 0, "alias": 1, "stem": 2, "meaning": 3, None: 4}


@dataclass(frozen=True, slots=True)
class FreeTag:
    """A tag as an engine said it of one item.

    Attributes:
        text: as said.
        votes, samples: how many of how many samples said it.
        score: 0 to 1.
        evidence: as it is stored: {field, passage, start, end, match, similarity} each.
        by: numbers of the samples that said it; lets two spellings of one sample count once. Empty: not known.
    """

    text: str
    votes: int = 1
    samples: int = 1
    score: float = 1.0
    evidence: Sequence[dict[str, Any]] = ()
    by: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Said:
    """Free tags that are one: the same name, plural or vocabulary tag. `tag` is the one that is shown."""

    tag: FreeTag
    texts: list[str]
    match: Match = NEW

    def add(self, other: _Said) -> None:
        """Take another in; the closer match, else the first, is shown."""
        shown, beside = (other, self) if _CLOSER[other.match.how] < _CLOSER[self.match.how] else (self, other)
        both = self.tag.by | other.tag.by
        votes = min(self.tag.samples, self.tag.votes + other.tag.votes)
        if self.tag.by and other.tag.by:
            votes = len(both)
        places = {(e["field"], e["start"], e["end"]) for e in shown.tag.evidence}
        more = [e for e in beside.tag.evidence if (e["field"], e["start"], e["end"]) not in places]
        score = max(self.tag.score, other.tag.score)
        self.tag = replace(shown.tag, votes=votes, by=both, score=score, evidence=[*shown.tag.evidence, *more])
        self.texts += [text for text in other.texts if text not in self.texts]
        self.match = shown.match


def rows_from_free_tags(
    said: Sequence[FreeTag], matcher: TagMatcher, names: Mapping[str, str], most: int | None = None
) -> list[dict[str, Any]]:
    """Suggestion rows of one item: one for each tag of the vocabulary that is meant and for each that is new.

    Args:
        said: free tags, also several spellings of one; a text that cannot be a tag's name is left out.
        matcher: of the vocabulary as the run sees it.
        names: {tag id: name}, for the nearest tags.
        most: at most so many rows, the best.
    """
    spellings: dict[str, _Said] = {}
    for tag in said:
        if not 0 < len(tag.text.strip()) <= LONGEST or not any(map(str.isalnum, tag.text)):
            continue
        text = clean_name(tag.text)
        _take(spellings, word_form(text), _Said(replace(tag, text=text), [text]))
    merged: dict[str, _Said] = {}
    matches = matcher.match([entry.tag.text for entry in spellings.values()])
    for (form, entry), match in zip(spellings.items(), matches, strict=True):
        entry.match = match
        _take(merged, f"new {form}" if match.tag is None else f"tag {match.tag}", entry)
    ordered = sorted(merged.values(), key=lambda entry: (-entry.tag.score, -entry.tag.votes))[:most]
    return [_row(entry, rank, names) for rank, entry in enumerate(ordered, start=1)]


def _take(known: dict[str, _Said], key: str, entry: _Said) -> None:
    if key in known:
        known[key].add(entry)
    else:
        known[key] = entry


def _row(entry: _Said, rank: int, names: Mapping[str, str]) -> dict[str, Any]:
    tag, match = entry.tag, entry.match
    nearest = [{"tag": i, "name": names.get(i, ""), "similarity": round(s, 4)} for i, s in match.nearest]
    detail: dict[str, Any] = {"votes": tag.votes, "samples": tag.samples, "nearest": nearest, "said": entry.texts}
    if match.tag is not None:
        detail |= {"match": match.how, "similarity": round(match.similarity, 4)}
    return {
        "field": "tags",
        "tag": None if match.tag is None else int(match.tag),
        "value": tag.text,
        "score": round(tag.score, 6),
        "rank": rank,
        "evidence": orjson.dumps(list(tag.evidence)).decode(),
        "validity": "valid",
        "detail": orjson.dumps(detail).decode(),
    }


class BuiltinGenerative:
    """Free tags without a language model: keyphrases, matched to the vocabulary.

    Args:
        extractor: prepared on the corpus.
        matcher: of the vocabulary; an empty one leaves every phrase new.
    """

    def __init__(self, extractor: KeyphraseExtractor, matcher: TagMatcher) -> None:
        self.extractor = extractor
        self.matcher = matcher
        self._names = {tag.id: tag.name for tag in matcher.tags}

    def answers(self, items: Sequence[TaggableItem], top_k: int = 8, threshold: float | None = None) -> list[Answer]:
        """What a run stores of items: at most `top_k` rows each, of at least the score `threshold` (None: any)."""
        found = self.extractor.extract([item.clues for item in items], top_k)
        answers = []
        for item, phrases in zip(items, found, strict=True):
            said = [
                FreeTag(phrase.text, score=phrase.score, evidence=_evidence(item.clues, phrase))
                for phrase in phrases
                if threshold is None or phrase.score >= threshold
            ]
            answers.append(Answer(item.pk, rows=rows_from_free_tags(said, self.matcher, self._names, top_k)))
        return answers


def _evidence(clues: Sequence[Clue], phrase: Keyphrase) -> tuple[dict[str, Any], ...]:
    """Where an item names a phrase; for one that it only means, the opening that is like it."""
    by_field = {clue.field: clue for clue in clues}
    shown = [_place(by_field[name], start, end, "exact", phrase.likeness or 1.0) for name, start, end in phrase.places]
    if not shown and phrase.likeness >= LEAST_LIKENESS:
        opening = next((clue for clue in clues if clue.kind in ("title", "caption") and clue.text.strip()), None)
        if opening is not None:
            shown.append(_place(opening, 0, min(len(opening.text), PASSAGE), "meaning", phrase.likeness))
    return tuple(shown)


def _place(clue: Clue, start: int, end: int, match: str, similarity: float) -> dict[str, Any]:
    passage = clue.text[start:end][:PASSAGE]
    return {
        "field": clue.field,
        "passage": passage,
        "start": start,
        "end": end,
        "match": match,
        "similarity": round(similarity, 4),
    }
