// The vocabulary tab: the list of tags with its health on the left, ways to bring tags in on the right.

import { address, get } from "./api.js";
import { count, debounce, fill, h, percent, plural } from "./dom.js";
import { go, note, onRoute } from "./navigate.js";
import { emptyState, errorBox, options } from "./signs.js";
import { mountAdding } from "./vocabulary_add.js";

const SORTS = [["items", "Most used first"], ["name", "By name"]];
const STATES = [["active", "Active"], ["archived", "Archived"]];

export function mount(element) {
  let params = {};
  let answer = null;
  let request = null;
  const title = h("h2", "Vocabulary");
  const stats = h("div.tl-stats.tl-voc-stats");
  const search = h("input.tl-input.tl-search", { type: "search", "aria-label": "Search tags and aliases", placeholder: "Search tags and aliases", oninput: debounce(() => change({ q: search.value.trim() }), 200) });
  const state = h("select.tl-select", { "aria-label": "State", onchange: () => change({ state: state.value }) }, options(STATES, "active"));
  const sort = h("select.tl-select", { "aria-label": "Order", onchange: () => change({ sort: sort.value }) }, options(SORTS, "items"));
  const trouble = h("div");
  const rows = h("tbody");
  const table = h("table.tl-table.tl-tags", h("thead", h("tr", h("th", "Tag"), h("th.tl-num", "Items"), h("th", "Aliases"), h("th", "Parent"), h("th.tl-num", "Suggested"))), rows);
  const range = h("span.tl-meta", { role: "status" });
  const back = h("button.tl-btn.tl-quiet", { onclick: () => change({ cursor: answer.previous }) }, "← Back");
  const next = h("button.tl-btn.tl-quiet", { onclick: () => change({ cursor: answer.next }) }, "Next →");
  const filters = h("div.tl-row.tl-filters", search, state, sort);
  const pager = h("div.tl-pager", range, h("span.tl-row.tl-tight", back, next));
  const empty = h("div");
  const download = h("a.tl-btn.tl-small", { download: "" }, "Export csv");
  const adding = mountAdding({ added: () => load() });
  const card = h("section.tl-card", { "aria-label": "Tags" }, h("div.tl-row.tl-spread.tl-voc-head", title, download), trouble, stats, filters, h("div.tl-scroll", table), empty, pager);
  fill(element, h("div.tl-page.tl-voc-page", card, adding.element));
  fill(empty, h("p.tl-loading", "Loading the tags…"));
  show(false);

  onRoute("vocabulary", (now) => {
    params = now;
    if (document.activeElement !== search) search.value = params.q || "";
    state.value = params.state || "active";
    sort.value = params.sort || "items";
    adding.open(params.from);
    load();
  });
  window.addEventListener("tagloom:job", () => answer && load());
  window.addEventListener("tagloom:back", () => load());

  function change(next) {
    const { cursor: _, from: __, ...rest } = params;
    params = { ...rest, ...next };
    note("vocabulary", params);
    load();
  }

  async function load() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    rows.setAttribute("aria-busy", "true");
    try {
      answer = await get("tags", { q: params.q, state: params.state || "active", sort: params.sort || "items", cursor: params.cursor, limit: 50 }, signal);
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
    for (const part of [stats, filters, table, pager, download]) part.hidden = !some;
  }

  function draw() {
    const { tags } = answer.stats;
    // page.project is known only now: an address made earlier would lead to the default project
    download.href = address("vocabulary/export.csv");
    const narrowed = params.q || (params.state && params.state !== "active");
    if (!tags && !narrowed) {
      show(false);
      fill(title, "Vocabulary");
      return void fill(
        empty,
        emptyState("No tags yet", "The vocabulary is the list that taggers choose from and that reviewers complete while they type. Take it from a corpus' gold tags, or bring a list of your own.", adding.opening),
      );
    }
    show(true);
    fill(title, plural(tags, "tag"));
    search.placeholder = `Search ${plural(tags, "tag")}${answer.stats.aliases ? ` and ${plural(answer.stats.aliases, "alias", "aliases")}` : ""}`;
    drawStats(answer.stats);
    fill(rows, answer.tags.map(row));
    table.hidden = !answer.tags.length;
    fill(empty, !answer.tags.length && emptyState("No tag fits", "No tag or alias contains these letters.", h("button.tl-btn", { onclick: () => ((search.value = ""), change({ q: "", state: "active" }), (state.value = "active")) }, "Show all tags")));
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
      stat(percent(now.used_once, now.tags), "used once"),
      now.curve.some((n) => n > 0) && h("div.tl-stat", h("div.tl-bars", { role: "img", "aria-label": "How often each tag is used, most used first" }, now.curve.slice(0, 40).map((n) => bar(n / most))), h("span.tl-meta", "use per tag")),
    );
  }

  function row(tag) {
    return h(
      "tr",
      h("td.tl-tag-name", h("b", tag.name), tag.description && h("div.tl-meta", tag.description)),
      h("td.tl-num", tag.items ? h("button.tl-link", { title: `Show the items with ${tag.name}`, onclick: () => go("corpora", { tag: tag.id, tagname: tag.name }) }, count(tag.items)) : "0"),
      h("td.tl-meta.tl-tag-aliases", tag.aliases.length ? tag.aliases.join(", ") : "—"),
      h("td.tl-tag-parent", tag.parent ? tag.parent.name : h("span.tl-muted", "—")),
      h("td.tl-num.tl-meta", count(tag.suggested)),
    );
  }
}

const stat = (value, label) => h("div.tl-stat", h("b", value), h("span.tl-meta", label));

function bar(share) {
  const element = h("i");
  element.style.height = `${Math.round(100 * share)}%`;
  return element;
}
