// What the keys do with captions: words, stars, valid or not, another candidate, predicted tags.

import * as is from "./caption_state.js";

export class CaptionActions {
  core = null; // the surface's Actions
  accepted = is.accepted;
  rejected = is.rejected;
  skipped = is.skipped;

  learn() {}

  invented() {
    return [];
  }

  /** What the panel shows: {boxes, chosen (the style that keys are about), blind, ticked}. */
  shown(item, state, blind) {
    const boxes = is.boxesOf(item, state, item.opened);
    if (!blind && boxes.length) item.revealed = true;
    const chosen = boxes.find((box) => box.style === item.chosen) || boxes[0] || null;
    return { boxes, chosen: chosen?.style ?? null, blind, ticked: boxes.filter((box) => box.text).map((box) => box.style) };
  }

  seen(item, state, blind) {
    const boxes = is.boxesOf(item, state);
    return {
      suggestions: Object.fromEntries(boxes.filter((box) => box.suggestion).map((box) => [box.style, box.suggestion])),
      runs: [...new Set(boxes.map((box) => box.run).filter(Boolean))],
      verdicts: blind ? null : Object.fromEntries(boxes.map((box) => [box.style, box.checks?.verdict ?? "none"])),
    };
  }

  #box(itemId, style) {
    const { queue } = this.core;
    const item = itemId === undefined ? queue.current : queue.items.get(itemId);
    if (!item?.captions) return null;
    const state = queue.state(item);
    const shown = this.core.shown(item, state);
    const box = style ? is.boxOf(item, state, style) : shown.boxes.find((each) => each.style === shown.chosen);
    return box ? { item, state, box } : null;
  }

  async #change({ item, state, box }, to, changes) {
    return this.core.decide(item, "edit", is.changed(item, state, box.style, changes), { change: { style: box.style, to } });
  }

  /** What each press does with the box that is chosen, or with `style` where a control in it was used. */
  handlers({ item, style, text, n, tag, suggestion, digit }) {
    const on = (fn) => async () => {
      const found = this.#box(item, style);
      return found ? fn(found) : null;
    };
    const stars = (n) => on((found) => this.#change(found, "stars", { stars: found.box.stars === n ? null : n }));
    const nearer = (by) => on((found) => this.#change(found, "stars", { stars: Math.min(5, Math.max(1, (found.box.stars ?? (by > 0 ? 2 : 4)) + by)) }));
    const valid = (yes) => on((found) => this.#change(found, "valid", { valid: found.box.valid === yes ? null : yes }));
    return {
      stars: stars(n ?? digit),
      better: nearer(1),
      worse: nearer(-1),
      valid: valid(true),
      invalid: valid(false),
      text: on((found) => (found.box.text === text ? null : this.#change(found, "text", { text }))),
      tick: on((found) => {
        const taken = found.box.taken.includes(tag) ? found.box.taken.filter((each) => each !== tag) : [...found.box.taken, tag];
        return this.#change(found, "taken", { taken });
      }),
      take: on((found) => this.#take(found, found.box.all.find((each) => each.suggestion === suggestion))),
      candidateBack: on((found) => this.#step(found, -1)),
      candidateOn: on((found) => this.#step(found, 1)),
    };
  }

  #take(found, candidate) {
    if (!candidate || candidate.text === found.box.text) return null;
    const taken = found.box.taken.filter((tag) => candidate.predicted.includes(tag));
    return this.#change(found, "text", { text: candidate.text, suggestion: candidate.suggestion, taken });
  }

  #step(found, by) {
    const { all, text } = found.box;
    const at = all.findIndex((each) => each.text === text);
    if (all.length < 2 && at >= 0) return void this.core.say("There is no other candidate. Press t to have one written.");
    if (!all.length) return null;
    return this.#take(found, all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]);
  }
}
