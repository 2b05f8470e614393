"""Pages of items, their filters and the search, on both databases."""

import csv
import re
import secrets
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import update

from core.corpora import browsing
from core.corpora.browsing import Filter, count_items, find_item, list_items, parse_cursor
from core.corpora.deleting import delete_items
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.reading import inspect
from core.corpora.rendering import search_text
from core.errors import InvalidInput, NotFound
from core.store.schema import STATUS_CODE, STATUSES, item, suggestion, tag
from tests.conftest import write_jsonl
from tests.making import add_tags, corpus_of, decide, event, ids_of, rows_of, suggest

MAPPING = Mapping({"id": "id", "title": "title", "body": "body", "labels": "gold"})


def page(database, wanted=Filter(), cursor="", limit=50, corpus="Talks"):  # noqa: B008 - frozen
    with database.read() as connection:
        return list_items(connection, corpus_of(database, corpus), wanted, cursor, limit)


def found(database, query, **more):
    return [card["external_id"] for card in page(database, Filter(query=query, **more), limit=200)["items"]]


def texts(*bodies):
    return [{"id": str(n), "title": f"t{n}", "body": body} for n, body in enumerate(bodies)]


@pytest.fixture
def some(database, import_rows):
    """Ten items in several states; tag “bees” accepted on 0 and 1, suggested on 3."""
    rows = [{"id": str(n), "title": f"Talk {n}", "body": f"about {n}"} for n in range(10)]
    rows[4]["labels"] = ["bees", "honey"]
    rows[5]["labels"] = []
    import_rows(database, rows, mapping=MAPPING)
    ids, tags = ids_of(database), add_tags(database, "bees", "ants")
    decide(
        database,
        event(ids["0"], 0, "done", [tags["bees"]]),
        event(ids["1"], 0, "done", [tags["ants"], tags["bees"]]),
        event(ids["2"], 0, "skipped", action="skip"),
        event(ids["6"], 0, "in_progress", [], [tags["bees"]], action="reject"),
    )
    database.write(lambda c: c.execute(update(item).where(item.c.external_id == "7").values(status=4)) and None)
    suggest(database, {"3": [(tags["bees"], 0.9), (tags["ants"], 0.3)], "0": [(tags["ants"], 0.5)]})
    delete_items(database, [ids["8"]], "ann")
    return tags


def test_a_card_says_what_lists_show(database, some):
    cards = {card["external_id"]: card for card in page(database)["items"]}
    assert list(cards) == ["0", "1", "2", "3", "4", "5", "6", "7", "9"]
    assert cards["1"] | {"updated_at": "", "id": ""} == {
        "id": "",
        "external_id": "1",
        "title": "Talk 1",
        "snippet": "about 1",
        "status": "done",
        "tags": ["ants", "bees"],
        "gold": None,
        "suggested": 0,
        "updated_at": "",
    }
    assert cards["3"]["suggested"] == 2 and cards["3"]["status"] == "pending" and cards["3"]["tags"] == []
    assert cards["4"]["gold"] == ["bees", "honey"] and cards["5"]["gold"] == []
    assert cards["6"]["tags"] == [], "a rejected tag is not the item's"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(status="pending"), "3459"),
        (Filter(status="done"), "01"),
        (Filter(status="skipped"), "2"),
        (Filter(status="in_progress"), "6"),
        (Filter(status="again"), "7"),
        (Filter(status="deleted"), "8"),
        (Filter(status=""), "012345679"),
        (Filter(labelled="gold"), "45"),
        (Filter(labelled="suggested"), "03"),
        (Filter(labelled="accepted"), "01"),
        (Filter(labelled="suggested", status="done"), "0"),
        (Filter(query="about 4"), "4"),
        (Filter(query="talk", status="done"), "01"),
        (Filter(query="nothing like this"), ""),
        (Filter(query="   "), "012345679"),
    ],
)
def test_filters(database, some, wanted, expected):
    answer = page(database, wanted)
    assert "".join(card["external_id"] for card in answer["items"]) == expected
    assert answer["total"] == len(expected) and answer["from"] == (1 if expected else 0)
    assert answer["next"] is answer["previous"] is None and not answer["total_is_more"]


