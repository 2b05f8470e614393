"""Which of several captions comes first."""

from core.captions.candidates import Candidate, Openers, opener, ranked
from core.captions.checks import check
from core.captions.tags import MusicTag, TagSet

TAGS = TagSet((MusicTag("piano", "instrument"), MusicTag("happy", "mood")))


def candidate(text, variant=0):
    return Candidate(text, check(text, TAGS, "writing"), variant=variant)


def texts(*said, openers=None):
    return [each.text for each in ranked([candidate(text) for text in said], openers)]


def test_what_the_checks_say_comes_first():
    invented, partial, whole = "A happy piano piece with a violin.", "A piano piece.", "A happy piano piece."
    assert texts(invented, partial, whole) == [whole, partial, invented]
    assert texts(whole, whole) == [whole], "each text once"
    (best, *_) = ranked([candidate(partial), candidate(whole, 3)])
    assert best.variant == 3 and best.share == 1 and best.verdict == "pass" and best.reasons == []


def test_what_is_wrong_is_said_in_words():
    said = candidate("A happy piano piece with a violin.")
    assert "violin" in said.complaint() and said.verdict == "fail"


def test_a_caption_that_begins_as_many_others_do_comes_after_one_that_does_not():
    openers = Openers(f"This happy piano piece number {i}." for i in range(9))
    assert openers.often("This happy tune.") and not openers.often("A happy tune.")
    worn, fresh = "This happy piano piece.", "A happy piano piece."
    assert texts(worn, fresh) == [worn, fresh] and texts(worn, fresh, openers=openers) == [fresh, worn]
    assert texts("This happy piano piece.", "A piece with a violin.", openers=openers)[0] == worn, "truth comes first"
    equal = Openers(["A happy tune."] * 50)
    assert not equal.often("A happy song."), "pieces with the same tags share a caption"
    assert opener("Calm, WARM piano") == "calm, warm"


def test_what_is_kept_is_what_a_page_needs():
    row = candidate("A happy piano piece.", 2).row("attribute_prediction", 1)
    assert (
        row["field"] == "caption.attribute_prediction" and row["value"] == "A happy piano piece." and row["rank"] == 1
    )
    assert row["validity"] == "valid" and row["score"] == 1.0 and '"variant":2' in row["detail"]
