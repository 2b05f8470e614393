"""Checks of captions: each finding has its code, its level and its place; real captions are not flagged in heaps."""

import ast
import csv
import json
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions.checks import CHECK_VERSION, CheckOptions, check, sentences
from core.captions.cleaning import clean, clean_text
from core.captions.names import NameIndex
from core.captions.terms import find, support_of
from core.corpora.given import Given

TAGS = clean_text("violin, sad, slow tempo, male singer, 120 bpm")
GOOD = "A sad violin and a male singer at a slow tempo of 120 bpm."


def codes(text, tags=TAGS, style="writing", **more):
    return {reason.code: reason.level for reason in check(text, tags, style, **more).reasons}


def test_a_caption_that_says_its_tags_and_no_more_passes():
    result = check(GOOD, TAGS, "summary")
    assert result.verdict == "pass" and result.reasons == ()
    assert {how for _, how in result.coverage} == {"verbatim"}
    told = result.as_dict()
    assert told["version"] == CHECK_VERSION
    assert told["coverage"][0] == {"tag": "violin", "how": "verbatim"}


@pytest.mark.parametrize(
    ("more", "code", "level", "where"),
    [
        (" with a trumpet", "unsupported_instrument", "fail", "trumpet"),
        (" and female vocals", "unsupported_voice", "fail", "female vocals"),
        (" in jazz", "unsupported_genre", "warn", "jazz"),
        (" of 1974", "number", "fail", "1974"),
        (" {'new_attribute': 'x'}", "format_leak", "fail", "new_attribute"),
        (", mesmerizing", "hype", "warn", "mesmerizing"),
        (" for you", "second_person", "warn", "you"),
        (", like Blue Lantern", "name_leak", "fail", "Blue Lantern"),
        (" of doom", "banned_word", "fail", "doom"),
    ],
)
def test_what_a_caption_adds_is_found_where_it_stands(more, code, level, where):
    text = GOOD[:-1] + more + "."
    result = check(
        text, TAGS, "summary", names=NameIndex.of_names(["Blue Lantern"]), options=CheckOptions(banned=("doom",))
    )
    (reason,) = [reason for reason in result.reasons if reason.code == code]
    assert reason.level == level and text[reason.start : reason.end].startswith(where)
    assert {r.code for r in result.reasons} == {code}
    assert result.verdict == level


def test_what_is_left_out_is_told():
    assert codes("A sad violin, slow tempo, male singer.") == {"missing_tag": "warn"}
    assert codes("A violin.") == {"missing_tag": "fail"}, "most of it is left out"
    assert dict(check("Sadly, a violin.", TAGS, "writing").coverage)["sad"] == "stem"


def test_a_summary_is_one_sentence():
    assert codes("A sad violin. " + GOOD, style="summary") == {"sentence_count": "fail"}
    assert "sentence_count" not in codes("A sad violin. " + GOOD)
    assert sentences("Feat. a singer, e.g. at 1.5 speed and on. Two!") == 2
    assert sentences("") == 0


def test_an_order_to_the_listener():
    assert codes("Get ready for a sad violin and a male singer at a slow tempo of 120 bpm.") == {"imperative": "warn"}


def test_what_tags_deny():
    tags = clean_text("piano, no drums, no singer")
    assert codes("A piano with drums.", tags)["negation"] == "fail"
    assert codes("A piano with a singer.", tags)["negation"] == "fail"
    assert codes("A piano, without drums or a singer.", tags) == {}


def test_predicted_attributes_may_be_said():
    text = GOOD[:-1] + ", with a trumpet."
    assert codes(text, predicted=("trumpet",)) == {}


def test_other_languages_are_judged_by_what_needs_no_english():
    german = CheckOptions(language="German")
    assert codes("Eine traurige Geige.", options=german) == {}
    assert codes("Eine Geige von 1974.", options=german) == {"number": "fail"}


