import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.guessing import normalise
from core.corpora.mapping import CLUE_ROLES, CompiledMapping, Problem, guess_mapping
from core.corpora.reading import inspect, read_rows


def guess(tmp_path, rows, name="items.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return guess_mapping(inspect(path))


def items(mapping, path):
    compiled = CompiledMapping(mapping)
    return [compiled(row) for row in read_rows(path) if not isinstance(row, Problem)]


REAL = {
    "ted_talks.csv": (
        {
            "comments": "keep",
            "description": "caption",
            "duration": "keep",
            "event": "clue",
            "film_date": "keep",
            "languages": "keep",
            "speaker": "clue",
            "published_date": "keep",
            "tags": "gold",
            "title": "title",
            "url": "link",
            "views": "keep",
        },
        {"tags": "python-list"},
        19_154,
    ),
    "ml_projects.json": (
        {
            "id": "id",
            "title": "title",
            "description": "caption",
            "tags": "gold",
            "details": "body",
            "links": "keep",
        },
        {"tags": "json-list"},
        15_177,
    ),
    "kuaishou_videos.csv": (
        {
            "video_id": "id",
            "manual_cover_text": "ocr",
            "caption": "caption",
            "topic_tag": "gold",
            "first_level_category_id": "keep",
            "first_level_category_name": "category",
            "second_level_category_id": "keep",
            "second_level_category_name": "category",
            "third_level_category_id": "keep",
            "third_level_category_name": "category",
        },
        {"topic_tag": "bare-list"},
        18_591,
    ),
}


@pytest.mark.data
@pytest.mark.parametrize("file", REAL)
def test_real_files_are_mapped_and_lose_nothing(shared_data, file):
    path = shared_data / "items" / file
    roles, split, tags = REAL[file]
    mapping = guess_mapping(inspect(path))
    assert mapping.roles == roles
    assert mapping.split == split
    assert set(mapping.explain) == set(roles)
    found = items(mapping, path)
    assert not any(isinstance(item, Problem) or item.problems for item in found)
    assert sum(len(item.gold) for item in found) == tags


@pytest.mark.data
def test_links_lose_the_line_end_that_came_with_them(shared_data):
    path = shared_data / "items" / "ted_talks.csv"
    first = items(guess_mapping(inspect(path)), path)[0]
    assert first.link == "https://www.ted.com/talks/ken_robinson_says_schools_kill_creativity"
    assert first.external_id is None


@pytest.mark.data
def test_the_file_with_two_pipes_is_usable(shared_data):
    path = shared_data / "items" / "taggpt_examples.csv"
    mapping = guess_mapping(inspect(path))
    assert mapping.columns("id", *CLUE_ROLES) == ["id", "caption", "category_name", "ocr", "asr"]
    first = items(mapping, path)[0]
    assert (first.external_id, list(first.fields)) == ("0", ["caption", "category_name", "ocr", "asr"])


def test_a_file_like_the_demo_stories(tmp_path):
    row = {
        "title": "Night trains",
        "description": "Why they are back.",
        "category": "Travel",
        "ocr": "GLEIS 7",
        "speech": "And then we slept.",
        "tags": ["trains"],
        "link": "https://example.org/1",
    }
    mapping = guess(tmp_path, [{"id": n, **row} for n in range(5)])
    assert list(mapping.roles.values()) == ["id", "title", "caption", "category", "ocr", "speech", "gold", "link"]


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (
            ["Identificador", "Título", "Descripción", "Categoría", "Etiquetas"],
            ["id", "title", "caption", "category", "gold"],
        ),
        (
            ["Kennung", "Überschrift", "Beschreibung", "Inhalt", "Schlagwörter"],
            ["id", "title", "caption", "body", "gold"],
        ),
        (["identifiant", "Intitulé", "Résumé", "Contenu", "Mots-clés"], ["id", "title", "caption", "body", "gold"]),
        (["编号", "标题", "简介", "正文", "标签"], ["id", "title", "caption", "body", "gold"]),
        (["videoId", "videoTitle", "coverText", "asrText", "topicTags"], ["id", "title", "ocr", "speech", "gold"]),
    ],
)
def test_names_in_other_languages_and_spellings(tmp_path, columns, roles):
    rows = [dict(zip(columns, [str(n), "a b", "c d", "e f", "x, y"], strict=True)) for n in range(4)]
    mapping = guess(tmp_path, rows)
    assert list(mapping.roles.values()) == roles
    assert mapping.split == {columns[4]: "comma"}


