// The review tab: puts queue, outbox, history, keys and drawing together.
//
// Key presses are handled one after the other in the order they came (`serial`), whatever each has to wait for. What is
// decided on an item, tags or captions, shows in the panel at the right; the rest is the same for both.

import { get } from "./api.js";
import { CaptionActions } from "./caption_actions.js";
import { CaptionPanel } from "./caption_panel.js";
import { history, onDecisions, opened, outbox, serial } from "./decisions.js";
import { note, onRoute } from "./navigate.js";
import { Actions } from "./review_actions.js";
import { choiceBar, openChoices, overtakenBar } from "./review_choice.js";
import { listen, openSheet } from "./review_keys.js";
import { Queue } from "./review_queue.js";
import { hint, kindOf, screen } from "./review_screens.js";
import { fieldOf } from "./review_state.js";
import { TagActions } from "./review_tag_actions.js";
import { TagPanel } from "./review_tag_panel.js";
import { View } from "./review_view.js";
import { errorBox } from "./signs.js";
import { onState, ready } from "./state.js";

const TIMINGS = 500;
const ADDRESS_PAUSE = 300; // ms; browsers refuse to have the address changed with every key

const FILTERED = new Set(["disagree", "fail", "warn", "none", "missing"]); // queues that leave only some items

// A browser may forbid storage altogether; then preferences last as long as the page.
const forgetful = new Map();
const recall = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return forgetful.get(name) ?? null;
  }
};
const keep = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    forgetful.set(name, value);
  }
};

