// What the keys do on every item, whatever is decided on it: each decision is one event, kept in the outbox before
// anything on the screen changes. What is peculiar to tags and to captions is in their own actions (`kinds`).

import { get } from "./api.js";
import { keep } from "./decisions.js";
import * as is from "./review_state.js";

const PATIENCE = 5000; // ms that an undo waits for an item that is not in memory
const UNDONE = { accept: "the acceptance", edit: "the change", reject: "the rejection", skip: "the skip" };

/** An identifier; crypto.randomUUID is missing where the page comes over plain http from another machine. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const clipped = (text) => (text.length > 60 ? `${text.slice(0, 58)}…` : text);

export class Actions {
  /** `parts`: {queue, outbox, history, kinds: {field: its actions}, fields: which to undo, project(), blind(), say(text)}.
   *
   *  A kind gives `accepted`, `rejected`, `skipped` (item, state) → the state that is left behind; `learn(item)`;
   *  `shown(item, state, blind)` → what its panel draws; `seen(item, state, blind)` → what an event says was shown;
   *  `invented(after, change)` → tags to be made; `settled(outcome)`. */
  constructor(parts) {
    Object.assign(this, parts);
    for (const kind of Object.values(this.kinds)) kind.core = this;
  }

  kind(item) {
    return this.kinds[is.fieldOf(item)];
  }

  learn(item) {
    this.kind(item).learn(item);
  }

  /** Are agents and scores hidden on this item? Until the person has decided. */
  hidden(item, state) {
    return this.blind() && state.status !== "done";
  }

  /** What the panel shows of an item. */
  shown(item, state) {
    return this.kind(item).shown(item, state, this.hidden(item, state));
  }

  /** One decision: what `item` shall be from now on. */
  async decide(item, action, after, { change = null, undoes = null } = {}) {
    const before = this.queue.state(item);
    const blind = this.hidden(item, before);
    const kind = this.kind(item);
    const event = {
      uuid: uuid(),
      item: item.id,
      field: is.fieldOf(item),
      action,
      change,
      undoes,
      version: before.version,
      after: is.plain(after),
      new_tags: kind.invented(after, change),
      shown: {
        queue: this.queue.filter === "all" ? this.queue.status : `${this.queue.filter} ${this.queue.status}`,
        ...kind.seen(item, before, blind),
      },
      blind: blind && !item.revealed,
      client_time: new Date().toISOString(),
      ms: Math.round(performance.now() - (item.seen ?? performance.now())),
    };
    const row = { project: this.project(), title: item.title || item.external_id || "", before: is.plain(before), event, key: null };
    await keep(row);
    this.queue.recount(item, before.status, after.status);
    return event;
  }

  // A decision that closes the item also closes the choice that was open on it.
  async #finish(item, action, after, extra) {
    const open = this.choice(item);
    const event = await this.decide(item, action, after, extra);
    if (open) await this.outbox.resolve(open);
    return event;
  }

  /** The entry of `refused` that waits on this item. */
  choice(item) {
    return this.outbox.refused.find(({ row }) => row.event.item === item.id && row.event.field === is.fieldOf(item)) || null;
  }

  async #onward(action, name) {
    const item = this.queue.current;
    if (!item) return null;
    const event = await this.#finish(item, action, this.kind(item)[name](item, this.queue.state(item)));
    this.queue.step(1);
    return event;
  }

  accept = () => this.#onward("accept", "accepted");
  reject = () => this.#onward("reject", "rejected");
  skip = () => this.#onward("skip", "skipped");
  next = async () => void this.queue.step(1);
  previous = async () => void this.queue.step(-1);

  /** Take back this person's last decision that still stands, and show its item. */
  async undo() {
    let entry;
    try {
      entry = await this.history.top(this.fields);
      if (!entry) return void this.say("Nothing left to undo.");
      if (this.queue.holds(entry.item)) this.queue.jump(entry.item);
      else await this.visit(entry.item);
    } catch (error) {
      if (error.status === 404 && entry) {
        this.history.skip(entry.uuid);
        return void this.say(`“${entry.title}” is no longer there; its decision stays in the history.`);
      }
      return void this.say(error.offline ? "That decision can be undone when the server answers again." : `${error.message} ${error.remedy || ""}`);
    }
    const item = this.queue.items.get(entry.item);
    this.kind(item).named?.(entry.names || {});
    const state = this.queue.state(item);
    if (!is.same(state, entry.after)) {
      // Somebody has gone on from there: taking it back would take back theirs.
      item.overtaken = { entry, theirs: state };
      return null;
    }
    return this.revert(item, entry);
  }

  async revert(item, entry) {
    delete item.overtaken;
    const event = await this.#finish(item, "undo", is.plain(entry.before), { undoes: entry.uuid });
    this.say(`Undone: ${UNDONE[entry.action] || "the decision"} of “${clipped(item.title || item.external_id || "this item")}”`);
    return event;
  }

  /** Make an item current that is not in memory, in whatever corpus it is. */
  async visit(id) {
    try {
      await this.queue.bring(id);
    } catch (error) {
      if (error.status !== 404) throw error;
      const { corpus } = await get(`items/${encodeURIComponent(id)}`, {}, AbortSignal.timeout(PATIENCE));
      await this.queue.bring(id, corpus?.id ?? corpus);
    }
  }

  /** A choice on an item is made: `mine` again on top of theirs, or theirs. */
  async choose(entry, mine) {
    const { item: id, action, change, undoes, after } = entry.row.event;
    if (mine !== Boolean(entry.applied)) {
      // A new decision needs the item as it is now. It may be from an earlier visit: then go there.
      if (!this.queue.items.has(id)) await this.visit(id);
      const item = this.queue.items.get(id);
      if (mine) await this.decide(item, action, after, { change, undoes });
      else await this.decide(item, "edit", is.plain(entry.theirs));
    }
    await this.outbox.resolve(entry);
  }

  /** The server's answers: states, real tag ids, what was not taken. */
  settled(outcome) {
    for (const { row, result } of outcome.answers) {
      const { ok, state } = result;
      this.queue.settle(row.event.item, row.event.field, ok && state ? { ...state, person: this.queue.person ?? state.person } : state);
    }
    for (const kind of Object.values(this.kinds)) kind.settled?.(outcome);
    if (Object.keys(outcome.tags).length) this.queue.rename(outcome.tags);
    this.queue.verify();
  }
}