def test_by_tag(database, some):
    assert [c["external_id"] for c in page(database, Filter(tag=int(some["bees"])))["items"]] == ["0", "1"]
    assert page(database, Filter(tag=999))["items"] == []


@pytest.mark.parametrize("wanted", [Filter(status="nonsense"), Filter(labelled="nonsense")])
def test_unknown_filters_are_refused(database, some, wanted):
    with pytest.raises(InvalidInput) as refused:
        page(database, wanted)
    assert "nonsense" in refused.value.message and refused.value.remedy


@pytest.mark.parametrize(
    "cursor", ["x", "next", "next:1", "next:-1:1", "next:1:1:1", "up:1:1", "next:" + "9" * 16 + ":1"]
)
def test_a_cursor_that_is_none_is_refused(cursor):
    with pytest.raises(InvalidInput):
        parse_cursor(cursor)


def test_a_search_counts_up_to_a_limit(database, some, monkeypatch):
    monkeypatch.setattr(browsing, "COUNT_LIMIT", 5)
    answer = page(database, Filter(query="talk"))
    assert (answer["total"], answer["total_is_more"]) == (5, True)
    with database.read() as connection:
        assert count_items(connection, corpus_of(database), Filter()) == (9, False), "without a search it is exact"


def test_an_item_is_found_by_its_id_only(database, some):
    ids = ids_of(database)
    with database.read() as connection:
        assert find_item(connection, ids["3"]).external_id == "3"
        assert find_item(connection, ids["8"]).deleted
        for wrong in ("", "x", ids["3"][:-1] + "0" * (ids["3"][-1] != "0") + "1" * (ids["3"][-1] == "0"), "f" * 80):
            with pytest.raises(NotFound):
                find_item(connection, wrong)


@settings(max_examples=15)
@given(
    states=st.lists(st.sampled_from([*STATUSES, "deleted"]), min_size=0, max_size=23),
    limit=st.integers(1, 7),
    status=st.sampled_from(["all", "pending", "done", "deleted"]),
)
def test_every_page_forth_and_back_shows_each_item_once(host, tmp_path_factory, states, limit, status):
    database, corpus = host.open("test"), secrets.token_hex(4)
    rows = [{"id": str(n), "title": f"Talk {n}"} for n in range(len(states))] or [{"id": "gone", "title": "x"}]
    path = write_jsonl(tmp_path_factory.mktemp("pages") / "f.jsonl", rows)
    import_file(database, path, name="f", corpus_name=corpus, mapping=MAPPING, import_id=secrets.token_hex(6))
    ids = ids_of(database, corpus)
    with database.read():
        pass
    for n, state in enumerate(states):
        values = {"deleted": 1} if state == "deleted" else {"status": STATUS_CODE[state]}
        database.write(
            lambda c, n=n, v=values: c.execute(update(item).where(item.c.id == ids[str(n)]).values(**v)) and None
        )
    if not states:
        delete_items(database, [ids["gone"]], "ann")
    wanted = Filter(status=status)
    expected = [
        str(n) for n, state in enumerate(states) if state == status or (status == "all" and state != "deleted")
    ] or (["gone"] if not states and status == "deleted" else [])

    pages, cursor = [], ""
    while True:
        answer = page(database, wanted, cursor, limit, corpus)
        pages.append(answer)
        assert answer["total"] == len(expected)
        if answer["next"] is None:
            break
        cursor = answer["next"]
    seen = [[card["external_id"] for card in p["items"]] for p in pages]
    assert [one for each in seen for one in each] == expected
    assert all(len(each) == limit for each in seen[:-1])
    ranks = [1 + limit * n for n in range(len(pages))] if expected else [0]
    assert [p["from"] for p in pages] == ranks
    back, last = [pages[-1]], pages[-1]
    while last["previous"] is not None:
        last = page(database, wanted, last["previous"], limit, corpus)
        back.insert(0, last)
    assert [[card["external_id"] for card in p["items"]] for p in back] == seen
    assert [p["from"] for p in back] == ranks and back[0]["previous"] is None


