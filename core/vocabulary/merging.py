"""Which candidates of a vocabulary mean the same, as proposals with their evidence; nothing is merged here.

Two signs are asked for wherever one is not certain by itself: nearness of meaning (only where the encoder reads both
names and tells them apart), a relation of the words (variants, initials, same words in another order, an addition that
says little), and the items on which both stand. Opposites and different numbers are never proposed, nor two names of
one group that exclude each other: what takes in both is broader than either.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.vocabulary.abbreviations import ORDINARY_WORDS, Abbreviations, Meaning, words
from core.vocabulary.merge_choice import Choice, Link
from core.vocabulary.merge_evidence import Candidate, Evidence
from core.vocabulary.merge_pairs import near_and_nearest, pairs_on_items
from core.vocabulary.merge_words import (
    likeness,
    nested,
    only_order,
    order_matters,
    without_light,
    without_light_terms,
    word_bag,
)
from core.vocabulary.opposites import numbers_differ, opposed
from core.vocabulary.spelling import spaced
from core.vocabulary.variants import relation


@dataclass(frozen=True, slots=True)
class MergeParameters:
    """What is asked of a proposal.

    Attributes:
        least_score: proposals below are left out.
        cosine_alone: from which cosine meaning is looked at without any other sign.
        cosine_nearest: the same for two names of which one is the other's nearest.
        least_shared: items on which two names must stand together before that counts.
        crowded: share of all items from which a name is on too many for its company to say anything.
        largest_group: names that one name may take in.
    """

    least_score: float = 0.5
    cosine_alone: float = 0.88
    cosine_nearest: float = 0.8
    least_shared: int = 2
    crowded: float = 0.2
    largest_group: int = 40


@dataclass(frozen=True, slots=True)
class MergeProposal:
    """One candidate that could go into another. Every candidate is dropped at most once and never in a circle; one that
    is kept here may itself be dropped elsewhere, by a weaker sign.

    Attributes:
        keep, drop: positions in the list of candidates.
        score: 0..1, how likely it is right by this evidence.
        cosine: of the two names, or of the spellings of them that are nearest; None where the encoder reads one of
            them badly or cannot tell them apart.
        shared: items on which both of these stand.
        jaccard: shared by all items on which one of them stands; 0 where items are not known.
        lexical: "case", "plural", "initialism", "same words", … or None.
        reasons: sentences for a person.
        readable: whether the encoder reads both names and tells them apart.
    """

    keep: int
    drop: int
    score: float
    cosine: float | None
    shared: int
    jaccard: float
    lexical: str | None
    reasons: tuple[str, ...]
    readable: bool


def propose_merges(
    candidates: Sequence[Candidate],
    parameters: MergeParameters | None = None,
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[MergeProposal]:
    """Proposals by falling score. The order of the candidates matters only between names that are equal in all else.

    Args:
        candidates: at most 200,000.
        stop: asked now and then; True ends the search with what is found so far.
        progress: told the share that is done.

    Raises:
        InvalidInput: more candidates with vectors than an exact search can take.
    """
    return _Search(candidates, parameters or MergeParameters(), stop, progress).run()


_SENTENCES = {
    "initialism": "“{short}” is made of the initials of “{long}”.",
    "blend": "“{short}” is made of the beginnings of the words in “{long}”.",
    "numeronym": "“{short}” counts the letters between the first and the last of “{long}”.",
    "symbol": "“{short}” spells out the signs of “{long}”.",
    "within": "“{short}” is “{long}” with initials for some of its words.",
    "same words": "“{short}” and “{long}” consist of the same words, in another order or form.",
    "addition": "“{long}” adds only words that say little (“{extra}”).",
}


class _Search:
    def __init__(
        self,
        candidates: Sequence[Candidate],
        parameters: MergeParameters,
        stop: Callable[[], bool] | None,
        progress: Callable[[float], None] | None,
    ) -> None:
        self.known = Evidence(candidates)
        self.names, self.keys = self.known.names, self.known.keys
        self.parameters = parameters
        self.stop = stop or (lambda: False)
        self.progress = progress or (lambda share: None)
        self.links: dict[tuple[int, int], Link] = {}

    def run(self) -> list[MergeProposal]:
        steps = (self._variants, self._short_forms, self._same_words, self._additions, self._together, self._near)
        for number, step in enumerate(steps):
            if self.stop():
                break
            step()
            self.progress((number + 1) / (len(steps) + 1))
        found = self._choose()
        self.progress(1.0)
        return found

    # ------------------------------------------------------------------------------------------- where links come from

    def _variants(self) -> None:
        classes: dict[str, list[int]] = defaultdict(list)
        for place, key in enumerate(self.keys):
            classes[key].append(place)
        for members in classes.values():
            if len(members) < 2:
                continue
            keep = min(members, key=self.known.order)
            for place in members:
                if place == keep:
                    continue
                reason = relation(self.names[keep], self.names[place])
                if reason is None and self.names[keep] == self.names[place]:
                    reason = "same name"
                if reason is not None:
                    score = 0.99 if reason in ("case", "width", "width, case", "same name") else 0.97
                    score -= 0.02 * ("plural" in reason) + 0.02 * ("accents" in reason)
                    name, other = self.names[place], self.names[keep]
                    told = f"“{name}” and “{other}” differ only in {reason}."
                    self._link(keep, place, score, reason, told if name != other else _SAME_NAME, certain=True)

    def _short_forms(self) -> None:
        meanings: dict[int, list[Meaning]] = defaultdict(list)
        for meaning in Abbreviations(self.names).meanings():
            meanings[meaning.short].append(meaning)
        for short, found in meanings.items():
            self._short_form(short, found)

    def _short_form(self, short: int, meanings: list[Meaning]) -> None:
        """Of several names that a short form could stand for, the one that stands out by meaning, items or use."""
        scored = []
        for meaning in meanings:
            score, strength = self._short_form_score(meaning)
            scored.append((score, strength, meaning))
        # spellings of one name are one meaning
        keys = {self.keys[m.long] for _, _, m in scored}
        scored.sort(key=lambda entry: (-entry[1], -entry[0], self.known.order(entry[2].long)))
        best_score, best_strength, best = scored[0]
        if len(keys) > 1:
            best_key = self.keys[best.long]
            rival = max(strength for _, strength, m in scored if self.keys[m.long] != best_key)
            lead = best_strength - rival
            if lead < _LEAST_LEAD:
                return
            best_score -= 0.05 + 0.02 * min(len(keys), 8)
        name, long_name = self.names[short], self.names[best.long]
        kind = "within" if best.within else best.kind
        sentence = _SENTENCES[kind].format(short=name, long=long_name)
        self._link(best.long, short, best_score, best.kind, sentence, certain=best_score >= _CERTAIN, short=short)

    def _short_form_score(self, meaning: Meaning) -> tuple[float, float]:
        """(score, how much speaks for this meaning among others)."""
        name = "".join(spaced(self.names[meaning.short]).split())
        if meaning.kind == "numeronym":
            score = 0.93
        elif meaning.kind == "symbol":
            score = 0.9
        elif meaning.within:
            score = 0.8
        elif meaning.kind == "blend":
            score = 0.55 if len(name) < 4 else 0.66
        else:
            score = {2: 0.6, 3: 0.8}.get(len(name), 0.88) - (0 if meaning.exact else 0.05)
        strength = 0.05 * meaning.exact
        spread = self.known.standing(meaning.short, meaning.long)
        if spread is not None:
            cosine, standing = spread
            score += 0.08 if standing >= 0.99 else 0.04 if standing >= 0.9 else -0.04 if standing >= 0.5 else -0.25
            strength += cosine
        elif len(name) == 2:
            score -= 0.15  # two letters by themselves are a guess
        company = self.known.company(meaning.short, meaning.long)
        if company:
            score += 0.1 * min(1.0, 3 * company)
            strength += company
        elif not spread:
            strength += 0.02 * math.log10(1 + self.known.uses[meaning.long])
        if name in ORDINARY_WORDS and not self.names[meaning.short].isupper() and meaning.kind != "symbol":
            score -= 0.45
        return score, strength

    def _same_words(self) -> None:
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, name in enumerate(self.names):
            key = word_bag(name)
            if key:
                groups[key].append(place)
        for members in groups.values():
            for first, other in _star(members, self.known.order):
                if order_matters(self.names[first]) or order_matters(self.names[other]):
                    continue
                score = _same_words_score(self.names[first], self.names[other], self.known.cosine(first, other))
                sentence = _SENTENCES["same words"].format(short=self.names[other], long=self.names[first])
                self._link(first, other, score, "same words", sentence, certain=score >= _CERTAIN)

    def _additions(self) -> None:
        by_key: dict[str, list[int]] = defaultdict(list)
        bags = [words(name) for name in self.names]
        for place, key in enumerate(self.keys):
            by_key[key].append(place)
        for place, (name, bag) in enumerate(zip(self.names, bags, strict=True)):
            for rest, extra in (*without_light(bag), *without_light_terms(name)):
                shorter = by_key.get(rest)
                if not shorter:
                    continue
                other = min(shorter, key=self.known.order)
                if other == place:
                    continue
                self._addition(other, place, extra)

    def _addition(self, shorter: int, longer: int, extra: str) -> None:
        cosine = self.known.cosine(shorter, longer)
        score = 0.4 + 0.4 * self.known.company(shorter, longer)
        if cosine is not None:
            score += max(0.0, 1.2 * (cosine - 0.6))
        if cosine is not None and cosine < 0.6:
            score -= 0.1
        sentence = _SENTENCES["addition"].format(long=self.names[longer], extra=extra)
        self._link(shorter, longer, min(score, 0.85), "addition", sentence, certain=False)

    def _together(self) -> None:
        """Pairs that stand on the same items, where meaning or spelling agrees."""
        most = max(10.0, self.parameters.crowded * self.known.total_items)
        for a, b in pairs_on_items(self.known.items, self.parameters.least_shared, most):
            cosine = self.known.cosine(a, b)
            company = self.known.company(a, b)
            inside = nested(self.names[a], self.names[b])
            if cosine is None:
                alike = likeness(self.names[a], self.names[b])
                both = alike >= _LEAST_ALIKE and company >= _LEAST_COMPANY
                score = 0.55 * alike + 0.5 * company - 0.15 * inside if both else 0.0
            else:
                score = _meaning_score(cosine, company) - (0.25 if inside else 0.0)
            self._link(a, b, min(score, _MOST), None, None, certain=False)

    def _near(self) -> None:
        """Pairs whose meaning is near, of every name only one spelling; that each is the other's nearest is a sign of
        its own."""
        best: dict[str, int] = {}
        for place in self.known.rows.tolist():
            known = best.get(self.keys[place])
            if known is None or self.known.order(place) < self.known.order(known):
                best[self.keys[place]] = place
        chosen = np.array(sorted(best.values()), np.int64)
        if len(chosen) < 2:
            return
        vectors = self.known.vectors[[self.known.row_of[place] for place in chosen.tolist()]]
        alone, least = self.parameters.cosine_alone, self.parameters.cosine_nearest
        for i, j, cosine, nearest in near_and_nearest(vectors, alone, least, self.stop):
            a, b = int(chosen[i]), int(chosen[j])
            centre = _CENTRES[nearest] + (_NESTED if nested(self.names[a], self.names[b]) else 0.0)
            score = min(_meaning_score(cosine, self.known.company(a, b), centre), _MOST)
            self._link(a, b, score, None, None, certain=False)

    # --------------------------------------------------------------------------------------------------- the evidence

    def _link(
        self,
        a: int,
        b: int,
        score: float,
        lexical: str | None,
        sentence: str | None,
        *,
        certain: bool,
        short: int | None = None,
    ) -> None:
        if a == b or score < self.parameters.least_score:
            return
        key = (min(a, b), max(a, b))
        known = self.links.get(key)
        if known is not None and known.score >= score:
            return
        one, other = self.names[a], self.names[b]
        if opposed(one, other) is not None:
            return
        if lexical not in _MAY_HIDE_NUMBERS and numbers_differ(one, other):
            return
        self.links[key] = Link(a, b, min(score, 0.99), lexical, sentence, certain, short)

    # --------------------------------------------------------------------------------------------- one keep per drop

    def _stays(self, link: Link) -> tuple[int, int]:
        """(kept, dropped) of a link; a short form stays only where it is used three times as often."""
        a, b = link.a, link.b
        if (
            link.lexical == "addition"
            and self.known.uses[a] == self.known.uses[b]
            and self.known.new(a) == self.known.new(b)
        ):
            return a, b  # the plain name
        if link.short is not None:
            short, long = (a, b) if link.short == a else (b, a)
            established = self.known.new(long) and not self.known.new(short)
            often = self.known.uses[short] > 3 * self.known.uses[long] and self.known.new(long)
            return (short, long) if established or often else (long, short)
        return (a, b) if self.known.order(a) <= self.known.order(b) else (b, a)

    def _choose(self) -> list[MergeProposal]:
        """The best links, so that every name is dropped at most once, never in a circle, and nothing that excludes
        another comes into one group."""
        order = sorted(
            self.links.values(), key=lambda link: (-link.score, self.names[link.a], self.names[link.b], link.a)
        )
        choice = Choice(self.parameters.largest_group)
        for link in order:
            keep, drop = self._stays(link)
            # spellings of one name stand for each other
            root, source = choice.certain_root(keep), choice.certain_root(drop)
            if link.certain and {root, source} != {keep, drop} and self.known.order(source) < self.known.order(root):
                root, source = source, root
            if choice.allows(root, source) and self._compatible(choice.group(source), choice.group(root)):
                choice.drop(source, root, link)
        found = [self._proposal(keep, drop, link) for drop, (keep, link) in choice.keeps.items()]
        return sorted(found, key=lambda p: (-p.score, self.names[p.keep], self.names[p.drop], p.drop))

    def _compatible(self, moved: Sequence[int], staying: Sequence[int]) -> bool:
        for a in moved:
            for b in staying:
                if opposed(self.names[a], self.names[b]) is not None:
                    return False
        return True

    def _proposal(self, keep: int, drop: int, link: Link) -> MergeProposal:
        """A proposal with the evidence of its link; the link may end at another spelling of the one that stays."""
        known, (a, b) = self.known, (link.a, link.b)
        cosine = known.cosine(a, b)
        shared, jaccard = known.shared(a, b)
        reasons = [link.sentence] if link.sentence else []
        if cosine is not None and (not link.lexical or cosine >= _WORTH_TELLING):
            reasons.append(f"Their meanings are near: cosine {cosine:.2f}.")
        if cosine is None and any(known.candidates[place].vector is not None for place in (a, b)):
            reasons.append("The encoder cannot tell them apart, so that nearness of meaning was not counted.")
        if known.items[a] and known.items[b]:
            either = len(known.items[a] | known.items[b])
            reasons.append(f"They stand together on {shared} of the {either} items that have one of them.")
        if {a, b} != {keep, drop}:
            others = " and ".join(f"“{self.names[place]}”" for place in (a, b) if place not in (keep, drop))
            reasons.append(f"This was found of {others}, which stands for the same.")
        score = round(link.score, 4)
        return MergeProposal(
            keep, drop, score, cosine, shared, jaccard, link.lexical, tuple(reasons), cosine is not None
        )


_SAME_NAME = "They are one name."
_CERTAIN = 0.75  # score from which two names related by their words stand for each other
_MOST = 0.93  # score of what is found by meaning and items alone
_WORTH_TELLING = 0.5  # cosine that is named beside a relation of the words
_LEAST_ALIKE, _LEAST_COMPANY = 0.25, 0.25  # of spelling and items, where meaning cannot be read
_LEAST_LEAD = 0.03  # of one meaning of a short form before the next, in cosine or Jaccard
_MAY_HIDE_NUMBERS = ("numeronym", "initialism", "blend", "symbol")


_CENTRES = (0.9, 0.87, 0.84)
"""Cosine at which meaning alone makes a merge as likely as not: neither is the other's nearest, one is, both are."""
_NESTED = 0.08  # more for a name that holds the other: mostly the narrower one


def _meaning_score(cosine: float, company: float, centre: float = 0.9) -> float:
    """How likely two names are one by meaning and items alone."""
    return 1 / (1 + math.exp(-(20 * (cosine - centre) + 7 * min(company, 0.6))))


def _same_words_score(a: str, b: str, cosine: float | None) -> float:
    """Another order alone is nearly certain; other forms (data streams, streaming data) need the meaning, since they
    often are other things (transformers, transformation)."""
    if only_order(a, b):
        return 0.8 if cosine is None else min(_MOST, 0.8 + 0.5 * (cosine - 0.75))
    if cosine is None:
        return 0.6 if len(words(a)) > 1 else 0.0
    return min(_MOST, 0.5 + 2.5 * (cosine - 0.75))


def _star(members: Sequence[int], order: Callable[[int], tuple[object, ...]]) -> Iterator[tuple[int, int]]:
    if len(members) > 1:
        first = min(members, key=order)
        yield from ((first, other) for other in members if other != first)