def test_length_is_told_when_it_is_far_off():
    assert codes(GOOD, options=CheckOptions(words=12)) == {}
    assert codes(GOOD, options=CheckOptions(words=60)) == {"length": "warn"}


@pytest.mark.parametrize(
    "text",
    [
        "{'new_attribute': ['warm'], 'description': 'A sad violin'}",
        "'new_attribute': 'warm', 'description': 'A sad violin'",
        "New attributes of this song are warm and slow.",
        "Here is a caption: a sad violin.",
        'description: "A sad violin',
        "```json\nA violin\n```",
        "**A sad** violin",
    ],
)
def test_leftovers_of_a_format(text):
    assert codes(text)["format_leak"] == "fail"


@given(st.text(max_size=120), st.sampled_from(["writing", "summary", "other:x"]))
def test_any_text_can_be_checked(text, style):
    result = check(text, TAGS, style)
    assert result.verdict in ("pass", "warn", "fail")
    assert all(0 <= reason.start <= reason.end <= len(text) for reason in result.reasons)


# ---- published captions


@cache
def published(folder, style):
    """(captions, tag sets, results, seconds) of the published captions of MusicCaps in one style."""
    with (folder / "musiccaps-public.csv").open(encoding="utf-8", newline="") as file:
        lists = {row["caption"]: ast.literal_eval(row["aspect_list"]) for row in csv.DictReader(file)}
    rows = json.loads((folder / f"lp_musiccaps_{style}.json").read_text(encoding="utf-8"))
    sets = [clean([Given(name, None, None) for name in lists[row["ground_truth"]]]) for row in rows]
    texts = [row["prediction"] for row in rows]
    started = time.process_time()
    results = [check(text, tags, style) for text, tags in zip(texts, sets, strict=True)]
    return texts, sets, results, time.process_time() - started


def names_unsupported(text, tags):
    support = support_of(tags)
    return any(term.facet == "instrument" and not support.supports(term) for term in find(text))


def share(results, code):
    return sum(any(reason.code == code for reason in result.reasons) for result in results) / len(results)


@pytest.mark.data
@pytest.mark.parametrize("style", ["writing", "summary"])
def test_published_captions_are_flagged_seldom_but_not_never(shared_data, style):
    """An instrument that no tag supports is named in 4.1 and 3.0 % of these captions (4.0 and 4.5 % by another,
    unpublished word list). Flagged are 2.8 and 2.3 %: “no percussion” is no claim where the tags say the same."""
    texts, sets, results, _ = published(shared_data / "music", style)
    assert len(results) == 2839
    named = sum(names_unsupported(text, tags) for text, tags in zip(texts, sets, strict=True)) / len(texts)
    assert 0.03 <= named <= 0.06
    assert 0.02 <= share(results, "unsupported_instrument") <= named
    assert share(results, "unsupported_voice") <= 0.1
    assert share(results, "format_leak") <= 0.005
    assert share(results, "negation") <= 0.015
    tags = [how for result in results for _, how in result.coverage]
    verbatim = {"writing": 0.796, "summary": 0.665}[style]
    assert tags.count("verbatim") / len(tags) == pytest.approx(verbatim, abs=0.03)


@pytest.mark.data
def test_voices_in_other_words_are_not_flagged(shared_data):
    """Where a caption names a voice in words that stand in no tag, though a tag names one, most are synonyms."""
    texts, sets, results, _ = published(shared_data / "music", "writing")
    other_words = flagged = 0
    for text, tags, result in zip(texts, sets, results, strict=True):
        given_words = " | ".join(tag.name.lower() for tag in tags.present)
        if not any(term.facet == "voice" for tag in tags.present for term in find(tag.name)):
            continue
        places = {(reason.start, reason.end) for reason in result.reasons if reason.code == "unsupported_voice"}
        for term in find(text):
            if term.facet == "voice" and text[term.start : term.end].lower() not in given_words:
                other_words += 1
                flagged += (term.start, term.end) in places
    assert other_words > 300 and flagged < 0.25 * other_words, (flagged, other_words)