def test_items_that_leave_the_list_shift_nothing(database, some):
    first = page(database, Filter(status="pending"), limit=2)
    assert [c["external_id"] for c in first["items"]] == ["3", "4"]
    ids = ids_of(database)
    decide(database, event(ids["3"], 0), event(ids["4"], 0))
    assert [c["external_id"] for c in page(database, Filter(status="pending"), first["next"])["items"]] == ["5", "9"]


# search


def fold(text):
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


TEXTS = [
    "The quick brown fox",  # 0
    "Foxes and hounds, quickly",  # 1
    "rock/pop and hip-hop; e-mail me@example.com",  # 2
    "100% of snake_case C:\\temp\\file version 3.5",  # 3
    "He said \"NEAR AND OR NOT\" ('quoted') col:umn a^b",  # 4
    "北京的秋天很美",  # 5
    "Übergrößen für Straßen",  # 6
    "résumé naïve café",  # 7
    "🐝 bees & flowers * ( )",  # 8
    "ΑΒΓ Ελληνικά Москва",  # 9
    "don't can’t — dash … dots 1,000",  # 10
    "ภาษาไทย 한국어 日本語テキスト",  # 11
]


SEARCHES = [
    ("fox", "0 1"),
    ("FOX", "0 1"),
    ("foxes", "1"),
    ("quick fox", "0"),
    ("fox quick", "0"),
    ("brown quick", "0"),
    ("uick", ""),
    ("fo", "0 1"),  # too short for the index: as it stands
    ("pop", "2"),
    ("rock", "2"),
    ("rock/pop", "2"),
    ("hip-hop", "2"),
    ("hop", "2"),
    ("mail", "2"),
    ("example", "2"),
    ("me@example.com", "2"),
    ("example.com", "2"),
    ("100%", "3"),
    ("%", "3"),
    ("_", "3"),
    ("\\", "3"),
    ("snake_case", "3"),
    ("snake", "3"),
    ("case", "3"),
    ("temp\\file", "3"),
    ("version 3.5", "3"),
    ("3.5", "3"),
    ("near", "4"),
    ("AND", "1 2 4"),
    ("near and or not", "4"),
    ('"quoted"', "4"),
    ("'quoted'", "4"),
    ("col:umn", "4"),
    ("umn", "4"),
    ("-fox", "0 1"),
    ("fox*", "0 1"),
    ("foxes | hounds", "1"),
    ("!fox", "0 1"),
    ("fox & (brown)", "0"),
    ('"', "4"),
    ("'", "4 10"),
    ("北京", "5"),
    ("秋天", "5"),
    ("京的", "5"),
    ("的", "5"),
    ("größen", ""),
    ("übergrößen", "6"),
    ("ÜBERGRÖSSEN", "6"),
    ("strassen", "6"),
    ("résumé", "7"),
    ("🐝", "8"),
    ("bees flowers", "8"),
    ("*", "8"),
    ("( )", "8"),
    ("Ελληνικά", "9"),
    ("ελλ", "9"),
    ("москва", "9"),
    ("МОСК", "9"),
    ("don't", "10"),
    ("can’t", "10"),
    ("1,000", "10"),
    ("dash", "10"),
    ("ไทย", "11"),
    ("한국", "11"),
    ("日本", "11"),
    ("テキ", "11"),
    ("語", "11"),
    ("어", "11"),
    ("ษาไ", "11"),
    ("テキスト ไทย", "11"),  # where a script writes no spaces, a space parts two things to look for
    ("日本語 한국", "11"),
    ("秋天 北京", "5"),
    ("北京 日本", ""),
    ("ＦＯＸ", "0 1"),  # full width
    ("b", "0 4 6 8"),
]


def test_search(database, import_rows):
    import_rows(database, texts(*TEXTS), mapping=MAPPING, corpus="Talks")
    for query, expected in SEARCHES:
        assert (query, " ".join(found(database, query))) == (query, expected)


