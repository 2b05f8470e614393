"""The four styles of music captions, by the names that files, prompts, runs and people use for them."""

from __future__ import annotations

from core.errors import InvalidInput

STYLES = ("writing", "summary", "paraphrase", "attribute_prediction")
"""In the order in which they are shown. Run.method is the style; Suggestion.field is `field_of(style)`."""

ALIASES = {"prediction_attribute": "attribute_prediction", "attribute-prediction": "attribute_prediction"}
"""Older names: the first release of LP-MusicCaps' code called the last style `prediction_attribute`."""

TITLES = {
    "writing": "Writing",
    "summary": "Summary",
    "paraphrase": "Paraphrase",
    "attribute_prediction": "Attribute prediction",
}

ABOUT = {
    "writing": "A few plain sentences that say what the tags say.",
    "summary": "One sentence, nothing else.",
    "paraphrase": "The same facts in freer words.",
    "attribute_prediction": "Adds likely attributes, kept apart from the given tags until somebody ticks them.",
}


def style_of(name: str) -> str:
    """The style with that name, older names included.

    Raises:
        InvalidInput: there is none.
    """
    wanted = ALIASES.get(name.strip().lower().replace("-", "_"), name.strip().lower().replace("-", "_"))
    if wanted not in STYLES:
        raise InvalidInput(f"There is no style “{name}”.", f"Styles: {', '.join(STYLES)}.")
    return wanted


def field_of(style: str) -> str:
    """The field of an item that a style's captions are suggestions for."""
    return f"caption.{style}"


def prompt_of(style: str) -> str:
    """The name of the prompt that asks for a style."""
    return f"caption-music-{style.replace('_', '-')}"
