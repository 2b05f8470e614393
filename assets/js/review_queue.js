// The items of one queue in memory: always enough of them ahead that the next one is there before its key is pressed.
// An item's state is what the server said of it, with this browser's not yet acknowledged decisions laid over.

import { ApiError, get } from "./api.js";
import { fieldOf, renamedState } from "./review_state.js";

const PAGE = 40;
export const AHEAD = 120;
export const BEHIND = 30;
const KEPT = 400; // items behind the current one that keep their texts
const PATIENCE = 10000; // ms until a request without an answer counts as lost
const PAUSE = { first: 400, most: 5000 };

export class Queue {
  corpus = null;
  status = "pending";
  filter = "all"; // "disagree": only items about which the agents disagree; of music: "fail", "warn", "none", "missing"
  items = new Map(); // id → item, of everything loaded
  order = []; // ids by position
  at = 0; // index of the current item; order.length when past the last one
  counts = {}; // of the corpus, by status
  disagree = {}; // of those about which the agents disagree
  person = null; // whose decisions these are
  total = 0;
  loaded = false; // has the first page arrived?
  problem = null; // why the last request failed
  #turn = { over: true, cursor: {} }; // the window that is in memory
  #opening = null; // the one that will take its place
  #back = false; // one step back is wanted as soon as there is something
  #unsure = false; // may the counts be off by decisions that were on their way?
  #decided = 0; // how often an item has changed its status here

  /** `outbox` lays decisions over states; `onChange()` is called when there is more, less or other to show. */
  constructor(outbox, onChange) {
    this.outbox = outbox;
    this.onChange = onChange;
  }

  get current() {
    return this.items.get(this.order[this.at]) || null;
  }

