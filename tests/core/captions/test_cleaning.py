"""Cleaning of tags: what is taken apart, taken out and recognised as absent, and that it says so."""

import ast
import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions.cleaning import CleaningOptions, clean, clean_text, options_of, same_tag, save_options
from core.captions.cleaning_preview import preview
from core.captions.runtogether import taken_apart
from core.corpora.given import Given
from core.errors import InvalidInput
from tests.captioning import import_songs, song
from tests.making import corpus_of

MTG = {
    "genre---poprock": "pop rock",
    "genre---easylistening": "easy listening",
    "instrument---drummachine": "drum machine",
    "instrument---acousticguitar": "acoustic guitar",
    "genre---popfolk": "pop folk",
    "instrument---doublebass": "double bass",
    "genre---singersongwriter": "singer-songwriter",
    "genre---drumnbass": "drum and bass",
    "genre---rocknroll": "rock and roll",
    "genre---instrumentalpop": "instrumental pop",
    "mood/theme---happy": "happy",
}


def names(tags):
    return [tag.name for tag in tags.present]


def gone(tags):
    return [tag.name for tag in tags.absent]


def test_prefixes_are_taken_off_and_run_together_words_apart():
    for raw, name in MTG.items():
        tags = clean([Given(raw)])
        assert names(tags) == [name], raw
        assert {"prefix"} <= {change.kind for change in tags.changes}
    facets = {tag.name: tag.facet for tag in clean([Given(raw) for raw in MTG]).present}
    assert facets["pop rock"] == "genre" and facets["double bass"] == "instrument" and facets["happy"] == "mood"
    # other words than those of one data set, and words that only look run together
    assert taken_apart("electricpiano femalevocals") == "electric piano female vocals"
    for word in [
        "saxophone",
        "harpsichord",
        "soundtrack",
        "keyboard",
        "downtempo",
        "percussion",
        "theremin",
        "fingerpicking",
    ]:
        assert taken_apart(word) == word
    assert names(clean([Given("genre---poprock")], CleaningOptions(prefixes=False, run_together=False))) == [
        "genre---poprock"
    ]


def test_the_same_tag_twice_is_one():
    tags = clean_text("Hip-Hop, hip hop, guitars, Guitar, R&B, rnb, acordion, accordion")
    assert names(tags) == ["hip-hop", "guitars", "r&b", "accordion"]
    assert sum(change.kind == "duplicate" for change in tags.changes) == 4
    assert same_tag("no voices") == same_tag("No-Voice") and same_tag("bass") != same_tag("brass")
    near = clean_text("guitar, acoustic guitar, calm", CleaningOptions(near=True))
    assert names(near) == ["acoustic guitar", "calm"] and names(clean_text("guitar, acoustic guitar")) != names(near)


@pytest.mark.parametrize(
    ("tag", "present", "absent"),
    [
        ("no drums", [], ["drums"]),
        ("without vocals", [], ["vocals"]),
        ("no drums or bass", [], ["drums", "bass"]),
        ("non-vocal", [], ["vocals"]),
        ("drum-free", [], ["drums"]),
        ("instrumental", ["instrumental"], ["vocals"]),
        ("instrumental music", ["instrumental music"], ["vocals"]),
        ("acapella", ["acapella"], ["instruments"]),
        ("a cappella", ["a cappella"], ["instruments"]),
        ("unaccompanied", ["unaccompanied"], ["accompaniment"]),
        ("no voices instrumental", ["instrumental"], ["voices"]),
        ("no other instruments", [], ["other instruments"]),
        ("no wave", ["no wave"], []),
        ("royalty free", ["royalty free"], []),
        ("unison melody", ["unison melody"], []),
        ("non tuned percussion", ["non tuned percussion"], []),
    ],
)
def test_absent_tags_are_recognised(tag, present, absent):
    tags = clean([Given(tag)])
    assert (names(tags), gone(tags)) == (present, absent)


def test_a_column_of_absent_tags_says_what_is_not_there():
    tags = clean([Given("piano"), Given("drums", "absent"), Given("no vocals", "absent")])
    assert names(tags) == ["piano"] and gone(tags) == ["drums", "vocals"]


