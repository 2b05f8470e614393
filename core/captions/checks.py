"""Checks of one caption against the tags that it was written from. A pure function: the same caption and tags give
the same result until CHECK_VERSION changes.

What is *failed* is wrong whatever the taste: a claim that tags deny, an instrument or voice that no tag mentions, a
name of the corpus, a number that no tag gives, leftovers of a format, a summary of two sentences. What is *warned* of
may be meant: a missing tag, hype, an order to the listener.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.captions.names import NameIndex
from core.captions.tags import MusicTag, TagSet
from core.captions.terms import CHECKED_FACETS, Support, Term, find, stem, support_of

CHECK_VERSION = 1
SENTENCES = {"summary": (1, 1), "writing": (1, 4), "paraphrase": (1, 5), "attribute_prediction": (1, 6)}
LEAST_COVERED = 0.5  # of the tags; below it a caption fails
FAR_OFF = 2.0  # times the words asked for, or one part of so many
_FAILING_FACETS = ("instrument", "voice")

_SENTENCE = re.compile(r"[.!?。！？]+[\"'”’)\]]*(?=\s|$)")
_DOTS = re.compile(
    r"\b(?:feat|ft|vs|no|vol|mr|mrs|ms|dr|st|etc|e\.g|i\.e|approx|op|a\.k\.a|u\.s|u\.k)\.|\b[a-z]\.(?=[a-z]\.)", re.I
)
_NUMBER = re.compile(r"\b\d[\d,.]*(?:['’]?s|th|st|nd|rd|bpm|hz|khz|%)?\b", re.I)
_NUMBER_WORDS = {"808": ("drum machine",), "4": ("four on the floor",)}
_FORMAT = (
    re.compile(r"new[_ ]attributes?", re.I),
    re.compile(r"[\"']?\b(?:description|caption|new_attribute|pseudo_attribute)[\"']?\s*:\s*[\"'\[{]", re.I),
    re.compile(r"[{}]|\[[^\]]*\]|<[^>\s][^>]*>|```|\\n|\*\*|https?://\S+"),
    re.compile(
        r"\A\W*(?:here (?:is|are)|sure|certainly|caption|description|summary|output|answer)\b[^.!?]{0,40}:", re.I
    ),
    re.compile(
        r"\bas an ai\b|\blanguage model\b|\bgiven (?:tags|attributes)\b|\bthe (?:tags|attributes)\b|\bhashtag", re.I
    ),
)
_HYPE = re.compile(
    r"\b(?:captivat(?:ing|es?)|mesmeri[sz](?:ing|es?)|masterpieces?|unforgettable|breathtaking|stunning|timeless"
    r"|must[- ]listen|irresistibl[ey]|jaw[- ]dropping|mind[- ]blowing|out of this world|second to none|one of a kind"
    r"|sensational|spellbinding|enchanting(?:ly)?|transport(?:s|ing)? (?:you|the listener|listeners)|like no other"
    r"|incredibl[ey]|extraordinary|awe[- ]inspiring|world[- ]class|iconic|legendary|magical|sonic journey"
    r"|musical journey|leaves? (?:you|listeners?) (?:wanting|feeling|speechless)|on the edge of (?:your|their) seats?"
    r"|true (?:gem|treasure)|pure bliss|ultimate|perfectly|undeniabl[ey]|unparalleled)\b",
    re.I,
)
_IMPERATIVE = re.compile(
    r"(?:\A|[.!?]\s+)(?:get ready|experience|immerse|enjoy|listen|let (?:yourself|the|this|it)"
    r"|feel (?:the|your|yourself)"
    r"|discover|dive|embark|prepare|close your eyes|join|lose yourself|sit back|step into|indulge|brace yourself"
    r"|be (?:transported|prepared|ready)|dance (?:to|along)|come|don't miss|imagine|picture|introducing|turn up"
    r"|check out"
    r"|groove (?:to|along)|relax (?:and|with)|unwind|take a)\b",
    re.I,
)
_SECOND_PERSON = re.compile(r"\b(?:you|your|yours|yourself|you['’](?:re|ll|ve|d))\b", re.I)
_NEGATION = re.compile(
    r"\b(?:no|not|without|lacks?|lacking|absen(?:t|ce)(?: of)?|devoid of|free (?:of|from)|minus|never|neither|nor|none"
    r"|omits?|omitting|excluding|excludes?|sans|missing|rather than|instead of|except|cannot|isn['’]t|aren['’]t"
    r"|doesn['’]t|don['’]t)\b",
    re.I,
)
_SCOPE_END = re.compile(
    r"[.;:!?()]|,\s*(?!(?:or|nor|no)\b)(?=\w+ing\b|with\b|but\b|while\b|and\b)|\b(?:but|while|although|yet|whereas)\b",
    re.I,
)
_FREE_AFTER = re.compile(r"\s*[- ](?:free|less)\b|\s+(?:is|are) (?:absent|missing|not)\b", re.I)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding: `level` is warn or fail, `message` a sentence, `start` and `end` its place in code points (both 0:
    the whole caption)."""

    code: str
    level: str
    message: str
    start: int = 0
    end: int = 0
    facet: str | None = None
    term: str | None = None

    def as_dict(self) -> dict[str, Any]:
        names = ("code", "level", "message", "start", "end", "facet", "term")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How a caption was asked for.

    Attributes:
        banned: words and phrases that must not stand in it.
        words: about how many were asked for; None for any.
        language: "" for English; in other languages only names, numbers, form and banned words are checked.
        hype: False where enthusiasm is wanted.
    """

    banned: tuple[str, ...] = ()
    words: int | None = None
    language: str = ""
    hype: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the checks say.

    Attributes:
        verdict: pass | warn | fail.
        coverage: (tag, verbatim | stem | alias | missing) of each present tag.
    """

    verdict: str
    reasons: tuple[Reason, ...]
    coverage: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": CHECK_VERSION,
            "verdict": self.verdict,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "coverage": [{"tag": tag, "how": how} for tag, how in self.coverage],
        }