  /** More items may still come after the last one in memory. */
  get more() {
    return !this.loaded || Boolean(this.#turn.cursor.next);
  }

  get ahead() {
    return Math.max(0, this.order.length - 1 - this.at);
  }

  /** Is this item here with its texts? */
  holds(id) {
    return this.order.includes(id) && Boolean(this.items.get(id).fields);
  }

  /** The state to show and to decide upon. */
  state(item) {
    const own = this.outbox.of(item.id, fieldOf(item)).at(-1);
    if (!own) return item.state;
    return { ...item.state, ...own.event.after, version: own.event.version + 1, person: this.person };
  }

  /** Start a queue, at one item or at its beginning. `quiet` keeps what is shown (and goes on with it) until the first
   *  page is there. Resolves true then, or false when something newer was opened meanwhile. Asks until it succeeds,
   *  unless `once`: then it throws. */
  async open({ corpus, status, filter = this.filter, item = null }, { quiet = false, once = false } = {}) {
    const turn = { corpus, status, filter, over: false, abort: new AbortController(), cursor: {}, filling: false, fails: 0 };
    stop(this.#opening);
    this.#opening = turn;
    if (!quiet) {
      stop(this.#turn);
      if (corpus !== this.corpus) this.items.clear();
      Object.assign(this, { corpus, status, filter, order: [], at: 0, loaded: false, problem: null });
      this.onChange();
    }
    while (!turn.over) {
      try {
        const page = await this.#ask(turn, { item });
        if (turn.over) return false;
        stop(this.#turn);
        this.#turn = turn;
        this.#opening = null;
        turn.cursor = { next: page.next, previous: page.previous };
        Object.assign(this, { corpus, status, filter, order: [], at: 0, loaded: true, problem: null });
        this.#merge(page);
        this.at = Math.max(0, item === null ? 0 : this.order.indexOf(item));
        this.onChange();
        this.fill();
        return true;
      } catch (error) {
        if (turn.over) return false;
        if (once) throw error;
        // The item of a bookmark may be gone; its queue is not.
        if (error.status === 404 && item !== null) item = null;
        else await this.#failed(turn, error);
      }
    }
    return false;
  }

  /** Fetch again what lies from the current item on: a run has suggested more, or others have decided. What was already
   *  gone through stays as it is. Failures are left to the next occasion. */
  async refresh() {
    const from = this.current?.id;
    const { corpus, status, filter } = this;
    if (!from) return void this.open({ corpus, status, filter });
    const turn = { corpus, status, filter, over: false, abort: new AbortController(), filling: false, fails: 0 };
    stop(this.#opening);
    this.#opening = turn;
    try {
      const page = await this.#ask(turn, { item: from });
      if (turn.over) return;
      this.#opening = null;
      const here = this.order[this.at];
      const order = this.order.slice(0, this.order.indexOf(from));
      if (here && !order.includes(here) && !page.items.some((item) => item.id === here)) return; // already far ahead
      stop(this.#turn);
      turn.cursor = { next: page.next, previous: this.#turn.cursor.previous };
      this.#turn = turn;
      this.order = order;
      this.#merge(page);
      this.at = here ? this.order.indexOf(here) : this.order.length;
      this.onChange();
      this.fill();
    } catch {
      if (this.#opening === turn) this.#opening = null;
    }
  }

  /** Fetch one item and make it the current one: between its neighbours if those are in memory, otherwise with a new
   *  window around it. Throws if that fails. */
  async bring(id, corpus = this.corpus) {
    const turn = this.#turn;
    const only = { corpus, status: this.status, filter: this.filter, abort: new AbortController() };
    const late = setTimeout(() => only.abort.abort(), PATIENCE / 2);
    try {
      const page = await this.#ask(only, { item: id, limit: 1 });
      const item = page.items[0];
      if (item?.id !== id) throw new ApiError("This item is not in its corpus any more.", "", 404);
      if (turn === this.#turn && corpus === this.corpus && this.#spans(item.position)) {
        this.#absorb(item);
        if (!this.order.includes(id)) {
          const after = this.order.findIndex((other) => this.items.get(other).position > item.position);
          this.order.splice(after < 0 ? this.order.length : after, 0, id);
        }
      } else await this.open({ corpus, status: this.status, item: id }, { quiet: true, once: true });
    } catch (error) {
      if (error.name === "AbortError") throw new ApiError("The Tagloom server does not answer.");
      throw error;
    } finally {
      clearTimeout(late);
    }
    if (!this.jump(id)) throw new ApiError("This item is not in its corpus any more.", "", 404);
  }

  // Is everything in memory that lies between this position and the window?
  #spans(position) {
    if (!this.order.length) return false;
    const { next, previous } = this.#turn.cursor;
    const at = (i) => this.items.get(this.order.at(i)).position;
    return (!previous || position > at(0)) && (!next || position < at(-1));
  }

  /** Go one item on or back. False where there is none (yet). */
  step(by) {
    const to = this.at + by;
    // Right after a reload the items before this one may still be under way.
    this.#back = to < 0 && Boolean(this.#turn.cursor.previous);
    if (to < 0 || to > this.order.length || (by > 0 && this.at === this.order.length)) return false;
    this.at = to;
    this.fill();
    return true;
  }

  /** Make a loaded item the current one. */
  jump(id) {
    this.#back = false;
    const at = this.order.indexOf(id);
    if (at < 0) return false;
    this.at = at;
    this.fill();
    return true;
  }

  /** Load until enough is in memory. One request at a time. */
  async fill() {
    const turn = this.#turn;
    if (turn.filling || turn.over || !this.loaded) return;
    turn.filling = true;
    this.#lighten();
    while (!turn.over) {
      const direction = this.#wanted(turn.cursor);
      if (!direction) break;
      try {
        const cursor = turn.cursor[direction];
        const page = await this.#ask(turn, { cursor, direction });
        if (turn.over) return;
        turn.fails = 0;
        this.problem = null;
        const added = this.#merge(page, direction);
        // A page that brings nothing and leads nowhere else is the end.
        turn.cursor[direction] = added || page[direction] !== cursor ? page[direction] : null;
        this.onChange();
      } catch (error) {
        if (turn.over) return;
        await this.#failed(turn, error);
      }
    }
    turn.filling = false;
  }

  // What is needed soonest: some ahead, then those behind, then the rest ahead.
  #wanted({ next, previous }) {
    if (next && this.ahead < PAGE / 2) return "next";
    if (previous && this.at < BEHIND) return "previous";
    return next && this.ahead < AHEAD ? "next" : null;
  }

  async #ask(turn, query) {
    const signals = [turn.abort.signal, AbortSignal.timeout(PATIENCE)];
    const decided = this.outbox.rows.length ? null : this.#decided;
    const page = await get("review/queue", { corpus: turn.corpus, status: turn.status, queue: turn.filter === "all" ? null : turn.filter, limit: PAGE, ...query }, AbortSignal.any?.(signals) ?? signals[0]);
    // Decided and acknowledged while the answer was under way: whether it counts them, nobody knows.
    page.unsure = decided !== this.#decided;
    if (!Array.isArray(page.items)) throw new ApiError("The server's answer holds no items.", "Reload the page.", 500);
    return page;
  }

  async #failed(turn, error) {
    this.problem = error;
    this.onChange();
    await new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE.most, PAUSE.first * 2 ** turn.fails++)));
  }

  #merge(page, direction = "next") {
    const known = new Set(this.order);
    const fresh = [...page.items].sort((a, b) => a.position - b.position);
    for (const item of fresh) this.#absorb(item);
    const ids = fresh.map((item) => item.id).filter((id) => !known.has(id));
    if (direction === "next") this.order.push(...ids);
    else {
      this.order.unshift(...ids);
      this.at += ids.length - (this.#back && ids.length ? 1 : 0);
      this.#back = false;
    }
    this.#count(page);
    return ids.length;
  }

  // What is remembered of an item while it is shown (seen, yours, …) stays; an older state does not replace a newer one.
  #absorb(item) {
    item.field = item.captions ? "captions" : "tags";
    if (item.captions) {
      item.fields ??= [];
      item.suggestions ??= [];
      item.state.boxes ??= {};
    }
    const old = this.items.get(item.id);
    if (!old) return void this.items.set(item.id, item);
    const state = old.state.version > item.state.version ? old.state : item.state;
    const fields = old.whole ? old.fields : item.fields;
    Object.assign(old, item, { state, fields, faces: null });
  }

