// Decisions on their way to the server. Each is first written into this browser's database; a sender posts them, oldest
// first, one request at a time, until the server has acknowledged every one. What the server refuses, or what somebody
// else's decision has overtaken, is kept apart until the person has chosen. Nothing is ever dropped in silence.
//
// Row {project, title, before, event, key}: `key` is the store's own running number (null where nothing can be stored).

import { address, ApiError } from "./api.js";
import { Shelf } from "./outbox_shelf.js";
import { settle } from "./outbox_settle.js";

const BATCH = 100;
const PATIENCE = 15000; // ms until a request without an answer counts as lost
const PAUSE = { first: 300, most: 5000 };
const KEEPALIVE = 60000; // bytes that a browser still sends for a page that is being closed (the limit is 64 KiB)

export class Outbox {
  rows = []; // not acknowledged, oldest first
  refused = []; // waiting for the person's choice
  problem = null; // why the last request failed, or null
  saved = null; // {at, took}: the last acknowledgement (epoch ms) and how long it took (ms)
  #shelf = new Shelf();
  #channel = null;
  #running = false;
  #again = false;
  #stale = !("BroadcastChannel" in window); // may the store hold what this page has not heard of?
  #fails = 0;
  #most = BATCH;
  #since = new Map(); // uuid → when it was kept, to tell how long an acknowledgement took
  #wake = () => {};

  /** `serial(fn)` runs fn after the key presses that are already being handled, so that an answer never arrives in the
   *  middle of one. `onSettled({answers, tags})` brings what the server said, `onChange()` anything else. */
  constructor({ serial, onSettled, onChange }) {
    Object.assign(this, { serial, onSettled, onChange });
  }

  /** Are decisions safe from a reload? Not where the browser offers no storage. */
  get durable() {
    return this.#shelf.open;
  }

  async open() {
    const stored = await this.#shelf.start();
    this.rows = [...stored.outbox, ...this.rows];
    this.refused = stored.refused;
    if ("BroadcastChannel" in window) {
      this.#channel = new BroadcastChannel("tagloom-outbox");
      this.#channel.onmessage = ({ data }) => this.#heard(data);
    }
    window.addEventListener("online", () => this.#wake());
    window.addEventListener("pagehide", () => this.flush());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.flush() : this.#back()));
    this.#tell();
    this.kick();
  }

  /** Rows of one item's field, oldest first. */
  of(item, field = "tags") {
    return this.rows.filter((row) => row.event.item === item && row.event.field === field);
  }

  /** Keep one decision. Resolves when it is stored here, which is before the person sees it. */
  async append(row) {
    await this.#shelf.add("outbox", row);
    this.#since.set(row.event.uuid, performance.now());
    this.#take(row);
    this.#channel?.postMessage({ kind: "row", row });
    this.#tell();
    this.kick();
  }

  // A page in the background may have been frozen and missed what other tabs did.
  #back() {
    this.#stale = true;
    this.kick();
  }

