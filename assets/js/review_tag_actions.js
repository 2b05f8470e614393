// What the keys do with tags: toggle, map, take into the vocabulary, drop, add.

import { clipped, uuid } from "./review_actions.js";
import * as is from "./review_state.js";

export class TagActions {
  names = new Map(); // tag → name, of every tag that this page has seen
  meant = new Map(); // key of a new tag → the tag that this person mapped it to, on whatever item
  fresh = new Map(); // client-made tag id → name, until the server has given it a real one
  core = null; // the surface's Actions
  accepted = is.accepted;
  rejected = is.rejected;
  skipped = (_, state) => is.skipped(state);

  name(tag) {
    return this.names.get(tag) ?? tag;
  }

  learn(item) {
    for (const each of item.suggestions || []) for (const tag of each.tag ? [each] : each.nearest || []) this.names.set(tag.tag, tag.name);
    this.named(item.names || {});
  }

  named(names) {
    for (const [tag, name] of Object.entries(names)) this.names.set(tag, name);
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

  /** What the panel shows of an item: chips in their groups, which of them are ticked, what became of new tags, and
   *  the one that m, n and d are about: {chip, near} with the place of the nearest tag that m takes. */
  shown(item, state, blind) {
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

  seen(item, state, blind) {
    return {
      runs: [...new Set(item.suggestions.map((each) => each.run))],
      suggestions: item.suggestions.map((each) => [each.tag, each.agent, each.score, ...(each.tag ? [] : [each.name])]),
      ticked: is.ticked(item, state),
      order: blind ? "name" : "rank",
    };
  }

  invented(after, change) {
    const involved = new Set([...after.accepted, ...after.rejected, change?.tag]);
    return [...this.fresh].filter(([id]) => involved.has(id)).map(([id, name]) => ({ id, name }));
  }

  /** What each press does with tags. */
  handlers({ digit, tag, chip, item }) {
    return {
      toggle: () => this.digit(digit),
      chip: () => this.toggle(tag, item),
      map: () => this.map(tag, chip, item),
      take: () => this.take(chip, item),
      drop: () => this.drop(chip, item),
      nearerBack: () => this.nearer(-1),
      nearerOn: () => this.nearer(1),
    };
  }

  /** Swing one chip, or make a new tag the one in question; `id` guards against a press that was meant for the item
   *  before. */
  async toggle(tag, id) {
    const item = this.core.queue.current;
    if (!item || (id !== undefined && item.id !== id)) return null;
    if (tag.startsWith("+")) return void (item.chosen = tag);
    const state = this.core.queue.state(item);
    const change = is.toggled(item, state, tag);
    return this.core.decide(item, "edit", is.set(state, change.tag, change.to), { change });
  }

  /** The chip with this digit. */
  async digit(n) {
    const item = this.core.queue.current;
    if (!item) return null;
    const chip = this.core.shown(item, this.core.queue.state(item)).groups.flatMap((group) => group.chips)[n - 1];
    return chip ? this.toggle(chip.id) : null;
  }

  // The item, its state and its new tag in question; `id` is a chip's where a button of its was pressed.
  #question(id, itemId) {
    const item = this.core.queue.current;
    if (!item || (itemId !== undefined && item.id !== itemId)) return null;
    if (id) item.chosen = id;
    const state = this.core.queue.state(item);
    const { asked } = this.core.shown(item, state);
    if (!asked) return void this.core.say("There is no new tag to decide here.");
    return { item, state, ...asked };
  }

  async #settle({ item, state, chip }, to, tag) {
    const after = is.settled(item, state, chip, to, tag, this.name.bind(this));
    item.chosen = null;
    if (to === "mapped") this.meant.set(chip.key, { tag, name: this.name(tag) });
    item.mapped = { ...item.mapped, [chip.key]: to === "mapped" ? tag : null };
    const event = await this.core.decide(item, "edit", after, { change: { new: chip.name, to, ...(tag && { tag }) } });
    return { event, tag };
  }

  /** m: the new tag means one of its nearest tags: the marked one, or `tag`. */
  async map(tag, id, itemId) {
    const question = this.#question(id, itemId);
    if (!question) return null;
    const { chip, near } = question;
    const target = tag ?? chip.nearest[near]?.tag;
    if (!target) return void this.core.say(`No tag is near “${clipped(chip.name)}”: take it into the vocabulary with n, or drop it with d.`);
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
    const item = this.core.queue.current;
    const asked = item && this.core.shown(item, this.core.queue.state(item)).asked;
    if (!asked || asked.chip.nearest.length < 2) return;
    const most = asked.chip.nearest.length;
    item.near = { id: asked.chip.id, at: (asked.near + by + most) % most };
  }

  /** Give an item a tag: {id, name} of the vocabulary or {name, fresh: true}. */
  async add(choice, item) {
    const tag = choice.fresh ? this.#made(choice.name) : choice.id;
    this.names.set(tag, choice.name);
    const state = this.core.queue.state(item);
    if (state.accepted.includes(tag)) return { tag };
    const event = await this.core.decide(item, "edit", is.set(state, tag, "accepted"), { change: { tag, to: "accepted" } });
    return { tag, event };
  }

  // The same new name is the same new tag, also on another item.
  #made(name) {
    for (const [id, known] of this.fresh) if (known.toLowerCase() === name.toLowerCase()) return id;
    const id = uuid();
    this.fresh.set(id, name);
    return id;
  }

  settled({ tags, refused }) {
    for (const [made, real] of Object.entries(tags)) {
      if (!this.names.has(real)) this.names.set(real, this.name(made));
      this.fresh.delete(made);
    }
    this.recall(refused.map((entry) => entry.row));
  }
}
