// The items of one corpus, 50 a page: search, filters, status, selection, deleting with undo.

import { get, post } from "./api.js";
import { count, debounce, fill, h, plural } from "./dom.js";
import { undoBar } from "./dialog.js";
import { openItem } from "./item_drawer.js";
import { emptyState, errorBox, options, STATUS, statusSign } from "./signs.js";

const LABELLED = [["", "Any tags"], ["accepted", "With accepted tags"], ["suggested", "With suggestions"], ["gold", "With gold tags"]];

/** Draw the browser into `place`. `moved(params)` is told the position for the address.
 *  Returns {show(corpus, params), reload()}: `show` is called with every change of either. */
export function mountBrowser(place, corpus, moved) {
  let params = {};
  let key = "";
  let answer = null;
  let request = null;
  let drawer = false;
  const chosen = new Set();

  const title = h("h2");
  const total = h("span.tl-meta");
  const search = h("input.tl-input.tl-search", { type: "search", placeholder: "Search the items", "aria-label": "Search the items", oninput: debounce(() => change({ q: search.value.trim() }), 250) });
  const status = h("select.tl-select", { "aria-label": "Status", onchange: () => change({ status: status.value }) });
  const labelled = h("select.tl-select", { "aria-label": "Tags", onchange: () => change({ labelled: labelled.value }) }, options(LABELLED, ""));
  const filters = h("span.tl-row.tl-tight");
  const selection = h("div.tl-selection.tl-row.tl-tight");
  const trouble = h("div");
  const all = h("input.tl-box", { type: "checkbox", "aria-label": "Select all items of this page", onchange: () => choose(answer?.items.map((each) => each.id) || [], all.checked) });
  const columns = [h("span", "Item"), h("span.tl-hide", "Tags")];
  const head = h("div.tl-items-head", h("label.tl-tick", all), columns, selection);
  const list = h("ul.tl-items");
  const range = h("span.tl-meta", { role: "status" });
  const back = h("button.tl-btn.tl-quiet", { onclick: () => page(answer.previous) }, "← Back");
  const next = h("button.tl-btn.tl-quiet", { onclick: () => page(answer.next) }, "Next →");
  fill(
    place,
    h("div.tl-row.tl-spread", title, total),
    h("div.tl-row.tl-filters", search, status, labelled, filters),
    trouble,
    head,
    list,
    h("div.tl-pager", range, h("span.tl-row.tl-tight", back, next)),
  );

  function show(nextCorpus, nextParams) {
    corpus = nextCorpus;
    params = { ...nextParams };
    fill(title, corpus.name);
    fill(total, plural(corpus.items, "item"));
    const names = Object.entries(STATUS);
    fill(status, options([["", "Any status"], ...names.map(([name, [sign, word]]) => [name, `${sign} ${word}${corpus.status[name] === undefined ? "" : ` (${count(corpus.status[name])})`}`])], params.status || ""));
    if (document.activeElement !== search) search.value = params.q || "";
    labelled.value = params.labelled || "";
    fill(filters, params.tag && h("button.tl-chip", { title: "Remove this filter", onclick: () => change({ tag: "", tagname: "" }) }, h("b", params.tagname || "one tag"), "✕"));
    if (listed() !== key) {
      key = listed();
      load();
    }
    if (params.item && !drawer && answer) open(params.item);
  }

  /** What the list depends on. */
  function listed() {
    return JSON.stringify([corpus.id, corpus.updated_at, corpus.items, corpus.runs, corpus.status, params.q, params.status, params.labelled, params.tag, params.cursor]);
  }

  function change(next) {
    const { corpus: _, cursor: __, item: ___, add: ____, ...rest } = params;
    params = { ...rest, ...next };
    chosen.clear();
    moved(params);
    show(corpus, { ...params, corpus: corpus.id });
  }

  function page(cursor) {
    change({ cursor });
    place.scrollIntoView({ block: "start" });
  }

  async function load() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    list.setAttribute("aria-busy", "true");
    try {
      answer = await get("items", { corpus: corpus.id, q: params.q, status: params.status, labelled: params.labelled, tag: params.tag, cursor: params.cursor, limit: 50 }, signal);
      fill(trouble);
      draw();
      first();
      if (params.item && !drawer) open(params.item);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(trouble, errorBox(error, load));
    }
    list.removeAttribute("aria-busy");
  }

  // Back on the first page, the page is simply the first one: what is added or deleted moves into it.
  function first() {
    if (!params.cursor || answer.previous || answer.from > 1) return;
    const { corpus: _, cursor: __, ...rest } = params;
    params = rest;
    key = listed();
    moved(rest);
  }

  function draw() {
    const { items } = answer;
    const filtered = params.q || params.status || params.labelled || params.tag;
    fill(list, items.map(row));
    if (!items.length)
      fill(
        list,
        h("li", filtered ? emptyState("Nothing fits", "No item of this corpus fits the search and the filters.", h("button.tl-btn", { onclick: clear }, "Show all items")) : emptyState("This corpus is empty", "Its items were deleted, or the file held none.")),
      );
    head.hidden = !items.length;
    fill(range, items.length ? `${count(answer.from)}–${count(answer.from + items.length - 1)} of ${count(answer.total)}${answer.total_is_more ? "+" : ""}` : "");
    back.disabled = !answer.previous;
    next.disabled = !answer.next;
    drawSelection();
  }

  function clear() {
    search.value = "";
    change({ q: "", status: "", labelled: "", tag: "", tagname: "" });
  }

  function row(item) {
    const tick = h("input.tl-box", { type: "checkbox", checked: chosen.has(item.id), data: { id: item.id }, "aria-label": `Select ${item.title}`, onchange: () => choose([item.id], tick.checked) });
    const tags = item.tags.length ? item.tags : [];
    return h(
      "li.tl-item",
      { onclick: (event) => !event.target.closest("button, label, input, a") && open(item.id) },
      h("label.tl-tick", tick),
      h(
        "div.tl-item-text",
        h("div.tl-item-line", statusSign(item.status), h("button.tl-item-open", { onclick: () => open(item.id) }, item.title || item.external_id || "(no title)")),
        item.snippet && h("div.tl-meta.tl-clip", item.snippet),
      ),
      h(
        "div.tl-item-tags",
        tags.slice(0, 3).map((name) => h("span.tl-chip.tl-mini.tl-both", h("b", name))),
        tags.length > 3 && h("span.tl-meta", `+${tags.length - 3}`),
        !tags.length && item.suggested > 0 && h("span.tl-meta", `${item.suggested} suggested`),
        !tags.length && !item.suggested && item.gold?.length > 0 && h("span.tl-meta.tl-muted", `${item.gold.length} gold`),
      ),
    );
  }

  function choose(ids, on) {
    for (const id of ids) on ? chosen.add(id) : chosen.delete(id);
    for (const box of list.querySelectorAll("input.tl-box")) box.checked = chosen.has(box.dataset.id);
    drawSelection();
  }

  function drawSelection() {
    const ids = answer?.items.map((each) => each.id) || [];
    all.checked = ids.length > 0 && ids.every((id) => chosen.has(id));
    all.indeterminate = !all.checked && ids.some((id) => chosen.has(id));
    head.classList.toggle("tl-on", chosen.size > 0);
    for (const column of columns) column.hidden = chosen.size > 0;
    selection.hidden = !chosen.size;
    fill(
      selection,
      chosen.size > 0 && [
        h("span", `${plural(chosen.size, "item")} selected`),
        params.status === "deleted"
          ? h("button.tl-btn.tl-small", { onclick: restore }, `Restore ${plural(chosen.size, "item")}`)
          : h("button.tl-btn.tl-small.tl-danger", { onclick: remove }, `Delete ${plural(chosen.size, "item")}`),
        h("button.tl-btn.tl-small.tl-quiet", { onclick: () => choose([...chosen], false) }, "Clear"),
      ],
    );
  }

  async function remove(event) {
    event.currentTarget.disabled = true;
    try {
      const gone = await post("items/delete", { ids: [...chosen] });
      chosen.clear();
      again();
      undoBar(`Deleted ${plural(gone.deleted, "item")}`, async () => {
        const { restored } = await post("items/restore", { undo: gone.undo });
        again();
        return `${plural(restored, "item")} restored`;
      });
    } catch (error) {
      fill(trouble, errorBox(error));
      drawSelection();
    }
  }

  async function restore(event) {
    event.currentTarget.disabled = true;
    try {
      await post("items/restore", { ids: [...chosen] });
      chosen.clear();
      again();
    } catch (error) {
      fill(trouble, errorBox(error));
      drawSelection();
    }
  }

  function again() {
    load();
    window.dispatchEvent(new CustomEvent("tagloom:corpora"));
  }

  function open(id) {
    drawer = true;
    openItem(id, answer?.items.map((each) => each.id) || [id], corpus.id, (at) => {
      if (!at) drawer = false;
      params = { ...params, item: at || "" };
      const { corpus: _, add: __, ...rest } = params;
      moved(rest);
    });
  }

  return { show, reload: load };
}
