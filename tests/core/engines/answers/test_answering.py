"""What follows an answer: which ones are asked for again, how, how often, and what is made of them in the end."""

import asyncio
import json
from dataclasses import replace

import pytest

from core.engines.answers.answering import MOST_TOKENS, PENALTY, WARMER, Doubt, outcome_of, settled
from core.engines.answers.language import mismatch
from core.engines.answers.parsing import parse_tags
from core.engines.calls import Call, EngineFault, Reply, Request, Usage
from core.engines.capabilities import Capabilities

URL = "http://127.0.0.1:9/v1"
SCHEMA = {"type": "object", "properties": {"tags": {"type": "array"}}, "required": ["tags"]}
GOOD = '{"tags": ["solar energy", "wind power"]}'
CUT = '{"tags": ["solar energy", "wind po'
LOOP = '{"tags": ["solar energy", ' + '"wind power", ' * 60


def check(reply):
    parsed = parse_tags(reply.text, reply.finish_reason)
    return None if parsed.refused else parsed.problem


def german(reply):
    problem = check(reply)
    said = mismatch(", ".join(parse_tags(reply.text).tags), "Japanese") if problem is None else None
    return Doubt(said, "language") if said else problem


class Server:
    """Answers in turn, each a text or a reply's parts, and remembers what it was asked."""

    def __init__(self, *answers, form="json_schema_strict"):
        self.answers = list(answers)
        self.asked = []
        self.form = form

    async def once(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, EngineFault):
            return None, answer
        parts = {"text": answer} if isinstance(answer, str) else dict(answer)
        reply = Reply(len(self.asked), parts.pop("text", ""), "stop", Usage(50, 9), False, form=self.form)
        return replace(reply, **parts), None


@pytest.fixture
def capabilities(sqlite_host):
    known = Capabilities.of(sqlite_host, URL, "small")
    known.notes = []
    known.tell = known.notes.append
    return known


@pytest.fixture
def ask(capabilities):
    def ask(*answers, checked=check, patience=1, **options):
        server = Server(*answers)
        request = Request(({"role": "user", "content": "the item"},), SCHEMA, **options)
        ask.outcome = asyncio.run(outcome_of(Call(0, request, checked, patience=patience), server.once, capabilities))
        assert not server.answers, "everything was asked for"
        return server.asked

    return ask


def cut(text):
    return {"text": text, "finish_reason": "length"}


def test_what_is_good_is_asked_once(ask):
    assert len(ask(GOOD)) == 1
    assert ask.outcome.problem is None and ask.outcome.flags == () and ask.outcome.replies == (1,)


@pytest.mark.parametrize(
    "refusal",
    [
        "I'm sorry, but I can't help with that.",
        {"text": "", "refusal": "no"},
        {"text": "anything", "finish_reason": "content_filter"},
        {"text": "", "finish_reason": "content_filter"},
    ],
)
def test_refusals_are_answers(ask, refusal):
    assert len(ask(refusal)) == 1
    assert ask.outcome.reply is not None and ask.outcome.problem is None and ask.outcome.error is None


def test_what_was_cut_gets_twice_the_room_once(ask):
    asked = ask(cut(CUT), GOOD)
    assert [r.max_tokens for r in asked] == [400, 800] and asked[1].messages == asked[0].messages
    assert ask.outcome.reply.id == 2 and ask.outcome.flags == ("longer",) and ask.outcome.replies == (1, 2)
    asked = ask(cut(CUT), cut(CUT))
    assert len(asked) == 2 and ask.outcome.flags == ("longer", "cut") and ask.outcome.problem is None
    assert parse_tags(ask.outcome.reply.text, "length").tags == ("solar energy",), "what is complete is kept"
    assert [r.max_tokens for r in ask(cut(CUT), max_tokens=MOST_TOKENS)] == [MOST_TOKENS]
    assert len(ask(cut(GOOD))) == 1, "a cut after the end of the JSON cuts nothing"


def test_a_partial_answer_survives_a_failed_second_try(ask):
    ask(cut(CUT), EngineFault("too_long", "The item is too long."))
    assert ask.outcome.reply.id == 1 and ask.outcome.error is None and "cut" in ask.outcome.flags
    ask(cut(CUT), EngineFault("key", "No.", fatal=True))
    assert ask.outcome.error.kind == "key" and ask.outcome.replies == (1,)
    ask(
        "prose that is no list of tags at all, but goes on and on about what might be there",
        EngineFault("timeout", "."),
    )
    assert ask.outcome.error.kind == "timeout"


@pytest.mark.parametrize(
    "thinking", [{"text": "", "reasoning": True, "finish_reason": "length"}, cut("<think>hm"), "<think>hm</think>"]
)
def test_thinking_that_never_came_to_an_answer_gets_more_room(ask, thinking):
    assert [r.max_tokens for r in ask(thinking, GOOD)] == [400, 800] and ask.outcome.problem is None
    ask(thinking, thinking)
    assert ask.outcome.error.kind == "empty" and "thinking" in ask.outcome.error.message
    assert ask.outcome.replies == (1, 2)