@pytest.mark.parametrize(
    ("text", "kept", "absent"),
    [
        ("no voice, male singer, piano", ["piano"], ["voice"]),
        ("instrumental, male voice singing", ["instrumental", "male voice singing"], []),
        ("no percussion, shimmering hi hats, cello", ["cello"], ["percussion"]),
        ("slow tempo, fast tempo", ["slow tempo", "fast tempo"], []),
    ],
)
def test_contradictions_are_said_and_an_explicit_no_wins(text, kept, absent):
    tags = clean_text(text)
    assert tags.contradictions and (names(tags), gone(tags)) == (kept, absent)


def test_nothing_contradicts_where_only_others_are_absent():
    assert not clean_text("no other instruments, guitar, no lead vocals, backing vocals").contradictions
    assert not clean_text("no singer, male voice speaking, a cappella, beatboxing, birds singing").contradictions


def test_contradictory_rows_of_musiccaps_are_found(shared_data):
    contradictory = {"-1OlgJWehn8", "-SWaCArvQug", "50QEapyTPD4", "IJw2o_Yg00Q", "NeSIT6sqLRA", "ZJHlHb-VyDc"}
    contradictory.add("KMQmM12G9Z4")  # slow and fast
    with (shared_data / "music" / "musiccaps-public.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["ytid"]: ast.literal_eval(row["aspect_list"]) for row in csv.DictReader(file)}
    found = {ytid for ytid, tags in rows.items() if clean([Given(tag) for tag in tags]).contradictions}
    assert contradictory <= found
    assert len(found) < 0.06 * len(rows), "not every row is suspected"


def test_people_choose_what_is_left_out():
    options = CleaningOptions.from_json(
        {"aliases": {"HH": "hip hop", "junk": ""}, "blacklist": "spam, live*", "least_weight": 0.2, "cap": 2, "seed": 7}
    )
    given = [Given("hh", None, 0.9), Given("junk"), Given("spam"), Given("live set"), Given("quiet", None, 0.1)]
    tags = clean(given, options)
    assert names(tags) == ["hip hop"]
    assert {change.kind for change in tags.changes} >= {"alias", "blacklist", "weight"}
    many = [Given(name) for name in ("piano", "cello", "harp", "flute")]
    capped = clean(many, options)
    assert len(capped.present) == 2 and sum(change.kind == "cap" for change in capped.changes) == 2
    assert set(names(clean(many[::-1], options))) == set(names(capped)), "drawn by the tags and the seed, not the order"
    assert CleaningOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize(
    "wrong", [{"cap": True}, {"cap": -1}, {"least_weight": 2}, {"aliases": ["x"]}, {"blacklist": 3}, {"other": 1}, []]
)
def test_wrong_options_are_refused_in_words(wrong):
    with pytest.raises(InvalidInput):
        CleaningOptions.from_json(wrong)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_cleaning_is_steady(raw):
    tags = clean([Given(name) for name in raw])
    assert tags == clean([Given(name) for name in raw])
    keys = [same_tag(tag.name) for tag in tags.present]
    assert len(keys) == len(set(keys)) and all(tag.name.strip() for tag in (*tags.present, *tags.absent))


def test_the_preview_counts_and_shows_and_options_are_kept(sqlite_host, import_rows):
    database = sqlite_host.open("test")
    rows = [
        song("1", "genre---poprock, no drums"),
        song("2", "piano, Piano, instrumental, male singer"),
        song("3", "flute"),
        song("4", ""),
    ]
    import_songs(import_rows, database, rows)
    corpus = corpus_of(database, "Songs")
    seen = preview(database, corpus, CleaningOptions())
    assert (seen["items"], seen["one_tag"], seen["no_tags"]) == (4, 2, 1)
    kinds = {entry["kind"]: entry for entry in seen["changes"]}
    assert kinds["prefix"]["examples"][0] == {"before": "genre---poprock", "after": "poprock", "count": 1}
    assert kinds["duplicate"]["count"] == 1 and {entry["name"] for entry in seen["absent"]} >= {"drums"}
    (contradiction,) = seen["contradictions"]
    assert contradiction["external_id"] == "2" and "male singer" in contradiction["sentence"]
    options = CleaningOptions(blacklist=("flute",))
    assert preview(database, corpus, options)["no_tags"] == 2
    database.write(lambda connection: save_options(connection, corpus, options))
    with database.read() as connection:
        assert options_of(connection, corpus) == options
