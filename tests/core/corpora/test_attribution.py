"""Credits of the kind “title by artist”."""

from core.corpora.attribution import split_attributions


def test_the_last_by_outside_brackets_sets_the_artist_apart():
    credits = {
        "Aide toi... by David TMX ": ("Aide toi...", "David TMX"),
        "Step by step by Gustavo Crochenci": ("Step by step", "Gustavo Crochenci"),
        "Click (Original by Tanaka) by Grünemusik": ("Click (Original by Tanaka)", "Grünemusik"),
        "Remix by me (edited by you)": ("Remix", "me (edited by you)"),
        "Inspired\tby the sea by Blik": ("Inspired by the sea", "Blik"),
        "No artist": ("No artist", ""),
        "": ("", ""),
    }
    assert split_attributions(credits) == list(credits.values())


def test_an_artist_whom_other_credits_name_decides():
    assert split_attributions(["Rain by Taken by Storm", "Sun by Taken by Storm", "Fog by Taken by Storm"])[0] == (
        "Rain by Taken",
        "Storm",
    ), "nothing tells: the last one counts"
    (first, _) = split_attributions(["Sun by Day by Night", "Moon by Day by Night"])
    assert first == ("Sun by Day", "Night")
    assert split_attributions(["Walk by Side by Side", "Run by Side by Side", "Sit by Walk by Side"])[0][1] == "Side"
    known = ["One by Ann", "Two by Ann (live by night)", "Three by Ann by Night"]
    assert split_attributions(known)[0] == ("One", "Ann")
