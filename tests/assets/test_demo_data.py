"""The demo project's own data is complete, consistent and reproducible."""

import csv
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "assets" / "demo"
PICTURES = sorted((DEMO / "images").glob("*.png"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SPANISH = re.compile(r"\b(el|los|las|una|que|con|por)\b", re.IGNORECASE)


def read_jsonl(name: str) -> list[dict]:
    return [json.loads(line) for line in (DEMO / name).read_text(encoding="utf-8").splitlines()]


def read_csv(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def stories() -> list[dict]:
    return read_jsonl("stories.jsonl")


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in read_csv("vocabulary.csv")}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("stories.jsonl", ["id", "title", "description", "category", "ocr", "speech", "tags", "link"]),
        ("music.jsonl", ["id", "title", "artist", "tags", "absent"]),
        ("shop_items.jsonl", ["id", "title", "description", "brand", "category"]),
    ],
)
def test_rows_have_their_fields_and_unique_ids(name: str, fields: list[str]) -> None:
    rows = read_jsonl(name)
    assert len(rows) == (60 if name == "stories.jsonl" else 40)
    assert all(list(row) == fields for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["title"] for row in rows}) == len(rows)


def test_stories_are_filled_and_some_clues_are_missing(stories: list[dict]) -> None:
    assert all(story["title"] and story["description"] and story["category"] for story in stories)
    assert all(story["link"] == f"https://example.org/stories/{story['id']}" for story in stories)
    for clue in ("ocr", "speech"):
        assert 3 <= sum(not story[clue] for story in stories) <= 12
    assert 6 <= len({story["category"] for story in stories}) <= 10


def test_stories_in_three_languages(stories: list[dict]) -> None:
    chinese = [story for story in stories if CHINESE.search(story["title"])]
    spanish = [story for story in stories if len(SPANISH.findall(story["description"])) >= 3]
    assert len(chinese) >= 3
    assert len(spanish) >= 3
    assert all(CHINESE.search(story["description"] + story["ocr"] + story["speech"]) for story in chinese)


def test_gold_tags_come_from_the_vocabulary(stories: list[dict], vocabulary: dict[str, dict[str, str]]) -> None:
    used = Counter(tag for story in stories for tag in story["tags"])
    assert set(used) <= set(vocabulary)
    assert all(3 <= len(set(story["tags"])) == len(story["tags"]) <= 7 for story in stories)
    assert min(used.values()) >= 2
    assert sum(count >= 3 for count in used.values()) >= 40
    assert len(set(vocabulary) - set(used)) == 8


def test_gold_is_partly_literal_and_partly_meant(stories: list[dict], vocabulary: dict[str, dict[str, str]]) -> None:
    literal = 0
    for story in stories:
        text = " ".join(story[field] for field in ("title", "description", "ocr", "speech")).lower()
        for tag in story["tags"]:
            names = [tag, *filter(None, vocabulary[tag]["aliases"].split("|"))]
            literal += any(name.lower() in text for name in names)
    share = literal / sum(len(story["tags"]) for story in stories)
    assert 0.45 <= share <= 0.75


def test_vocabulary_has_two_levels_and_no_clashes(vocabulary: dict[str, dict[str, str]]) -> None:
    rows = read_csv("vocabulary.csv")
    assert list(rows[0]) == ["name", "description", "aliases", "parent"]
    assert len(rows) == len(vocabulary)
    assert all(row["description"] for row in rows)
    parents = {row["parent"] for row in rows if row["parent"]}
    assert parents <= set(vocabulary)
    assert all(not vocabulary[parent]["parent"] for parent in parents)
    words = Counter(word.casefold() for row in rows for word in [row["name"], *row["aliases"].split("|")] if word)
    assert [word for word, count in words.items() if count > 1] == []


def test_every_picture_opens_and_has_tags() -> None:
    assert len(PICTURES) == 12
    for path in PICTURES:
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (512, 384))
        assert path.stat().st_size < 40_000
        tags = path.with_suffix(".txt").read_text(encoding="utf-8").strip().split(", ")
        assert len(tags) == len(set(tags)) >= 6
        assert all(re.fullmatch(r"[a-z ]+", tag) for tag in tags)


def test_generator_reproduces_the_committed_pictures(tmp_path: Path) -> None:
    # -B: the program's import of its neighbour must leave no bytecode among the assets.
    command = [sys.executable, "-B", str(DEMO / "draw_images.py"), str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [path.name for path in PICTURES]
    for path in PICTURES:
        drawn = tmp_path / "out" / path.name
        with Image.open(path) as committed, Image.open(drawn) as again:
            assert ImageChops.difference(committed, again).getbbox() is None, path.name
        sidecar = path.with_suffix(".txt")
        assert sidecar.read_bytes() == drawn.with_suffix(".txt").read_bytes(), sidecar.name


def test_generator_refuses_what_it_does_not_know() -> None:
    command = [sys.executable, "-B", str(DEMO / "draw_images.py"), "--help-me", "please"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage:")


def test_music_tags_are_consistent() -> None:
    for track in read_jsonl("music.jsonl"):
        tags, absent = track["tags"], track["absent"]
        assert track["title"] and track["artist"]
        assert 4 <= len(tags) <= 10 and len(absent) <= 2
        assert len(set(tags)) == len(tags)
        assert not set(tags) & set(absent)
        if "instrumental" in tags:
            assert not any("vocals" in tag for tag in tags)


def test_history_names_known_items_in_order_of_time() -> None:
    items = {row["id"]: row for row in read_jsonl("shop_items.jsonl")}
    assert all(" > " in item["category"] and item["brand"] for item in items.values())
    history = read_csv("shop_history.csv")
    assert list(history[0]) == ["user", "item", "timestamp"]
    assert {row["item"] for row in history} == set(items)
    times = [datetime.fromisoformat(row["timestamp"]) for row in history]
    assert times == sorted(times)
    assert {time.year for time in times} == {2025}
    purchases = Counter(row["user"] for row in history)
    assert len(purchases) == 60
    assert all(4 <= count <= 9 for count in purchases.values())


def test_history_shows_interests() -> None:
    """Neighbouring purchases share a category far more often than purchases of different people do."""
    shelf = {row["id"]: row["category"] for row in read_jsonl("shop_items.jsonl")}
    baskets: dict[str, list[str]] = {}
    for row in read_csv("shop_history.csv"):
        baskets.setdefault(row["user"], []).append(shelf[row["item"]])
    neighbours = [first == second for basket in baskets.values() for first, second in itertools.pairwise(basket)]
    everything = [category for basket in baskets.values() for category in basket]
    by_chance = sum((count / len(everything)) ** 2 for count in Counter(everything).values())
    assert sum(neighbours) / len(neighbours) > 3 * by_chance
