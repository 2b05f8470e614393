"""Which kinds of prompt there are, what each may name, and what its answers must be.

The features fill placeholders in; here stands what each of them is, so that an editor can list them, a check can
refuse a name that nothing fills in, and a preview can be drawn where no item is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STYLE = r"[a-z0-9]+(?:-[a-z0-9]+)*"
STARTERS = ("free-tags", "select-tags")  # kinds that are run as shipped; the others begin with an import


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that a prompt may name.

    Attributes:
        about: one sentence for people.
        required: a prompt without it asks about nothing.
        sample: what stands there in a preview without an item, and in the check of a template.
        foreign: how templates of other tools write it (“<tags>”), or "".
    """

    name: str
    about: str
    required: bool = False
    sample: str = ""
    foreign: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What prompts of one kind are for.

    Attributes:
        styles: there may be several of it, named “kind-style”.
        any_of: at least one of these placeholders must be named.
        answer: properties that the schema must have, for whoever reads the answers; none: plain text is read.
        examples: whether accepted items can be shown as examples.
        runs: whether a form of this version asks with it; others are kept for those that will.
        max_tokens: of an answer, where an imported template says nothing.
        older: names of styles in files of other tools, with what they are called here.
    """

    name: str
    title: str
    about: str
    task: str
    placeholders: tuple[Placeholder, ...]
    styles: bool = False
    any_of: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    examples: bool = False
    runs: bool = False
    max_tokens: int = 400
    older: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(p.name for p in self.placeholders))

    def samples(self) -> dict[str, Any]:
        """A value for every placeholder."""
        return {p.name: int(p.sample) if p.sample.isdecimal() else p.sample for p in self.placeholders}


_ITEM = Placeholder(
    "item",
    "The item’s fields as one JSON object, quoted so that its text cannot pass for instructions.",
    True,
    '{"title":"How Denmark ran on wind","description":"Turbines, co-operatives and cheap power."}',
)
_MARKER = Placeholder(
    "marker",
    "A word that the item’s text cannot contain; put it around the item, as <marker> and </marker>.",
    True,
    "item-1f0c2d3e4a",
)
_COUNT = Placeholder("count", "How many tags are asked for at most.", sample="8")
_USE_CASE = Placeholder("use_case", "What the tags are for, as typed in the form; empty when nothing was typed.")
_TAGS = Placeholder("tags", "The tags, separated by commas.", sample="wind energy, denmark", foreign="<tags>")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "free-tags",
            "Write tags freely",
            "Generative tagging, and the candidates of a vocabulary.",
            "tags",
            (
                _ITEM,
                _MARKER,
                _COUNT,
                _USE_CASE,
                Placeholder("language", "The language of the tags, as typed in the form; empty: as the item."),
            ),
            answer=("tags",),
            examples=True,
            runs=True,
        ),
        Kind(
            "select-tags",
            "Choose from my tags",
            "Selective tagging.",
            "tags",
            (
                Placeholder(
                    "candidates",
                    "The tags to choose from, a JSON object a line, with what each means where that is known.",
                    True,
                    '{"tag":"denmark"}\n{"tag":"wind energy","about":"power from wind"}',
                ),
                _ITEM,
                _MARKER,
                _COUNT,
                _USE_CASE,
            ),
            answer=("tags",),
            examples=True,
            runs=True,
            max_tokens=900,
        ),
        Kind(
            "caption-image",
            "Caption images",
            "Captions of images from their tags, what is known of the tags, and what a model saw.",
            "captions",
            (
                _TAGS,
                Placeholder(
                    "tag_descriptions",
                    "What each tag means, a line a tag; only tags that have a description.",
                    sample="wind energy: power from wind",
                    foreign="<tag_descriptions>",
                ),
                Placeholder(
                    "description",
                    "What a vision model said that it sees in the image.",
                    sample="White turbines stand in shallow water.",
                    foreign="<description>",
                ),
            ),
            styles=True,
            any_of=("tags", "tag_descriptions", "description"),
        ),
        Kind(
            "describe-tag",
            "Describe a tag",
            "A tag’s description from its wiki page.",
            "captions",
            (
                Placeholder("tag", "The tag, with spaces.", sample="wind energy", foreign="<tag>"),
                Placeholder(
                    "wiki", "The text of the tag’s wiki page.", sample="Power made from wind.", foreign="<wiki>"
                ),
            ),
            styles=True,
            any_of=("tag", "wiki"),
        ),
        Kind(
            "caption-music",
            "Caption music",
            "Captions of music from its tags.",
            "captions",
            (
                _TAGS,
                Placeholder(
                    "tag_list",
                    "The tags as a JSON list, quoted so that a tag cannot pass for instructions.",
                    sample='["wind energy","denmark"]',
                ),
                Placeholder(
                    "absent",
                    "What the music must not be said to have, as a JSON list; empty where nothing is known to be "
                    "missing. A prompt that does not name it gets these tags among the others, as “no …”.",
                ),
                Placeholder("count", "How many tags there are: 1 for the form of a single tag.", sample="2"),
                Placeholder(
                    "marker",
                    "A word that the tags cannot contain; put it around them, as <marker> and </marker>.",
                    sample="item-1f0c2d3e4a",
                ),
                Placeholder("length", "About how many words the caption is to have; empty: as the prompt says."),
                Placeholder("tone", "The tone as chosen in the form, in words; empty: as the prompt says."),
                Placeholder("tense", "present or past; empty: as the prompt says."),
                Placeholder("language", "The language as typed in the form; empty: as the prompt says."),
                Placeholder("banned", "Words that must not occur, as a JSON list; empty where there are none."),
            ),
            styles=True,
            any_of=("tags", "tag_list"),
            runs=True,
            max_tokens=500,
            older={"prediction-attribute": "attribute-prediction"},
        ),
    )
}


def kind_of(name: str) -> Kind | None:
    """The kind of the prompt with that name: “caption-image-short” is of the kind “caption-image”."""
    if name in KINDS:
        return KINDS[name]
    for kind in KINDS.values():
        if kind.styles and name.startswith(f"{kind.name}-"):
            return kind
    return None
