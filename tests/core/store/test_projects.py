import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, NotFound, StoreError
from core.settings import Settings
from core.store.projects import Host, slugify
from core.store.schema import tag
from tests.making import add_tags, count


def test_projects_are_found_by_slug_and_by_name(host):
    made = host.create_project("My Talks!")
    assert made.slug == "my-talks"
    assert host.project("my-talks") == host.project("My Talks!") == made
    assert [p.slug for p in host.projects()] == ["test", "my-talks"]
    assert host.ensure_project("My Talks!") == made
    assert host.ensure_project("fresh").slug == "fresh"


def test_an_unknown_project_names_those_that_exist(host):
    with pytest.raises(NotFound) as unknown:
        host.project("nope")
    assert "nope" in unknown.value.message and "test" in unknown.value.remedy
    with pytest.raises(NotFound):
        host.open("nope")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "test", "Test", " TEST "])
def test_unusable_and_taken_project_names(host, name):
    with pytest.raises(InvalidInput) as refused:
        host.create_project(name)
    assert refused.value.remedy


@given(st.text(max_size=60))
def test_a_slug_is_always_a_plain_name(name):
    slug = slugify(name)
    assert 1 <= len(slug) <= 40
    assert slug.isascii() and all(c.isalnum() or c == "-" for c in slug) and slug == slug.lower().strip("-")


def test_names_in_other_scripts_get_a_slug(host):
    first, second = host.create_project("演讲"), host.create_project("音乐")
    assert first.slug != second.slug
    assert host.project("演讲") == first
    host.open("音乐")


def test_an_open_database_is_shared_and_names_lead_to_the_same(host):
    host.create_project("My Talks")
    assert host.open("my-talks") is host.open("My Talks") is host.open("my-talks")


def test_threads_that_open_a_project_at_once_get_one_database(host):
    host.create_project("Shared")
    host._open.clear()
    found, ready = [], threading.Barrier(8)

    def work():
        ready.wait()
        found.append(host.open("shared"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8 and len(set(map(id, found))) == 1


def test_everything_is_there_again_after_a_restart(settings):
    host = Host(settings)
    host.create_project("Kept")
    add_tags(host.open("kept"), "jazz")
    person = host.add_person("  Ann   Lee ")
    host.setting("colour", "blue")
    host.close()
    again = Host(settings)
    assert count(again.open("kept"), tag) == 1
    assert again.person(person.id) == person and person.name == "Ann Lee"
    assert again.setting("colour", "red") == "blue"
    assert again.person("nobody") is None
    again.close()


@pytest.mark.parametrize("name", ["", " \n", "x" * 61])
def test_unusable_people_names(host, name):
    with pytest.raises(InvalidInput):
        host.add_person(name)


def test_people_are_listed_in_the_order_they_came(host):
    for name in ("Cy", "Ann", "Ann"):
        host.add_person(name)
    assert [p.name for p in host.people()] == ["Cy", "Ann", "Ann"]
    assert len({p.id for p in host.people()}) == 3


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError) as failed:
        Host(Settings(home=tmp_path / "file" / "home"))
    assert "TAGLOOM_HOME" in failed.value.remedy


def test_a_file_that_is_no_database_is_a_sentence(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "tagloom.db").write_bytes(os.urandom(8192))
    with pytest.raises(StoreError) as failed:
        Host(Settings(home=home))
    assert failed.value.message and failed.value.remedy


def test_a_server_that_does_not_answer_is_a_sentence_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as failed:
        Host(Settings(home=tmp_path / "home", database_url="postgresql://me:secret@127.0.0.1:1/nothing"))
    assert failed.value.remedy and "secret" not in str(failed.value)


def test_projects_on_postgres_are_schemas_of_their_own(postgres, empty_postgres, tmp_path):
    host = Host(Settings(home=tmp_path / "home", database_url=empty_postgres))
    one, two = host.create_project("One"), host.create_project("One two")
    add_tags(host.open(one.slug), "jazz")
    assert (count(host.open(one.slug), tag), count(host.open(two.slug), tag)) == (1, 0)
    with host.database.read() as connection:
        schemas = set(
            connection.exec_driver_sql(
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'tagloom%%'"
            ).scalars()
        )
    assert schemas == {"tagloom", "tagloom_one", "tagloom_one_two"}
    host.close()


@pytest.mark.parametrize("names", [("AI/ML", "AI ML", "ai-ml!"), tuple("a long name " * 5 + end for end in "xyz")])
def test_names_that_come_down_to_one_slug_are_projects_of_their_own(host, names):
    made = [host.create_project(name) for name in names]
    slugs = [project.slug for project in made]
    assert len(set(slugs)) == 3 and all(len(slug) <= 40 and slug == slug.strip("-") for slug in slugs)
    assert [host.project(name) for name in names] == made == [host.project(slug) for slug in slugs]
    databases = [host.open(slug) for slug in slugs]
    add_tags(databases[0], "only in the first")
    assert [count(database, tag) for database in databases] == [1, 0, 0]
    with pytest.raises(InvalidInput, match="exists already"):
        host.create_project(names[0])


def test_a_slug_is_found_before_a_name(host):
    host.create_project("AI ML")
    second = host.create_project("AI/ML")
    named = host.create_project(second.slug)  # a project may be named like another one's slug
    assert host.project(second.slug) == second and host.project(named.slug) == named


def test_two_processes_make_projects_of_one_slug_at_once(host):
    names = ["A B", "A-B", "A/B", "A_B", "A.B", "a b!"]
    made = []
    threads = [threading.Thread(target=lambda name=name: made.append(host.create_project(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({project.slug for project in made}) == len(names)
