// What the keys do: each decision is one event, kept in the outbox before anything on the screen changes.

import { get } from "./api.js";
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

export class Actions {
  names = new Map(); // tag → name, of every tag that this page has seen
  meant = new Map(); // key of a new tag → the tag that this person mapped it to, on whatever item
  fresh = new Map(); // client-made tag id → name, until the server has given it a real one

  /** `parts`: {queue, outbox, history, project(), blind(), draw(), say(text)}. */
  constructor(parts) {
    Object.assign(this, parts);
  }

  name(tag) {
    return this.names.get(tag) ?? tag;
  }

  learn(item) {
    for (const each of item.suggestions || []) for (const tag of each.tag ? [each] : each.nearest || []) this.names.set(tag.tag, tag.name);
    for (const [tag, name] of Object.entries(item.names || {})) this.names.set(tag, name);
  }

  /** Tags made in this browser that the server may not know yet (after a reload). */
  recall(rows) {
    for (const { event } of rows)
      for (const { id, name } of event.new_tags || []) {
        this.fresh.set(id, name);
        this.names.set(id, name);
      }
  }

  /** Tags of an item that nobody suggested; they keep their place while the item is in memory, also taken off. A new
   *  tag that was taken into the vocabulary stands where it was suggested. */
  yours(item, state) {
    item.yours ??= [];
    const suggested = new Set(item.suggestions.map((each) => each.tag));
    const fresh = new Set(item.suggestions.filter((each) => !each.tag).map((each) => is.keyOf(each.name)));
    const known = new Set(item.yours.map((each) => each.tag));
    for (const tag of state.accepted) if (!suggested.has(tag) && !known.has(tag) && !fresh.has(is.keyOf(this.name(tag)))) item.yours.push({ tag });
    for (const each of item.yours) each.name = this.name(each.tag);
    return item.yours;
  }

  /** Are agents and scores hidden on this item? Until the person has decided. */
  hidden(item, state) {
    return this.blind() && state.status !== "done";
  }

  /** What the panel shows of an item: chips in their groups, which of them are ticked, what became of new tags, and
   *  the one that m, n and d are about: {chip, near} with the place of the nearest tag that m takes. */
  shown(item, state) {
    const blind = this.hidden(item, state);
    if (!blind && item.suggestions.length) item.revealed = true;
    const groups = is.groups(item, this.yours(item, state), blind);
    const fresh = groups.flatMap((group) => group.chips).filter((chip) => chip.fresh);
    for (const each of fresh) if (this.meant.has(each.key)) each.nearest = is.meantFirst(each.nearest, this.meant.get(each.key));
    const name = this.name.bind(this);
    const chip = is.inQuestion(item, state, name, item.chosen, fresh);
    const near = chip && item.near?.id === chip.id ? item.near.at : 0;
    const fates = new Map(fresh.map((each) => [each.id, is.fate(each, state, name)]));
    return { groups, ticked: is.ticked(item, state), blind, name, fates, asked: chip && { chip, near: Math.min(near, Math.max(0, chip.nearest.length - 1)) } };
  }