export function mount(element) {
  const timings = [];
  let project = "";
  let corpora = null;
  let drawn = { item: null }; // what the screen shows
  let blind = recall("tagloom:blind") === "yes";
  let unsaved = 0;
  let pressed = 0; // presses whose turn has not come
  let waiting = 0; // presses of e whose turn has not come
  let addressTimer = null;
  let startedAt = 0;
  let asked = null; // the queue that was asked for last: {corpus, queue, item}

  const queue = new Queue(outbox, () => draw());
  const view = new View(element, {
    corpus: (id) => (document.activeElement.blur(), open({ corpus: id, queue: queue.status, filter: "all" })),
    queue: (status) => (document.activeElement.blur(), open({ corpus: queue.corpus, queue: status })),
    filter: (filter) => (document.activeElement.blur(), open({ corpus: queue.corpus, queue: queue.status, filter })),
    previous: () => act({ name: "previous" }),
    skip: () => act({ name: "skip" }),
    undo: () => act({ name: "undo" }),
    reject: () => act({ name: "reject" }),
    accept: () => act({ name: "accept" }),
    blind: () => act({ name: "blind" }),
    keys: () => openSheet(panel().keys),
    refused: () => openChoices(mine, tags.name.bind(tags), { open: (entry) => open({ item: entry.row.event.item, queue: queue.status, fetch: true }), choose: (entry, yes) => press(() => actions.choose(entry, yes)) }),
  });
  const tags = new TagActions();
  const captions = new CaptionActions();
  const actions = new Actions({ queue, outbox, history, kinds: { tags, captions }, project: () => project, blind: () => blind, say: (text) => view.say(text) });
  const panels = {
    tags: new TagPanel(view, {
      toggle: (tag) => act({ name: "chip", tag, item: drawn.item?.id }),
      map: (chip, tag) => act({ name: "map", tag, chip, item: drawn.item?.id }),
      take: (chip) => act({ name: "take", chip, item: drawn.item?.id }),
      drop: (chip) => act({ name: "drop", chip, item: drawn.item?.id }),
      whole,
      add: {
        known: () => [...tags.names].map(([id, name]) => ({ id, name })),
        subject: () => queue.current,
        take: (choice, item) => item && press(() => tags.add(choice, item), "add").then((done) => done && panels.tags.flash(done.tag)),
      },
    }),
    captions: new CaptionPanel(view, { act: (action) => act(action), project: () => project, corpus: () => corpus(), redraw: () => draw(), say: (text) => view.say(text), renew: (id) => queue.renew(id) }),
  };
  const panel = () => panels[queue.current ? fieldOf(queue.current) : corpus()?.kind === "music" ? "captions" : "tags"];

  const mine = () => outbox.refused.filter((entry) => entry.row.project === project);
  const own = () => ({ rows: outbox.rows, saved: outbox.saved, problem: outbox.problem, refused: mine(), durable: outbox.durable });
  const visible = () => element.getClientRects().length > 0;

  // ---- keys and clicks ----

  function act(action, event) {
    if (action.name === "sheet") return openSheet(panel().keys);
    if (action.name === "add") return queue.current && panels.tags.adding.focus();
    if (waiting) return; // a box is about to be opened: what is typed meanwhile is meant for it
    if (panel().local?.(action)) {
      if (!pressed) return void panel().acts(action); // at once: the next key may be a letter
      const opens = action.name === "edit" ? 1 : 0;
      waiting += opens;
      return void serial(() => ((waiting -= opens), panel().acts(action)));
    }
    const handlers = {
      ...(panel() === panels.tags ? tags : captions).handlers(action),
      blind: async () => {
        blind = !blind;
        keep("tagloom:blind", blind ? "yes" : "no");
        view.drawBlind(blind);
        view.say(panel().blindWords(blind));
      },
    };
    return press(handlers[action.name] || (() => actions[action.name]()), event?.key ?? action.name, event?.timeStamp);
  }

  /** One press: do it in turn, show it, measure it. */
  function press(fn, key, at = performance.now()) {
    pressed += 1;
    return serial(async () => {
      let done = null;
      try {
        done = await fn();
      } catch (error) {
        if (error.remedy === undefined) console.error(error);
        view.say(error.remedy === undefined ? "That did not work. Nothing was changed; reload the page if it happens again." : `${error.message} ${error.remedy}`);
      }
      pressed -= 1;
      draw();
      if (key) measure({ key, painted_ms: null, acked_ms: null }, at, done?.event?.uuid ?? done?.uuid);
      return done;
    });
  }

  function measure(timing, at, uuid) {
    Object.defineProperty(timing, "of", { value: { at, uuid } });
    timings.push(timing);
    if (timings.length > TIMINGS) timings.shift();
    // The task after the frame's callback runs when that frame has been painted.
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => (timing.painted_ms = performance.now() - at);
      channel.port2.postMessage(null);
    });
  }

  function onSettled(outcome) {
    actions.settled(outcome);
    const now = performance.now();
    const at = new Map(outcome.answers.map(({ row, result }) => [row.event.uuid, result]));
    for (const timing of timings) if (timing.acked_ms === null && at.get(timing.of.uuid)?.ok) timing.acked_ms = now - timing.of.at;
    if (Object.keys(outcome.tags).length) panels.tags.stale();
    draw();
  }

  // ---- drawing ----

  function draw() {
    if (!corpora) return;
    view.use(panel());
    view.drawProgress(queue);
    const item = queue.current;
    if (item && !item.fields) fetchTexts(item);
    else if (item) drawItem(item);
    else drawScreen();
    remember();
  }

  // Far behind, where the texts were let go.
  function fetchTexts(item) {
    if (drawn.fetching === item.id) return;
    drawn = { item: null, fetching: item.id };
    view.screen(screen("loading", {}));
    queue.open({ corpus: queue.corpus, status: queue.status, filter: queue.filter, item: item.id }, { quiet: true });
  }

  function drawItem(item) {
    actions.learn(item);
    item.seen ??= performance.now();
    const state = queue.state(item);
    const shown = actions.shown(item, state);
    shown.hint = hint(item, corpus());
    panel().show(item, state, shown, corpus()?.runs > 0);
    if (drawn.item !== item) announceItem(item, shown);
    drawn = { item, choice: drawn.item === item ? drawn.choice : undefined };
    drawChoice(item);
  }

  function drawChoice(item) {
    const entry = actions.choice(item);
    const open = entry || item.overtaken || null;
    if (open === drawn.choice) return;
    drawn.choice = open;
    const name = tags.name.bind(tags);
    if (entry?.theirs?.accepted) nameTags(item, entry.theirs);
    if (entry) view.drawChoice(choiceBar(entry, name, (yes) => press(() => actions.choose(entry, yes))));
    else if (open)
      view.drawChoice(
        overtakenBar(open, name, (yes) =>
          press(async () => {
            delete item.overtaken;
            if (yes) return actions.revert(item, open.entry);
            history.skip(open.entry.uuid);
          }),
        ),
      );
    else view.drawChoice(null);
  }

  // Somebody else's tags may never have been on this page.
  async function nameTags(item, theirs) {
    if ([...theirs.accepted, ...theirs.rejected].every((tag) => tags.names.has(tag))) return;
    const page = await get("review/queue", { corpus: queue.corpus, status: "all", item: item.id, limit: 1 }).catch(() => null);
    if (!page?.items?.length) return;
    actions.learn(page.items[0]);
    drawn.choice = undefined;
    if (theirs.version === page.items[0].state.version) draw();
  }

  function drawScreen() {
    const kind = kindOf(queue, corpora);
    const key = `${kind} ${queue.filter} ${queue.status} ${queue.corpus} ${kind === "waiting" ? outbox.rows.length + queue.problem.message : JSON.stringify(queue.scope)}`;
    if (drawn.screen === key) return;
    drawn = { item: null, screen: key };
    view.screen(screen(kind, { queue, corpus: corpus(), unsaved: outbox.rows.length, open }));
  }

  async function whole(item, field, box) {
    box.classList.add("tl-rv-open");
    if (!field.cut) return;
    try {
      await queue.whole(item);
      draw();
    } catch (error) {
      view.say(`${error.message} ${error.remedy || ""}`);
    }
  }

  // ---- words for those who listen ----

  let savedTimer, itemTimer;
  function announceSaved() {
    const before = unsaved;
    unsaved = outbox.rows.length;
    clearTimeout(savedTimer);
    if (before && !unsaved) savedTimer = setTimeout(() => view.announce("saved"), 1200);
  }

  function announceItem(item, shown) {
    clearTimeout(itemTimer);
    itemTimer = setTimeout(() => view.announce(`${item.title || item.external_id || "Item"}. ${panel().said(shown)}`), 400);
  }

  // ---- where we are ----

  const corpus = () => corpora?.find((each) => each.id === queue.corpus) || null;

  function remember() {
    addressTimer ??= setTimeout(writeAddress, ADDRESS_PAUSE);
  }

  function writeAddress() {
    clearTimeout(addressTimer);
    addressTimer = null;
    if (!queue.loaded || !visible()) return;
    const { filter, status } = queue;
    note("review", { corpus: queue.corpus, item: queue.current?.id, ...(filter === "all" ? { queue: status } : { queue: filter, status }) });
    keep(`tagloom:review:${project}`, queue.corpus);
  }

  /** Show a queue, at an item if one is given. */
  function open({ corpus: id, item = null, queue: status, filter = queue.filter, fetch = false }) {
    if (fetch || (item && queue.holds(item) && id === queue.corpus && status === queue.status && filter === queue.filter))
      return press(async () => {
        if (!queue.jump(item)) await actions.visit(item);
      });
    asked = { corpus: id, queue: status, filter, item };
    return serial(async () => void queue.open({ corpus: id, status, filter, item }));
  }

  function follow(params) {
    if (!corpora?.length) return;
    const known = (id) => corpora.some((each) => String(each.id) === String(id));
    const last = [params.corpus, asked?.corpus, recall(`tagloom:review:${project}`)].find((id) => id && known(id));
    const id = corpora.find((each) => String(each.id) === String(last))?.id ?? (corpora.find((each) => each.runs) || corpora[0]).id;
    const before = asked?.corpus === id ? asked : { queue: "pending", filter: "all" };
    const filter = !params.queue ? before.filter : FILTERED.has(params.queue) ? params.queue : "all";
    const status = !params.queue ? before.queue : filter === "all" ? params.queue : params.status || "pending";
    const same = asked?.corpus === id && asked.queue === status && asked.filter === filter;
    if (same && (!params.item || params.item === (queue.current?.id ?? asked.item))) return;
    open({ corpus: id, item: params.item || null, queue: status, filter });
  }

  async function loadCorpora() {
    corpora = (await get("corpora")).corpora;
    view.drawCorpora(corpora, queue.corpus);
  }

  async function begin() {
    for (let pause = 400; ; pause = Math.min(5000, pause * 2)) {
      try {
        project = (await ready()).project.slug;
        await loadCorpora();
        break;
      } catch (error) {
        view.screen(error.remedy === undefined ? errorBox(error) : screen("waiting", { queue: { problem: error }, unsaved: outbox.rows.length }));
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    tags.recall([...outbox.rows, ...outbox.refused.map((entry) => entry.row)]);
    history.reset(outbox.rows.filter((row) => row.project === project));
    view.drawSaved(own());
    onRoute("review", follow);
    if (!asked) follow({});
    draw();
  }

  /** The tab has come into view again: what was done elsewhere should show. */
  async function again() {
    view.fit();
    if (performance.now() - startedAt < 2000) return;
    startedAt = performance.now();
    try {
      const empty = !corpora?.length;
      await loadCorpora();
      if (empty || !asked) return follow({});
      if (!outbox.rows.length) await serial(async () => history.reset([]));
      await queue.refresh();
    } catch {
      /* what is on the screen stays; the footer says when nothing can be saved */
    }
  }

  // ---- start ----

  view.drawBlind(blind);
  view.screen(screen("loading", {}));
  opened();
  onDecisions({ settled: onSettled, changed: () => (view.drawSaved(own()), announceSaved()) });
  let begun = null;
  new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    view.fit();
    if (!begun) startedAt = performance.now();
    begun ? begun.then(again) : (begun = opened().then(begin));
  }).observe(element);
  new ResizeObserver(() => view.fit()).observe(document.body);
  window.addEventListener("pagehide", writeAddress);
  document.addEventListener("visibilitychange", () => (document.hidden ? writeAddress() : begun && visible() && begun.then(again)));
  window.addEventListener("tagloom:job", () => begun && begun.then(() => ((startedAt = -Infinity), again())));
  onState((now) => (queue.person = now.person?.name ?? null));
  listen(visible, act, () => panel().keys);

  window.tagloomReview = {
    /** The item on the screen: {id, position, external_id, title, state, ticked}, or null. */
    current() {
      const item = queue.current;
      if (!item || drawn.item !== item) return null;
      const state = queue.state(item);
      return { id: item.id, position: item.position, external_id: item.external_id, title: item.title, state, ticked: actions.shown(item, state).ticked, boxes: state.boxes };
    },
    /** Decisions that the server has not acknowledged, those still being handled included. */
    unsaved: () => outbox.rows.length + pressed,
    prefetched: () => queue.ahead,
    behind: () => queue.at,
    timings,
  };
}