def test_a_word_of_the_small_talk_of_any_script(database, import_rows):
    """What people type: a dish, a show, a place, in Chinese, Japanese, Korean, Thai, and mixed with Latin."""
    rows = [
        "周末探店：这家美食真不错 #美食推荐#",
        "東京ラーメン食べ歩き vlog",
        "서울에서 떡볶이 먹방 ASMR",
        "รีวิวอาหารไทยริมทาง กรุงเทพ",
        "AI美食机器人 demo 2024",
        "没有关系的视频",
    ]
    import_rows(database, texts(*rows), mapping=MAPPING, corpus="Talks")
    searches = {
        "美食": "0 4",
        "美食 机器人": "4",
        "ai美食": "4",
        "ラーメン": "1",
        "東京 ラーメン": "1",
        "ﾗｰﾒﾝ": "1",
        "떡볶이": "2",
        "떡볶이 asmr": "2",
        "อาหารไทย": "3",
        "อาหาร กรุงเทพ": "3",
        "视频": "5",
        "食": "0 1 4",
    }
    assert {query: " ".join(found(database, query)) for query in searches} == searches


@pytest.mark.data
def test_every_caption_with_the_word_is_found(database, shared_data):
    path = shared_data / "items" / "kuaishou_videos.csv"
    with path.open(encoding="utf-8", newline="") as file:
        expected = {row["video_id"] for row in csv.DictReader(file) if "美食" in row["caption"]}
    assert len(expected) == 111
    import_file(
        database, path, name=path.name, corpus_name="Videos", mapping=guess_mapping(inspect(path)), import_id="v"
    )
    wanted, cursor, got = Filter(query="美食"), "", set()
    while cursor is not None:
        answer = page(database, wanted, cursor, 200, corpus="Videos")
        got |= {card["external_id"] for card in answer["items"]}
        cursor = answer["next"]
    assert expected <= got
    assert len(got) == answer["total"]


def test_accents_do_not_matter_on_sqlite(sqlite_host, import_rows):
    database = sqlite_host.open("test")  # Postgres would need the extension unaccent
    import_rows(database, texts(*TEXTS), mapping=MAPPING)
    assert found(database, "cafe") == ["7"]


def test_a_title_is_searched_too_and_every_kept_field(database, import_rows):
    import_rows(database, [{"id": "1", "title": "Marmalade", "body": "x", "note": ["kept", {"deep": "treasure"}]}])
    assert found(database, "marmalade") == found(database, "treasure") == found(database, "kept") == ["1"]


def test_a_very_long_query_finds_nothing_and_breaks_nothing(database, import_rows):
    import_rows(database, texts(*TEXTS), mapping=MAPPING)
    for query in ("x" * 100_000, "北" * 100_000, "word " * 20_000, "% _" * 30_000, "fox and " * 200):
        assert found(database, query) == []


ALPHABET = "abAB12 .,-_%\\/'\"&|!()*:;@#^~<>äßéİıΣ\u0301日本語한🐝²½ﬁ\x00\u200b\u00a0\x85"


@settings(max_examples=100)
@example("\x00")
@example("a" * 2000)
@example("²²²²")
@example("ﬁﬁﬁ")
@example("İstanbul")
@given(st.text(alphabet=ALPHABET, max_size=30))
def test_any_query_is_plain_text(shared_corpus, query):
    """No query is an operator or breaks: every word of the query stands in what is found, be it as a beginning."""
    wanted = search_text([query.replace("\0", " ")])
    for number in found(shared_corpus, query):
        text = search_text([TEXTS[int(number)], f"t{number}"])
        assert all(fold(word) in fold(text) for word in re.findall(r"[^\W_]+", wanted)), number


@settings(max_examples=60)
@given(data=st.data())
def test_every_word_of_a_text_finds_it(shared_corpus, data):
    number = data.draw(st.integers(0, 4))
    word = data.draw(st.sampled_from(re.findall(r"[^\W_]+", TEXTS[number])))
    start = data.draw(st.integers(1, len(word)))
    assert str(number) in found(shared_corpus, word[:start])


@pytest.fixture
def shared_corpus(database, import_rows):
    import_rows(database, texts(*TEXTS), mapping=MAPPING)
    return database