def check(
    text: str,
    tags: TagSet,
    style: str,
    *,
    names: NameIndex | None = None,
    predicted: Sequence[str] = (),
    options: CheckOptions | None = None,
) -> CheckResult:
    """What is right and wrong about a caption.

    Args:
        names: titles and artists of the corpus, which no caption may hold.
        predicted: attributes that this caption may mention although no tag does.
    """
    options = options or CheckOptions()
    english = options.language.strip().lower() in ("", "en", "english")
    terms = find(text) if english else []
    support = support_of(tags, predicted)
    coverage = covered(text, tags.present, terms) if english else tuple((tag.name, "verbatim") for tag in tags.present)
    reasons = [
        *(_coverage_reasons(coverage) if english else ()),
        *_term_reasons(text, terms, tags, support),
        *_absence_reasons(text, tags, terms),
        *_name_reasons(text, tags, names),
        *_number_reasons(text, tags, predicted),
        *_form_reasons(text, style, options),
    ]
    if english:
        reasons += _manner_reasons(text, tags, options)
    levels = {reason.level for reason in reasons}
    verdict = "fail" if "fail" in levels else "warn" if levels else "pass"
    return CheckResult(verdict, tuple(reasons), coverage)


# ---- tags that are said


def covered(text: str, present: Iterable[MusicTag], terms: Sequence[Term] | None = None) -> tuple[tuple[str, str], ...]:
    """How each tag is said: in its own words, with all of its words in another form, in words that mean it, or not."""
    found = find(text) if terms is None else terms
    said = f" {_plain(text)} "
    stems = {stem(word) for word in said.split()}
    meant = {(term.facet, term.term) for term in found}
    return tuple((tag.name, _how(tag.name, said, stems, meant)) for tag in present)


