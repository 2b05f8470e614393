"""A project's own prompts: versions that stay, a hash that finds its text, files in and out."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.prompting import prompts
from core.engines.prompting.prompt_copies import (
    MOST_EXAMPLES,
    described,
    differences,
    examples_now,
    history,
    keep,
    names_of,
    of_job,
    of_project,
    reset,
    save,
    text_of,
)
from core.engines.prompting.prompt_imports import export_text, read_file
from core.engines.prompting.prompts import Example, load, read_prompt
from core.errors import InvalidInput, NotFound
from core.store.runs import Recipe, start_run
from tests.making import ANN, corpus_of

EXAMPLE = Example("i1", "Bees", {"item": '{"title":"Bees"}', "marker": "item-1"}, '{"tags":["bees"]}', "item-1")
MINE = load("free-tags").text.replace("You label items", "You label the items of a library")


def test_a_copy_is_used_until_it_is_reset_and_every_hash_finds_its_text(database):
    shipped = load("free-tags")
    assert of_project(database, "free-tags") == shipped and history(database, "free-tags") == []
    first = save(database, "free-tags", MINE, (), ANN)
    assert save(database, "free-tags", MINE, (), ANN).id == first.id, "saving the same again makes no version"
    used = of_project(database, "free-tags")
    assert (used.text, used.hash, used.examples) == (MINE, first.hash, ()) and first.shipped_hash == shipped.hash
    second = save(database, "free-tags", MINE, (EXAMPLE,), ANN)
    assert second.hash != first.hash and of_project(database, "free-tags").examples == (EXAMPLE,)
    assert [(v.hash, v.current) for v in history(database, "free-tags")] == [(second.hash, True), (first.hash, False)]
    reset(database, "free-tags")
    assert of_project(database, "free-tags") == shipped and examples_now(database, "free-tags") == ()
    for version in (first, second):
        found = text_of(database, version.hash)
        assert found.prompt() == replace(read_prompt(MINE, ""), examples=version.examples, hash=version.hash)
    assert text_of(database, shipped.hash).text == shipped.text and text_of(database, "0" * 16) is None
    again = save(database, "free-tags", MINE, (), ANN)
    save(database, "free-tags", shipped.text, (), ANN)  # saving the shipped text is a reset
    assert not described(database, "free-tags")["copy"] and text_of(database, again.hash).text == MINE


def test_a_run_that_goes_on_asks_with_the_words_it_began_with(database, import_rows):
    import_rows(database, [{"id": "1", "title": "Bees"}])

    def begin(job):
        prompt = of_job(database, "free-tags", job)
        recipe = Recipe("tags", "generative", "openai", "m", {}, prompt=prompt.name, prompt_hash=prompt.hash)
        database.write(lambda c: start_run(c, corpus_of(database).pk, recipe, ANN, job))
        return prompt

    began = begin("job-1")
    save(database, "free-tags", MINE, (EXAMPLE,), ANN)
    assert begin("job-2").hash != began.hash == of_job(database, "free-tags", "job-1").hash
    reset(database, "free-tags")
    assert of_job(database, "free-tags", "job-2").examples == (EXAMPLE,)
    assert of_job(database, "free-tags", "job-3") == load("free-tags")


def test_the_text_of_a_run_is_kept_over_an_update(sqlite_host, tmp_path, monkeypatch):
    database = sqlite_host.open("test")
    began = of_job(database, "free-tags", None)
    save(database, "free-tags", MINE, (), ANN)
    changed = began.text.replace("version: 2", "version: 3").replace("You label", "You tag")
    (tmp_path / "free-tags.md").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(prompts, "FOLDER", tmp_path)
    load.cache_clear()
    try:
        assert load("free-tags").hash != began.hash
        assert text_of(database, began.hash).text == began.text
        assert described(database, "free-tags")["shipped_changed"]
        save(database, "free-tags", MINE.replace("library", "museum"), (), ANN)  # made in sight of the new one
        assert not described(database, "free-tags")["shipped_changed"]
    finally:
        load.cache_clear()


def test_what_cannot_be_saved(sqlite_host):
    database = sqlite_host.open("test")
    with pytest.raises(InvalidInput, match="line 21"):
        save(database, "free-tags", MINE.replace("{{ count }}", "{{ n }}"), (), ANN)
    with pytest.raises(InvalidInput, match="calls this prompt “free-tags”"):
        save(database, "select-tags", MINE, (), ANN)
    with pytest.raises(InvalidInput, match="no kind of prompt"):
        save(database, "poems", MINE.replace("free-tags", "poems"), (), ANN)
    with pytest.raises(InvalidInput, match="at most"):
        many = tuple(replace(EXAMPLE, item=str(n)) for n in range(MOST_EXAMPLES + 1))
        save(database, "free-tags", MINE, many, ANN)
    (caption,) = read_file("A caption for <tags>", "short.txt")
    with pytest.raises(InvalidInput, match="no examples"):
        save(database, caption.name, caption.text, (EXAMPLE,), ANN)
    for name in ("nothing", "../secret", ""):
        with pytest.raises(NotFound):
            of_project(database, name)
        with pytest.raises(NotFound):
            reset(database, name)
    assert names_of(database)[:2] == ["free-tags", "select-tags"] and history(database, "free-tags") == []


def test_a_copy_that_this_version_cannot_run_is_said(sqlite_host):
    database = sqlite_host.open("test")
    text = MINE.replace("{{ count }}", "{{ count }} {{ of_tomorrow }}")
    from core.engines.prompting import prompt_copies

    database.write(lambda c: prompt_copies._add(c, "free-tags", text, (), "h", current=1, person=ANN))
    with pytest.raises(InvalidInput, match="copy of “free-tags”, line 21: there is no placeholder “of_tomorrow”"):
        of_project(database, "free-tags")
    assert "of_tomorrow" in described(database, "free-tags")["problem"]
    reset(database, "free-tags")
    assert of_project(database, "free-tags") == load("free-tags")


def test_keeping_a_text_twice_keeps_it_once(sqlite_host):
    database = sqlite_host.open("test")
    for _ in range(3):
        keep(database, load("select-tags"))
    assert history(database, "select-tags") == [] and text_of(database, load("select-tags").hash).id == 1


# files


def test_an_exported_prompt_comes_back_as_it_was(sqlite_host):
    database = sqlite_host.open("test")
    saved = save(database, "free-tags", MINE, (EXAMPLE,), ANN)
    (back,) = read_file(export_text(of_project(database, "free-tags")), "free-tags.md")
    assert (back.name, back.text, back.examples) == ("free-tags", MINE, (EXAMPLE,))
    assert save(database, back.name, back.text, back.examples, ANN).id == saved.id
    (plain,) = read_file(export_text(load("select-tags")).replace("\n", "\r\n"), "x.md")
    assert plain.text == load("select-tags").text and plain.examples == ()


ALPACA = """### Instruction:
Describe the picture {{in detail}}. {% never %} mention this.


