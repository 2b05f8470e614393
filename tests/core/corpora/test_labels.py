"""Label files: names of places and codes."""

import json

import pytest

from core.corpora.labels import attach_labels, read_labels
from core.corpora.mapping import Mapping
from core.errors import InvalidInput


def written(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content", "labels"),
    [
        ("tags.txt", "guitar\r\nlow, soft\r\n\r\npiano\r\n", ("guitar", "low, soft", "piano")),
        ("header.tsv", "guitar\tpiano\tno voice\n", ("guitar", "piano", "no voice")),
        ("list.json", ["guitar", "piano"], ("guitar", "piano")),
        ("list.txt", "['guitar', \"don't\"]", ("guitar", "don't")),
        ("places.json", {"0": "guitar", "1": "piano"}, ("guitar", "piano")),
        ("by_name.json", {"piano": 1, "guitar": 0}, ("guitar", "piano")),
        ("one.csv", "tag\nguitar\npiano\n", ("guitar", "piano")),
        ("table.csv", "index,name\n1,guitar\n2,piano\n", ("guitar", "piano")),
        ("bare.csv", "0,guitar\n1,piano\n", ("guitar", "piano")),
        ("ontology.json", [{"id": "/m/1", "name": "Music"}], {"/m/1": "Music"}),
        ("codes.json", {"/m/1": "Music", "/m/2": "Bell, ring"}, {"/m/1": "Music", "/m/2": "Bell, ring"}),
        (
            "class_labels_indices.csv",
            'index,mid,display_name\n0,/m/1,"Speech, male"\n1,/m/2,Music\n',
            {"/m/1": "Speech, male", "/m/2": "Music"},
        ),
    ],
)
def test_labels_are_read_in_the_ways_people_write_them(tmp_path, name, content, labels):
    assert read_labels(written(tmp_path, name, content)) == labels


def test_a_file_without_labels_is_refused(tmp_path):
    for content in ({"train_track": []}, "[1"):
        with pytest.raises(InvalidInput):
            read_labels(written(tmp_path, "labels.json", content))


def test_labels_go_to_the_columns_that_they_fit():
    rows = [{"v": "[0, 1, 0]", "codes": "/m/1,/m/2", "words": "rock, pop"}]
    mapping = Mapping({"v": "given", "codes": "keep", "words": "given"}, {"v": "vector", "words": "comma"})
    assert dict(attach_labels(mapping, ("a", "b", "c"), rows, "l").labels) == {"v": ("a", "b", "c")}
    assert dict(attach_labels(mapping, {"/m/1": "Music"}, rows, "l").labels) == {"codes": {"/m/1": "Music"}}
    with pytest.raises(InvalidInput, match=r"l names 2 labels, but the vectors in the file have 3 places"):
        attach_labels(mapping, ("a", "b"), rows, "l")
    columns = Mapping({"tag_1": "flag", "tag_2": "flag"})
    assert dict(attach_labels(columns, ("a", "b"), [], "l").labels) == {
        "tag_1": {"tag_1": "a"},
        "tag_2": {"tag_2": "b"},
    }
