"""What is learned of a server: from complaints, from answers, by several processes, for people to see."""

import time
from dataclasses import replace

import pytest

from core.engines import capabilities as module
from core.engines.calls import Reply, Request, Usage
from core.engines.capabilities import FIRST_ITEMS, UNUSABLE, Capabilities
from core.engines.server.wire import MOST_ROOM, THINKING_ROOM

URL = "http://127.0.0.1:9/v1"
REQUEST = Request(({"role": "user", "content": "the item"},), {"type": "object"})
FINE = Reply(1, '{"tags": ["a"]}', "stop", Usage(1000, 10), False, form="json_schema_strict")
PROSE = replace(FINE, text="many words")
THOUGHT = replace(FINE, text="", reasoning=True)
BLANK = replace(FINE, text='{"tags": [' + " \n" * 200, finish_reason="length")


@pytest.fixture
def known(sqlite_host):
    return Capabilities.of(sqlite_host, URL, "small")


def again(known):
    return Capabilities.of(known.host, known.endpoint, known.model)


def test_complaints_are_learned_once_and_kept(known):
    tried = known.quirks
    assert "temperature" in known.refused(tried, "temperature")
    assert known.refused(tried, "temperature") is None, "another request was quicker"
    assert known.refused(known.quirks, "temperature") is None, "there is nothing left to leave out"
    assert not again(known).quirks.temperature
    assert Capabilities.of(known.host, URL, "large").quirks.temperature, "another model may take it"


def test_answers_that_do_not_keep_to_the_form_lower_it(known):
    notes = [known.observe(REQUEST, PROSE, False, "prose") for _ in range(UNUSABLE)]
    assert notes[:-1] == [None] * (UNUSABLE - 1) and "JSON object" in notes[-1]
    assert known.quirks.response_format == "json_object_schema" == again(known).quirks.response_format
    for _ in range(9):
        assert known.observe(REQUEST, PROSE, False) is None, "asked in the form before: says nothing of this one"
    forms = []
    for form in ("json_object_schema", "none", "lines"):
        for _ in range(UNUSABLE):
            known.observe(REQUEST, replace(PROSE, form=form), False)
        forms.append(known.quirks.response_format)
    assert forms == ["none", "lines", "lines"]
    assert len(known.record()["learned"]) == 3


def test_one_bad_answer_among_good_ones_teaches_nothing(known):
    for usable in (True, False, True, False, True):
        known.observe(REQUEST, FINE if usable else PROSE, usable)
    for _ in range(2 * FIRST_ITEMS):
        known.observe(REQUEST, PROSE, False)
    assert known.quirks.response_format == "json_schema_strict", "only the first answers tell"


@pytest.mark.parametrize(
    ("reply", "options"),
    [
        (replace(PROSE, cached=True), {}),
        (replace(PROSE, finish_reason="length"), {}),
        (replace(PROSE, refusal="no"), {}),
        (PROSE, {"first": False}),
        (replace(PROSE, usage=Usage(9, 9, False, 10**9)), {"since": True}),
    ],
)
def test_what_says_nothing_about_the_form(known, reply, options):
    if options.pop("since", False):
        known._evidence.since = time.monotonic()
    for _ in range(9):
        assert known.observe(REQUEST, reply, False, **options) is None
    assert known.quirks.response_format == "json_schema_strict"


def test_answers_lost_in_thinking(known):
    assert known.observe(REQUEST, THOUGHT, True) is None
    assert "thinking" in known.observe(REQUEST, THOUGHT, True)
    assert known.quirks.response_format == "json_object_schema", "the server puts the answer among the thoughts"


def test_a_model_that_thinks_gets_room_and_is_then_told_not_to(known):
    long = replace(THOUGHT, finish_reason="length")
    rooms, ways = [], []
    for _ in range(6):
        for _ in range(2):
            known.observe(REQUEST, replace(long, form=known.quirks.response_format), True)
        rooms.append(known.quirks.room)
        ways.append(known.quirks.thinking)
    assert rooms[0] == THINKING_ROOM and rooms[-1] == MOST_ROOM == max(rooms)
    assert ways[:2] == ["default", "template"]
    for way in ("effort", "always", "always"):
        known.refused(known.quirks, "thinking")
        assert known.quirks.thinking == way


