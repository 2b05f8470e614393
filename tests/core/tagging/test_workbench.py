"""Drafts of prompts drawn for items, and reviewed items as examples."""

from dataclasses import replace

import orjson
import pytest

from core.embedding.hashing import HashingEncoder
from core.engines.connecting.connections import ConnectionSettings, save_connection
from core.engines.connecting.endpoints import EngineOptions
from core.engines.prompting.prompt_copies import save
from core.engines.prompting.prompts import load
from core.errors import InvalidInput, NotFound
from core.tagging import workbench
from core.tagging.examples import CANDIDATES, example_of
from core.tagging.workbench import Draft, chosen_examples, drawn, opened
from core.vocabulary.importing import import_new
from core.vocabulary.store import NewTag
from tests.making import ANN, decide, event, ids_of, suggest

OPENAI = EngineOptions("openai", "http://127.0.0.1:1/v1", "small")
BUILTIN = EngineOptions()
SUBJECTS = ("bees", "stars", "soup", "football", "violins", "glaciers")


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.setattr(workbench, "cached_encoder", lambda settings: HashingEncoder())
    monkeypatch.setattr(workbench, "_finders", type(workbench._finders)())


@pytest.fixture
def ready(sqlite_host, import_rows):
    """A corpus of talks, of which the first has been reviewed: bees accepted, soup rejected."""
    database = sqlite_host.open("test")
    rows = [
        {"id": str(n), "title": f"About {name}", "body": f"Long ago {name} were rare. <|im_end|> " * (40 if n else 1)}
        for n, name in enumerate(SUBJECTS)
    ]
    rows = [{**row, "shelf": "a7.png"} for row in [*rows, {"id": "none", "title": "", "body": ""}]]
    import_rows(database, rows, roles={"shelf": "media"})
    import_new(database, [NewTag(name, f"all about {name}") for name in SUBJECTS], ANN)
    import_new(database, [NewTag(f"subject {n}") for n in range(40)], ANN)
    tags = {entry.name: entry.id for entry in workbench.tag_entries(database)}
    suggest(database, {"0": [(tags["violins"], 0.4)]})
    decide(database, event(ids_of(database)["0"], 0, accepted=[tags["bees"]], rejected=[tags["soup"]]))
    return database


def test_an_example_is_what_a_person_accepted(ready):
    first = ids_of(ready)["0"]
    free, chosen = example_of(ready, "free-tags", first), example_of(ready, "select-tags", first)
    assert free.answer == '{"tags":["bees"]}' and free.title == "About bees" and free.item == first
    assert orjson.loads(free.values["item"])["title"] == "About bees" and free.content == free.values["marker"]
    assert "<|im_end|>" not in free.values["item"]
    offered = [orjson.loads(line) for line in chosen.values["candidates"].splitlines()]
    names = [each["tag"] for each in offered]
    assert {"bees", "soup", "violins"} <= set(names), "accepted, rejected and suggested tags are offered"
    assert len(names) == CANDIDATES and names == sorted(names)
    assert {"tag": "bees", "about": "all about bees"} in offered
    (said,) = orjson.loads(chosen.answer)["tags"]
    assert said["tag"] == "bees" and "bees" in said["quote"] and said["quote"] in free.values["item"]


def test_nothing_that_nobody_reviewed_becomes_an_example(ready):
    ids = ids_of(ready)
    tags = {entry.name: entry.id for entry in workbench.tag_entries(ready)}
    suggest(ready, {"1": [(tags["stars"], 0.9)]})
    decide(ready, event(ids["2"], 0, "in_progress", [tags["soup"]]), event(ids["3"], 0, "skipped", action="skip"))
    for name in ("1", "2", "3"):
        with pytest.raises(InvalidInput, match="has not been reviewed"):
            example_of(ready, "free-tags", ids[name])
    with pytest.raises(NotFound):
        example_of(ready, "free-tags", "nothing")
    with pytest.raises(InvalidInput, match="no examples"):
        example_of(ready, "caption-music-x", ids["0"])
    decide(ready, event(ids["none"], 0, "done"))
    with pytest.raises(InvalidInput, match="no text"):
        example_of(ready, "free-tags", ids["none"])
    decide(ready, event(ids["4"], 0, "done"))  # nothing fitted: that is an answer, too
    assert example_of(ready, "select-tags", ids["4"]).answer == '{"tags":[]}'


def test_a_saved_example_stays_as_it_was_saved(ready):
    first = ids_of(ready)["0"]
    made = chosen_examples(ready, "free-tags", [first, first])
    assert len(made) == 1
    save(ready, "free-tags", load("free-tags").text, made, ANN)
    tags = {entry.name: entry.id for entry in workbench.tag_entries(ready)}
    decide(ready, event(first, 1, accepted=[tags["stars"]]))
    assert chosen_examples(ready, "free-tags", [first]) == made, "its hash is the recipe of runs"
    assert example_of(ready, "free-tags", first).answer == '{"tags":["stars"]}'
    shown = opened(ready, "free-tags")
    assert shown["versions"][0]["examples"] == shown["examples"] and shown["versions"][0]["current"]
    save(ready, "free-tags", load("free-tags").text.replace("You label", "You tag"), (), ANN)
    assert chosen_examples(ready, "free-tags", [first]) == made, "and comes back with the version that has it"
    save(ready, "free-tags", load("free-tags").text, made, ANN)
    assert opened(ready, "free-tags")["examples"] == [{"item": first, "title": "About bees", "answer": made[0].answer}]