  async #decide(item, action, after, { change = null, undoes = null } = {}) {
    const before = this.queue.state(item);
    const blind = this.hidden(item, before);
    const involved = new Set([...after.accepted, ...after.rejected, change?.tag]);
    const event = {
      uuid: uuid(),
      item: item.id,
      field: "tags",
      action,
      change,
      undoes,
      version: before.version,
      after: is.plain(after),
      new_tags: [...this.fresh].filter(([id]) => involved.has(id)).map(([id, name]) => ({ id, name })),
      shown: {
        queue: this.queue.filter === "all" ? this.queue.status : `${this.queue.filter} ${this.queue.status}`,
        runs: [...new Set(item.suggestions.map((each) => each.run))],
        suggestions: item.suggestions.map((each) => [each.tag, each.agent, each.score, ...(each.tag ? [] : [each.name])]),
        ticked: is.ticked(item, before),
        order: blind ? "name" : "rank",
      },
      blind: blind && !item.revealed,
      client_time: new Date().toISOString(),
      ms: Math.round(performance.now() - (item.seen ?? performance.now())),
    };
    const row = { project: this.project(), title: item.title || item.external_id || "", before: is.plain(before), event, key: null };
    await this.outbox.append(row);
    this.history.push(row);
    this.queue.recount(item, before.status, after.status);
    return event;
  }

  // A decision that closes the item also closes the choice that was open on it.
  async #finish(item, action, after, extra) {
    const open = this.choice(item.id);
    const event = await this.#decide(item, action, after, extra);
    if (open) await this.outbox.resolve(open);
    return event;
  }

  /** The entry of `refused` that waits on this item. */
  choice(id) {
    return this.outbox.refused.find((entry) => entry.row.event.item === id) || null;
  }

  async #onward(action, after) {
    const item = this.queue.current;
    if (!item) return null;
    const event = await this.#finish(item, action, after(item, this.queue.state(item)));
    this.queue.step(1);
    return event;
  }

  accept = () => this.#onward("accept", is.accepted);
  reject = () => this.#onward("reject", is.rejected);
  skip = () => this.#onward("skip", (_, state) => is.skipped(state));
  next = async () => void this.queue.step(1);
  previous = async () => void this.queue.step(-1);

  /** Swing one chip, or make a new tag the one in question; `id` guards against a press that was meant for the item
   *  before. */
  async toggle(tag, id) {
    const item = this.queue.current;
    if (!item || (id !== undefined && item.id !== id)) return null;
    if (tag.startsWith("+")) return void (item.chosen = tag);
    const state = this.queue.state(item);
    const change = is.toggled(item, state, tag);
    return this.#decide(item, "edit", is.set(state, change.tag, change.to), { change });
  }

  /** The chip with this digit. */
  async digit(n) {
    const item = this.queue.current;
    if (!item) return null;
    const chip = this.shown(item, this.queue.state(item)).groups.flatMap((group) => group.chips)[n - 1];
    return chip ? this.toggle(chip.id) : null;
  }

  // The item, its state and its new tag in question; `id` is a chip's where a button of its was pressed.
  #question(id, itemId) {
    const item = this.queue.current;
    if (!item || (itemId !== undefined && item.id !== itemId)) return null;
    if (id) item.chosen = id;
    const state = this.queue.state(item);
    const { asked } = this.shown(item, state);
    if (!asked) return void this.say("There is no new tag to decide here.");
    return { item, state, ...asked };
  }

  async #settle({ item, state, chip }, to, tag) {
    const after = is.settled(item, state, chip, to, tag, this.name.bind(this));
    item.chosen = null;
    if (to === "mapped") this.meant.set(chip.key, { tag, name: this.name(tag) });
    item.mapped = { ...item.mapped, [chip.key]: to === "mapped" ? tag : null };
    const event = await this.#decide(item, "edit", after, { change: { new: chip.name, to, ...(tag && { tag }) } });
    return { event, tag };
  }

  /** m: the new tag means one of its nearest tags: the marked one, or `tag`. */
  async map(tag, id, itemId) {
    const question = this.#question(id, itemId);
    if (!question) return null;
    const { chip, near } = question;
    const target = tag ?? chip.nearest[near]?.tag;
    if (!target) return void this.say(`No tag is near “${clipped(chip.name)}”: take it into the vocabulary with n, or drop it with d.`);
    return this.#settle(question, "mapped", target);
  }

  /** n: the new tag comes into the vocabulary and is accepted. */
  async take(id, itemId) {
    const question = this.#question(id, itemId);
    if (!question) return null;
    const { chip, state } = question;
    const before = is.fate(chip, state, this.name.bind(this));
    if (before.to === "added") return null;
    const tag = this.#made(chip.name);
    this.names.set(tag, chip.name);
    return this.#settle(question, "added", tag);
  }

  /** d: the new tag is not wanted here; once more takes that back. */
  async drop(id, itemId) {
    const question = this.#question(id, itemId);
    if (!question) return null;
    const { chip, state } = question;
    return this.#settle(question, is.fate(chip, state, this.name.bind(this)).to === "dropped" ? "open" : "dropped");
  }

  /** ← →: mark another of the nearest tags, for m. */
  async nearer(by) {
    const item = this.queue.current;
    const asked = item && this.shown(item, this.queue.state(item)).asked;
    if (!asked || asked.chip.nearest.length < 2) return;
    const most = asked.chip.nearest.length;
    item.near = { id: asked.chip.id, at: (asked.near + by + most) % most };
  }

  /** Give an item a tag: {id, name} of the vocabulary or {name, fresh: true}. */
  async add(choice, item) {
    const tag = choice.fresh ? this.#made(choice.name) : choice.id;
    this.names.set(tag, choice.name);
    const state = this.queue.state(item);
    if (state.accepted.includes(tag)) return { tag };
    const event = await this.#decide(item, "edit", is.set(state, tag, "accepted"), { change: { tag, to: "accepted" } });
    return { tag, event };
  }

  // The same new name is the same new tag, also on another item.
  #made(name) {
    for (const [id, known] of this.fresh) if (known.toLowerCase() === name.toLowerCase()) return id;
    const id = uuid();
    this.fresh.set(id, name);
    return id;
  }

  /** Take back this person's last decision that still stands, and show its item. */
  async undo() {
    let entry;
    try {
      entry = await this.history.top();
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
    for (const [tag, name] of Object.entries(entry.names || {})) this.names.set(tag, name);
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
      if (mine) await this.#decide(item, action, after, { change, undoes });
      else await this.#decide(item, "edit", is.plain(entry.theirs));
    }
    await this.outbox.resolve(entry);
  }

  /** The server's answers: states, real tag ids, what was not taken. */
  settled({ answers, tags, refused }) {
    for (const { row, result } of answers) {
      const { ok, state } = result;
      this.queue.settle(row.event.item, ok && state ? { ...state, person: this.queue.person ?? state.person } : state);
      if (ok) continue;
      this.history.drop(row.event);
      // What cannot be undone (any more) must not stop the walk.
      if (row.event.action === "undo" && result.error) this.history.skip(row.event.undoes);
    }
    for (const [made, real] of Object.entries(tags)) {
      if (!this.names.has(real)) this.names.set(real, this.name(made));
      this.fresh.delete(made);
    }
    if (Object.keys(tags).length) {
      this.queue.rename(tags);
      this.history.rename(tags);
    }
    this.recall(refused.map((entry) => entry.row));
    this.queue.verify();
  }
}

const clipped = (text) => (text.length > 60 ? `${text.slice(0, 58)}…` : text);
