"""What a run would write and cost, before it does: typed tags, ten pieces of a corpus, estimates."""

import pytest

from core.captions.estimate import estimate_captions
from core.captions.styles import STYLES
from core.captions.trial import caption_tags, try_on_ten
from core.engines.connecting.endpoints import EngineOptions
from core.errors import EngineError, InvalidInput
from core.store.schema import item_caption, run, suggestion
from tests.caption_server import MODEL, CaptionServer
from tests.captioning import import_songs, song
from tests.making import count


@pytest.fixture
def server():
    with CaptionServer() as server:
        yield server


def test_typed_tags_are_captioned_at_once(sqlite_host, server):
    database = sqlite_host.open("test")
    said = caption_tags(sqlite_host, database, "happy, piano, no drums")
    assert list(said["captions"]) == list(STYLES) and said["spent"]["requests"] == 0
    assert [tag["name"] for tag in said["tags"]["absent"]] == ["drums"] and "corpus" in said["note"]
    for style, caption in said["captions"].items():
        (candidate,) = caption["candidates"]
        assert caption["state"] == "ok" and "piano" in candidate["text"].lower() and candidate["predicted"] == [], style
        assert candidate["checks"]["verdict"] in ("pass", "warn")
    engine = EngineOptions("openai", server.base_url, MODEL)
    one = caption_tags(sqlite_host, database, "organ", "prediction_attribute", engine, candidates=2)
    caption = one["captions"]["attribute_prediction"]
    assert len(caption["candidates"]) == 2 and caption["candidates"][0]["predicted"] == ["late night"]
    assert one["spent"]["requests"] == 2 and len(server.asked) == 2
    server.manners.refuse = "harp"
    refused = caption_tags(sqlite_host, database, "harp", "writing", engine)["captions"]["writing"]
    assert refused["state"] == "refused" and refused["candidates"] == [] and refused["error"]
    for nothing in ("", " , ", "x" * 5000):
        with pytest.raises(InvalidInput):
            caption_tags(sqlite_host, database, nothing)
    with pytest.raises(EngineError):
        caption_tags(sqlite_host, database, "piano", "writing", EngineOptions("openai", "http://127.0.0.1:9/v1", "m"))


def test_controls_are_part_of_the_question(sqlite_host, server):
    engine = EngineOptions("openai", server.base_url, MODEL)
    controls = {"length": 12, "tone": "academic", "tense": "past", "language": "German", "banned": ["very"]}
    caption_tags(sqlite_host, sqlite_host.open("test"), "organ, slow", "all", engine, controls=controls)
    asked = {body["messages"][0]["content"] for body in server.asked}
    assert len(asked) == 4
    for words in asked:
        assert "About 12 words" in words and "musicologist" in words and "past tense" in words
        assert '"German"' in words and 'Never use these words: "very"' in words


def test_ten_pieces_are_tried_and_nothing_is_stored(sqlite_host, server, import_rows):
    database = sqlite_host.open("test")
    rows = [song(f"s{i}", f"piano, tag {i % 30}") for i in range(60)] + [song("none", " "), song("one", "zither")]
    import_songs(import_rows, database, rows)
    plain = try_on_ten(database, sqlite_host, "Songs", {})
    assert len(plain["items"]) == 10 and plain["estimate"]["cost"] == 0 and plain["total_items"] == 62
    assert all(list(each["captions"]) == list(STYLES) for each in plain["items"])
    given = {"engine": "openai", "base_url": server.base_url, "model": MODEL, "styles": ["writing", "summary"]}
    before = estimate_captions(database, "Songs", given, sqlite_host)
    assert (before["items"], before["tracks"], before["tag_sets"], before["requests"]) == (124, 62, 32, 62)
    assert (before["no_tags"], before["one_tag"], before["cached_requests"]) == (1, 1, 0)
    tried = try_on_ten(database, sqlite_host, "Songs", given)
    assert tried["spent"]["requests"] == len(server.asked) == tried["estimate"]["cached_requests"]
    assert all(each["captions"]["summary"]["state"] == "ok" for each in tried["items"])
    assert not any(count(database, table) for table in (run, suggestion, item_caption))
    again = try_on_ten(database, sqlite_host, "Songs", given)
    assert again["spent"]["requests"] == 0
    with pytest.raises(InvalidInput, match="no corpus of music"):
        import_rows(database, [{"id": "1", "title": "A talk"}], "Talks")
        try_on_ten(database, sqlite_host, "Talks", {})
