"""Whether a model has begun to run in circles: the same words again and again until its tokens end."""

from __future__ import annotations

import re

LOOKED_AT = 4000  # characters at the end of an answer
LONGEST_UNIT = 80  # tokens of what is repeated
LEAST_TOKENS = 24  # that the repeats have together
LEAST_TIMES = 5
COUNTING_TIMES = 30  # of units that differ in their numbers only: “idea 1, idea 2, …” may be meant
_PIECE = 5  # characters at the end that come again where a text runs in circles, at least _FEWEST times
_FEWEST = 4
_CLOSERS = " \n\t\"'.,;:]})”」"
_DIGITS = str.maketrans("123456789", "000000000")
_TOKEN = re.compile(
    "[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u0e00-\u0eff]|[^\\W\\d_]+|\\d+|[^\\w\\s]",
)


def loops(text: str) -> bool:
    """True where a text ends in one thing over and over; the last time it may be cut off, or closed by brackets."""
    end = text[-LOOKED_AT:].casefold()
    counted = end.translate(_DIGITS)
    piece = counted.rstrip(_CLOSERS)[-_PIECE:]
    if len(piece) < _PIECE or counted.count(piece) < _FEWEST:
        return False  # nearly every answer: its last letters do not come again
    tokens = _TOKEN.findall(end)
    while tokens and not tokens[-1].isalnum():
        tokens.pop()
    if _repeats(tokens, LEAST_TIMES) or _repeats(tokens[:-1], LEAST_TIMES):
        return True
    return _repeats(["0" if token.isdecimal() else token for token in tokens], COUNTING_TIMES)


def _repeats(tokens: list[str], times: int) -> bool:
    """Whether the tokens end in so many repeats of one unit."""
    tail = tokens[::-1]
    for unit in range(1, min(LONGEST_UNIT, len(tail) // times) + 1):
        run = unit
        while run < len(tail) and tail[run] == tail[run - unit]:
            run += 1
        if run >= max(LEAST_TOKENS, times * unit):
            return any(token.isalnum() for token in tail[:unit])
    return False
