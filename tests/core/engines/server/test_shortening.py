"""Questions made shorter."""

from hypothesis import given
from hypothesis import strategies as st

from core.engines.calls import Request, text_of
from core.engines.prompting.prompts import load
from core.engines.server.shortening import GAP, LEAST_KEPT, shortened_by
from tests.asking import calls_about


def length(request):
    return sum(len(text_of(m)) for m in request.messages)


def test_the_item_loses_its_middle_and_nothing_else_changes():
    request = next(iter(calls_about([1], long=1))).request
    cut = shortened_by(request, 0.5)
    assert length(cut) <= 0.5 * length(request) and (cut.max_tokens, cut.schema) == (request.max_tokens, request.schema)
    before, after = (text_of(r.messages[-1]).split("\n") for r in (request, cut))
    assert len(before) == len(after) and sum(x != y for x, y in zip(before, after, strict=True)) == 1
    (line,) = [y for x, y in zip(before, after, strict=True) if x != y]
    assert GAP in line and line.startswith('{"title":"Solar energy') and line.endswith('"}')
    assert cut.messages[:-1] == request.messages[:-1] and load("free-tags") is not None


def test_pictures_stay():
    parts = [{"type": "image", "sha256": "x", "path": "p", "side": 9}, {"type": "text", "text": "word " * 500}]
    cut = shortened_by(Request(({"role": "user", "content": parts},)), 0.5)
    assert [p["type"] for p in cut.messages[0]["content"]].count("image") == 1
    assert GAP in text_of(cut.messages[0])


@given(st.lists(st.text(max_size=900), min_size=1, max_size=4), st.floats(-1, 2))
def test_it_is_short_enough_or_given_up(texts, share):
    request = Request(tuple({"role": "user", "content": text} for text in texts))
    cut = shortened_by(request, share)
    if cut is not None:
        assert length(cut) < length(request) and length(cut) <= max(0.0, min(1.0, share)) * length(request)
        assert max(len(text_of(m)) for m in cut.messages) >= LEAST_KEPT
