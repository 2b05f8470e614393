// The vocabulary tab: the list of tags with its health on the left; on the right what is proposed for it ("Shape it"),
// and ways to bring tags in.

import { address, get, post } from "./api.js";
import { openBuilds } from "./build_dialog.js";
import { count, debounce, fill, h, percent, plural } from "./dom.js";
import { openMenu, undoBar } from "./dialog.js";
import { note, onRoute } from "./navigate.js";
import { mountProposals } from "./proposals.js";
import { emptyState, errorBox, options } from "./signs.js";
import { mountAdding } from "./vocabulary_add.js";
import { openHistory } from "./vocabulary_history.js";
import { tagRow } from "./vocabulary_row.js";

const SORTS = [["items", "Most used first"], ["name", "By name"], ["new", "Newest first"]];
const STATES = [["active", "Active"], ["archived", "Archived"], ["merged", "Merged"]];

export function mount(element) {
  let params = {};
  let answer = null;
  let request = null;
  let opened = ""; // the tag whose editor is open
  const title = h("h2", "Vocabulary");
  const stats = h("div.tl-stats.tl-voc-stats");
  const search = h("input.tl-input.tl-search", { type: "search", "aria-label": "Search tags and aliases", placeholder: "Search tags and aliases", oninput: debounce(() => change({ q: search.value.trim() }), 200) });
  const facet = h("select.tl-select", { "aria-label": "Facet", onchange: () => change({ facet: facet.value }) });
  const state = h("select.tl-select", { "aria-label": "State", onchange: () => change({ state: state.value }) }, options(STATES, "active"));
  const sort = h("select.tl-select", { "aria-label": "Order", onchange: () => change({ sort: sort.value }) }, options(SORTS, "items"));
  const narrowed = h("div.tl-voc-narrowed");
  const trouble = h("div");
  const notice = h("div");
  const rows = h("tbody");
  const table = h("table.tl-table.tl-tags", h("thead", h("tr", h("th", "Tag"), h("th.tl-num", "Items"), h("th", "Aliases"), h("th", "Parent"), h("th.tl-num", { title: "Items that a tagger suggests it for" }, "Suggested"))), rows);
  const range = h("span.tl-meta", { role: "status" });
  const back = h("button.tl-btn.tl-quiet", { onclick: () => change({ cursor: answer.previous }) }, "← Back");
  const next = h("button.tl-btn.tl-quiet", { onclick: () => change({ cursor: answer.next }) }, "Next →");
  const filters = h("div.tl-row.tl-filters", search, facet, state, sort);
  const pager = h("div.tl-pager", range, h("span.tl-row.tl-tight", back, next));
  const empty = h("div");
  const more = h("button.tl-btn", { "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => openMenu(more, exports(), "Export") }, "Export ▾");
  const past = h("button.tl-btn.tl-quiet", { onclick: () => openHistory({ changed }) }, "History");
  const build = h("button.tl-btn.tl-primary", { onclick: () => openBuilds({ done: changed }) }, "Build from a corpus…");
  const start = h("button.tl-btn", { onclick: () => openBuilds({ done: changed }) }, "Build from a corpus…");
  const adding = mountAdding({ added: changed });
  const shape = mountProposals({ changed, open: (any) => chose || params.from || (bring.open = !any), build: () => openBuilds({ done: changed }) });
  let chose = false; // the person has opened or closed it: it stays as it is
  const bring = h("details.tl-voc-bring", { open: true }, h("summary", { onclick: () => (chose = true) }, "Bring tags in"), adding.element);
  const card = h("section.tl-card", { "aria-label": "Tags" }, h("div.tl-row.tl-spread.tl-voc-head", title, h("div.tl-row.tl-tight", past, more, build)), trouble, notice, stats, filters, narrowed, h("div.tl-scroll", table), empty, pager);
  fill(element, h("div.tl-page.tl-voc-page", card, h("div.tl-stack.tl-voc-side", shape.element, bring)));
  fill(empty, h("p.tl-loading", "Loading the tags…"));
  show(false);

  onRoute("vocabulary", (now) => {
    params = now;
    if (document.activeElement !== search) search.value = params.q || "";
    state.value = params.state || "active";
    sort.value = params.sort || "items";
    adding.open(params.from);
    if (params.from) bring.open = true;
    load();
    shape.load();
  });
  window.addEventListener("tagloom:job", (event) => {
    if (!answer) return;
    load();
    if (event.detail.kind?.startsWith("vocabulary")) (shape.load(), readable());
  });
  window.addEventListener("tagloom:back", () => (load(), shape.load()));

  /** Something was edited, accepted or undone: everything that shows tags is asked again. */
  function changed() {
    load();
    shape.load();
  }

  function change(now) {
    const { cursor: _, from: __, ...rest } = params;
    params = { ...rest, ...now };
    note("vocabulary", params);
    load();
  }

  async function load() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    rows.setAttribute("aria-busy", "true");
    try {
      answer = await get("tags", { q: params.q, state: params.state || "active", sort: params.sort || "items", facet: params.facet, uses: params.uses, cursor: params.cursor, limit: 50 }, signal);
      fill(trouble);
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(empty);
      fill(trouble, errorBox(error, load));
    }
    rows.removeAttribute("aria-busy");
  }

  function show(some) {
    for (const part of [stats, filters, table, pager, more]) part.hidden = !some;
  }

  let asked = false;
  async function readable() {
    asked = true;
    try {
      const { advice } = await get("readability", { vocabulary: 1 });
      fill(notice, advice && h("div.tl-note.tl-warn.tl-voc-notice", advice));
    } catch {
      fill(notice); // it only explains; what it is about works without it
    }
  }

  function draw() {
    const { tags, archived, merged } = answer.stats;
    const any = tags || archived || merged;
    const filtered = params.q || params.facet || params.uses || (params.state && params.state !== "active");
    past.hidden = build.hidden = !any;
    if (!any && !filtered) {
      show(false);
      fill(title, "Vocabulary");
      return void fill(
        empty,
        emptyState("No tags yet", "The vocabulary is the list that taggers choose from and that reviewers complete while they type. Build it from what a corpus says, take it from a corpus' gold tags, or bring a list of your own. Nothing enters it that you have not accepted.", h("div.tl-row.tl-voc-ways", adding.opening, start)),
      );
    }
    if (!asked) readable();
    show(true);
    fill(title, plural(tags, "tag"));
    search.placeholder = `Search ${plural(tags, "tag")}${answer.stats.aliases ? ` and ${plural(answer.stats.aliases, "alias", "aliases")}` : ""}`;
    facet.hidden = !answer.stats.facets.length && !params.facet;
    fill(facet, options([["", "All facets"], ...answer.stats.facets.map((each) => [each, each])], params.facet || ""));
    drawStats(answer.stats);
    fill(narrowed, params.uses && h("button.tl-chip.tl-mini", { onclick: () => change({ uses: "" }), "aria-label": "Show all tags again" }, params.uses === "once" ? "on one item only" : "on no item", h("span", { "aria-hidden": "true" }, "✕")));
    const part = rows.contains(document.activeElement) && document.activeElement.dataset.part;
    fill(rows, answer.tags.map((tag) => tagRow(tag, { changed, edit, open: tag.id === opened, toggled: (id) => (opened = id) })));
    if (part) rows.querySelector(`[data-part=${part}]`)?.focus(); // who adds one alias may add another
    table.hidden = !answer.tags.length;
    fill(empty, !answer.tags.length && (filtered ? emptyState("No tag fits", "No tag or alias fits what is asked for above.", h("button.tl-btn", { onclick: () => ((search.value = ""), (state.value = "active"), change({ q: "", state: "active", facet: "", uses: "" })) }, "Show all tags")) : emptyState("No active tags", "All tags are archived or merged; choose that state above to see them.")));
    fill(range, answer.tags.length ? `${count(answer.from)}–${count(answer.from + answer.tags.length - 1)} of ${count(answer.total)}` : "");
    back.disabled = !answer.previous;
    next.disabled = !answer.next;
  }

  function drawStats(now) {
    const most = Math.max(1, ...now.curve);
    fill(
      stats,
      stat(percent(now.items_with_tag, now.items), "items with a tag"),
      stat(now.tags_per_item.toFixed(1), "tags per item"),
      stat(percent(now.used_once, now.tags), h("button.tl-link", { onclick: () => change({ uses: "once" }), title: "Show them" }, "used once")),
      now.curve.some((n) => n > 0)
        ? h("div.tl-stat", h("div.tl-bars", { role: "img", "aria-label": "How often each tag is used, most used first" }, now.curve.slice(0, 40).map((n) => bar(n / most))), h("span.tl-meta", "use per tag"))
        : stat(count(now.unused), h("button.tl-link", { onclick: () => change({ uses: "none" }), title: "Show them" }, "on no item yet")),
    );
  }

  /** Send one edit; the bar at the bottom offers the way back. */
  async function edit(body, words) {
    const done = await post("tags/edit", body);
    if (done.batch) undoBar(words, async () => (await post("vocabulary/undo", { batch: done.batch }), changed(), "Undone."));
    changed();
    return done;
  }

  function exports() {
    // page.project is known only now: an address made earlier would lead to the default project
    const link = (label, path) => ({ element: h("a.tl-menu-link", { role: "menuitem", href: address(path), download: "" }, label) });
    return [link("As csv, with aliases and parents", "vocabulary/export.csv"), link("As TagGPT’s final_tags.csv", "vocabulary/final_tags.csv")];
  }
}

const stat = (value, label) => h("div.tl-stat", h("b", value), h("span.tl-meta", label));

function bar(share) {
  const element = h("i");
  element.style.height = `${Math.round(100 * share)}%`;
  return element;
}
