// "Shape it": proposals one by one under the keys a, r, l and u, and all above a line at once.
// A decision shows at once and is sent in the background, in order, with a uuid of its own: sending it twice does no harm.

import { get, post } from "./api.js";
import { count, debounce, fill, h, plural, score } from "./dom.js";
import { dialogOpen, undoBar } from "./dialog.js";
import { route, selected } from "./navigate.js";
import { KINDS, proposalCard } from "./proposal_card.js";
import { uuid as newUuid } from "./review_actions.js";
import { emptyState, errorBox, options } from "./signs.js";

const PAGE = 20;
const SHOWN = 4;
const STATES = [["open", "Open"], ["later", "Later"], ["accepted", "Accepted"], ["rejected", "Rejected"], ["outdated", "Outdated"]];
const SORTS = [["score", "Strongest first"], ["items", "Most items first"]];
const ACTS = { a: "accept", r: "reject", l: "later" };
const DONE = { accept: "accepted", reject: "rejected", later: "later" };
const TYPING = "input:not([type=range]), textarea, select, [contenteditable]:not([contenteditable=false])";

/** {element, load}. `changed()` is called when the vocabulary has changed; `build()` opens the building; `open(any)` is
 *  told whether anything waits for a decision. */
export function mountProposals({ changed, build, open: told }) {
  const element = h("aside.tl-card.tl-shape", { "aria-label": "Proposals" });
  const title = h("h2", "Proposals");
  const kinds = h("div.tl-shape-kinds", { role: "group", "aria-label": "Kinds of proposals" });
  const state = h("select.tl-select", { "aria-label": "State of the proposals", onchange: () => load() }, options(STATES, "open"));
  const sort = h("select.tl-select", { "aria-label": "Order of the proposals", onchange: () => load() }, options(SORTS, "score"));
  const undoButton = h("button.tl-btn.tl-quiet.tl-small", { onclick: undo, "aria-keyshortcuts": "u" }, "Undo", h("span.tl-kbd", { "aria-hidden": "true" }, "u"));
  const trouble = h("div", { "aria-live": "polite" });
  const list = h("div.tl-shape-list", { "aria-live": "off" });
  const line = h("input.tl-range", { type: "range", min: 0, max: 1, step: 0.01, value: "0.9", "aria-label": "Line above which all are accepted", oninput: () => (drawLine(), lookAbove()) });
  const lineWords = h("span.tl-meta");
  const lineScore = h("output.tl-n");
  const lineButton = h("button.tl-btn", { onclick: acceptAbove });
  const foot = h("div.tl-foot.tl-shape-foot", lineWords, line, h("b", lineScore), lineButton);
  fill(element, h("div.tl-row.tl-spread", title, undoButton), kinds, h("div.tl-row.tl-tight.tl-shape-order", state, sort), trouble, list, foot);
  element.hidden = true;

  let kind = "";
  let waiting = []; // proposals not decided yet, in order
  let counts = null;
  let above = 0;
  let next = null;
  let asked = 0;
  const done = []; // what u takes back: {uuid, proposal, before} or {batch}
  let sending = Promise.resolve();
  let unsent = 0;
  let edited = false; // the vocabulary has changed since it was last drawn
  let version = 0; // grows with each decision: an answer that was asked for before it is out of date

  async function load(keep = false) {
    const mine = ++asked;
    try {
      await sending; // what was decided here must have arrived before the list is asked for
      const at = version;
      const answer = await get("proposals", { state: state.value, kind, sort: sort.value, line: line.value, limit: PAGE });
      if (mine !== asked) return;
      if (at !== version) return void load(keep);
      if (!keep) fill(trouble);
      waiting = answer.proposals;
      ({ counts, next } = answer);
      above = answer.above || 0;
      draw();
    } catch (error) {
      element.hidden = false;
      fill(trouble, errorBox(error, load));
    }
  }

  async function more() {
    if (!next) return;
    const cursor = next;
    next = null;
    try {
      await sending;
      const at = version;
      const answer = await get("proposals", { state: state.value, kind, sort: sort.value, cursor, limit: PAGE });
      if (at !== version) return void ((next = cursor), waiting.length < SHOWN && more());
      const known = new Set(waiting.map((each) => each.id));
      waiting.push(...answer.proposals.filter((each) => !known.has(each.id)));
      next = answer.next;
      draw();
    } catch (error) {
      next = cursor;
      fill(trouble, errorBox(error, more));
    }
  }

  const total = (of) => Object.values(counts?.[of] || {}).reduce((sum, n) => sum + n, 0);

  function draw() {
    const all = STATES.reduce((sum, [each]) => sum + total(each), 0);
    element.hidden = !all;
    element.classList.toggle("tl-has-open", total("open") > 0);
    told?.(total("open") > 0);
    const open = total(state.value);
    fill(title, state.value === "open" ? plural(open, "proposal") : `${count(open)} ${state.value}`);
    undoButton.disabled = !done.length;
    const of = counts?.[state.value] || {};
    const used = Object.keys(KINDS).filter((each) => of[each] || each === kind);
    kinds.hidden = used.length < 2 && !kind;
    fill(kinds, [["", "All", open], ...used.map((each) => [each, KINDS[each], of[each] || 0])].map(([value, label, n]) => h("button.tl-chip.tl-mini", { class: value === kind && "tl-both", "aria-pressed": String(value === kind), onclick: () => ((kind = value), load()) }, h("b", label), h("span.tl-n", count(n)))));
    drawList();
    drawLine();
  }

  function drawList() {
    const [first, ...rest] = waiting;
    if (!first) return void fill(list, nothing());
    fill(
      list,
      proposalCard(first, { current: true, buttons: buttonsOf(first) }),
      rest.slice(0, SHOWN - 1).map((each, index) => proposalCard(each, { choose: () => choose(index + 1) })),
    );
    if (waiting.length < SHOWN * 2) more();
  }

  function nothing() {
    if (state.value !== "open") return h("p.tl-meta.tl-shape-none", "None.");
    if (kind && total("open")) return h("p.tl-meta.tl-shape-none", "None of this kind. ", h("button.tl-link", { onclick: () => ((kind = ""), load()) }, "Show all kinds"));
    return emptyState("All decided", "Nothing is proposed at present. Build from a corpus again to look for more, with what you have decided taken into account.", h("button.tl-btn", { onclick: build }, "Build from a corpus…"));
  }

  function buttonsOf(proposal) {
    const button = (label, key, kindOf) => h("button.tl-btn", { class: kindOf, "aria-keyshortcuts": key, onclick: () => decide(ACTS[key]) }, label, h("span.tl-kbd", { "aria-hidden": "true" }, key));
    const at = proposal.state;
    if (at === "accepted") return [h("button.tl-btn", { onclick: () => takeBack(proposal) }, "Undo")];
    if (at === "outdated") return [];
    return [button("Accept", "a", "tl-primary"), at !== "rejected" && button("Reject", "r", ""), at === "open" && button("Later", "l", "tl-quiet")].filter(Boolean);
  }

  function choose(index) {
    waiting.unshift(...waiting.splice(index, 1));
    drawList();
    list.querySelector(".tl-prop-buttons button")?.focus();
  }

  // ---- deciding

  function decide(action) {
    const proposal = waiting[0];
    if (!proposal || !action) return;
    if ((proposal.state === "accepted" || proposal.state === "outdated") || proposal.state === DONE[action]) return;
    waiting.shift();
    count_(proposal, proposal.state, -1);
    count_(proposal, DONE[action], 1);
    if (proposal.state === "open" && proposal.score >= Number(line.value)) above = Math.max(0, above - 1);
    const uuid = newUuid();
    done.push({ uuid, proposal, action });
    draw();
    const started = performance.now();
    send({ uuid, proposal: proposal.id, action, state: proposal.state, client_time: new Date().toISOString(), ms: Math.round(started - shownAt) }, action === "accept");
    shownAt = started;
  }
  let shownAt = performance.now();

  function count_(proposal, of, by) {
    if (counts?.[of]) counts[of][proposal.kind] = Math.max(0, (counts[of][proposal.kind] || 0) + by);
  }

  /** Decisions arrive in the order in which they were made; one that fails stops those behind it until it is sent. */
  function send(event, edits) {
    unsent += 1;
    version += 1;
    sending = sending.then(() => attempt(event)).then((result) => {
      unsent -= 1;
      if (result && !result.ok) refused(result);
      if (result?.stale?.length) {
        const gone = new Set(result.stale);
        waiting = waiting.filter((each) => !gone.has(each.id));
        drawList();
      }
      edited ||= Boolean(result?.ok && (edits || result.stale?.length));
      if (unsent || !edited) return;
      edited = false;
      changed();
    });
    return sending;
  }

  async function attempt(event) {
    for (let wait = 500; ; wait = Math.min(8000, wait * 2)) {
      try {
        const answer = await post("proposals/decide", { events: [event] });
        if (wait > 500) fill(trouble);
        return answer.results[0];
      } catch (error) {
        if (!error.offline && error.status < 500) return void (fill(trouble, errorBox(error)), load(true));
        fill(trouble, h("div.tl-note.tl-warn", h("b", `${plural(unsent, "decision")} not saved yet. `), "The server does not answer; this page keeps trying. Leave it open."));
        await new Promise((again) => setTimeout(again, wait));
      }
    }
  }

  function refused(result) {
    done.splice(done.findIndex((each) => each.uuid === result.uuid), 1);
    fill(trouble, result.conflict ? h("div.tl-note.tl-warn", h("b", `${result.by || "Somebody"} has decided this one meanwhile: ${result.state}.`)) : h("div.tl-error", { role: "alert" }, h("b", result.message), h("span", result.remedy)));
    load(true);
  }

  // Closing the page now would lose what has not arrived.
  window.addEventListener("beforeunload", (event) => unsent > 0 && event.preventDefault());

  async function undo() {
    const last = done.pop();
    if (!last) return;
    fill(trouble);
    if (last.batch) return takeBatchBack(last);
    const { proposal, action } = last;
    waiting.unshift(proposal);
    count_(proposal, DONE[action], -1);
    count_(proposal, proposal.state, 1);
    draw();
    send({ uuid: newUuid(), proposal: proposal.id, action: "undo", state: DONE[action], undoes: last.uuid }, action === "accept");
  }

  async function takeBatchBack(last) {
    try {
      await sending;
      await post("vocabulary/undo", { batch: last.batch });
      changed();
    } catch (error) {
      fill(trouble, errorBox(error));
      load(true);
    }
  }

  async function takeBack(proposal) {
    send({ uuid: newUuid(), proposal: proposal.id, action: "undo", state: "accepted" }, true).then(() => load(true));
  }

  // ---- all above the line

  function drawLine() {
    foot.hidden = state.value !== "open" || !total("open");
    const what = kind ? `${KINDS[kind].toLowerCase()} proposals` : "proposals";
    fill(lineWords, `Accept all ${what} from`);
    fill(lineScore, score(Number(line.value)));
    line.setAttribute("aria-valuetext", `${score(Number(line.value))}, ${plural(above, "proposal")}`);
    fill(lineButton, `Accept ${count(above)}`);
    lineButton.disabled = !above;
  }

  const lookAbove = debounce(async () => {
    const value = line.value;
    try {
      await sending;
      const answer = await get("proposals", { kind, line: value, limit: 1 });
      if (value !== line.value) return;
      above = answer.above || 0;
      drawLine();
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }, 120);

  async function acceptAbove() {
    const body = { line: Number(line.value), kind, uuid: newUuid() };
    lineButton.disabled = true;
    fill(lineButton, `Accepting ${count(above)}…`);
    fill(trouble);
    try {
      await sending;
      const answer = await post("proposals/accept-above", body);
      if (answer.accepted) {
        done.push({ batch: answer.batch });
        undoBar(`Accepted ${plural(answer.accepted, "proposal")}`, async () => {
          const at = done.findIndex((each) => each.batch === answer.batch);
          if (at >= 0) done.splice(at, 1);
          await post("vocabulary/undo", { batch: answer.batch });
          changed();
          return "Undone.";
        });
      }
      if (answer.failed)
        fill(trouble, h("div.tl-note.tl-warn", h("b", `${plural(answer.failed, "proposal")} could not be accepted.`), h("ul.tl-reasons", answer.problems.slice(0, 5).map((each) => h("li", h("b", each.name), ` ${each.message}`)))));
      changed();
    } catch (error) {
      fill(trouble, errorBox(error));
      load(true);
    }
  }

  // ---- keys

  const here = () => (route().tab || selected()) === "vocabulary" && !element.hidden && !dialogOpen();
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing || !here()) return;
    const target = event.composedPath()[0];
    if (target instanceof Element && target.closest(TYPING)) return;
    const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : "";
    if (key === "u") undo();
    else if (ACTS[key]) decide(ACTS[key]);
    else if (key === "j" && waiting.length > 1) (waiting.push(waiting.shift()), drawList());
    else return;
    event.preventDefault();
  });

  window.tagloomProposals = { unsaved: () => unsent, current: () => waiting[0] || null };
  return { element, load: () => load() };
}
