// The corpora tab: the list on the left, the open corpus in the middle, what to do with it on the right.

import { get } from "./api.js";
import { ago, count, fill, h, plural } from "./dom.js";
import { mountBrowser } from "./browser.js";
import { corpusSide } from "./corpus_side.js";
import { openImport, pendingImport } from "./import_dialog.js";
import { onJobs } from "./jobs_feed.js";
import { go, note, onRoute } from "./navigate.js";
import { emptyState, errorBox, meter } from "./signs.js";

const narrow = matchMedia("(max-width: 900px)");

export function mount(element) {
  const list = h("section.tl-card.tl-corpora", { "aria-label": "Corpora" });
  const middle = h("section.tl-card.tl-browser", { "aria-label": "Items" });
  const side = h("aside.tl-stack.tl-side", { "aria-label": "What to do with this corpus" });
  const all = h("button.tl-link.tl-all-corpora", { onclick: () => go("corpora", {}) }, "← All corpora");
  const page = h("div.tl-page.tl-three.tl-corpora-page", all, list, middle, side);
  let corpora = [];
  let params = {};
  let open = null; // {id, browser}
  let importing = false;
  let failed = false; // the list has never arrived: nothing may claim that there is none
  let loaded = 0;
  let routed = false; // is it known where the address leads?

  fill(element, page);
  fill(list, h("p.tl-loading", "Loading the corpora…"));
  load().then(() => {
    routed = true;
    onRoute("corpora", follow);
  });
  // what a job has done shows in the counts, in the list (suggestions) and in the runs
  window.addEventListener("tagloom:job", () => load(true).then(() => (open?.browser.reload(), open?.side.reload())));
  window.addEventListener("tagloom:corpora", () => load(true));
  window.addEventListener("tagloom:back", () => load(true).then(() => (follow(params), open?.browser.reload())));
  // what a running job has brought so far is shown while it runs
  onJobs((feed) => feed.active && Date.now() - loaded > 5000 && load(true));

  const find = (wanted) => corpora.find((each) => each.id === wanted || each.name === wanted);

  async function load(quiet = false) {
    loaded = Date.now();
    try {
      corpora = (await get("corpora")).corpora;
      failed = false;
    } catch (error) {
      if (quiet) return; // what is on the screen stays
      failed = true;
      middle.hidden = side.hidden = true;
      return void fill(list, errorBox(error, () => load().then(() => follow(params))));
    }
    drawList();
    if (open) drawOpen();
    else if (routed && corpora.length && !params.corpus && !params.add) follow(params); // the first one has come
  }

  async function follow(next) {
    params = next;
    if (Date.now() - loaded > 1000) load(true); // decisions are taken elsewhere: coming back, the counts must be right
    // a job may lead to a corpus that is newer than the list
    if (params.corpus && !find(params.corpus)) await load(true);
    if (params.add && !importing) {
      importing = true;
      openImport({
        path: params.path,
        onclose: async (corpus) => {
          importing = false;
          await load(true);
          go("corpora", corpus ? { corpus } : { ...params, add: "", path: "" });
        },
      });
    }
    if (!params.corpus && corpora.length && (!narrow.matches || params.tag)) {
      params = { ...params, corpus: (open && find(open.id) ? open : corpora[0]).id };
      if (!params.add) note("corpora", params);
    }
    drawOpen();
    drawList();
  }

  function drawList() {
    if (failed) return;
    page.dataset.open = params.corpus ? "yes" : "no";
    page.classList.toggle("tl-one", !corpora.length);
    middle.hidden = side.hidden = !corpora.length || !params.corpus;
    if (!corpora.length) {
      return void fill(
        list,
        emptyState(
          "Start with a corpus",
          "A corpus is a collection of things to tag: talks, articles, products, videos. Bring a csv, txt, json, jsonl, xlsx, parquet or feather file, or a zip of them; Tagloom finds out what the columns mean and shows you before anything is stored.",
          h("button.tl-btn.tl-primary", { onclick: add }, "Add a corpus"),
        ),
      );
    }
    fill(
      list,
      h("div.tl-row.tl-spread", h("h2", "Corpora"), h("button.tl-btn.tl-small", { onclick: add }, "Add…")),
      pendingImport() && h("button.tl-link.tl-pending", { onclick: add }, "Go on with the import that is open"),
      h("ul.tl-corpus-list", corpora.map(entry)),
    );
  }

  function entry(corpus) {
    const done = corpus.status.done + corpus.status.skipped;
    return h(
      "li",
      h(
        "button.tl-corpus",
        { "aria-current": corpus.id === params.corpus ? "true" : null, onclick: () => go("corpora", { corpus: corpus.id }) },
        h("b.tl-clip", corpus.name),
        h("span.tl-meta", `${plural(corpus.items, "item")} · ${ago(corpus.updated_at)}`),
        meter(corpus.items ? done / corpus.items : 0, `${corpus.name}: reviewed`).element,
        h("span.tl-meta", `${count(done)} reviewed`),
      ),
    );
  }

  function add() {
    go("corpora", { ...params, add: "1" });
  }

  function drawOpen() {
    if (failed || !params.corpus || !corpora.length) return;
    const corpus = find(params.corpus);
    if (corpus) params.corpus = corpus.id; // a job names its corpus as people do
    if (!corpus) {
      open = null;
      side.hidden = true;
      middle.hidden = false;
      return void fill(middle, emptyState("This corpus is not here", "It was deleted, or it belongs to another project.", h("button.tl-btn.tl-primary", { onclick: () => go("corpora", { corpus: corpora[0].id }) }, `Open ${corpora[0].name}`)));
    }
    middle.hidden = side.hidden = false;
    const { id } = corpus;
    if (open?.id !== id) open = { id, browser: mountBrowser(middle, corpus, (next) => open?.id === id && moved(next)), side: corpusSide(side, gone) };
    open.browser.show(corpus, params);
    open.side.show(corpus);
  }

  function moved(next) {
    params = { corpus: params.corpus, ...next };
    note("corpora", params);
  }

  /** The open corpus was deleted (or came back). */
  async function gone(back) {
    await load(true);
    open = null;
    go("corpora", { corpus: back || corpora[0]?.id || "" });
    if (!corpora.length) drawList();
  }
}
