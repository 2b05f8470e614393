"""Reviewing captions in a real browser, on the same surface as tags: by keys, in the text, and after a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from playwright.sync_api import Page
from sqlalchemy import select

from core.captions.projection import Caption, project
from core.captions.styles import STYLES, field_of
from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import current, item
from tests import making
from tests.browser.app import App, Work
from tests.browser.conftest import Watch
from tests.browser.steps import all_saved, handled, keys, open_review, reviewed

TAGS = ["calm", "solo piano", "slow tempo", "ballad"]
TEXTS = {
    "writing": "A calm ballad for solo piano at a slow tempo.",
    "summary": "This is a calm solo piano ballad in a slow tempo.",
    "paraphrase": "At a slow tempo, a calm ballad unfolds on solo piano.",
    "attribute_prediction": "A calm solo piano ballad at a slow tempo with warm reverb.",
}
WRONG = "A calm ballad for solo piano and violin at a slow tempo."
OTHER = "Solo piano plays a calm ballad at a slow tempo."


def tracks(work: Work, number: int = 12, references: str = "ignore") -> str:
    """A music corpus with four captions for each track; the second one's writing names a violin that no tag knows, the
    seventh one's has a second candidate. The corpus' id."""
    path = work.app.folder / f"{work.slug}.jsonl"
    rows = [
        {
            "id": f"m-{n:02d}",
            "title": f"Evening {n}",
            "artist": "Ann Example",
            "tags": TAGS,
            "absent": ["drums"],
            "human": f"Somebody plays ballad number {n} on a piano, slow and calm.",
        }
        for n in range(1, number + 1)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    roles = {"tags": "given", "absent": "given", "title": "names", "artist": "names", "human": references}
    mapping = guess_mapping(inspect(path)).changed(roles, rows)
    import_file(work.database, path, name="m.jsonl", corpus_name="Music", mapping=mapping, import_id="1", kind="music")
    caption(work)
    return making.corpus_of(work.database, "Music").id


def caption(work: Work) -> None:
    """A run of each style over the whole corpus, as the captioning job leaves it."""
    corpus = making.corpus_of(work.database, "Music")
    rows = making.rows_of(work.database, "Music")

    def write(connection: Any) -> None:
        for style in STYLES:
            run = start_run(connection, corpus.pk, Recipe("captions", style, "builtin", "builtin", {}), "ann", None)
            captions = []
            for n, row in enumerate(rows, start=1):
                said = [WRONG if (style, n) == ("writing", 2) else TEXTS[style]]
                said += [OTHER] if (style, n) == ("writing", 7) else []
                predicted = ["warm reverb", "rubato"] if style == "attribute_prediction" else []
                detail = orjson.dumps({"predicted": predicted}).decode()
                kept = [
                    {
                        "field": field_of(style),
                        "tag": None,
                        "value": text,
                        "score": 1.0,
                        "rank": rank,
                        "evidence": "[]",
                        "validity": "valid",
                        "detail": detail,
                    }
                    for rank, text in enumerate(said, start=1)
                ]
                captions.append(Caption(style, Answer(row.pk, rows=kept), "fail" if said[0] == WRONG else "pass"))
            store_answers(connection, run, [each.answer for each in captions])
            project(connection, corpus.pk, run, captions)

    work.database.write(write)


def boxes(work: Work) -> dict[str, tuple[str, dict[str, dict[str, Any]]]]:
    """What stands decided: {external id: (status, boxes)}."""
    query = select(current, item.c.external_id).join(item, item.c.pk == current.c.item)
    with work.database.read() as connection:
        rows = connection.execute(query.where(current.c.field == "captions")).all()
    return {row.external_id: (row.status, orjson.loads(row.boxes)) for row in rows}


def area(style: str) -> str:
    return f".tl-cp-box[data-style={style}] textarea"


def test_ten_tracks_reviewed_by_keys(work: Work, page: Page) -> None:
    corpus = tracks(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.wait_for_selector(".tl-cp-box >> nth=3")
    assert page.eval_on_selector_all(".tl-cp-tag", "all => all.map(e => e.dataset.covered)") == ["yes"] * 4
    assert page.locator(".tl-cp-absent").inner_text().split() == ["⊘", "no", "drums"]
    keys(page, ["Enter"])  # 1: as it stands

    # 2: a term that no tag speaks of is marked in the text and told below it; the text is put right by typing
    page.wait_for_function("tagloomReview.current().external_id === 'm-02'")
    mark = page.locator(".tl-cp-box[data-style=writing] .tl-cp-mark.tl-cp-fail")
    assert mark.inner_text().replace("\n", " ").split() == ["✕", "instrument", "violin"]
    reason = page.locator(".tl-cp-box[data-style=writing] .tl-cp-reason.tl-cp-fail")
    assert "violin" in reason.inner_text() and reason.inner_text().startswith("✕")
    reason.click()
    assert "tl-cp-flash" in str(mark.get_attribute("class"))
    keys(page, ["1", "e"])
    page.wait_for_selector(f"{area('writing')}:focus")
    keys(page, ["Control+a"])
    page.keyboard.type("xsunjb1? A calm ballad at a slow tempo")  # none of these is a key while somebody types
    missing = page.locator(".tl-cp-missing-line").first
    missing.wait_for()
    assert "solo piano" in missing.inner_text() and not mark.count()
    page.wait_for_selector(".tl-cp-tag[data-tag='solo piano'][data-covered=missing]")
    assert page.locator(".tl-cp-verdict").first.inner_text() == "! warning"
    assert reviewed(page)["external_id"] == "m-02" and len(work.events()) <= 1
    keys(page, ["Control+a"])
    page.keyboard.type("A calm ballad for solo piano at a slow tempo, put right.")
    keys(page, ["Escape"])
    handled(page)
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    keys(page, ["Enter"])

    keys(page, ["2", "Shift+Digit4", "y", "Enter"])  # 3: stars and a yes
    keys(page, ["3", "n", "Enter"])  # 4: what was called wrong stays wrong
    keys(page, ["x"])  # 5: none is right
    keys(page, ["s", "u", "Enter"])  # 6: skipped, undone, accepted after all
    handled(page)
    assert page.locator(".tl-cp-others summary").inner_text() == "1 other candidate"
    keys(page, ["ArrowRight"])  # 7: the other candidate
    page.wait_for_function(f"document.querySelector('{area('writing')}').value === '{OTHER}'")
    keys(page, ["Enter", "4"])  # 8: a predicted tag is ticked
    page.wait_for_function("tagloomReview.current().external_id === 'm-08'")
    page.click(".tl-cp-predicted button:has-text('rubato')")
    keys(page, ["Enter", "1", "+", "e"])  # 9: an edit that is taken back
    page.wait_for_selector(".tl-cp-chosen[data-style=writing] textarea:focus")
    page.keyboard.type(" And more.")
    keys(page, ["Escape", "u"])
    handled(page)
    assert page.input_value(area("writing")) == TEXTS["writing"]
    keys(page, ["b", "Enter", "Enter"])  # 10: blind
    all_saved(page)
    page.wait_for_selector(".tl-rv-progress >> text=10 of 12")
    page.wait_for_function("tagloomReview.current().external_id === 'm-11'")
    assert not page.locator(".tl-cp-mark, .tl-cp-reason").count()  # blind: nothing tells what the checks say

    found = boxes(work)
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(sorted(found), "done")
    assert sorted(found) == [f"m-{n:02d}" for n in range(1, 11)]
    for name, (_, all_boxes) in found.items():
        assert sorted(all_boxes) == sorted(STYLES), name
        expected = {**TEXTS}
        if name == "m-02":
            expected["writing"] = "A calm ballad for solo piano at a slow tempo, put right."
        if name == "m-07":
            expected["writing"] = OTHER
        assert {style: box["text"] for style, box in all_boxes.items()} == expected, name
        wrong = {"m-04": {"paraphrase"}, "m-05": set(STYLES)}.get(name, set())
        assert {style for style, box in all_boxes.items() if box["valid"] is False} == wrong, name
        assert all(box["valid"] for style, box in all_boxes.items() if style not in wrong), name
    assert found["m-03"][1]["summary"]["stars"] == 4
    assert found["m-09"][1]["writing"]["stars"] == 3
    assert found["m-08"][1]["attribute_prediction"]["taken"] == ["rubato"]
    assert found["m-07"][1]["writing"]["suggestion"] != found["m-08"][1]["writing"]["suggestion"]
    events = work.events()
    assert {event.field for event in events} == {"captions"} and all(event.applied for event in events)
    assert sum(event.blind for event in events) == 1
    edits = [orjson.loads(event.change)["to"] for event in events if event.action == "edit"]
    assert edits.count("text") == 3 and edits.count("taken") == 1
    assert [event.external_id for event in events if event.action == "undo"] == ["m-06", "m-09"]


def test_what_is_typed_survives_a_reload(work: Work, page: Page, watch: Watch) -> None:
    corpus = tracks(work, 4)
    watch.outage = True
    page.route("**/review/decisions*", lambda route: route.abort())
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, ["3", "Shift+Digit5", "Enter", "2", "e"])
    page.wait_for_selector(f"{area('summary')}:focus")
    page.keyboard.type(" Half a sent")  # and the page is gone in the middle of it
    page.wait_for_function("document.querySelector('.tl-rv-saved').textContent.includes('not saved yet')")
    assert work.events() == []
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    assert reviewed(page)["external_id"] == "m-02"
    page.wait_for_function(f"document.querySelector('{area('summary')}').value.endsWith('Half a sent')")
    page.unroute("**/review/decisions*")
    all_saved(page)
    found = boxes(work)
    assert found["m-01"][0] == "done" and found["m-01"][1]["paraphrase"]["stars"] == 5
    assert found["m-02"][1]["summary"]["text"] == f"{TEXTS['summary']} Half a sent"
    keys(page, ["u", "u"])  # undo goes on after the reload
    handled(page)
    all_saved(page)
    found = boxes(work)
    assert found["m-02"][1].get("summary") is None
    assert found["m-01"] == ("in_progress", {"paraphrase": {**found["m-01"][1]["paraphrase"], "stars": 5}})


def test_two_texts_are_compared_blind(work: Work, browse: Callable[..., Page]) -> None:
    corpus = tracks(work, 3)
    page = browse(390, 844, has_touch=True)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.click("text=Compare blind…")
    for n in range(3):
        page.wait_for_selector(f".tl-cmp-head >> text={n} track")
        shown = set(page.locator(".tl-cmp-text p").all_inner_texts())
        assert shown in ({TEXTS["writing"], TEXTS["summary"]}, {WRONG, TEXTS["summary"]})
        head = page.locator(".tl-cmp-text .tl-label").all_inner_texts()
        assert [each.upper() for each in head] == ["TEXT 1", "TEXT 2"]
        if n == 1:  # changed one's mind
            keys(page, ["ArrowLeft", "ArrowLeft", "u"])
            page.wait_for_selector(".tl-cmp-head >> text=1 track")
        page.tap(".tl-cmp-question[data-question=more_true] button[data-value=left]")
        page.tap(".tl-cmp-question[data-question=less_false] button[data-value=same]")
    page.wait_for_selector("text=All tracks that have both are rated")
    all_saved(page)
    page.click("text=See the results")
    page.wait_for_selector(".tl-cmp-table")
    rows = page.locator(".tl-cmp-table >> nth=1").locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[1:4] for row in rows] == [["0", "3", "0"], ["0", "3", "0"]]
    assert [event.action for event in work.events()] == ["accept", "accept", "undo", "accept", "accept"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")

    page.goto(work.address(f"/insights?corpus={corpus}"))
    card = page.locator("section[aria-label='Are the captions true to the tags?']")
    card.wait_for()
    assert "fail" in card.inner_text()
    assert "3 ratings" in page.locator("section[aria-label='Which do people prefer, blind?']").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("text=Review what fails")
    page.wait_for_function("window.tagloomReview && tagloomReview.current()?.external_id === 'm-02'")


def test_written_anew_and_scored_beside_another_system(work: Work, page: Page) -> None:
    corpus = tracks(work, 3, references="reference")
    open_review(page, work.address(f"/review?corpus={corpus}"))
    before = page.input_value(area("summary"))
    keys(page, ["2", "t"])
    page.wait_for_function(f"document.querySelector('{area('summary')}').value !== '{before}'")
    assert work.events() == []  # nobody has decided anything
    page.goto(work.address(f"/insights?corpus={corpus}"))
    card = page.locator("section[aria-label='How near are they to the reference captions?']")
    card.wait_for()
    assert "Floor: references of other tracks" in card.inner_text()
    assert "None of these figures says whether a caption is true." in card.inner_text()
    said = [{"id": f"m-{n:02d}", "prediction": f"A guitar plays song {n}."} for n in (1, 2)]
    card.locator("text=Load captions of another system…").click()
    file = {"name": "k2c.json", "mimeType": "application/json", "buffer": orjson.dumps(said)}
    page.set_input_files(".tl-dialog input[type=file]", file)
    assert page.input_value(".tl-dialog input[type=text]") == "k2c"
    page.click(".tl-dialog .tl-primary")
    page.wait_for_selector(".tl-dialog >> text=2 captions loaded")
    page.click(".tl-dialog .tl-primary")
    row = card.locator("tbody tr", has_text="k2c")
    row.wait_for()
    assert row.locator("td").last.inner_text() == "2"
    heat = page.locator("section[aria-label='What do they say that no tag says?'] tr", has_text="k2c")
    assert heat.locator("td >> nth=1").inner_text() == "100 %"  # the guitar
    open_review(page, work.address(f"/review?corpus={corpus}"))
    assert "guitar" not in page.inner_text(".tl-cp-boxes")


PURE = """
  const reason = (code, level, start, end, facet = null) =>
    ({ code, level, message: code, start, end, facet, term: null });
  const said = (text, more = {}) =>
    ({ state: 'ok', text, suggestion: text, predicted: [], checks: null, candidates: [], ...more });
  const item = { tags: { present: [{ name: 'art rock' }] }, captions: {
    writing: said('One.', { candidates: [{ suggestion: 'b', text: 'Two.' }, { suggestion: 'c', text: 'One.' }] }),
    summary: said('Sum.'), paraphrase: { state: 'refused', error: 'No.', text: null, candidates: [] },
    attribute_prediction: { state: 'missing', text: null, candidates: [] } } };
  const row = (uuid, field) => ({ key: uuid, project: 'p', title: '', before: {}, event: {
    uuid, item: 'i', field, action: 'accept', version: 1, new_tags: [], change: null, shown: {},
    after: { status: 'done', boxes: {} } } });
