"""A fair sample of the strings of a vocabulary or corpus, for measuring how well an encoder reads them."""

from __future__ import annotations

from core.corpora.catalog import Corpus
from core.corpora.clues import sample_items
from core.store.database import Database
from core.vocabulary.store import all_tags

MOST_NAMES = 5000
MOST_ITEMS = 200
LONGEST = 200  # characters of a field: its beginning says what script it is in


def strings_of_vocabulary(database: Database) -> list[str]:
    """Names of active tags, evenly spaced where there are more than MOST_NAMES."""
    with database.read() as connection:
        names = [tag.name for tag in all_tags(connection)]
    return names if len(names) <= MOST_NAMES else names[:: -(-len(names) // MOST_NAMES)]


def strings_of_corpus(database: Database, corpus: Corpus) -> list[str]:
    """Beginnings of the clue fields of a sample of items."""
    items = sample_items(database, corpus, MOST_ITEMS)
    return [clue.text[:LONGEST] for item in items for clue in item.clues if clue.text.strip()]