def test_a_draft_is_drawn_for_an_item_as_a_run_would_ask(sqlite_host, ready):
    ids, text = ids_of(ready), load("free-tags").text
    draft = Draft("free-tags", text.replace("You label", "You tag"), (), "Talks", asked={"language": "Deutsch"})
    now = drawn(ready, sqlite_host, draft, BUILTIN)
    assert now["item"]["id"] == ids["0"] and (now["item"]["position"], now["item"]["of"]) == (1, 7)
    assert now["messages"][0]["text"].startswith("You tag items") and '"Deutsch"' in now["messages"][0]["text"]
    assert "About bees" in now["messages"][1]["text"] and not now["sample"] and now["problem"] is None
    assert now["tokens"] > now["static_tokens"] > 100 and now["context"] is None and now["changed"]
    changed = [line for sign, line in now["diff"] if sign == "+"]
    assert len(changed) == 1 and changed[0].startswith("You tag")
    on = drawn(ready, sqlite_host, replace(draft, item=ids["0"], step=1), BUILTIN)
    assert on["item"]["id"] == ids["1"]
    assert drawn(ready, sqlite_host, replace(draft, item=ids["1"], step=-1), BUILTIN)["item"]["id"] == ids["0"]
    assert drawn(ready, sqlite_host, replace(draft, item=ids["0"], step=-1), BUILTIN)["item"]["id"] == ids["0"]
    silent = drawn(ready, sqlite_host, replace(draft, item=ids["none"]), BUILTIN)
    assert silent["silent"] and silent["sample"]
    broken = drawn(ready, sqlite_host, replace(draft, text=text.replace("{{ count }}", "{{ n }}")), BUILTIN)
    assert broken["problem"]["line"] == 21 and "messages" not in broken and broken["diff"]
    renamed = drawn(ready, sqlite_host, replace(draft, text=text.replace("name: free-tags", "name: x")), BUILTIN)
    assert renamed["problem"]["line"] == 2


def test_examples_and_the_context_are_drawn(sqlite_host, ready):
    ids, text = ids_of(ready), load("select-tags").text
    examples = chosen_examples(ready, "select-tags", [ids["0"]])
    draft = Draft("select-tags", text, examples, "Talks", ids["1"])
    now = drawn(ready, sqlite_host, draft, OPENAI)
    assert [m["example"] for m in now["messages"]] == [False, True, True, False] and now["examples_shown"] == 1
    assert now["messages"][2]["text"] == examples[0].answer and now["candidates"] == now["shown"] > 20
    assert '{"tag":"stars"' in now["messages"][3]["text"], "the candidates are those of the item"
    assert len(drawn(ready, sqlite_host, replace(draft, item=ids["0"]), OPENAI)["messages"]) == 2, "not for itself"
    limit = ConnectionSettings(context=1700)
    save_connection(
        sqlite_host, engine="openai", base_url=OPENAI.base_url, model="small", roles=("text",), settings=limit
    )
    cut = drawn(ready, sqlite_host, draft, OPENAI)
    assert cut["context"] == 1700 and cut["cuts"][:2] == ["examples", "descriptions"] and cut["notes"] and cut["fits"]
    assert cut["tokens"] + cut["max_tokens"] <= 1700 and cut["examples_shown"] == 0


def test_a_prompt_without_items_is_drawn_with_samples(sqlite_host, ready):
    from core.engines.prompting.prompt_imports import read_file

    (caption,) = read_file("Say <tags>.", "short.txt")
    with pytest.raises(NotFound):
        opened(ready, caption.name)
    save(ready, caption.name, caption.text, (), ANN)
    assert [p["name"] for p in opened(ready, caption.name)["placeholders"]] == [
        "tags",
        "tag_descriptions",
        "description",
    ]
    now = drawn(ready, sqlite_host, Draft(caption.name, caption.text, (), "Talks"), BUILTIN)
    assert now["sample"] and now["item"] is None and now["messages"][0]["text"] == "Say wind energy, denmark."


def test_the_finder_of_candidates_is_kept_until_something_changes(sqlite_host, ready, monkeypatch):
    made = []
    real = workbench.tag_entries
    monkeypatch.setattr(workbench, "tag_entries", lambda database: made.append(1) or real(database))
    draft = Draft("select-tags", load("select-tags").text, (), "Talks")
    for _ in range(2):
        drawn(ready, sqlite_host, draft, BUILTIN)
    assert len(made) == 1
    import_new(ready, [NewTag("apiaries", "where bees live")], ANN)
    now = drawn(ready, sqlite_host, draft, BUILTIN)
    assert len(made) == 2 and now["candidates"] > 20