def test_an_empty_answer_is_tried_once_more_and_warmer(ask):
    first, second = ask("", GOOD, temperature=0.1)
    assert second.temperature == pytest.approx(0.1 + WARMER) and second.retry == 1
    assert second.key(URL, "m") != first.key(URL, "m") and ask.outcome.flags == ("retried",)
    ask("", "  \n")
    assert ask.outcome.error.kind == "empty" and not ask.outcome.error.fatal and ask.outcome.reply is None


def test_white_space_without_end_is_tried_once_more_unless_the_answer_is_whole(ask):
    blank = cut('{"tags": ["solar energy", ' + " \n" * 200)
    _, second = ask(blank, GOOD)
    assert second.retry == 1 and second.max_tokens == 400 and ask.outcome.flags == ("retried",)
    ask(blank, blank)
    assert ask.outcome.problem is None and ask.outcome.flags == ("retried", "cut")
    assert len(ask(cut(GOOD + " \n" * 200))) == 1


def test_circles_are_broken_with_a_penalty(ask):
    first, second = ask(cut(LOOP), GOOD)
    assert (first.frequency_penalty, second.frequency_penalty) == (None, PENALTY) and second.max_tokens == 400
    assert ask.outcome.flags == ("penalty",)
    ask(cut(LOOP), cut(LOOP))
    assert ask.outcome.flags == ("penalty", "loop") and ask.outcome.problem is None


def test_what_cannot_be_used_is_asked_for_with_the_reason(ask):
    bad = "It is hard to say what this item is about, since it speaks of many things at the same time and of none."
    _, second = ask(bad, GOOD)
    assert [m["role"] for m in second.messages] == ["user", "assistant", "user"]
    assert "JSON" in second.messages[-1]["content"] and ask.outcome.flags == ("reasked",)
    ask(bad, bad)
    assert ask.outcome.problem and ask.outcome.reply.text == bad and ask.outcome.error is None


def test_a_doubt_is_asked_about_once_and_then_flagged(ask):
    english, japanese = GOOD, '{"tags": ["太陽光発電", "風力"]}'
    _, second = ask(english, japanese, checked=german)
    assert "Japanese" in second.messages[-1]["content"] and ask.outcome.flags == ("reasked",)
    ask(english, english, checked=german)
    assert ask.outcome.problem is None and ask.outcome.flags == ("reasked", "language")
    ask(english, "There is no list in these words, only a sentence that is far too long for a tag.", checked=german)
    assert ask.outcome.reply.text == english and ask.outcome.flags == ("language",), "the better answer counts"


def test_what_is_wrong_is_said_as_often_as_the_call_has_patience(ask):
    english, japanese = GOOD, '{"tags": ["太陽光発電", "風力"]}'
    *_, third = ask(english, english, japanese, checked=german, patience=2)
    assert [m["role"] for m in third.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert ask.outcome.flags == ("reasked", "reasked twice") and len(ask.outcome.replies) == 3
    ask(english, english, english, checked=german, patience=2)
    assert ask.outcome.problem is None and ask.outcome.flags == ("reasked", "reasked twice", "language")


def test_troubles_one_after_another_end(ask):
    bad = "It is hard to say what this item is about, since it speaks of many things at the same time and of none."
    assert len(ask("", cut(CUT), bad, bad)) == 4
    assert ask.outcome.reply.id == 2 and ask.outcome.problem is None


def test_free_text_is_used_as_it_is_and_never_empty(ask):
    asked = ask("", "a quiet song", checked=None)
    assert len(asked) == 2 and ask.outcome.reply.text == "a quiet song"


def test_an_answer_in_a_form_given_up_is_asked_for_in_the_new_one(ask, capabilities):
    bad = "It is hard to say what this item is about, since it speaks of many things at the same time and of none."
    for _ in range(2):
        ask(bad, bad)
    assert capabilities.quirks.response_format == "json_schema_strict"
    asked = ask(bad, bad, GOOD)
    assert capabilities.quirks.response_format == "json_object_schema" and len(capabilities.notes) == 1
    assert asked[2].messages == asked[0].messages and asked[2].retry > 0 and ask.outcome.problem is None


def test_stored_answers_go_the_same_way_again(capabilities):
    call = Call(0, Request(({"role": "user", "content": "x"},), SCHEMA), check)
    reply = Reply(1, GOOD, "stop", Usage(), True)
    assert settled(call, reply) and settled(call, replace(reply, text="I'm sorry, I can't help with that."))
    for unsettled in (
        replace(reply, text=CUT, finish_reason="length"),
        replace(reply, text=""),
        replace(reply, text=json.dumps({"a": "b"})),
    ):
        assert not settled(call, unsettled)
