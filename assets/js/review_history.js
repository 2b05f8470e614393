// What `u` walks back through: this person's own decisions, newest first. Those of this page are known at once; older
// ones are fetched from the server when the walk reaches them, so that it goes all the way back, also after a reload.

import { get } from "./api.js";
import { plain, renamedState } from "./review_state.js";

const FIELDS = ["tags", "captions"]; // comparisons are taken back where they are made

export class History {
  #entries = []; // {uuid, item, title, before, after}, newest first
  #known = new Set();
  #undone = new Set();
  #seq = null;
  #more = true;

  /** Begin anew with the decisions that wait in the outbox. */
  reset(rows) {
    this.#entries = [];
    this.#known = new Set();
    this.#undone = new Set();
    this.#seq = null;
    this.#more = true;
    for (const row of rows) this.push(row);
  }

  /** One decision of this browser. An undo takes away what it undoes. */
  push({ event, before, title }) {
    this.#known.add(event.uuid);
    if (event.action === "undo") this.#undone.add(event.undoes);
    else this.#entries.unshift({ uuid: event.uuid, item: event.item, field: event.field, title, action: event.action, before, after: plain(event.after) });
  }

  /** The decision that `u` undoes next, or null; of some fields only where `fields` are given. Throws when older ones
   *  cannot be fetched. */
  async top(fields = FIELDS) {
    for (;;) {
      const entry = this.#entries.find((each) => !this.#undone.has(each.uuid) && fields.includes(each.field ?? "tags"));
      if (entry) return entry;
      if (!this.#more) return null;
      await this.#load();
    }
  }

  async #load() {
    const page = await get("review/history", { limit: 50, before: this.#seq });
    this.#more = Boolean(page.more) && page.events.length > 0;
    for (const entry of page.events) {
      this.#seq = Math.min(this.#seq ?? Infinity, entry.seq);
      if (this.#known.has(entry.uuid)) continue;
      this.#known.add(entry.uuid);
      this.#entries.push(entry);
    }
  }

  /** Leave this one out of the walk. */
  skip(uuid) {
    this.#undone.add(uuid);
  }

  /** The server has not taken this decision; if it was an undo, what it undid stands again. */
  drop(event) {
    this.#undone.add(event.uuid);
    if (event.action === "undo") this.#undone.delete(event.undoes);
  }

  rename(tags) {
    for (const entry of this.#entries) {
      entry.before = renamedState(entry.before, tags);
      entry.after = renamedState(entry.after, tags);
    }
  }
}