def test_what_only_looks_like_an_id_is_kept(tmp_path):
    rows = [{"id": n // 2, "user_id": n, "title": "t", "url": f"https://x.org/{n}"} for n in range(6)]
    mapping = guess(tmp_path, rows)
    assert mapping.roles == {"id": "keep", "user_id": "keep", "title": "title", "url": "link"}
    assert "repeat" in mapping.explain["id"]


def test_the_plainest_id_wins(tmp_path):
    mapping = guess(tmp_path, [{"track_id": f"a{n}", "id": n, "title": "t"} for n in range(3)])
    assert mapping.roles == {"track_id": "keep", "id": "id", "title": "title"}


def test_pictures_sounds_and_pages(tmp_path):
    rows = [
        {
            "cover": f"https://x.org/{n}.JPG?size=2",
            "image": "a photo of a cat",
            "where": f"clips/{n}.mp3",
            "seen at": f"https://x.org/{n}",
            "caption": "c",
        }
        for n in range(4)
    ]
    mapping = guess(tmp_path, rows)
    assert mapping.roles == {
        "cover": "media",
        "image": "keep",
        "where": "keep",
        "seen at": "link",
        "caption": "caption",
    }


def test_long_texts_are_found_without_their_names(tmp_path):
    rows = [
        {"n": n, "col1": f"{n} words and words " * 20, "col2": f"a text of some words and number {n}"} for n in range(5)
    ]
    mapping = guess(tmp_path, rows)
    assert mapping.roles == {"n": "keep", "col1": "body", "col2": "keep"}
    rows = [
        {"n": n, "col1": f"{n} words and words " * 20, "col2": f"a text of some words and number {n} " * 2}
        for n in range(5)
    ]
    assert guess(tmp_path, rows).roles == {"n": "keep", "col1": "body", "col2": "caption"}


def test_there_is_always_something_to_tag(tmp_path):
    assert guess(tmp_path, [{"a": "x", "b": "longer"}] * 2).roles == {"a": "keep", "b": "clue"}
    assert guess(tmp_path, [{"id": 1}, {"id": 2}]).roles == {"id": "clue"}
    assert guess(tmp_path, [{"tags": "a, b"}, {"tags": "c"}]).roles == {"tags": "clue"}


def test_columns_that_say_nothing_are_ignored(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(",Unnamed: 0,text,\n0,0,a,\n1,1,b,\n")
    mapping = guess_mapping(inspect(path))
    assert mapping.roles == {"column_1": "ignore", "Unnamed: 0": "ignore", "text": "body", "column_4": "ignore"}


EXPORTED = [
    {
        "id": "7",
        "title": "=1+1",
        "n": "5",
        "gold_tags": ["a, b", "c"],
        "tags": ["'x", "y"],
        "link": "https://x.org",
        "media": "a.png",
        "tagloom_status": "done",
        "tagloom_suggestions": [{"tag": "z"}],
    },
    {"title": "'@me", "n": "-5", "gold_tags": [], "tagloom_status": "pending", "tagloom_suggestions": []},
]
COLUMNS = list(EXPORTED[0])


def write_export(path, rows, columns):
    from core.corpora.formulas import guard

    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        lists = {f"tagloom_{own}" if f"tagloom_{own}" in columns else own for own in ("gold_tags", "tags")}
        kinds = {c: pa.list_(pa.string()) if c in lists else pa.string() for c in columns}
        texts = [{c: v if c in lists or isinstance(v, str) else json.dumps(v) for c, v in r.items()} for r in rows]
        pq.write_table(pa.Table.from_pylist(texts, schema=pa.schema(list(kinds.items()))), path)
    else:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([guard(column) for column in columns])
        for row in rows:
            cells = [row.get(column, "") for column in columns]
            writer.writerow([guard(cell if isinstance(cell, str) else json.dumps(cell)) for cell in cells])
        path.write_bytes(out.getvalue().encode("utf-8-sig"))


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_an_export_comes_back_as_it_was(tmp_path, extension):
    path = tmp_path / f"items.{extension}"
    write_export(path, EXPORTED, COLUMNS)
    mapping = guess_mapping(inspect(path))
    assert mapping.roles == {
        "id": "id",
        "title": "title",
        "n": "keep",
        "gold_tags": "gold",
        "tags": "tags",
        "link": "link",
        "media": "media",
        "tagloom_status": "status",
        "tagloom_suggestions": "ignore",
    }
    assert mapping.unguard_formulas == (extension == "csv")
    first, second = items(mapping, path)
    assert (first.external_id, first.fields) == ("7", {"title": "=1+1", "n": "5"})
    assert (first.gold, first.tags, first.status) == (("a, b", "c"), ("'x", "y"), "done")
    assert (first.link, first.media) == ("https://x.org", "a.png")
    assert (second.external_id, second.fields) == (None, {"title": "'@me", "n": "-5"})
    assert (second.gold, second.tags, second.status) == ((), None, "pending")


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_an_export_whose_items_have_fields_of_the_same_names(tmp_path, extension):
    row = {
        "tagloom_id": "7",
        "id": "own",
        "tags": "mine",
        "url": "https://y.org",
        "link": "https://z.org",
        "title": "t",
        "tagloom_gold_tags": ["g"],
        "tagloom_tags": ["p"],
        "tagloom_link": "https://x.org",
        "media": "a.png",
        "tagloom_status": "done",
    }
    path = tmp_path / f"items.{extension}"
    write_export(path, [row], list(row))
    (item,) = items(guess_mapping(inspect(path)), path)
    assert item.external_id == "7"
    assert item.fields == {"id": "own", "tags": "mine", "url": "https://y.org", "link": "https://z.org", "title": "t"}
    assert (item.gold, item.tags, item.link, item.media) == (("g",), ("p",), "https://x.org", "a.png")


name = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(name, st.text("ab ,;[]'\"中/.:", max_size=12) | st.integers() | st.none(), min_size=1),
        min_size=1,
    )
)
def test_every_file_gets_a_valid_mapping(tmp_path_factory, rows):
    mapping = guess(tmp_path_factory.mktemp("guess"), rows)
    assert set(mapping.explain) == set(mapping.roles)


def test_names_are_compared_without_case_accents_and_signs():
    assert {normalise(name) for name in ("Topic-Tag", "topicTag", "topic tag", " TOPIC_TAG ")} == {"topic_tag"}
    assert normalise("Überschrift") == "uberschrift"
    assert normalise("ＯＣＲ") == "ocr"


@pytest.mark.data
def test_taggpts_examples_get_their_roles(shared_data):
    found = inspect(shared_data / "items" / "taggpt_examples.csv")
    assert (found.delimiter, found.header) == ("||", True)
    assert guess_mapping(found).roles == {
        "id": "id", "caption": "caption", "category_name": "category", "ocr": "ocr", "asr": "speech",
    }  # fmt: skip