def test_runaway_white_space_lowers_the_form_and_is_told_off(known):
    assert known.observe(REQUEST, BLANK, True) is None
    assert "white space" in known.observe(REQUEST, BLANK, True, first=False)
    assert known.quirks.compact and known.quirks.response_format == "json_object_schema"


def test_what_a_person_sets_is_kept_to(known, monkeypatch):
    from core.engines.connecting.connections import ConnectionSettings

    monkeypatch.setattr(
        module, "settings_for", lambda *_: ConnectionSettings(answer_format="json_object", context=4096)
    )
    mine = again(known)
    assert mine.quirks.response_format == "json_object" and mine.record()["override"] == "json_object"
    for _ in range(9):
        mine.observe(REQUEST, replace(PROSE, form="json_object"), False)
    assert mine.quirks.response_format == "json_object", "answers do not overrule it"
    mine.note_context(9999)
    assert mine.context == 4096
    assert mine.refused(mine.quirks, "response_format") and mine.quirks.response_format == "none", "the server does"
    assert again(known).quirks.response_format == "json_object"
    monkeypatch.undo()
    assert again(known).quirks.response_format == "json_schema_strict", "what was set is not what was found out"


def test_two_processes_see_and_keep_what_the_other_learned(known, monkeypatch):
    other = again(known)
    known.refused(known.quirks, "temperature")
    other.refused(other.quirks, "token_limit")
    for each in (known, other, again(known)):
        monkeypatch.setattr(module, "REREAD_SECONDS", 0.0)
        assert (each.quirks.temperature, each.quirks.token_limit) == (False, "max_completion_tokens")


def test_looking_is_cheap(known, monkeypatch):
    reads = []
    monkeypatch.setattr(known, "_read", lambda: reads.append(1))
    for _ in range(100):
        assert known.quirks
    assert not reads


def test_a_server_that_cuts_prompts_is_told_of_once(known):
    short = replace(FINE, usage=Usage(500, 10))
    assert "500 tokens of a prompt of about 3000" in known.seen(short, 3000)[0]
    assert known.seen(short, 3000) == [] and known.seen(replace(short, cached=True), 9000) == []
    assert any("cuts prompts" in note for note in again(known).record()["learned"])


def test_a_context_shows_in_where_answers_end(known):
    full = [replace(FINE, finish_reason="length", usage=Usage(4096 - n, n)) for n in (100, 300)]
    assert known.seen(full[0], 900) == [] and "4096 tokens" in known.seen(full[1], 900)[0]
    assert known.context == 4096 == again(known).context
    estimated = replace(full[0], usage=Usage(1, 1, True))
    assert again(known).seen(estimated, 90_000) == []


def test_another_model_that_answers_is_named_once(known):
    other = replace(FINE, model="small-2026-01-01")
    assert "small-2026-01-01" in known.seen(other, 10)[0] and known.seen(other, 10) == []
    assert again(known).seen(other, 10) == [] and again(known).record()["resolved_model"] == "small-2026-01-01"
    assert known.seen(replace(FINE, model="small"), 10) == []


def test_the_record_for_people_and_forgetting_it(known):
    known.refused(known.quirks, "system_role")
    known.note_context(8192)
    known.note_vision(False)
    record = again(known).record()
    assert record["answer_format"] == "json_schema_strict" and record["context"] == 8192 and record["vision"] is False
    assert (
        record["system_role"] is False
        and record["learned"]
        and record["updated_at"] == pytest.approx(time.time(), abs=60)
    )
    known.forget()
    fresh = again(known).record()
    assert fresh["system_role"] and not fresh["learned"] and fresh["context"] is None and fresh["updated_at"] is None


def test_postgres_keeps_it_as_well(host):
    known = Capabilities.of(host, URL, "small")
    known.refused(known.quirks, "temperature")
    known.note_context(2048)
    assert (again(known).quirks.temperature, again(known).context) == (False, 2048)
