// Two texts for one track, and nobody says where they come from: which says more that is true, which says less that is
// false? The answers are decisions like any other: kept in this browser first, sent again after a reload, undone.

import { get } from "./api.js";
import { openLoad } from "./caption_load.js";
import { playerOf, tagField } from "./caption_item.js";
import { begun, keep, outbox, serial } from "./decisions.js";
import { openDialog } from "./dialog.js";
import { count, fill, h, plural } from "./dom.js";
import { linkField } from "./item_view.js";
import { uuid } from "./review_actions.js";
import { emptyState, errorBox, options, segment } from "./signs.js";

const PAGE = 20;
const FEW = 5; // pairs ahead when more are fetched
export const QUESTIONS = [
  ["more_true", "Which text says more that is true?"],
  ["less_false", "Which text says less that is false?"],
];
const ANSWERS = [
  ["left", "Text 1", "←"],
  ["same", "About the same", "↓"],
  ["right", "Text 2", "→"],
];
const KEYS = { ArrowLeft: "left", ArrowDown: "same", ArrowRight: "right", 1: "left", 2: "right", 0: "same" };

/** Open the comparison of a music corpus {id, name?}. */
export function openCompare(corpus) {
  const dialog = openDialog({ title: "Compare blind", size: "wide" });
  let project = "";
  let systems = [];
  let chosen = null; // [a, b]
  let pair = ""; // how the server calls the two
  let pairs = []; // still to be rated
  let rated = 0;
  let left = 0;
  let answer = {};
  let given = []; // [{uuid, pair: what was shown}], for undo
  const done = new Set(); // items rated here, of this pair
  let shownAt = 0;
  let turn = 0;
  let at = "rate";

  const selects = ["First system", "Second system"].map((label, i) => h("select.tl-select", { "aria-label": label, onchange: (event) => ((chosen[i] = event.target.value), start()) }));
  const progress = h("span.tl-meta", { role: "status" });
  const tabs = segment("View", [["rate", "Rate"], ["results", "Results"]], "rate", (value) => ((at = value), value === "rate" ? start() : results()));
  const choosing = h("div.tl-row.tl-tight", selects[0], h("span.tl-meta", "beside"), selects[1]);
  const place = h("div.tl-cmp");
  fill(dialog.body, h("div.tl-cmp", h("div.tl-row.tl-cmp-head", tabs.element, choosing, progress), place));
  const undoButton = h("button.tl-btn.tl-quiet", { onclick: undo }, "Undo", h("span.tl-kbd", { "aria-hidden": "true" }, "u"));
  const skipButton = h("button.tl-btn.tl-quiet", { onclick: skip }, "Skip", h("span.tl-kbd", { "aria-hidden": "true" }, "s"));
  const said = h("span.tl-grow", { role: "status" });
  fill(dialog.actions, undoButton, skipButton, said, h("button.tl-btn.tl-quiet.tl-hide", { onclick: () => openLoad(corpus, begin) }, "Load captions of another system…"));
  dialog.element.addEventListener("keydown", (event) => {
    if (at !== "rate" || !pairs.length || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input, select, textarea, audio")) return;
    if (KEYS[event.key]) choose(KEYS[event.key]);
    else if (event.key === "u") undo();
    else if (event.key === "s") skip();
    else return;
    event.preventDefault();
  });
  // A click must not leave the focus on a button that goes away with its pair.
  dialog.element.addEventListener("mousedown", (event) => event.target.closest(".tl-cmp-question button") && event.preventDefault());
  dialog.element.classList.add("tl-compare");
  dialog.body.tabIndex = -1;
  dialog.body.focus({ preventScroll: true });
  begin();

  async function begin() {
    try {
      project = await begun();
      systems = (await get("captions/compare", { corpus: corpus.id })).systems;
    } catch (error) {
      return void fill(place, errorBox(error, begin));
    }
    const two = systems.length > 1;
    choosing.hidden = tabs.element.hidden = skipButton.hidden = undoButton.hidden = !two;
    if (!two) return void fill(place, emptyState("It takes two systems", "Write captions in two styles, import reference captions with the tracks, or load the captions of another system: then you can rate them without knowing which is which.", h("button.tl-btn.tl-primary", { onclick: () => openLoad(corpus, begin) }, "Load captions…")));
    const names = systems.map((each) => each.name);
    if (!chosen?.every((each) => names.includes(each))) chosen = [names[0], names.includes("reference") && names[0] !== "reference" ? "reference" : names[1]];
    selects.forEach((select, i) => fill(select, options(systems.map((each) => [each.name, `${each.title} · ${count(each.items)}`]), chosen[i])));
    if (at === "rate") start();
    else results();
  }

  async function start() {
    const mine = ++turn;
    selects.forEach((select, i) => (select.value = chosen[i]));
    choosing.hidden = skipButton.hidden = undoButton.hidden = false;
    pairs = [];
    given = [];
    done.clear();
    if (chosen[0] === chosen[1]) return void fill(place, emptyState("These are the same", "Choose two different systems."));
    fill(place, h("p.tl-loading", "Looking for tracks that have both…"));
    await more(mine);
    if (mine === turn) draw();
  }

  async function more(mine) {
    try {
      const page = await get("captions/compare", { corpus: corpus.id, a: chosen[0], b: chosen[1], limit: PAGE });
      if (mine !== turn) return;
      pair = page.pair;
      const sent = new Set(outbox.rows.filter(({ event }) => event.field === "comparison" && event.action !== "undo" && event.after.boxes[pair]).map(({ event }) => event.item));
      const known = new Set([...pairs.map((each) => each.item), ...done]);
      pairs.push(...page.pairs.filter((each) => !known.has(each.item) && !sent.has(each.item)));
      if (!given.length) [rated, left] = [page.rated + sent.size, Math.max(0, page.left_to_rate - sent.size)];
    } catch (error) {
      if (mine === turn && !pairs.length) fill(place, errorBox(error, start));
    }
  }

  function draw() {
    answer = {};
    shownAt = performance.now();
    fill(progress, `${plural(rated, "track")} rated, ${count(Math.max(left, pairs.length))} to go`);
    const now = pairs[0];
    if (!now)
      return void fill(
        place,
        emptyState(rated ? "All tracks that have both are rated" : "No track has both", rated ? `You have rated ${plural(rated, "track")}.` : "Choose two other systems, or write captions first.", rated > 0 && h("button.tl-btn.tl-primary", { onclick: () => (tabs.set("results"), (at = "results"), results()) }, "See the results")),
      );
    const text = (label, words) => h("section.tl-cmp-text", { "aria-label": label }, h("span.tl-label", label), h("p", { dir: "auto" }, words));
    fill(
      place,
      h("div", h("p.tl-cp-names", { dir: "auto" }, h("b", now.title)), playerOf(now) || linkField(now.link), tagField(now.tags).element),
      h("div.tl-cmp-pair", text("Text 1", now.left), text("Text 2", now.right)),
      QUESTIONS.map(([name, words]) =>
        h(
          "div.tl-cmp-question",
          { role: "group", "aria-label": words, data: { question: name } },
          h("b", words),
          h(
            "div.tl-row",
            ANSWERS.map(([value, label, key]) => h("button.tl-btn", { type: "button", data: { value }, "aria-pressed": "false", onclick: () => choose(value, name) }, label, h("span.tl-kbd", { "aria-hidden": "true" }, key))),
          ),
        ),
      ),
      h("p.tl-meta", "Judge what the texts claim, by the sound and the tags; not how well they read. The two change sides from track to track."),
    );
    press();
  }

  // Which question is next, and what was answered so far.
  function press() {
    const open = QUESTIONS.find(([name]) => !answer[name])?.[0];
    for (const box of place.querySelectorAll(".tl-cmp-question")) {
      box.classList.toggle("tl-on", box.dataset.question === open);
      for (const button of box.querySelectorAll("button")) button.setAttribute("aria-pressed", String(answer[box.dataset.question] === button.dataset.value));
    }
  }

  function choose(value, name = QUESTIONS.find(([each]) => !answer[each])?.[0]) {
    answer[name] = value;
    press();
    if (QUESTIONS.every(([each]) => answer[each])) finish();
  }

  function row(now, action, boxes, more = {}) {
    return {
      project,
      title: now.title || now.external_id || "",
      before: { status: "pending", boxes: {} },
      key: null,
      event: {
        uuid: uuid(),
        item: now.item,
        field: "comparison",
        action,
        change: null,
        undoes: null,
        version: 0,
        after: { status: action === "undo" ? "pending" : "done", boxes },
        new_tags: [],
        shown: { queue: "comparison" },
        blind: true,
        client_time: new Date().toISOString(),
        ms: Math.round(performance.now() - shownAt),
        ...more,
      },
    };
  }

  async function finish() {
    const now = pairs.shift();
    const entry = row(now, "accept", { [pair]: { ...answer, seen: now.seen } });
    given.push({ uuid: entry.event.uuid, now });
    done.add(now.item);
    rated += 1;
    left = Math.max(0, left - 1);
    const mine = turn;
    draw();
    await serial(() => keep(entry));
    if (pairs.length < FEW && left > pairs.length) {
      const none = !pairs.length;
      await more(mine);
      if (mine === turn && none && at === "rate") draw();
    }
  }

  function skip() {
    if (pairs.length > 1) pairs.push(pairs.shift());
    else say("This is the last one.");
    draw();
  }

  async function undo() {
    const last = given.pop();
    if (!last) return say("Nothing left to undo here.");
    done.delete(last.now.item);
    pairs = [last.now, ...pairs.filter((each) => each.item !== last.now.item)];
    rated = Math.max(0, rated - 1);
    left += 1;
    draw();
    await serial(() => keep(row(last.now, "undo", {}, { undoes: last.uuid })));
    say("Undone: rate it again.");
  }

  let silence = null;
  function say(words) {
    fill(said, words);
    clearTimeout(silence);
    silence = setTimeout(() => fill(said), 4000);
  }

  // ---- results ----

  async function results() {
    const mine = ++turn;
    fill(progress);
    choosing.hidden = skipButton.hidden = undoButton.hidden = at !== "rate";
    fill(place, h("p.tl-loading", "Counting…"));
    try {
      await settled();
      const found = await get("captions/compare/results", { corpus: corpus.id });
      if (mine === turn) fill(place, resultTable(found));
    } catch (error) {
      if (mine === turn) fill(place, errorBox(error, results));
    }
  }

  // What was just rated should be counted; a server that is away is not waited for.
  async function settled() {
    for (let i = 0; i < 20 && outbox.rows.some((each) => each.event.field === "comparison") && !outbox.problem; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const share = (x) => `${Math.round(100 * x)} %`;

function bar(value, interval, words) {
  return h(
    "span.tl-cmp-share",
    { role: "img", "aria-label": words },
    h("i", { style: { width: `${100 * value}%` } }),
    interval && h("b", { style: { left: `${100 * interval[0]}%`, width: `${Math.max(1, 100 * (interval[1] - interval[0]))}%` } }),
  );
}

/** The answers so far: each system against all others, then pair by pair. */
export function resultTable(found) {
  if (!found.ratings) return emptyState("Nothing has been rated yet", "Rate some tracks: the table of wins, ties and losses grows here.");
  const spread = (interval) => (interval ? `${share(interval[0])} – ${share(interval[1])}` : "too few tracks");
  const table = (head, rows) => h("div.tl-scroll", h("table.tl-table.tl-cmp-table", h("thead", h("tr", head.map((each, i) => h(i > 0 && i < head.length - 3 ? "th.tl-num" : "th", each)))), h("tbody", rows)));
  return [
    h("p.tl-meta", `${plural(found.ratings, "rating")} by ${plural(found.people, "person", "people")}. The share counts a tie as half a win; the dashed line is even. Interval: 95 %, by drawing tracks again and again.`),
    QUESTIONS.map(([question, words]) => {
      const totals = found.totals.filter((each) => each.question === question).sort((a, b) => b.share - a.share);
      const rows = found.rows.filter((each) => each.question === question);
      return h(
        "section",
        h("h3", words),
        table(
          ["System", "Wins", "Ties", "Losses", "Share", "", "95 % interval"],
          totals.map((each) => h("tr", h("td", { dir: "auto" }, each.title), [each.wins, each.ties, each.losses].map((n) => h("td.tl-num", count(n))), h("td", share(each.share)), h("td", bar(each.share, each.interval, `${each.title} ${share(each.share)}`)), h("td", spread(each.interval)))),
        ),
        rows.length > 1 &&
          h(
            "details.tl-more",
            h("summary", "Pair by pair"),
            table(
              ["Pair", "First wins", "Ties", "Second wins", "Share of the first", "", "95 % interval"],
              rows.map((each) => h("tr", h("td", { dir: "auto" }, `${each.a_title} beside ${each.b_title}`), [each.wins_a, each.ties, each.wins_b].map((n) => h("td.tl-num", count(n))), h("td", share(each.share_a)), h("td", bar(each.share_a, each.interval, `${each.a_title} ${share(each.share_a)}`)), h("td", spread(each.interval)))),
            ),
          ),
      );
    }),
  ];
}