def test_rows_in_their_order(database, some):
    assert [r.external_id for r in rows_of(database)] == [str(n) for n in range(10)]


# a search that no index serves


@pytest.fixture
def bees(database, import_rows):
    """Sixty items, every second with the two letters that are looked for."""
    import_rows(database, texts(*("蜜蜂 zz" if n % 2 else "其他 yy" for n in range(60))), mapping=MAPPING)


def scans_of(database, call):
    """How often the items' texts are looked through."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        if "LIKE" in statement.upper():
            seen.append(statement)

    engine = database.engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    return len(seen)


@pytest.mark.parametrize("query", ["蜜蜂", "zz"])
def test_one_scan_finds_the_page_and_the_count(database, bees, query):
    assert scans_of(database, lambda: page(database, Filter(query=query), limit=10)) == 1
    shown = page(database, Filter(query=query), limit=10)
    assert shown["total"] == 30 and not shown["total_is_more"]


def walk(database, query, limit):
    """Every page forwards, then every page backwards."""
    pages, cursor = [], ""
    while True:
        pages.append(page(database, Filter(query=query), cursor, limit))
        if pages[-1]["next"] is None:
            break
        cursor = pages[-1]["next"]
    while pages[-1]["previous"] is not None:
        pages.append(page(database, Filter(query=query), pages[-1]["previous"], limit))
    return pages


@pytest.mark.parametrize("limit", [1, 7, 10, 15, 30, 50])
def test_pages_of_a_scan_are_those_of_two_queries(database, bees, monkeypatch, limit):
    scanned = walk(database, "蜜蜂", limit)
    monkeypatch.setattr(browsing, "_scan", lambda *_: None)
    assert scanned == walk(database, "蜜蜂", limit)
    assert [card["external_id"] for card in scanned[0]["items"]] == [str(n) for n in range(1, 60, 2)][:limit]


def test_more_than_can_be_counted_is_found_as_before(database, bees, monkeypatch):
    monkeypatch.setattr(browsing, "COUNT_LIMIT", 20)
    shown = page(database, Filter(query="蜜蜂"), limit=10)
    assert (shown["total"], shown["total_is_more"], len(shown["items"])) == (20, True, 10)


# merged tags


def test_a_tag_stands_for_those_merged_into_it(database, some):
    bees, ants = int(some["bees"]), int(some["ants"])
    merge = update(tag).where(tag.c.id == ants).values(state="merged", merged_into=bees)
    alone = [card["external_id"] for card in page(database, Filter(tag=ants))["items"]]
    assert alone == ["1"]
    decide(database, event(ids_of(database)["3"], 0, "done", [str(ants)]))
    database.write(lambda c: c.execute(merge) and None)
    for wanted in (bees, ants):
        assert [card["external_id"] for card in page(database, Filter(tag=wanted))["items"]] == ["0", "1", "3"]
        with database.read() as connection:
            assert count_items(connection, corpus_of(database), Filter(tag=wanted)) == (3, False)
    cards = {card["external_id"]: card["tags"] for card in page(database)["items"]}
    assert cards["1"] == ["bees"] and cards["3"] == ["bees"], "once each, by the name that stays"


def test_what_two_runs_suggest_counts_once_and_candidates_of_a_vocabulary_not_at_all(database, import_rows):
    import_rows(database, texts("wind and water", "bread"), mapping=MAPPING)
    ids = add_tags(database, "wind", "water")
    suggest(database, {"0": [(ids["wind"], 0.9), (ids["water"], 0.8)]})
    suggest(database, {"0": [(ids["wind"], 0.7)]}, method="generative")
    bread = rows_of(database, "Talks")[1].pk
    row = {"run": 9, "item": bread, "field": "candidates", "value": "bread", "score": 1, "rank": 1, "evidence": "[]"}
    database.write(lambda c: c.execute(suggestion.insert(), {**row, "validity": "valid"}) and None)
    assert [card["suggested"] for card in page(database)["items"]] == [2, 0]
    assert [card["external_id"] for card in page(database, Filter(labelled="suggested"))["items"]] == ["0"]
