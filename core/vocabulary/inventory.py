"""What the keyphrase extractor knows of a corpus: phrases that its items share, and the constants of judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.vocabulary.packing import pack_array, unpack_array

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

_ARRAYS = ("counts", "common", "least", "prior", "gists", "starts", "named")


@dataclass(frozen=True, slots=True)
class KeyphraseParameters:
    """Constants of the extractor; one set for every corpus (benchmarks/tagging.md says how they were chosen).

    Attributes:
        gist: characters of an item's opening that are embedded; half as many in dense scripts.
        least_phrases, phrases_per_item, most_phrases: size of the inventory.
        most_share: share of the sample's items above which a phrase says nothing.
        common_share: how much of a phrase's mean likeness with the sample is taken off.
        place_weights: what naming adds by the kind of clue, before rarity.
        marked_weight: what is added for a phrase that is marked as a tag (#word).
        rarity_power: rarity is log(items / items with it) / log(items), to this power.
        neighbours, neighbour_power, neighbour_weight: see the module; weighted by cosine ** power.
        topic_weight, topic_items: weight of the nearness of a phrase to the items that use it; so many items are
            needed for half of it.
        shared_weight: what a phrase gains that all items of the sample share, logarithmically.
        word_cost: what each word after a phrase's first takes off: tags are short.
        unknown_likeness: likeness that a phrase outside the inventory is taken to have.
        meant_share, meant_cost: an item that does not name a phrase means it if it is about as near to it as those that
            do: so much of the way from the mean of all items to theirs; what is missing is taken off, times the cost.
            Without it, phrases that are good topics somewhere would be said of everything.
        midpoint, slope: score = 1 / (1 + exp(-(raw - midpoint) / slope)).
    """

    gist: int = 100
    least_phrases: int = 500
    phrases_per_item: int = 2
    most_phrases: int = 5000
    most_share: float = 0.25
    common_share: float = 0.2
    place_weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "title": 0.35,
            "category": 0.35,
            "caption": 0.35,
            "ocr": 0.35,
            "speech": 0.35,
            "body": 0.25,
            "clue": 0.1,
        }
    )
    marked_weight: float = 0.2
    rarity_power: float = 0.75
    neighbours: int = 20
    neighbour_power: float = 3.0
    neighbour_weight: float = 0.2
    topic_weight: float = 1.45
    topic_items: float = 3.0
    shared_weight: float = 0.5
    word_cost: float = 0.1
    unknown_likeness: float = 0.1
    meant_share: float = 0.7
    meant_cost: float = 10.0
    midpoint: float = 0.9
    slope: float = 0.15


DEFAULTS = KeyphraseParameters()


@dataclass(slots=True)
class Inventory:
    """What the sample's n items share: m phrases. Texts are in the order of their keys.

    Attributes:
        items: n.
        keys, texts: what makes a phrase itself, and how it is written.
        counts: int32 (m,): items of the sample that name it.
        common: float32 (m,): mean likeness with the sample's items.
        least: float32 (m,): likeness that an item needs to mean the phrase without naming it.
        prior: float32 (m,): what a phrase is worth by itself.
        gists: float32 (n, d), on the float16 grid.
        starts, named: int32 (n + 1,), int32 (h,): item i names the phrases named[starts[i] : starts[i + 1]].
        frequent: keys of phrases that too many items share.
    """

    items: int
    keys: list[str]
    texts: list[str]
    counts: Integers
    common: Floats
    least: Floats
    prior: Floats
    gists: Floats
    starts: Integers
    named: Integers
    frequent: frozenset[str]

    @classmethod
    def empty(cls) -> Inventory:
        nothing = np.zeros(0, np.float32)
        none = np.zeros(0, np.int32)
        start = np.zeros(1, np.int32)
        return cls(0, [], [], none, nothing, nothing, nothing, np.zeros((0, 0), np.float32), start, none, frozenset())

    def state(self) -> dict[str, Any]:
        """The inventory as JSON values."""
        arrays = {name: getattr(self, name) for name in _ARRAYS} | {"gists": self.gists.astype(np.float16)}
        packed = {name: pack_array(array) for name, array in arrays.items()}
        return {
            "items": self.items,
            "keys": self.keys,
            "texts": self.texts,
            "frequent": sorted(self.frequent),
            **packed,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Inventory:
        """The inventory that `state` stored.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        arrays = {name: unpack_array(state[name]) for name in _ARRAYS}
        arrays["gists"] = arrays["gists"].astype(np.float32)
        kept = cls(
            items=int(state["items"]),
            keys=list(state["keys"]),
            texts=list(state["texts"]),
            frequent=frozenset(state["frequent"]),
            **arrays,
        )
        if (
            not len(kept.keys)
            == len(kept.texts)
            == len(kept.counts)
            == len(kept.prior)
            == len(kept.common)
            == len(kept.least)
        ):
            raise ValueError("the parts do not fit together")
        return kept
