"""The routes of cleaning: what holds, what would change, and that saving is a choice."""

from tests.captioning import import_songs, song
from tests.ui.test_routes import Page, build


def test_options_are_shown_tried_and_saved(sqlite_settings, import_rows):
    context, app = build(sqlite_settings)
    database = context.host.open("test")
    import_songs(import_rows, database, [song("1", "genre---poprock, spam"), song("2", "piano")])
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    page = Page(app)
    shown = page.get("captions/cleaning", corpus="Songs")
    assert shown["options"]["prefixes"] is True and shown["preview"]["items"] == 2
    changed = {**shown["options"], "blacklist": ["spam"]}
    tried = page.post("captions/cleaning", {"corpus": "Songs", "options": changed})
    assert tried["preview"]["tags_after"] == shown["preview"]["tags_after"] - 1 and not tried["saved"]
    assert page.get("captions/cleaning", corpus="Songs")["options"]["blacklist"] == []
    page.post("captions/cleaning", {"corpus": "Songs", "options": changed, "save": True})
    assert page.get("captions/cleaning", corpus="Songs")["options"] == changed
    page.post("captions/cleaning", {"corpus": "Songs", "options": {"cap": "x"}}, expect=400)
    page.get("captions/cleaning", corpus="Talks", expect=400)
    context.stop()