  #count(page) {
    this.counts = { ...page.counts };
    this.disagree = { ...page.disagree };
    this.total = page.total ?? 0;
    // The server counts without what it has not received yet; what is on its way may be counted or not.
    this.#unsure = Boolean(page.unsure) || this.outbox.rows.length > 0;
    for (const id of new Set(this.outbox.rows.map((row) => row.event.item))) {
      const item = this.items.get(id);
      if (item) this.#move(item, item.state.status, this.state(item).status);
    }
    this.verify();
  }

  /** An item has changed its status. */
  recount(item, from, to) {
    this.#decided += 1;
    this.#move(item, from, to);
  }

  #move(item, from, to) {
    for (const counts of disagreed(item) ? [this.counts, this.disagree] : [this.counts]) {
      if (from === to || !(counts[from] > 0)) continue;
      counts[from] -= 1;
      counts[to] = (counts[to] ?? 0) + 1;
    }
  }

  /** Counts by status of what this queue goes through: the corpus, or what the agents disagree about. */
  get scope() {
    return this.filter === "disagree" ? this.disagree : this.counts;
  }

  /** Ask for the counts again if they were taken while decisions were on their way, and none is any more. */
  async verify() {
    const { corpus } = this;
    if (!this.#unsure || this.outbox.rows.length || !this.loaded) return;
    this.#unsure = false;
    const decided = this.#decided;
    const page = await get("review/queue", { corpus, status: "all", limit: 1 }).catch(() => null);
    if (!page || this.outbox.rows.length || corpus !== this.corpus || decided !== this.#decided) return void (this.#unsure = true);
    this.#count(page);
    this.onChange();
  }

  /** All items that this queue goes through, whatever their status. */
  get size() {
    return sum(this.scope) || (this.filter === "all" ? this.total : 0);
  }

  /** Items about which the agents disagree. */
  get disagreeing() {
    return sum(this.disagree);
  }

  // A day's work must not fill the memory: texts far behind are let go and fetched again if somebody goes back there.
  #lighten() {
    for (let i = this.at - KEPT; i >= 0; i--) {
      const item = this.items.get(this.order[i]);
      if (!item.fields) break;
      item.fields = null;
    }
  }

  /** The server's word on an item. */
  settle(id, field, state) {
    const item = this.items.get(id);
    if (item && fieldOf(item) === field && state && state.version >= item.state.version) item.state = state;
  }

  /** Fetch one item of music again: a caption was written anew. */
  async renew(id) {
    const item = await get(`captions/item/${encodeURIComponent(id)}`);
    this.#absorb(item);
    this.onChange();
  }

  /** Client-made tag ids have become real ones. */
  rename(tags) {
    for (const item of this.items.values()) {
      item.state = renamedState(item.state, tags);
      for (const each of item.suggestions) if (each.tag in tags) each.tag = tags[each.tag]; // merged since
      for (const tag of item.yours || []) if (tag.tag in tags) tag.tag = tags[tag.tag];
    }
  }

  /** The whole text of an item's fields. */
  async whole(item) {
    const full = await get(`items/${encodeURIComponent(item.id)}`);
    item.fields = full.fields.map((field) => ({ ...field, cut: false }));
    if (full.suggestions) item.suggestions = full.suggestions; // with the passages behind the cut
    item.whole = true;
  }
}

/** Less than half of the tags that either agent suggested are shared. */
const disagreed = (item) => typeof item.agreement === "number" && item.agreement < 0.5;
const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);

function stop(turn) {
  if (!turn) return;
  turn.over = true;
  turn.abort?.abort();
}