  kick() {
    this.#again = true;
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      try {
        if (await alone(() => this.#cycle())) this.#again = true;
        this.#fails = 0;
      } catch (error) {
        this.problem = error;
        this.#again = true;
        this.#tell();
        await this.#pause(Math.min(PAUSE.most, PAUSE.first * 2 ** this.#fails++));
      }
    }
    this.#running = false;
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms * (0.8 + 0.4 * Math.random()));
      this.#wake = () => (clearTimeout(timer), resolve());
    });
  }

  // One request: the oldest rows of one project. True if there was something to send.
  async #cycle() {
    if (this.#stale) await this.#sync();
    if (!this.rows.length) {
      this.problem = null;
      return false;
    }
    const project = this.rows[0].project;
    const end = this.rows.findIndex((row) => row.project !== project);
    const batch = this.rows.slice(0, Math.min(this.#most, end < 0 ? Infinity : end));
    let results;
    try {
      results = await send(project, batch);
      this.#most = Math.min(BATCH, this.#most * 2);
    } catch (error) {
      if (![400, 413, 422].includes(error.status)) throw error;
      // Something in this batch cannot be understood: find out what by sending less at once.
      if (batch.length > 1) {
        this.#most = Math.max(1, batch.length >> 2);
        return true;
      }
      results = [{ uuid: batch[0].event.uuid, ok: false, error: "refused", message: error.message, remedy: error.remedy }];
    }
    this.problem = null;
    await this.serial(() => this.#settle(batch, results));
    return true;
  }

  // Other tabs of this browser share the store: take over what they have added and what they have already sent.
  async #sync() {
    this.#stale = !this.#channel;
    const before = new Set(this.rows.map((row) => row.key));
    const oldest = await this.#shelf.read("outbox", BATCH);
    if (!oldest) return;
    const stored = new Set(oldest.map((row) => row.key));
    const reach = oldest.length < BATCH ? Infinity : oldest.at(-1).key;
    this.rows = this.rows.filter((row) => row.key === null || !before.has(row.key) || row.key > reach || stored.has(row.key));
    const known = new Set(this.rows.map((row) => row.key));
    const fresh = oldest.filter((row) => !known.has(row.key));
    if (fresh.length) this.rows = [...fresh, ...this.rows].sort((a, b) => (a.key ?? Infinity) - (b.key ?? Infinity));
  }

  async #settle(batch, results) {
    const outcome = settle(batch, results, this.rows, this.refused);
    if (!outcome.answers.length) throw new ApiError("The server's answer names none of the decisions sent.", "Update the server, or look into its log.", 500);
    this.#shelf.forget(outcome.stored);
    await this.#shelf.write(outcome.writes);
    this.#apply(outcome);
    this.#channel?.postMessage({ kind: "settled", outcome: { ...outcome, writes: null } });
  }

  #apply(outcome) {
    const gone = new Set(outcome.gone);
    const changed = new Map(outcome.changed.map((row) => [row.event.uuid, row]));
    this.rows = this.rows.filter((row) => !gone.has(row.event.uuid)).map((row) => changed.get(row.event.uuid) || row);
    this.refused = outcome.refused;
    const waited = outcome.gone.filter((uuid) => this.#since.has(uuid)).map((uuid) => performance.now() - this.#since.get(uuid));
    for (const uuid of outcome.gone) this.#since.delete(uuid);
    this.saved = { at: Date.now(), took: waited.length ? Math.max(...waited) : (this.saved?.took ?? 0) };
    this.onSettled(outcome);
    this.#tell();
  }

  #heard({ kind, row, outcome }) {
    if (kind === "row") this.#take(row);
    else if (kind === "settled") return void this.serial(() => this.#apply(outcome));
    else if (kind === "refused") this.#shelf.read("refused").then((all) => all && ((this.refused = all), this.#tell()));
    this.#tell();
  }

  #take(row) {
    const at = this.rows.findIndex((other) => other.event.uuid === row.event.uuid);
    if (at < 0) this.rows.push(row);
    else this.rows[at] = row;
  }

  /** The person has chosen: this entry of `refused` is dealt with. */
  async resolve(entry) {
    this.refused = this.refused.filter((other) => other !== entry);
    await this.#shelf.write([{ store: "refused", key: entry.key, value: null }]);
    this.#channel?.postMessage({ kind: "refused" });
    this.#tell();
  }

  /** The page may be closed now: hand what is left to the browser. The answer is lost, but the same events are sent
   *  again by the next page, and the server stores each only once. */
  flush() {
    if (!this.rows.length) return;
    const project = this.rows[0].project;
    const events = [];
    let size = 20;
    for (const { event, project: own } of this.rows) {
      if (own !== project) break;
      size += new Blob([JSON.stringify(event)]).size + 1;
      if (size > KEEPALIVE || events.length === BATCH) break;
      events.push(event);
    }
    if (events.length) request(project, events, { keepalive: true }).catch(() => {});
  }

  #tell() {
    const detail = { unsaved: this.rows.length, last: this.saved?.at ?? null, refused: this.refused.length, failing: Boolean(this.problem) };
    window.dispatchEvent(new CustomEvent("tagloom:saved", { detail }));
    this.onChange();
  }
}

// One tab of this browser sends at a time. Where there are no locks (a plain http address other than this machine's),
// two tabs may send the same event: the server stores it once.
const alone = (fn) => (navigator.locks ? navigator.locks.request("tagloom-outbox", fn) : fn());

function request(project, events, options) {
  return fetch(address("review/decisions", { project }), {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events }),
    ...options,
  });
}

async function send(project, rows) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try {
    const response = await request(project, rows.map((row) => row.event), { signal: late.signal });
    const data = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(data.message || `The server answered ${response.status}.`, data.remedy || "", response.status);
    return data.results || [];
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError("The Tagloom server does not answer.", "Nothing is lost; this page tries again by itself.");
  } finally {
    clearTimeout(timer);
  }
}
