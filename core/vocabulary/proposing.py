"""From counted names to proposals with the evidence that a person decides by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.embedding.vectors import TextEncoder
from core.vocabulary.names import name_key
from core.vocabulary.proposals import Proposal
from core.vocabulary.stages import Counted, Occurrences
from core.vocabulary.store import Tag

EXAMPLES = 3


def evidence_of_merges(
    on: Occurrences, names: Sequence[Counted], tags: Sequence[Tag], encoder: TextEncoder, progress: Callable[[], None]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Pairs of names that may be one: counted candidates, and the vocabulary's own tags.

    Returns:
        ([{keep, drop: {name, tag}, score, cosine, shared, jaccard, lexical, reasons, items, into_items, readable}],
        counts). Strings that the encoder cannot read are compared by spelling and shared items alone.
    """
    from core.embedding.readability import measure, readable
    from core.vocabulary.merging import Candidate, propose_merges

    counted = {each.tag for each in names if each.tag is not None}
    rest = [tag for tag in tags if tag.id not in counted]
    by_tag = {tag.id: tag for tag in tags}
    texts = [by_tag[e.tag].name if e.tag in by_tag else e.name for e in names] + [tag.name for tag in rest]
    ids = [each.tag for each in names] + [tag.id for tag in rest]
    if len(texts) < 2:
        return [], {"compared": len(texts), "kept": 0}
    progress()
    spoken = [text.replace("_", " ") for text in texts]
    vectors = encode(encoder, spoken, progress)
    can_read = readable(spoken, encoder)
    empty = np.zeros(0, np.int64)
    items = [on.items[each.place] for each in names] + [empty] * len(rest)
    candidates = [
        Candidate(text, its, vector, bool(good), tag)
        for text, its, vector, good, tag in zip(texts, items, vectors, can_read, ids, strict=True)
    ]
    found = propose_merges(candidates)
    merges = [
        {
            "keep": {"name": texts[each.keep], "tag": ids[each.keep], "items": len(items[each.keep])},
            "drop": {"name": texts[each.drop], "tag": ids[each.drop], "items": len(items[each.drop])},
            "score": float(each.score),
            "cosine": None if each.cosine is None else float(each.cosine),
            "shared": int(each.shared),
            "jaccard": float(each.jaccard),
            "lexical": each.lexical,
            "reasons": list(each.reasons),
            "readable": each.readable,
        }
        for each in found
    ]
    advice = measure(texts, encoder)
    unread = sum(not good for good in can_read)
    counts = {"compared": len(texts), "kept": len(merges), "unreadable": unread}
    return merges, {**counts, "examples": {"advice": [advice.advice] if advice.advice else []}}


def encode(encoder: TextEncoder, texts: Sequence[str], progress: Callable[[], None]) -> np.ndarray[Any, Any]:
    """Vectors in parts, so that a build can be stopped in between."""
    parts = []
    for start in range(0, len(texts), 512):
        parts.append(encoder.encode(texts[start : start + 512]))
        progress()
    return np.concatenate(parts)


def make_proposals(
    on: Occurrences,
    names: Sequence[Counted],
    merges: Sequence[dict[str, Any]],
    tags: Mapping[int, Tag],
    owners: Mapping[str, int],
    titles: Mapping[int, dict[str, str]],
) -> list[Proposal]:
    """New tags with their other spellings, other spellings of known tags, and near-duplicates.

    Args:
        tags: the active ones by id.
        owners: key of every name in the vocabulary → its tag, archived ones included.
        titles: item → {id, title} of the examples.
    """
    made: list[Proposal] = []
    for each in names:
        items = on.items[each.place]
        examples = [titles[int(i)] for i in items[:EXAMPLES] if int(i) in titles]
        about = {"items": len(items), "share": round(len(items) / max(1, on.total), 4), "examples": examples}
        if each.tag is None:
            made.append(_addition(each, about))
        elif each.tag in tags:
            made += _spellings(each, tags[each.tag], owners, about)
    shown = {each.name: on.items[each.place] for each in names}
    for merge in merges:
        proposal = _merge(merge, shown, titles)
        if proposal is not None:
            made.append(proposal)
    return made


def _addition(each: Counted, about: dict[str, Any]) -> Proposal:
    n = about["items"]
    reasons = [f"Said of {n:,} item{'' if n == 1 else 's'}, {about['share']:.0%} of those that were read."]
    detail = {**about, "reasons": reasons, "readable": True, "variants": dict(each.variants[:20])}
    return Proposal("add", each.name, each.support, n, aliases=tuple(v for v, _ in each.variants), detail=detail)


def _spellings(each: Counted, tag: Tag, owners: Mapping[str, int], about: dict[str, Any]) -> list[Proposal]:
    made = []
    for name, reason in ((each.name, ""), *each.variants):
        if name_key(name) in owners:
            continue
        words = f"they differ by {reason}" if reason else f"“{tag.name}” is a spelling of it"
        detail = {**about, "reasons": [f"“{name}” and “{tag.name}”: {words}."], "lexical": reason or None}
        alias = Proposal(
            "alias", name, 0.95, about["items"], tag.name, into_tag=tag.id, detail={**detail, "readable": True}
        )
        made.append(alias)
    return made


def _merge(merge: dict[str, Any], items: Mapping[str, Any], titles: Mapping[int, dict[str, str]]) -> Proposal | None:
    keep, drop = merge["keep"], merge["drop"]
    if keep["tag"] is not None and keep["tag"] == drop["tag"]:
        return None
    if keep["tag"] is None and drop["tag"] is not None:
        keep, drop = drop, keep  # what is a tag already stays
    kind = "alias" if drop["tag"] is None and keep["tag"] is not None else "merge"
    examples = [titles[int(i)] for i in items.get(drop["name"], ())[:EXAMPLES] if int(i) in titles]
    names = ("shared", "jaccard", "cosine", "lexical", "reasons", "readable")
    detail = {name: merge[name] for name in names} | {"items": drop["items"], "into_items": keep["items"]}
    for name in ("jaccard", "cosine"):
        detail[name] = None if detail[name] is None else round(detail[name], 4)
    return Proposal(
        kind,
        drop["name"],
        round(min(1.0, max(0.0, merge["score"])), 4),
        drop["items"],
        keep["name"],
        drop["tag"],
        keep["tag"],
        detail={**detail, "examples": examples},
    )