def _how(tag: str, said: str, stems: set[str], meant: set[tuple[str, str]]) -> str:
    plain = _plain(tag)
    if f" {plain} " in said:
        return "verbatim"
    words = [word for word in plain.split() if word not in _EMPTY] or plain.split()
    if all(stem(word) in stems for word in words):
        return "stem"
    wanted = find(tag)
    if wanted and all((term.facet, term.term) in meant for term in wanted):
        rest = set(words) - {word for term in wanted for word in _plain(tag[term.start : term.end]).split()}
        if all(stem(word) in stems for word in rest):
            return "alias"
    return "missing"


_EMPTY = frozenset(("a", "an", "the", "of", "and", "in", "on", "with", "to", "for", "at", "by", "is", "are", "or"))


@lru_cache(maxsize=50_000)
def _plain(text: str) -> str:
    return " ".join(word.lower().replace("’", "'") for word in _WORD.findall(text))


def _coverage_reasons(coverage: Sequence[tuple[str, str]]) -> list[Reason]:
    missing = [tag for tag, how in coverage if how == "missing"]
    few = len(coverage) - len(missing) < LEAST_COVERED * len(coverage)
    level = "fail" if few else "warn"
    return [Reason("missing_tag", level, f"It does not say the tag “{tag}”.", term=tag) for tag in missing]


# ---- terms that no tag supports, and what tags deny

_WORDS_OF = {"instrument": "an instrument", "voice": "a voice", "tempo": "a tempo", "genre": "a genre", "era": "a time"}


def _term_reasons(text: str, terms: Sequence[Term], tags: TagSet, support: Support) -> list[Reason]:
    denied = _denied_terms(tags)
    reasons, told = [], set()
    for term in terms:
        if term.facet not in CHECKED_FACETS or (term.facet, term.term) in told:
            continue
        if support.supports(term):
            if support.loosely(term) and not negated(text, term):
                told.add((term.facet, term.term))
                message = f"It names a family of instruments where the tags name one: {text[term.start : term.end]}."
                place = (term.start, term.end, term.facet, term.term)
                reasons.append(Reason("unsupported_instrument", "warn", message, *place))
            continue
        if negated(text, term) and (term.facet in _FAILING_FACETS):
            if _denied(term, denied):
                continue  # “without drums”, as the tags say
            message = (
                f"It says that something is not there of which the tags say nothing: {text[term.start : term.end]}."
            )
        else:
            message = (
                f"It names {_WORDS_OF.get(term.facet, 'a place')} that no tag mentions: {text[term.start : term.end]}."
            )
        told.add((term.facet, term.term))
        level = "fail" if term.facet in _FAILING_FACETS else "warn"
        reasons.append(Reason(f"unsupported_{term.facet}", level, message, term.start, term.end, term.facet, term.term))
    return reasons


def _denied_terms(tags: TagSet) -> set[tuple[str, str]]:
    found = {(term.facet, term.term) for tag in tags.absent for term in find(tag.name)}
    if any(_plain(tag.name).endswith(("instruments", "instrument", "accompaniment")) for tag in tags.absent):
        found.add(("instrument", "*"))
    return found


def _denied(term: Term, denied: set[tuple[str, str]]) -> bool:
    return (
        (term.facet, term.term) in denied
        or any((term.facet, above) in denied for above in term.broader)
        or (term.facet == "instrument" and ("instrument", "*") in denied)
    )


def negated(text: str, term: Term) -> bool:
    """Whether the text says of this term that it is not there: “without drums or bass”, “no singing”, “drum-free”."""
    if _FREE_AFTER.match(text, term.end):
        return True
    start = max((found.end() for found in _SCOPE_END.finditer(text, 0, term.start)), default=0)
    return _NEGATION.search(text, start, term.start) is not None


def _absence_reasons(text: str, tags: TagSet, terms: Sequence[Term]) -> list[Reason]:
    """Claims of what tags deny. What a tag says to be there (contradicting another) is not held against the caption."""
    there = {(term.facet, term.term) for tag in tags.present for term in find(tag.name)}
    reasons, told = [], set()
    for absent in tags.absent:
        denied = {(term.facet, term.term) for term in find(absent.name)}
        for term in terms:
            same = (term.facet, term.term) in denied or any((term.facet, above) in denied for above in term.broader)
            if not same or (term.facet, term.term) in there or negated(text, term):
                continue
            if (term.start, term.end) not in told:
                told.add((term.start, term.end))
                message = (
                    f"It claims “{text[term.start : term.end]}”, but the tags say that there are no {absent.name}."
                )
                reasons.append(Reason("negation", "fail", message, term.start, term.end, term.facet, term.term))
    return reasons


