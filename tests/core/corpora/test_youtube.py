"""Ids of YouTube clips as links."""

from core.corpora.youtube import youtube_link


def test_ids_become_links_at_the_start_of_the_clip():
    columns = {"start_s": "start_s"}
    link = youtube_link("-0Gj8-vB1q4", "ytid", {"start_s": "30"}, columns)
    assert link == "https://www.youtube.com/watch?v=-0Gj8-vB1q4&t=30"
    assert youtube_link("-0Gj8-vB1q4", "ytid", {}, {}) == "https://www.youtube.com/watch?v=-0Gj8-vB1q4"
    assert youtube_link("[rOOBAGxxjBk]-[10-20]", "id", {}, {}) == "https://www.youtube.com/watch?v=rOOBAGxxjBk&t=10"


def test_other_ids_become_none():
    assert youtube_link("-0Gj8-vB1q4", "track_id", {}, {}) is None
    assert youtube_link("short", "ytid", {}, {}) is None
