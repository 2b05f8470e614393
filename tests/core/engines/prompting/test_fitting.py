"""Questions that are too long are cut before they are sent: the least useful first, and it is said."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engines import capabilities
from core.engines.capabilities import Capabilities
from core.engines.connecting.connections import ConnectionSettings, save_connection
from core.engines.prompting.fitting import CUTS, MARGIN, Candidate, Fitter, Question, fit, request_of, tokens_of
from core.engines.prompting.prompts import Example, load
from core.engines.prompting.quoting import item_data

FREE, SELECT = load("free-tags"), load("select-tags")


def example(number, words=60):
    item, marker = item_data([("title", f"Example {number}"), ("body", "wind " * words)])
    return Example(f"e{number}", f"Example {number}", {"item": item, "marker": marker}, '{"tags":["wind"]}', marker)


def with_examples(prompt, number):
    return replace(prompt, examples=tuple(example(n) for n in range(number)))


def question(body=400, candidates=0, about=10, item="i1"):
    fields = (("title", "How Denmark ran on wind"), ("body", "A turbine in the sea. " * body))
    tags = tuple(Candidate(f"tag number {n}", "what it means " * about if n % 2 else "") for n in range(candidates))
    return Question(item, fields, tags, {"count": 8, "use_case": "", "language": ""})


def shown(fitted):
    """The fields of the item as the model sees it, and the candidates."""
    last = fitted.messages[-1]["content"]
    item = next(line for line in last.splitlines() if line.startswith('{"title"'))
    return orjson.loads(item), [orjson.loads(line) for line in last.splitlines() if line.startswith('{"tag"')]


def test_nothing_is_cut_where_the_context_is_not_known():
    prompt, asked = with_examples(FREE, 3), question(20_000)
    fitted = fit(prompt, asked)
    assert fitted == fit(prompt, asked, 10**9) and fitted.cuts == () == fitted.flags == fitted.notes
    assert len(fitted.messages) == 2 + 2 * 3 and fitted.max_tokens == FREE.max_tokens
    assert fitted.messages == prompt.render(asked=asked.item, **asked.values, **_item(asked))


def _item(asked):
    return dict(zip(("item", "marker"), item_data(asked.fields), strict=True))


def test_the_least_useful_goes_first():
    prompt, asked = with_examples(SELECT, 2), question(100, 40)
    whole = fit(prompt, asked)
    stages = {}
    for context in range(whole.tokens * 2, 600, -90):
        fitted = fit(prompt, asked, context)
        stages.setdefault(fitted.cuts, (context, fitted))
        fields, candidates = shown(fitted)
        if fitted.cuts:
            assert fitted.cuts == CUTS[: len(fitted.cuts)], "in this order, each only when the one before is used up"
        if "descriptions" in fitted.cuts:
            assert len(fitted.messages) == 2, "no example is left"
        if "fields" in fitted.cuts:
            assert all("about" not in each for each in candidates) and fields["title"] == "How Denmark ran on wind"
            assert fields["body"].startswith("A turbine") and fields["body"].rstrip().endswith("sea.")
        else:
            assert len(candidates) == 40
        assert len(candidates) == fitted.kept
        assert [each["tag"] for each in candidates] == sorted(f"tag number {n}" for n in range(fitted.kept))
    assert set(stages) == {(), CUTS[:1], CUTS[:2], CUTS[:3], CUTS}
    assert stages[CUTS][1].notes[0] == "examples were left out" and stages[CUTS][1].flags == ("fitted",)


def test_an_example_is_never_the_answer_to_itself():
    prompt = with_examples(FREE, 3)
    assert len(fit(prompt, question(item="e1")).messages) == 2 + 2 * 2
    copied = Question("other", (("title", "Example 1"), ("body", "wind " * 60)), (), question().values)
    messages = fit(prompt, copied).messages  # the same content under another id
    assert len(messages) == 2 + 2 * 2 and not any("Example 1" in m["content"] for m in messages[:-1])
    assert not any(
        "Example 1" in m["content"] for n in range(600, 1400, 50) for m in fit(prompt, copied, n).messages[:-1]
    )


@settings(max_examples=40)
@given(
    context=st.integers(200, 6000),
    body=st.integers(0, 600),
    candidates=st.integers(0, 40),
    about=st.integers(0, 30),
    examples=st.integers(0, 4),
)
def test_what_is_sent_fits_or_says_that_it_cannot(context, body, candidates, about, examples):
    prompt = with_examples(SELECT if candidates else FREE, examples)
    asked = question(body, candidates, about)
    fitted = fit(prompt, asked, context)
    assert fitted == fit(prompt, asked, context), "the same question is fitted alike"
    room = int(context * (1 - MARGIN)) - fitted.max_tokens
    assert fitted.fits == (tokens_of(fitted.messages) <= room)
    whole = fit(prompt, asked)
    if whole.tokens <= int(context * (1 - MARGIN)) - prompt.max_tokens:
        assert (fitted.messages, fitted.max_tokens, fitted.flags) == (whole.messages, prompt.max_tokens, ())
    if not fitted.fits:
        assert fitted.kept == min(candidates, 1) and fitted.notes[-1] == "it is still too long"
    assert fitted.messages[0] == whole.messages[0], "the instructions stay"
    assert 0 < fitted.max_tokens <= prompt.max_tokens
    wider = fit(prompt, asked, context + 700)
    assert wider.kept >= fitted.kept and len(wider.messages) >= len(fitted.messages)
    assert len(wider.cuts) <= len(fitted.cuts)


def test_what_was_cut_is_counted_and_is_the_request():
    context = [None]
    fitter = Fitter(lambda: context[0])
    fitter.fit(FREE, question(800))
    assert fitter.told() == []
    context[0] = 900
    fitted = fitter.fit(FREE, question(800))
    fitter.fit(FREE, question(1))
    (sentence,) = fitter.told()
    assert "1 item was too long" in sentence and "900 tokens" in sentence and "long fields were cut (1)" in sentence
    request = request_of(FREE, fitted, 0.8, 2)
    assert (request.messages, request.max_tokens, request.sample) == (fitted.messages, fitted.max_tokens, 2)
    assert request.key("e", "m") != request_of(FREE, fit(FREE, question(800))).key("e", "m")


def test_the_context_is_what_a_person_set_else_what_was_learned(sqlite_host, monkeypatch):
    monkeypatch.setattr(capabilities, "REREAD_SECONDS", 0.0)
    endpoint = "http://127.0.0.1:1/v1"
    fitter = Fitter.of(sqlite_host, endpoint, "small")
    assert fitter.context is None
    Capabilities.of(sqlite_host, endpoint, "small").note_context(4096)
    assert fitter.context == 4096, "a run learns it while it goes on"
    chosen = ConnectionSettings(context=2048)
    save_connection(sqlite_host, engine="openai", base_url=endpoint, model="small", roles=("text",), settings=chosen)
    assert Fitter.of(sqlite_host, endpoint, "small").context == 2048
    assert Fitter.of(sqlite_host, endpoint, "other").context is None


@pytest.mark.parametrize("words", ["word ", "слово ", "単語", "ก"])
def test_scripts_are_measured_by_their_own_length(words):
    asked = Question("i", (("title", "t"), ("body", words * 3000)), (), question().values)
    fitted = fit(FREE, asked, 2000)
    assert fitted.fits and fitted.cuts == ("fields",)
    assert tokens_of(fitted.messages) > 0.6 * (1800 - FREE.max_tokens), "no more is cut than must be"