# ---- names, numbers


def _name_reasons(text: str, tags: TagSet, names: NameIndex | None) -> list[Reason]:
    if names is None:
        return []
    return [
        Reason("name_leak", "fail", f"It holds a title or an artist of this corpus: {name}.", start, end, term=name)
        for start, end, name in names.leaks(text, tags)
    ]


def _number_reasons(text: str, tags: TagSet, predicted: Sequence[str]) -> list[Reason]:
    given = " ".join([*(f"{tag.name} {tag.raw}" for tag in (*tags.present, *tags.absent)), *predicted]).lower()
    numbers = {re.sub(r"\D", "", found) for found in _NUMBER.findall(given)}
    reasons = []
    for found in _NUMBER.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        known = digits in numbers or any(word in given for word in _NUMBER_WORDS.get(digits, ()))
        if not known and not (len(digits) == 4 and digits[2:] in numbers):  # “80s” said as “1980s”
            message = f"It gives a number that no tag has: {found.group()}."
            reasons.append(Reason("number", "fail", message, found.start(), found.end(), term=found.group()))
    return reasons


# ---- form and manner


def sentences(text: str) -> int:
    """How many sentences a text has: at least one where it has a word."""
    plain = _DOTS.sub(lambda found: found.group().replace(".", " "), text.strip())
    ends = [found.end() for found in _SENTENCE.finditer(plain)]
    rest = plain[ends[-1] :] if ends else plain
    return len(ends) + bool(_WORD.search(rest))


def _form_reasons(text: str, style: str, options: CheckOptions) -> list[Reason]:
    reasons = []
    for pattern in _FORMAT:
        found = pattern.search(text)
        if found:
            message = f"It holds what belongs to a format, not to a caption: {found.group().strip()[:60]}"
            reasons.append(Reason("format_leak", "fail", message, found.start(), found.end()))
            break
    least, most = SENTENCES.get(style, (1, 8))
    number = sentences(text)
    if not least <= number <= most:
        wanted = "one was" if most == 1 else f"at most {most} were"
        level = "fail" if style == "summary" else "warn"
        reasons.append(Reason("sentence_count", level, f"It has {number} sentences; {wanted} asked for."))
    for word in options.banned:
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I) if word.strip() else None
        if found:
            message = f"It uses a word that is not wanted: {found.group()}."
            reasons.append(Reason("banned_word", "fail", message, found.start(), found.end(), term=word))
    words = len(text.split())
    if options.words and not options.words / FAR_OFF <= words <= options.words * FAR_OFF:
        reasons.append(Reason("length", "warn", f"It has {words} words; about {options.words} were asked for."))
    return reasons


def _manner_reasons(text: str, tags: TagSet, options: CheckOptions) -> list[Reason]:
    """What is said to the listener, or in praise; not where a tag says it (“captivating”)."""
    given = " \n ".join(_plain(tag.name) for tag in tags.present)
    found = []
    for code, pattern, words in (
        ("hype", _HYPE, "It praises instead of describing"),
        ("imperative", _IMPERATIVE, "It tells the listener what to do"),
        ("second_person", _SECOND_PERSON, "It speaks to the listener"),
    ):
        hits = pattern.finditer(text) if code != "hype" or options.hype else iter(())
        hit = next((hit for hit in hits if not re.search(rf"\b{re.escape(_plain(hit.group()))}\b", given)), None)
        if hit:
            start = hit.end() - len(hit.group().lstrip(" .!?\n"))
            found.append(Reason(code, "warn", f"{words}: {text[start : hit.end()]}.", start, hit.end()))
    return found