"""


def test_boxes_and_spans(app: App, page: Page) -> None:
    page.goto(f"{app.url}/tagloom/assets/icons/tagloom.svg")
    place = "/tagloom/assets/js"

    def value(js: str) -> Any:
        modules = (
            f"const is = await import('{place}/caption_state.js'); const on = await import('{place}/review_state.js');"
        )
        modules += f"const {{ settle }} = await import('{place}/outbox_settle.js');"
        return page.evaluate(f"async () => {{ {modules} {PURE} return {js}; }}")

    # the graver of two that overlap stands; what is no place in the text is no span; a covered tag is a word of its own
    checks = (
        "{ verdict: 'fail', reasons: [reason('hype', 'warn', 0, 9), reason('unsupported_genre', 'fail', 2, 6, 'genre'),"
    )
    checks += " reason('length', 'warn', null, null), reason('number', 'fail', 90, 99)],"
    checks += " coverage: [['art rock', 'verbatim']] }"
    found = value(
        f"is.spans('smart rocks, art rock.', {checks}, item.tags.present).map(s => [s.start, s.end, s.level, s.word])"
    )
    assert found == [[2, 6, "fail", "genre"], [13, 21, "pass", "tag"]]

    assert value("is.boxesOf(item, { boxes: {} }).map(b => [b.style, b.text, b.candidates.length, b.decided])") == [
        ["writing", "One.", 1, False],
        ["summary", "Sum.", 0, False],
        ["paraphrase", "", 0, False],
    ]
    # what nobody has called wrong is right; where there is no text nothing is decided
    state = "{ version: 3, boxes: is.changed(item, { boxes: {} }, 'summary', { valid: false, stars: 2 }).boxes }"
    assert value(
        f"Object.entries(is.accepted(item, {state}).boxes).map(([k, b]) => [k, b.text, b.valid, b.stars])"
    ) == [
        ["summary", "Sum.", False, 2],
        ["writing", "One.", True, None],
    ]
    assert value(f"Object.values(is.rejected(item, {state}).boxes).map(b => b.valid)") == [False, False]
    assert value(
        "on.same({ status: 'again', boxes: { a: { text: 'x ' } } },"
        " { status: 'done', boxes: { a: { text: 'x', taken: [] } } })"
    )
    assert not value("on.same({ status: 'done', boxes: { a: { text: 'x' } } }, { status: 'done', boxes: {} })")
    # somebody was faster with the captions: what was said in a comparison of the same track stands on its own
    outcome = value(
        "settle([row('1', 'captions'), row('2', 'comparison')],"
        " [{ uuid: '1', conflict: true, state: { version: 2 } }, { uuid: '2', ok: true }],"
        " [row('1', 'captions'), row('2', 'comparison'), row('3', 'captions'), row('4', 'comparison')], [])"
    )
    assert sorted(outcome["gone"]) == ["1", "2", "3"] and outcome["stored"] == ["2"]
    assert [entry["kind"] for entry in outcome["refused"]] == ["conflict"]
