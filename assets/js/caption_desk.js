// The captions of one track to work on, wherever a list of tracks stands beside them (the Music tab): the same boxes,
// keys, outbox and way back as on the Review tab.
//
// captionDesk({onchange, onstep, onshow}) → {element, show(corpusId, itemId), refresh(), current()}. `onchange({id, state,
// captions})` is told when something was decided or written; with `onstep(by)` the keys j, k and Enter ask for the next or
// previous track; `onshow(id)` is told when an undo has led to another track.

import { get } from "./api.js";
import { CaptionActions } from "./caption_actions.js";
import { CaptionPanel } from "./caption_panel.js";
import { begun, history, onDecisions, outbox, serial } from "./decisions.js";
import { fill, h } from "./dom.js";
import { Actions } from "./review_actions.js";
import { choiceBar, overtakenBar } from "./review_choice.js";
import { listen, openSheet } from "./review_keys.js";
import { hint } from "./review_screens.js";
import { savedWords } from "./review_view.js";
import { errorBox, statusSign } from "./signs.js";
import { onState } from "./state.js";

/** What Actions takes for a queue, of one item. */
class OneItem {
  items = new Map();
  current = null;
  status = "desk";
  filter = "all";
  person = null;

  constructor(step) {
    this.step = step;
  }

  state(item) {
    const own = outbox.of(item.id, "captions").at(-1);
    return own ? { ...item.state, ...own.event.after, version: own.event.version + 1, person: this.person } : item.state;
  }

  holds(id) {
    return this.current?.id === id;
  }

  jump() {}

  async bring(id) {
    const fresh = await get(`captions/item/${encodeURIComponent(id)}`);
    this.take(fresh);
    this.current = this.items.get(id);
  }

  async renew(id) {
    this.take(await get(`captions/item/${encodeURIComponent(id)}`));
  }

  // An older state does not replace a newer one; what is remembered of an item while it is shown stays.
  take(fresh) {
    Object.assign(fresh, { field: "captions", fields: fresh.fields ?? [], suggestions: [] });
    fresh.state.boxes ??= {};
    const old = this.items.get(fresh.id);
    if (!old) return void this.items.set(fresh.id, fresh);
    Object.assign(old, fresh, { state: old.state.version > fresh.state.version ? old.state : fresh.state });
  }

  settle(id, field, state) {
    const item = this.items.get(id);
    if (item && field === "captions" && state && state.version >= item.state.version) item.state = { boxes: {}, ...state };
  }

  recount() {}
  rename() {}
  verify() {}
}

