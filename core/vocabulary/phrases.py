"""Words and short phrases of an item that could be tags, with their places: candidates, not yet judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.corpora.clues import Clue
from core.vocabulary.segmentation import Run, Segmenter, runs_of
from core.vocabulary.stems import fold_characters, singular, words_of
from core.vocabulary.stopwords import STOPWORDS, UNSPACED_STOPWORDS, language_of

READ_CHARACTERS = 4000  # of a field
LONGEST_PHRASE = 3  # words
LONGEST_WORD = 40  # characters; longer ones are keys, hashes, addresses
MOST_DIGITS = 3  # of a word that has letters too: a number of something, not its name
LEAST_LETTERS = 3  # of a word in small letters
LONGEST_UNSPACED = 8  # characters
LEAST_ITEMS = 0.03  # share of a corpus' items that must be in a language
UNTAUGHT = Segmenter()

_NOT_PROSE = re.compile(
    r"""```.*?(?:```|\Z) | `[^`\n]{1,200}` | !\[[^\[\]\n]{0,300}\]\([^()\n]{0,1000}\) | \]\([^()\n]{0,1000}\)
    | (?:https?://|www\.)[^\s<>"'）】]+ | [\w.+-]{1,64}@[\w-]{1,64}\.[\w.]{2,64} | <[^<>\n]{1,300}> | &\#?\w{2,8};""",
    re.VERBOSE | re.DOTALL,
)
_JOINED = re.compile(r"[ \t\xa0]?[-_‐‑·・]?[ \t\xa0]?")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One place where a candidate stands.

    Attributes:
        key: what makes two candidates the same: words without case, accents and plural, joined by spaces.
        words: number of words in it (1 in scripts that write none).
        text: as it stands there.
        clue: position of the clue in the item.
        start, end: character offsets in the clue's text.
        order: how many words of the clue stand before it.
        marked: a person marked it as a tag (#word).
    """

    key: str
    words: int
    text: str
    clue: int
    start: int
    end: int
    order: int
    marked: bool


def phrases_of(clues: Sequence[Clue], segmenter: Segmenter = UNTAUGHT, languages: Sequence[str] = ()) -> list[Phrase]:
    """The candidates of an item, in order of their places.

    Args:
        segmenter: knows the words of scripts that write none; without one only what stands alone is a word there.
        languages: what `languages_of` said of the corpus; of several the one is taken whose small words the item
            uses most. Empty: any.
    """
    texts = [prose(clue.text) for clue in clues]
    words = [list(words_of(text)) for text in texts]
    language = languages[0] if len(languages) == 1 else None
    if language is None:
        language = language_of((word for some in words for word, *_ in some), languages or None)
        language = language or (languages[0] if languages else None)
    small = STOPWORDS[language] if language else frozenset()
    found: list[Phrase] = []
    for position, (text, some) in enumerate(zip(texts, words, strict=True)):
        found += _spaced(position, text, some, small)
        for run in runs_of(text):
            found += _unspaced(position, text, run, segmenter)
    return found


def languages_of(items: Iterable[Iterable[str]]) -> list[str]:
    """The languages of a corpus' items that have a list of small words, the most frequent first; one that only few
    items are in is left out, since it may be a chance."""
    counts: Counter[str] = Counter()
    for texts in items:
        language = language_of(word for text in texts for word, *_ in words_of(prose(text)))
        if language is not None:
            counts[language] += 1
    return [language for language, count in counts.most_common() if count >= LEAST_ITEMS * counts.total()]


def prose(text: str) -> str:
    """The part of a text that is read, with code, addresses and markup blanked out; offsets stay."""
    return _NOT_PROSE.sub(lambda m: " \n".ljust(len(m.group()), " ")[: len(m.group())], text[:READ_CHARACTERS])


def _spaced(position: int, text: str, words: list[tuple[str, int, int]], small: frozenset[str]) -> Iterator[Phrase]:
    keys = [_word_key(word, text[start:end], small) for word, start, end in words]
    for first, key in enumerate(keys):
        if not key:
            continue
        start = words[first][1]
        marked = start > 0 and text[start - 1] in "#＃"
        joined = key
        for size in range(1, LONGEST_PHRASE + 1):
            last = first + size - 1
            if size > 1:
                if last >= len(words) or not keys[last] or marked:
                    break
                if not _JOINED.fullmatch(text[words[last - 1][2] : words[last][1]]):
                    break
                joined = f"{joined} {keys[last]}"
            end = words[last][2]
            yield Phrase(joined, size, text[start:end], position, start, end, first, marked)


def _word_key(word: str, shown: str, small: frozenset[str]) -> str:
    """What stands for a word in keys; empty for one that can be no part of a tag."""
    return "" if word in small else _key_of(word, shown[-1].isupper())


@lru_cache(maxsize=65536)
def _key_of(word: str, capital: bool) -> str:
    if not any(map(str.isalpha, word)) or len(word) > LONGEST_WORD or sum(map(str.isdigit, word)) > MOST_DIGITS:
        return ""
    if len(word) < LEAST_LETTERS and not (len(word) == 2 and capital) and not word.endswith(("+", "#")):
        return ""
    return singular(word)


def _unspaced(position: int, text: str, run: Run, segmenter: Segmenter) -> Iterator[Phrase]:
    marked = run.start > 0 and text[run.start - 1] in "#＃"
    if marked and 1 < len(run.text) <= 2 * LONGEST_UNSPACED:
        yield _whole(position, text, run.start, run.start + len(run.text), 0, True)
        return
    pieces = segmenter.cut(run.text)
    for order, (word, offset, known) in enumerate(pieces):
        start = run.start + offset
        if known and _can_stand(word, run.script):
            yield _whole(position, text, start, start + len(word), order, marked)
            if order + 1 < len(pieces):
                following, _, also = pieces[order + 1]
                both = len(word) + len(following)
                if also and both <= LONGEST_UNSPACED and _can_stand(following, run.script):
                    yield _whole(position, text, start, start + both, order, marked, 2)


def _can_stand(word: str, script: str) -> bool:
    least = 3 if script in ("hiragana", "thai", "southeast") else 2
    return len(word) >= least and word not in UNSPACED_STOPWORDS and not _small_edge(word, script)


_SMALL_EDGES = frozenset("的了是在和与也都就还又很太更最不没有这那我你他她它们吗呢啊呀哦吧被把给让对个着过得地才只")


def _small_edge(word: str, script: str) -> bool:
    return script == "han" and len(word) <= 4 and (word[0] in _SMALL_EDGES or word[-1] in _SMALL_EDGES)


def _whole(position: int, text: str, start: int, end: int, order: int, marked: bool, words: int = 1) -> Phrase:
    return Phrase(fold_characters(text[start:end])[0], words, text[start:end], position, start, end, order, marked)
