"""The export route: what a music corpus offers beside the rest, and what is refused before a job is made."""

import pytest

from tests.captioning import import_songs, song
from tests.ui.test_routes import Page, build


@pytest.fixture
def page(sqlite_settings, import_rows):
    context, app = build(sqlite_settings)
    database = context.host.open("test")
    import_songs(import_rows, database, [song("1")])
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    yield Page(app), context
    context.stop()


def test_music_is_exported_in_the_shapes_of_others(page):
    page, context = page
    body = {"corpus": "Songs", "format": "hf-csv", "styles": ["summary", "prediction_attribute"], "predicted": True}
    job = page.post("export", {**body, "captions": "no-fail", "status": "done"})["job"]
    arguments = context.queue.get(job["id"]).arguments
    assert {name: arguments[name] for name in ("format", "styles", "captions", "predicted", "status", "extension")} == {
        "format": "hf-csv",
        "styles": ["summary", "attribute_prediction"],
        "captions": "no-fail",
        "predicted": True,
        "status": "done",
        "extension": "wav",
    }
    for wrong in ({"format": "xml"}, {"captions": "best"}, {"styles": []}, {"styles": [1]}, {"predicted": 1}):
        page.post("export", {**body, **wrong}, expect=400)
    page.post("export", {"corpus": "Talks", "format": "text"}, expect=400)
    plain = page.post("export", {"corpus": "Talks", "format": "csv"})["job"]
    assert set(context.queue.get(plain["id"]).arguments) == {"corpus", "format", "status", "suggestions", "provenance"}
