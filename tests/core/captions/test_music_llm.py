"""What is asked about a piece of music, and what its answers are worth."""

import pytest

from core.captions.items import MusicItem
from core.captions.music_llm import Judge, MusicLLM, Unit, question_for
from core.captions.request import CaptionRequest, Controls
from core.captions.tags import MusicTag, TagSet
from core.engines.answers.answering import Doubt
from core.engines.calls import Reply, Usage
from core.engines.prompting.prompt_imports import read_file
from core.engines.prompting.prompts import load, read_prompt

PIANO, CALM, ROCK = MusicTag("piano", "instrument"), MusicTag("calm", "mood"), MusicTag("rock", "genre")
DRUMS = MusicTag("drums", "instrument", "no drums")
WRITING = load("caption-music-writing")


def unit(*present, absent=(), **more):
    return Unit(MusicItem(1, "1a", "x", "Blue Lantern", TagSet(tuple(present), tuple(absent))), "writing", **more)


def asked(database, each, **request):
    method = MusicLLM(CaptionRequest(("writing",), **request), {"writing": WRITING}, Judge(), database)
    return list(method.calls([each]))


def reply(text, finish="stop"):
    return Reply(1, text, finish, Usage(), False)


def test_the_same_tags_are_the_same_question_in_whatever_order(sqlite_host):
    database = sqlite_host.open("test")
    (one,), (other,) = (asked(database, unit(*tags)) for tags in ((PIANO, CALM, ROCK), (ROCK, PIANO, CALM)))
    assert one.request == other.request and '["rock","piano","calm"]' in one.request.messages[1]["content"]
    (absent,) = asked(database, unit(PIANO, absent=[DRUMS]))
    assert absent.request != one.request and 'must not be present: ["drums"]' in absent.request.messages[1]["content"]
    assert asked(database, unit()) == [], "nothing is asked where there are no tags"


def test_candidates_are_samples_and_what_failed_is_fed_back_as_often_as_it_may_be(sqlite_host):
    database = sqlite_host.open("test")
    calls = asked(database, unit(PIANO), candidates=3)
    assert [(c.key, c.request.sample, c.request.temperature > 0) for c in calls] == [
        (((1, "writing"), 0), 0, False),
        (((1, "writing"), 1), 1, True),
        (((1, "writing"), 2), 2, True),
    ]
    failed = ("A piano and a violin.", "it names a violin.")
    (again,) = asked(database, unit(PIANO, first=4, rounds=0, earlier=failed), retry_failing=2)
    assert again.request.sample == 4 and again.patience == 1
    assert again.request.messages[2]["content"] == failed[0]
    assert "it names a violin" in again.request.messages[3]["content"]
    (late,) = asked(database, unit(PIANO, first=5, rounds=2, earlier=failed), retry_failing=2)
    assert len(late.request.messages) == 2, "twice in all"


def test_an_answer_that_fails_is_doubted_while_there_are_rounds_left(sqlite_host):
    database = sqlite_host.open("test")
    invented = reply("A calm piano piece with a violin.")
    (strict,) = asked(database, unit(PIANO, CALM), retry_failing=1)
    (loose,) = asked(database, unit(PIANO, CALM))
    said = strict.check(invented)
    assert isinstance(said, Doubt) and "violin" in said and loose.check(invented) is None
    assert strict.check(reply("A calm piano piece.")) is None
    assert not isinstance(strict.check(reply("")), Doubt) and strict.check(reply(""))
    assert strict.check(reply("I'm sorry, but I can't help with that.")) is None, "a refusal is an answer"
    (german,) = asked(database, unit(PIANO, CALM), controls=Controls(language="German"))
    assert german.check(
        reply("This is a calm piece of music with a piano in it, and there is nothing else to be heard.")
    )


@pytest.mark.parametrize(("absent", "sent"), [((), "rock, piano"), ((DRUMS,), "rock, piano, no drums")])
def test_a_prompt_that_knows_of_no_absent_tags_gets_them_as_tags(absent, sent):
    (imported,) = read_file('{"writing": {"singular": "One.", "plural": "Many."}}', "instruction.json")
    prompt = read_prompt(imported.text, "x")
    question = question_for(unit(PIANO, ROCK, absent=absent), prompt, Controls())
    assert question.values["tags"] == sent and question.values["count"] == len(sent.split(", "))
    assert prompt.render(**question.values)[0]["content"] == f"Many.\n{sent}"
    (_, body) = WRITING.render(**question_for(unit(PIANO), WRITING, Controls()).values)
    assert "the only tag" in body["content"]
