// New tags on the review panel: what became of each, and the box that asks about one of them.

import { fill, h, score } from "./dom.js";

const MARK = { added: "✓", mapped: "→", dropped: "✕", open: "+" };

/** A new tag's chip as it stands: {sign, words, face} for its `fate`; `name(tag)` gives a tag's name. */
export function faceOf(fate, name) {
  const words = { added: "added to the vocabulary and accepted", mapped: `means ${name(fate.tag)}`, dropped: "dropped", open: "new to the vocabulary, undecided" };
  return { sign: MARK[fate.to], words: words[fate.to], face: fate.to };
}

// What one agent alone was sure of: that the words mean the tag, or in how many samples it said so.
const meaning = (chip) => (chip.agents.length === 1 ? (chip.said?.similarity ?? null) : null);
const counted = (chip) => chip.agents.length === 1 && chip.samples > 1;

/** How sure the agents were, 0 to 1, and in words as the chip shows it: ".84", or "3 of 5" samples. */
export const certainty = (chip) => meaning(chip) ?? (counted(chip) ? chip.votes / chip.samples : chip.score);
export const sureness = (chip) => (meaning(chip) === null && counted(chip) ? `${chip.votes} of ${chip.samples}` : score(certainty(chip)));

/** The box below the new tags. `on`: {map(chip, tag), take(chip), drop(chip)}, called with a chip's id. */
export class FreshBox {
  #drawn = "";

  constructor(on) {
    this.on = on;
    this.element = h("div.tl-rv-fresh", { role: "group", "aria-label": "What is this new tag?" });
  }

  /** Show the question about `asked` {chip, near}, or that all of `number` new tags are decided. */
  draw(asked, fate, number, blind) {
    const key = JSON.stringify([asked?.chip.id, asked?.near, fate, number, blind, asked?.chip.nearest]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    if (!asked) return void fill(this.element, h("p.tl-meta", number > 1 ? "All new tags are decided. Choose one to change that." : "Decided. Choose it to change that."));
    const { chip, near } = asked;
    const cap = (sign) => h("span.tl-kbd", { "aria-hidden": "true" }, sign);
    const button = (text, sign, act, pressed) =>
      h("button.tl-btn.tl-small", { type: "button", onclick: act, "aria-keyshortcuts": sign, "aria-pressed": pressed === undefined ? null : String(pressed) }, text, cap(sign));
    fill(
      this.element,
      h("p.tl-rv-fresh-name", h("span.tl-meta", "What is "), h("b", { dir: "auto" }, `“${chip.name}”`), h("span.tl-meta", "?")),
      chip.nearest.length > 0 &&
        h(
          "div.tl-rv-near",
          h("span.tl-meta", "the same as"),
          chip.nearest.map((each, i) =>
            h(
              "button.tl-rv-near-one",
              { type: "button", class: i === near ? "tl-on" : "", "aria-label": `Map to ${each.name}${i === near ? ", key m" : ""}`, onclick: () => this.on.map(chip.id, each.tag) },
              i === near ? cap("m") : h("span.tl-rv-near-gap"),
              h("b", { dir: "auto" }, each.name),
              !blind && each.similarity !== null && h("span.tl-n", { "aria-hidden": "true" }, score(each.similarity)),
            ),
          ),
          chip.nearest.length > 1 && h("span.tl-meta.tl-rv-near-keys", cap("←"), " ", cap("→"), " choose"),
        ),
      h(
        "div.tl-row.tl-tight",
        button("Add to the vocabulary", "n", () => this.on.take(chip.id), fate.to === "added"),
        button(fate.to === "dropped" ? "Dropped" : "Drop", "d", () => this.on.drop(chip.id), fate.to === "dropped"),
      ),
    );
  }
}
