"""The Music tab: tags to try without a corpus, tracks and their checks, cleaning, writing captions from here."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from playwright.sync_api import Page, Request, expect

from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from tests import making
from tests.browser.app import Work, talks
from tests.browser.test_looks import FAINT, PHONE, fits
from tests.support import wait_for

ROLES = {"tags": "given", "title": "names"}
TAGS = {
    "m-1": ["genre---jazz", "piano", "calm", "no drums"],
    "m-2": ["acousticguitar", "happy", "folk", "happy"],
    "m-3": ["instrumental", "female vocal", "slow", "piano"],
    "m-4": ["violin"],
    "m-5": [],
}


def songs(work: Work) -> str:
    """A music corpus of five tracks; its id."""
    rows = [{"id": name, "title": f"Evening {name[2:]}", "tags": tags} for name, tags in TAGS.items()]
    path = work.app.folder / f"{work.slug}.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    mapping = guess_mapping(inspect(path)).changed(ROLES, rows)
    import_file(work.database, path, name="s.jsonl", corpus_name="Songs", mapping=mapping, import_id="1", kind="music")
    return making.corpus_of(work.database, "Songs").id


def open_music(page: Page, work: Work, query: str = "") -> None:
    page.goto(work.address(f"/music{query}"))
    page.wait_for_selector(".tl-mu-row[data-id], .tl-mu .tl-empty")


def row(page: Page, title: str) -> str:
    return " ".join(page.locator(f".tl-mu-row[data-id]:has-text('{title}')").inner_text().split())


def test_tags_are_tried_without_a_corpus_and_the_empty_tab_teaches(work: Work, browse: Callable[..., Page]) -> None:
    work.fill(talks(2))  # a corpus of something else is not music
    page = browse(**PHONE, color_scheme="dark")
    open_music(page, work)
    assert "No music here yet" in page.inner_text(".tl-mu .tl-empty")
    page.get_by_label("Tags to write about").fill("happy, acousticguitar, no drums")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tl-mu-card[data-verdict]")
    cards = page.locator(".tl-mu-card")
    assert [each.get_attribute("data-style") for each in cards.all()] == [
        "writing",
        "summary",
        "paraphrase",
        "attribute_prediction",
    ]
    for card in cards.all():
        # the marks carry signs of their own between the words
        said = card.locator(".tl-mu-text").evaluate("""each => {
          const copy = each.cloneNode(true);
          copy.querySelectorAll('.tl-cp-flag').forEach(flag => flag.remove());
          return copy.textContent.toLowerCase();
        }""")
        assert "happy" in said and "acoustic guitar" in said and card.get_attribute("data-verdict") == "pass"
    assert page.locator(".tl-mu-read .tl-mu-absent").inner_text().split()[-1] == "drums"
    fits(page)
    assert page.evaluate(FAINT) == []
    page.click("text=Import tracks")
    page.wait_for_selector("dialog[open]")


def test_captions_are_tried_written_filtered_and_corrected(work: Work, page: Page) -> None:
    corpus = songs(work)
    open_music(page, work)
    assert "without drums" in row(page, "Evening 1") and "genre---" not in row(page, "Evening 1")
    assert "contradicting tags" in row(page, "Evening 3") and "no tags" in row(page, "Evening 5")

    page.click("text=Write captions for 5 tracks…")
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_text("1 track has tags that cannot both be true.")).to_be_visible()
    expect(dialog.get_by_text("1 track has no tags")).to_be_visible()
    dialog.get_by_label("Attribute prediction").uncheck()
    dialog.get_by_text("Try on 10").click()
    page.wait_for_selector("dialog[open] .tl-mu-line[data-verdict=pass]")
    assert page.locator("dialog[open] .tl-mu-line[data-style=attribute_prediction]").count() == 0
    assert work.queue.recent(work.slug) == []  # a try stores nothing
    dialog.get_by_role("button", name="Write 15 captions").click()
    dialog.get_by_role("button", name="captions", exact=False).filter(has_text="See 1").click()
    job = work.newest_job()
    assert job.state == "done" and job.arguments["styles"] == ["writing", "summary", "paraphrase"]

    badges = page.locator(".tl-mu-row:has-text('Evening 4') .tl-mu-badge")
    expect(badges.first).to_have_class("tl-mu-badge tl-mu-pass")
    expect(badges.last).to_have_class("tl-mu-badge tl-mu-missing")
    page.get_by_label("Checks", exact=True).select_option("none")
    expect(page.locator(".tl-mu-row[data-id]")).to_have_count(1)  # the track without tags: reported, not written about
    assert "Evening 5" in page.inner_text(".tl-mu-list") and f"corpus={corpus}" in page.url
    page.get_by_label("Checks", exact=True).select_option("")
    page.get_by_label("Search the tracks").fill("evening 2")
    expect(page.locator(".tl-mu-row[data-id]")).to_have_count(1)
    page.click(".tl-mu-row >> text=Evening 2")
    expect(page.locator(".tl-mu-right .tl-rv-title")).to_contain_text("Evening 2")

    page.locator(".tl-mu-right").get_by_role("button", name="Accept all").click()
    expect(page.locator(".tl-mu-row:has-text('Evening 2') .tl-is-done")).to_be_visible()
    wait_for(lambda: [event.field for event in work.events()] == ["captions"])
    page.set_viewport_size({"width": 390, "height": 844})  # the track is a screen of its own, and the list another one
    fits(page)
    page.click("text=← All tracks")
    expect(page.locator(".tl-mu-left")).to_be_visible()
    fits(page)
    assert page.evaluate(FAINT) == []


def test_cleaning_is_seen_before_it_is_saved(work: Work, page: Page) -> None:
    songs(work)
    open_music(page, work)
    page.click("text=Clean tags…")
    preview = page.locator(".tl-mu-preview")
    expect(preview.locator("[data-kind=prefix]")).to_contain_text("genre---jazz → jazz")
    expect(preview.locator("[data-kind=duplicate]")).to_contain_text("happy")
    expect(preview.get_by_text("Contradictions (1)")).to_be_visible()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_label("Tags to leave out").fill("calm")
    dialog.get_by_label("Aliases").fill("folk = folk music")
    expect(preview.locator("[data-kind=blacklist]")).to_contain_text("calm → left out")
    expect(preview.locator("[data-kind=alias]")).to_contain_text("folk → folk music")
    assert "calm" in row(page, "Evening 1")  # nothing is changed by looking
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Saved.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".tl-mu-row:has-text('Evening 2')")).to_contain_text("folk music")
    expect(page.locator(".tl-mu-row:has-text('Evening 1')")).not_to_contain_text("calm")


def test_failing_captions_are_regenerated_with_their_count(work: Work, page: Page) -> None:
    """The button names what it will do, and asks for just the failing ones, twice at most."""
    from tests.captioning import store_captions

    songs(work)
    texts = {f"m-{n}": "A calm piece with a theremin solo." for n in range(1, 5)}
    store_captions(work.database, "writing", dict(texts), verdicts={"m-1": "fail", "m-3": "fail", "m-4": "warn"})
    open_music(page, work)
    page.click(".tl-mu-figure:has-text('fail')")
    expect(page.locator(".tl-mu-row[data-id]")).to_have_count(2)
    page.click("text=Regenerate 2 failing captions…")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.count("captions/run") else None)
    expect(page.locator("dialog[open] >> text=2 captions of the chosen styles with a failed check")).to_be_visible()
    page.get_by_role("button", name="Write 2 captions").click()
    page.get_by_role("button", name="See 2 captions").wait_for()
    sent = orjson.loads(asked[0].post_data or "")
    assert (sent["only"], sent["retry_failing"]) == ("failing", 2)
