"""Drafts of prompts for captions, drawn for a piece of music as a run would ask about it."""

from __future__ import annotations

from core.captions.items import KIND, MusicReader
from core.captions.music_llm import Unit, nothing_to_say, question_for
from core.captions.request import CONTROLS, controls_of
from core.corpora.catalog import Corpus, find_corpus
from core.corpora.clues import TaggableItem
from core.engines.prompting.fitting import Question
from core.engines.prompting.prompts import Prompt
from core.errors import NotFound
from core.store.database import Database
from core.tagging.workbench import Asks, Draft


def music_questions(database: Database, corpus: str) -> Asks | None:
    """What asks about the pieces of a corpus; None where it holds no music, and sample values are shown instead.

    The form's settings (`Draft.asked`) may carry the controls of a run: length, tone, tense, language, banned.
    """
    if not corpus:
        return None
    try:
        with database.read() as connection:
            kind = find_corpus(connection, corpus).kind
    except NotFound:
        return None
    return _asks(database) if kind == KIND else None


def _asks(database: Database) -> Asks:
    def asks(prompt: Prompt, draft: Draft, corpus: Corpus, item: TaggableItem) -> Question | None:
        music = next(MusicReader(database, corpus).named([item.pk]), None)
        if music is None or nothing_to_say(unit := Unit(music, "writing")) is not None:
            return None
        settings = draft.asked or {}
        inner = settings.get("controls")
        given = inner if isinstance(inner, dict) else settings
        controls = controls_of({name: given[name] for name in CONTROLS if given.get(name)})
        return question_for(unit, prompt, controls)

    return asks
