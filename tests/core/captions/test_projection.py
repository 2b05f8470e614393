"""Which caption of an item counts as its newest."""

import orjson
from sqlalchemy import select

from core.captions.projection import Caption, project
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import item_caption, suggestion
from tests.captioning import import_songs, song
from tests.making import ANN, corpus_of, rows_of

ROW = {"field": "caption.writing", "score": 1.0, "rank": 1, "evidence": "[]", "validity": "valid", "detail": "{}"}


def test_the_newest_caption_counts_and_a_failure_takes_none_away(database, import_rows):
    import_songs(import_rows, database, [song("a"), song("b")])
    corpus = corpus_of(database, "Songs")
    a, b = (row.pk for row in rows_of(database, "Songs"))

    def begin(connection):
        return start_run(connection, corpus.pk, Recipe("captions", "writing", "builtin", "builtin", {}), ANN, None)

    def say(run, pk, text, verdict="pass", reasons=()):
        rows = [{**ROW, "value": text}] if text else []
        answer = Answer(pk, "ok" if text else "failed", None if text else "It did not answer.", rows)
        caption = Caption("writing", answer, verdict if text else "none", list(reasons) or [answer.error])

        def write(connection):
            store_answers(connection, run, [answer])
            project(connection, corpus.pk, run, [caption])

        database.write(write)

    def newest():
        query = select(item_caption, suggestion.c.value).outerjoin(
            suggestion, suggestion.c.pk == item_caption.c.suggestion
        )
        with database.read() as connection:
            rows = connection.execute(query)
            return {row.item: (row.run, row.value, row.verdict, orjson.loads(row.reasons)) for row in rows}

    first, second, third = (database.write(begin) for _ in range(3))
    say(first, a, "One.", "fail", ["negation"])
    say(first, b, "")
    assert newest() == {a: (first, "One.", "fail", ["negation"]), b: (first, None, "none", ["It did not answer."])}
    say(second, a, "")
    say(third, b, "Three.")
    assert newest()[a][:2] == (first, "One.") and newest()[b][:3] == (third, "Three.", "pass")
    say(second, b, "Two.")
    assert newest()[b][:2] == (third, "Three."), "an older run that ends later does not count"
    say(second, a, "Two.")
    assert newest()[a][:2] == (second, "Two."), "asked again after it failed"
