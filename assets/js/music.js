// The Music tab: above, tags to try; left, the tracks of a corpus with how their captions stand; right, one track.

import { get } from "./api.js";
import { captionDesk } from "./caption_desk.js";
import { openCompare } from "./compare.js";
import { count, fill, h, plural } from "./dom.js";
import { openExportDialog } from "./export_dialog.js";
import { onJobs } from "./jobs_feed.js";
import { go, note, onRoute } from "./navigate.js";
import { STYLES, TITLES } from "./music_caption.js";
import { openCleaning } from "./music_cleaning.js";
import { openCaptionDialog } from "./music_dialog.js";
import { musicList } from "./music_list.js";
import { musicTry } from "./music_try.js";
import { emptyState, errorBox, options } from "./signs.js";
import { onState, state } from "./state.js";

const DEMO = "demo";
const wide = matchMedia("(min-width: 901px)");

export function mount(element) {
  let corpora = null; // those of kind music; null before they are known
  let open = null; // the corpus that is shown
  let params = {};
  let answer = null; // the last page of tracks: counts of the whole corpus come with it
  let loaded = 0;
  let timer = null;
  let seen = null; // the track that was shown last
  let routed = false; // has the tab ever been open?

  const single = musicTry(() => open);
  const choose = h("select.tl-select.tl-mu-corpus", { "aria-label": "Corpus", onchange: () => go("music", { corpus: choose.value }) });
  const title = h("h2");
  const figures = h("div.tl-mu-figures", { role: "status" });
  const actions = h("div.tl-row.tl-tight.tl-mu-actions");
  const desk = captionDesk({ onchange: decided, onstep: (by) => list.step(by), onshow: (id) => (moved({ ...params, item: id }), list.show(open, params)) });
  const list = musicList({ moved, select, told });
  const left = h("section.tl-card.tl-mu-left", { "aria-label": "Tracks" }, h("div.tl-row.tl-spread.tl-mu-top", h("div.tl-row.tl-tight", title, choose), actions), figures, list.element);
  const back = h("button.tl-link.tl-mu-back", { type: "button", onclick: () => go("music", { ...params, item: "" }) }, "← All tracks");
  const hint = h("div.tl-mu-hint", h("p.tl-meta", "Choose a track to read its four captions, with what the checks say, and to correct, rate and accept them."));
  const right = h("aside.tl-card.tl-mu-right", { "aria-label": "Captions of the chosen track" }, back, hint, desk.element);
  const empty = h("section.tl-card", { hidden: true });
  const columns = h("div.tl-mu-columns", { hidden: true }, left, right);
  const page = h("div.tl-page.tl-one.tl-mu", single.element, empty, columns);
  fill(element, page);
  fill(empty, h("p.tl-loading", "Looking for music…"));
  empty.hidden = false;

  load().then(() => onRoute("music", follow));
  onState(() => corpora && !corpora.length && drawEmpty()); // which projects there are is told there
  window.addEventListener("tagloom:job", ({ detail }) => again(detail));
  window.addEventListener("tagloom:corpora", () => load(true));
  window.addEventListener("tagloom:back", () => load(true).then(() => list.reload()));
  // what a running job has brought so far is shown while it runs
  onJobs((feed) => feed.jobs.some((job) => job.kind === "caption-music" && job.state === "running") && visible() && Date.now() - loaded > 4000 && refresh());

  const visible = () => page.getClientRects().length > 0;

  function again(job) {
    if (["import", "caption-music"].includes(job.kind)) load(true);
    refresh();
  }
  function refresh() {
    loaded = Date.now();
    if (!open) return;
    list.reload();
    clearTimeout(timer);
    timer = setTimeout(() => desk.refresh(), 50);
  }

  async function load(quiet = false) {
    try {
      corpora = (await get("corpora")).corpora.filter((each) => each.kind === "music");
    } catch (error) {
      if (quiet && corpora) return; // what is on the screen stays
      empty.hidden = false;
      return void fill(empty, errorBox(error, () => load().then(() => follow(params))));
    }
    if (quiet) draw();
  }

  function follow(next) {
    params = { ...next };
    routed = true;
    if (corpora) load(true); // decisions are taken elsewhere: coming back, the counts must be right
    draw();
  }

  function draw() {
    if (!corpora || !routed) return;
    empty.hidden = corpora.length > 0;
    columns.hidden = !corpora.length;
    if (!corpora.length) {
      open = null;
      return drawEmpty();
    }
    const wanted = corpora.find((each) => each.id === params.corpus || each.name === params.corpus);
    const last = open && corpora.find((each) => each.id === open.id);
    const now = wanted || (params.corpus ? corpora[0] : last || corpora[0]);
    if (now.id !== params.corpus) params = wanted ? { ...params, corpus: now.id } : { corpus: now.id };
    if (open?.id !== now.id) answer = null;
    open = now;
    note("music", params);
    title.hidden = corpora.length > 1;
    choose.hidden = corpora.length < 2;
    fill(title, now.name);
    fill(choose, options(corpora.map((each) => [each.id, each.name]), now.id));
    drawFigures();
    list.show(now, params);
    select(params.item || null, false);
  }

  function drawEmpty() {
    const demo = state()?.projects?.find((each) => each.slug === DEMO && state().project.slug !== DEMO);
    fill(
      empty,
      emptyState(
        "No music here yet",
        "Bring a table of tracks with their tags, and every track gets four captions that say what its tags say, checked word by word.",
        h("p.tl-mu-example", h("span", h("b", "In: "), h("span.tl-mono", "track_17,\"piano, calm, no drums\"")), h("span", h("b", "Out: "), "A calm piece for piano, without drums.")),
        h("div.tl-row", h("button.tl-btn.tl-primary", { type: "button", onclick: () => go("corpora", { add: "1" }) }, "Import tracks"), demo && h("a.tl-btn", { href: `${location.pathname}?project=${DEMO}#/music` }, "Open the demo")),
        h("p.tl-hint", "csv, tsv, json, jsonl and more, also the files of LP-MusicCaps, MagnaTagATune and MTG-Jamendo. Choose “Music” in the import."),
      ),
    );
  }

  /** How the captions stand, and what there is to do about it. */
  function drawFigures() {
    const verdicts = answer?.verdicts || {};
    const sum = (name) => STYLES.reduce((all, style) => all + (verdicts[style]?.[name] || 0), 0);
    const [pass, warn, fail, none, missing] = ["pass", "warn", "fail", "none", "missing"].map(sum);
    const written = pass + warn + fail;
    const done = (answer?.statuses?.done || 0) + (answer?.statuses?.skipped || 0);
    const left = Math.max(0, open.items - done);
    fill(
      figures,
      answer &&
        (written + none
          ? [
              h("span", `${plural(written, "caption")}`),
              figure("pass", "✓", pass, "pass"),
              warn > 0 && figure("warn", "!", warn, "with a warning"),
              fail > 0 && figure("fail", "✕", fail, fail === 1 ? "fails" : "fail"),
              none > 0 && figure("none", "–", none, "could not be written"),
              missing > 0 && figure("missing", "·", missing, "not written"),
              h("span.tl-muted", `${count(done)} of ${plural(open.items, "track")} reviewed`),
            ]
          : h("span", `${plural(open.items, "track")}, nothing written yet. The builtin writer needs no model: try it on ten tracks first.`)),
    );
    const main = !answer ? null : !written ? "write" : left ? "review" : "export";
    const button = (name, text, onclick, label) => h("button.tl-btn.tl-small", { type: "button", class: main === name && "tl-primary", onclick, title: label || "" }, text);
    fill(
      actions,
      answer && [
        button("clean", "Clean tags…", () => openCleaning(open, refresh), "Prefixes, run-together words, aliases, tags to leave out: see what changes first"),
        fail > 0 && button("again", `Regenerate ${plural(fail, "failing caption")}…`, () => dialog({ only: "failing" }), "The reasons are given to the writer, at most twice"),
        written > 0 && button("compare", "Compare blind…", () => openCompare(open), "Two texts for one track, and nobody says where they come from"),
        written > 0 && button("export", "Export…", () => openExportDialog(open)),
        button("write", written ? "Write captions…" : `Write captions for ${plural(open.items, "track")}…`, () => dialog({ only: written && missing ? "missing" : "all" })),
        written > 0 && button("review", left ? `Review ${plural(left, "track")}` : "Look again", () => go("review", { corpus: open.id })),
      ],
    );
  }

  function figure(name, sign, n, words) {
    return h("button.tl-mu-figure", { type: "button", class: `tl-mu-${name}`, disabled: !n, "aria-pressed": String(params.verdict === name), title: n ? `Show the tracks (${STYLES.map((style) => `${TITLES[style]} ${count(answer.verdicts[style]?.[name] || 0)}`).join(", ")})` : "", onclick: () => go("music", { corpus: open.id, verdict: params.verdict === name ? "" : name }) }, h("span", { "aria-hidden": "true" }, sign), ` ${count(n)} ${words}`);
  }

  function dialog(options) {
    const unsaid = STYLES.filter((style) => !answer.verdicts[style] || answer.verdicts[style].missing);
    openCaptionDialog(open, { ...options, verdicts: answer.verdicts, styles: options.only === "missing" && unsaid.length ? unsaid : STYLES });
  }

  function told(page) {
    answer = page;
    drawFigures();
    // on a wide screen there is always a track to look at
    if (wide.matches && !params.item && page.items.length) select(page.items[0].id, true);
  }

  function moved(next) {
    params = { ...next, corpus: open.id };
    note("music", params);
    page.dataset.open = params.item ? "yes" : "no";
  }

  function select(id, keep = true) {
    if (keep && params.item !== id) {
      // on a telephone a track is a screen of its own: the browser's button leads back to the list
      if (!wide.matches) return go("music", { ...params, item: id });
      moved({ ...params, item: id });
      list.show(open, params);
    }
    page.dataset.open = id ? "yes" : "no";
    hint.hidden = Boolean(id);
    desk.show(open.id, id);
    if (id && !wide.matches && id !== seen) scrollTo(0, 0);
    seen = id;
  }

  function decided(now) {
    list.update(now);
  }
}