### Input:
Tags: <tags>
<tag_descriptions>
[user]
Seen: <description>
<other>
### Response:"""


def test_a_template_of_another_tool_is_taken_as_it_is(sqlite_host):
    database = sqlite_host.open("test")
    (found,) = read_file(ALPACA, "Long Caption.template.txt")
    assert found.name == "caption-image-long-caption-template"
    save(database, found.name, found.text, (), ANN)
    prompt = of_project(database, found.name)
    values = {"tags": "a, {{ b }}", "tag_descriptions": "a: an a", "description": "<tags>"}
    (message,) = prompt.render(**values)
    wanted = ALPACA.replace("<description>", "<D>").replace("<tags>", values["tags"])
    wanted = wanted.replace("<tag_descriptions>", "a: an a").replace("<D>", "<tags>")
    assert message == {"role": "user", "content": wanted} and prompt.schema is None
    assert found.name in names_of(database)
    assert described(database, found.name)["kind"] == "caption-image"
    reset(database, found.name)  # there is no shipped one to go back to: it is put away, and its versions stay
    assert found.name not in names_of(database) and history(database, found.name)[0].text == found.text
    (tag,) = read_file("What is <tag>?\n<wiki>", "t.txt")
    assert tag.name == "describe-tag-t" and "{{ tag }}" in tag.text and "{{ wiki }}" in tag.text


def test_instructions_by_style_become_prompts_for_one_tag_and_for_several():
    styles = {
        "first one": {"singular": "One thing: {x}", "plural": "Many things."},
        "second": {"singular": "1", "plural": "2"},
    }
    found = {each.name: read_prompt(each.text, each.name) for each in read_file(json.dumps(styles), "instruction.json")}
    assert list(found) == ["caption-music-first-one", "caption-music-second"]
    prompt = found["caption-music-first-one"]
    assert prompt.render(tags="bells", count=1)[0]["content"] == "One thing: {x}\nbells"
    assert prompt.render(tags="bells, drums", count=2)[0]["content"] == "Many things.\nbells, drums"


@pytest.mark.parametrize(
    ("text", "name", "cause"),
    [
        ("", "", "is empty"),
        ("Write something nice.", "", "names none of the placeholders"),
        ("<tags> and <wiki>", "", "nothing fills all of these in"),
        ("<tags>", "poem-x", "no kind of prompt"),
        ("{}", "", "0 styles"),
        ('{"a": {"singular": "x"}}', "", "style “a”"),
        ('{"a": "x"}', "", "style “a”"),
        ('{"A b": {"singular": "x", "plural": "y"}, "a-B": {"singular": "x", "plural": "y"}}', "", "two styles"),
        ("---\nname: free-tags\n", "", "front matter"),
        (load("free-tags").text.replace("{{ item }}", ""), "", "mine.txt, line 37"),
        (load("free-tags").text.replace("---\n", "---\nexamples: [{}]\n", 1), "", "examples cannot be read"),
        ("<tags>" * 100_000, "", "longer than"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(text, name, cause):
    with pytest.raises(InvalidInput) as refused:
        read_file(text, "mine.txt", name)
    assert cause in refused.value.message and "mine.txt" in str(refused.value) and refused.value.remedy


@given(st.text(st.sampled_from("{}%#[]<>\n -usertag\"'"), max_size=60))
def test_every_template_means_itself(text):
    whole = f"x {text} y <tags>"
    try:
        (found,) = read_file(whole, "t.txt")
    except InvalidInput:
        assert "<tag>" in whole or "<user>" in whole
        return
    (message,) = read_prompt(found.text, "t").render(tags="T", tag="T", wiki="", tag_descriptions="", description="")
    assert message["content"] == whole.replace("<tags>", "T").replace("<tag>", "T")


def test_differences_are_told_line_by_line():
    assert differences("a\nb\nc", "a\nx\nc") == [(" ", "a"), ("-", "b"), ("+", "x"), (" ", "c")]