export function captionDesk({ onchange, onstep, onshow } = {}) {
  let corpus = null;
  let project = "";
  let wanted = null;
  let choice;
  let pressed = 0; // presses whose turn has not come
  let waiting = 0; // presses of e whose turn has not come
  const queue = new OneItem((by) => onstep?.(by));
  const captions = new CaptionActions();
  const actions = new Actions({ queue, outbox, history, kinds: { captions }, fields: ["captions"], project: () => project, blind: () => false, say });
  const which = h("div.tl-row.tl-tight.tl-meta");
  const body = h("div.tl-cp-desk-item");
  const trouble = h("div");
  const said = h("span.tl-meta.tl-grow", { role: "status" });
  const saved = h("span.tl-meta.tl-rv-saved");
  const button = (text, key, name, kind = "tl-quiet") => h("button.tl-btn.tl-small", { type: "button", class: kind, onclick: () => act({ name }), "aria-keyshortcuts": key === "↵" ? "Enter" : key }, text, h("span.tl-kbd", { "aria-hidden": "true" }, key));
  const foot = h(
    "div.tl-row.tl-tight.tl-cp-desk-foot",
    button("Undo", "u", "undo"),
    h("button.tl-btn.tl-quiet.tl-small", { type: "button", onclick: () => openSheet(panel.keys) }, "Keys", h("span.tl-kbd", { "aria-hidden": "true" }, "?")),
    said,
    saved,
    button(onstep ? "Accept all, next" : "Accept all", "↵", "accept", ""),
  );
  const panel = new CaptionPanel(
    { body, begin: () => (element.scrollTop = 0), drawWhich: (item, state) => fill(which, statusSign(state.status, true), state.person && state.status !== "pending" ? h("span.tl-muted", `by ${state.person}`) : null) },
    { act, project: () => project, corpus: () => corpus, redraw: draw, say, renew: (id) => queue.renew(id).then(() => (tell(id), draw())) },
  );
  const element = h("section.tl-cp-desk", { "aria-label": "Captions of one track" }, which, trouble, body, panel.element, foot);
  element.hidden = true;
  // A click must not leave the focus on a button: Enter is "accept", not "press that again".
  element.addEventListener("mousedown", (event) => {
    if (!event.target.closest("button")) return;
    event.preventDefault();
    if (document.activeElement?.matches("input, select, textarea")) document.activeElement.blur();
  });

  let silence = null;
  function say(text) {
    fill(said, text);
    clearTimeout(silence);
    silence = setTimeout(() => fill(said), 5000);
  }

  const tell = (id) => {
    const item = queue.items.get(id);
    if (item) onchange?.({ id, state: queue.state(item), captions: item.captions });
  };

  function act(action) {
    if (!queue.current) return Promise.resolve();
    if (action.name === "sheet") return openSheet(panel.keys);
    if (action.name === "blind") return say("Blind review is on the Review tab.");
    if (waiting) return Promise.resolve(); // a box is about to be opened: what is typed meanwhile is meant for it
    if (panel.local(action)) {
      if (!pressed) return Promise.resolve(panel.acts(action));
      const opens = action.name === "edit" ? 1 : 0;
      waiting += opens;
      return serial(() => ((waiting -= opens), panel.acts(action)));
    }
    return press(captions.handlers(action)[action.name] || (() => actions[action.name]()));
  }

  function press(fn) {
    const { id } = queue.current;
    pressed += 1;
    return serial(async () => {
      try {
        await fn();
      } catch (error) {
        if (error.remedy === undefined) console.error(error);
        say(error.remedy === undefined ? "That did not work. Nothing was changed." : `${error.message} ${error.remedy}`);
      }
      pressed -= 1;
      tell(id);
      if (queue.current.id !== id && wanted === id) {
        wanted = queue.current.id; // an undo has led to another track
        tell(wanted);
        onshow?.(wanted);
      }
      draw();
    });
  }

  function draw() {
    const item = queue.current;
    element.hidden = !item && !trouble.childElementCount;
    body.hidden = panel.element.hidden = foot.hidden = !item;
    if (!item) return;
    item.seen ??= performance.now();
    const state = queue.state(item);
    const shown = actions.shown(item, state);
    shown.hint = hint(item, null);
    panel.show(item, state, shown);
    const entry = actions.choice(item);
    const open = entry || item.overtaken || null;
    if (open === choice) return;
    choice = open;
    if (entry) fill(trouble, choiceBar(entry, String, (mine) => press(() => actions.choose(entry, mine))));
    else if (open)
      fill(
        trouble,
        overtakenBar(open, String, (yes) =>
          press(async () => {
            delete item.overtaken;
            if (yes) return actions.revert(item, open.entry);
            history.skip(open.entry.uuid);
          }),
        ),
      );
    else fill(trouble);
  }

  function drawSaved() {
    const rows = outbox.rows.filter((row) => row.project === project);
    fill(saved, savedWords({ rows, saved: outbox.saved, problem: outbox.problem, durable: outbox.durable }));
    saved.classList.toggle("tl-rv-unsaved", rows.length > 0 && Boolean(outbox.problem));
  }

  onDecisions({
    settled: (outcome) => {
      actions.settled(outcome);
      for (const id of new Set(outcome.answers.map(({ row }) => row.event.item))) tell(id);
      draw();
    },
    changed: drawSaved,
  });
  onState((now) => (queue.person = now.person?.name ?? null));
  listen(() => element.getClientRects().length > 0 && Boolean(queue.current), act, () => panel.keys);

  /** Show a track; null for none. */
  async function show(corpusId, itemId) {
    wanted = itemId;
    if (itemId === null || itemId === undefined) {
      queue.current = null;
      fill(trouble);
      panel.clear();
      return draw();
    }
    corpus = { id: corpusId };
    try {
      project = await begun();
      if (queue.current?.id !== itemId) await fetched(itemId);
      else await queue.renew(itemId);
      if (wanted !== itemId) return;
      choice = undefined;
      fill(trouble);
    } catch (error) {
      if (wanted !== itemId) return;
      fill(trouble, errorBox(error, () => show(corpusId, itemId)));
    }
    draw();
    drawSaved();
  }

  async function fetched(id) {
    const fresh = await get(`captions/item/${encodeURIComponent(id)}`);
    if (wanted !== id) return;
    queue.take(fresh);
    queue.current = queue.items.get(id);
  }

  return { element, show, refresh: () => queue.current && show(corpus.id, queue.current.id), current: () => queue.current?.id ?? null };
}
