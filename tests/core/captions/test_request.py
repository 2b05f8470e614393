"""What a captioning request may say."""

from decimal import Decimal

import pytest

from core.captions.request import CaptionRequest, Controls, check_request, checked_styles, controls_of, request_of
from core.captions.styles import STYLES
from core.engines.connecting.endpoints import EngineOptions
from core.errors import InvalidInput


def test_what_is_not_said_is_the_usual():
    checked = check_request({})
    assert checked["styles"] == list(STYLES) and checked["engine"] == "builtin" and checked["controls"] == {}
    assert (checked["candidates"], checked["retry_failing"], checked["only"], checked["limit"]) == (1, 0, "all", None)
    assert check_request({"only": "failing"})["retry_failing"] == 2
    request = request_of(checked)
    assert request == CaptionRequest() and not request.by_model
    assert request.prompt("attribute_prediction") == "caption-music-attribute-prediction"


def test_a_request_comes_back_from_a_jobs_arguments_as_it_was():
    given = {
        "styles": ["summary", "prediction_attribute", "summary"],
        "engine": "openai",
        "base_url": "http://localhost:1/v1",
        "model": "m",
        "candidates": 3,
        "retry_failing": 1,
        "where": {"field": "split", "value": "train"},
        "limit": 5,
        "controls": {
            "length": 20,
            "tone": "marketing",
            "tense": "Past",
            "language": " German ",
            "banned": "epic,\nvery  big",
        },
        "prompts": {"summary": "caption-music-mine"},
        "budget": "0.50",
        "batch": True,
    }
    request = request_of({**given, **check_request(given)})
    assert request.styles == ("summary", "attribute_prediction") and request.by_model
    assert request.engine == EngineOptions("openai", "http://localhost:1/v1", "m")
    assert request.controls == Controls("20", "marketing", "past", "German", ("epic", "very big"))
    assert request.controls.words == 20 and "lively" in request.controls.tone_words
    assert request.where == ("split", ("train",)) and request.budget == Decimal("0.50") and request.batch
    assert request.prompt("summary") == "caption-music-mine"
    again = {**request.parameters(), "styles": list(request.styles), "engine": "openai", "model": "m"}
    assert request_of(again).controls == request.controls and request_of(again).where == request.where
    assert request.title == "summary, attribute prediction, m"


def test_styles_have_several_names():
    assert checked_styles("all") == checked_styles(None) == STYLES == checked_styles(["all"])
    assert checked_styles("Attribute-Prediction") == ("attribute_prediction",)
    with pytest.raises(InvalidInput, match="no style “poem”"):
        checked_styles(["poem"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "gpt"},
        {"styles": [1]},
        {"styles": {"writing": True}},
        {"candidates": 0},
        {"candidates": True},
        {"candidates": 6},
        {"retry_failing": 3},
        {"only": "some"},
        {"only": "selected"},
        {"only": "selected", "ids": [1]},
        {"only": "selected", "ids": ["x"] * 20_000},
        {"limit": 0},
        {"where": {"field": "split"}},
        {"where": {"field": "split", "value": []}},
        {"controls": {"length": "huge"}},
        {"controls": {"length": 2}},
        {"controls": {"tense": "future"}},
        {"controls": {"tone": "x" * 200}},
        {"controls": {"banned": [1]}},
        {"controls": {"banned": ["x" * 100]}},
        {"controls": {"volume": 11}},
        {"controls": "short"},
        {"prompts": {"writing": "free-tags"}},
        {"prompts": ["x"]},
        {"budget": "much"},
        {"batch": "yes"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidInput):
        check_request(wrong)


def test_controls_that_are_empty_are_none():
    assert controls_of({"length": "", "tone": None, "banned": [" ", "a", "a"]}) == Controls(banned=("a",))
    assert controls_of(None).as_dict() == {} and Controls("short").words == 15
