// The table of tracks, 50 a page: tags present and absent, how the checks of each style turned out, search and filters.

import { get } from "./api.js";
import { playerOf } from "./caption_item.js";
import { count, debounce, fill, h } from "./dom.js";
import { STYLES, tagChips, TITLES, VERDICTS } from "./music_caption.js";
import { emptyState, errorBox, options, STATUS, statusSign } from "./signs.js";

const SHORT = { writing: "Writing", summary: "Summary", paraphrase: "Paraphrase", attribute_prediction: "Attributes" };
const FILTERS = ["q", "verdict", "style", "status"];

/** `moved(params)` is told the position for the address, `select(id | null)` which track is chosen, `told(answer)` every
 *  page that has come. Returns {element, show(corpus, params), reload(), step(by), update({id, state, captions})}. */
export function musicList({ moved, select, told }) {
  let corpus = null;
  let params = {};
  let key = "";
  let answer = null;
  let request = null;
  let after = 0; // after a page has come: choose its first track (1), its last one (-1)
  let playing = null;

  const search = h("input.tl-input.tl-search", { type: "search", placeholder: "Search titles, artists, tags", "aria-label": "Search the tracks", oninput: debounce(() => change({ q: search.value.trim() }), 250) });
  const chooser = (name, label) => h("select.tl-select", { "aria-label": label, onchange: (event) => change({ [name]: event.currentTarget.value }) });
  const verdict = chooser("verdict", "Checks");
  const style = chooser("style", "Style");
  const status = chooser("status", "Status");
  const trouble = h("div");
  const head = h("div.tl-mu-row.tl-mu-head", { "aria-hidden": "true" }, h("span", "Track"), STYLES.map((each) => h("span", SHORT[each])));
  const list = h("ul.tl-mu-list", { "aria-label": "Tracks" });
  const range = h("span.tl-meta", { role: "status" });
  const back = h("button.tl-btn.tl-quiet", { onclick: () => page(answer.previous) }, "← Back");
  const next = h("button.tl-btn.tl-quiet", { onclick: () => page(answer.next) }, "Next →");
  const element = h("div.tl-mu-tracks", h("div.tl-row.tl-filters", search, verdict, style, status), trouble, head, list, h("div.tl-pager", range, h("span.tl-row.tl-tight", back, next)));

  function show(nextCorpus, nextParams) {
    corpus = nextCorpus;
    params = { ...nextParams };
    if (document.activeElement !== search) search.value = params.q || "";
    drawFilters();
    if (listed() !== key) {
      key = listed();
      load();
    } else mark();
  }

  const listed = () => JSON.stringify([corpus.id, corpus.updated_at, corpus.items, ...FILTERS.map((name) => params[name]), params.cursor]);

  function change(next) {
    params = { ...params, ...next, cursor: "", item: "" };
    moved(params);
    show(corpus, params);
  }

  function page(cursor) {
    params = { ...params, cursor, item: "" };
    moved(params);
    show(corpus, params);
    element.scrollIntoView({ block: "start" });
  }

  function drawFilters() {
    const of = answer?.verdicts?.[params.style];
    const number = (n) => (n === undefined || n === null ? "" : ` (${count(n)})`);
    fill(verdict, options([["", "Any result"], ...Object.entries(VERDICTS).map(([name, [sign, word]]) => [name, `${sign} ${word}${number(of?.[name])}`])], params.verdict || ""));
    fill(style, options([["", "In any style"], ...STYLES.map((each) => [each, TITLES[each]])], params.style || ""));
    const statuses = Object.entries(STATUS).filter(([name]) => name !== "deleted");
    fill(status, options([["", "Any status"], ...statuses.map(([name, [sign, word]]) => [name, `${sign} ${word}${number(answer?.statuses?.[name] ?? corpus.status?.[name])}`])], params.status || ""));
  }

  async function load(quiet = false) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    if (!quiet) list.setAttribute("aria-busy", "true");
    try {
      const { id } = corpus;
      const found = await get("captions/items", { corpus: id, q: params.q, verdict: params.verdict, style: params.style, status: params.status || undefined, cursor: params.cursor, limit: 50 }, signal);
      if (id !== corpus.id) return;
      answer = found;
      fill(trouble);
      draw();
      told(answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!quiet) fill(trouble, errorBox(error, () => load()));
    }
    list.removeAttribute("aria-busy");
  }

  function draw() {
    drawFilters();
    const { items } = answer;
    const filtered = FILTERS.some((name) => params[name]);
    const focus = list.contains(document.activeElement) ? document.activeElement.closest("li")?.dataset.id : null;
    if (playing && !items.some((each) => each.id === playing.id)) stop();
    const old = playing?.place; // a sound goes on while the list is drawn anew
    if (items.length) fill(list, items.map(row));
    else
      fill(
        list,
        h("li", filtered ? emptyState("Nothing fits", "No track fits the search and the filters.", h("button.tl-btn", { onclick: clear }, "Show all tracks")) : emptyState("This corpus is empty", "Its tracks were deleted, or the file held none.")),
      );
    if (old && playing) list.querySelector(`li[data-id="${CSS.escape(playing.id)}"]`)?.append(old);
    head.hidden = !items.length;
    // before anything is written there is nothing to say four times in every row
    element.classList.toggle("tl-mu-unwritten", !Object.values(answer.verdicts || {}).some((each) => each.pass + each.warn + each.fail + each.none));
    fill(range, items.length ? `${count(answer.from)}–${count(answer.from + items.length - 1)} of ${count(answer.total)}${answer.total_is_more ? "+" : ""}` : "");
    back.disabled = !answer.previous;
    next.disabled = !answer.next;
    if (after) {
      const chosen = after > 0 ? items[0] : items.at(-1);
      after = 0;
      if (chosen) return choose(chosen.id);
    }
    mark();
    if (focus) list.querySelector(`li[data-id="${CSS.escape(focus)}"] .tl-item-open`)?.focus({ preventScroll: true });
  }

  function clear() {
    search.value = "";
    change(Object.fromEntries(FILTERS.map((name) => [name, ""])));
  }

  function row(item) {
    const names = (item.names || []).map((each) => each.text).filter((text) => text && text !== item.title && !item.title?.includes(text));
    return h(
      "li.tl-mu-row",
      { data: { id: item.id }, onclick: (event) => !event.target.closest("button, audio, a") && choose(item.id) },
      h(
        "div.tl-mu-track",
        h(
          "div.tl-item-line",
          statusSign(item.status),
          h("button.tl-item-open", { type: "button", onclick: () => choose(item.id), dir: "auto" }, item.title || item.external_id || "(no title)"),
          item.player && h("button.tl-btn.tl-quiet.tl-small.tl-mu-play", { type: "button", "aria-label": `Play ${item.title || item.external_id}`, title: "Play", onclick: (event) => play(item, event.currentTarget) }, "▶\uFE0E"),
        ),
        names.length > 0 && h("div.tl-meta.tl-clip", { dir: "auto" }, names.join(" · ")),
        h("div.tl-mu-chips", tagChips(item.tags, 8), !item.tags?.present?.length && h("span.tl-meta", "no tags")),
        item.tags?.contradictions?.length > 0 && h("div.tl-mu-contra", { title: item.tags.contradictions.join(" ") }, "! contradicting tags"),
      ),
      STYLES.map((each) => badge(each, item.captions?.[each])),
    );
  }

  function badge(each, said) {
    const [sign, word, meaning] = VERDICTS[said?.verdict] || VERDICTS.missing;
    return h(
      "span.tl-mu-badge",
      { class: `tl-mu-${said?.verdict || "missing"}`, data: { style: each }, title: `${TITLES[each]}: ${word}, ${meaning}${said?.decided ? ". A person has decided on it" : ""}${said?.text ? `\n${said.text}` : ""}` },
      h("span.tl-mu-style", SHORT[each]),
      h("span", { "aria-hidden": "true" }, sign),
      h("span.tl-mu-word", ` ${word}`),
      said?.decided && h("span.tl-mu-decided", h("span", { "aria-hidden": "true" }, "●"), h("span.tl-sr", ", decided by a person")),
    );
  }

  function play(item, button) {
    if (playing?.id === item.id) return stop();
    stop();
    const place = playerOf(item);
    const row = button.closest("li");
    playing = { id: item.id, place };
    row.append(place);
    place.querySelector("audio")?.play().catch(() => {}); // the player itself says what is wrong
  }

  function stop() {
    playing?.place.querySelector("audio")?.pause();
    playing?.place.remove();
    playing = null;
  }

  function choose(id) {
    select(id);
  }

  function mark() {
    for (const each of list.children) {
      const on = each.dataset.id === params.item;
      each.classList.toggle("tl-on", on);
      each.querySelector(".tl-item-open")?.setAttribute("aria-current", on ? "true" : "false");
    }
  }

  /** Choose the next (1) or the previous (-1) track, on the next page where this one ends. */
  function step(by) {
    const ids = answer?.items.map((each) => each.id) || [];
    const at = ids.indexOf(params.item);
    const id = ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : at + by];
    if (id) {
      choose(id);
      return list.querySelector(`li[data-id="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "nearest" });
    }
    const cursor = by > 0 ? answer?.next : answer?.previous;
    if (!cursor) return;
    after = by;
    page(cursor);
  }

  /** A track has been decided on, or its captions were written anew. */
  function update({ id, state, captions }) {
    const item = answer?.items.find((each) => each.id === id);
    if (!item) return;
    item.status = state.status;
    for (const each of STYLES) {
      const box = state.boxes?.[each];
      const said = captions?.[each];
      const checked = said?.state === "ok" ? said.checks?.verdict : said?.state === "missing" ? "missing" : "none";
      item.captions[each] = { verdict: checked || item.captions[each]?.verdict || "missing", text: box ? box.text : (said?.text ?? null), decided: Boolean(box) };
    }
    const old = list.querySelector(`li[data-id="${CSS.escape(id)}"]`);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    const fresh = row(item);
    if (playing?.id === id) fresh.append(playing.place);
    old.replaceWith(fresh);
    mark();
    if (focused) fresh.querySelector(".tl-item-open").focus({ preventScroll: true });
  }

  return { element, show, reload: () => corpus && load(true), step, update };
}
