// Captions on the review surface: the track at the left, its boxes at the right. The same panel stands in the Music tab
// (caption_desk.js). A new item fills the boxes anew, a decision changes only what it changed.

import { writeAgain } from "./caption_again.js";
import { CaptionBox } from "./caption_box.js";
import { itemView, tagField } from "./caption_item.js";
import { boxOf, STYLES, TITLES } from "./caption_state.js";
import { openCompare } from "./compare.js";
import { fill, h } from "./dom.js";
import { CAPTION_KEYS } from "./review_keys.js";

const LOCAL = new Set(["box", "edit", "again", "play"]);

export class CaptionPanel {
  #boxes = new Map(); // style → CaptionBox
  #item = null;
  #fields = null;
  #shown = null;
  #tags = null;
  #working = new Set(); // "item style" that are being written anew
  keys = CAPTION_KEYS;
  words = {
    style: "captions",
    label: "Captions",
    accept: "Accept all, next",
    reject: "None is right",
    rejectTitle: "Mark every caption as not right and go on",
    blindTitle: "Hide checks, and who wrote what",
  };

  /** `frame` gives `body`, `begin()`, `drawWhich(item, state)`. `on`: {act(action), project(), corpus() → {id, name},
   *  redraw(), say(text), renew(itemId)}. */
  constructor(frame, on) {
    this.frame = frame;
    this.on = on;
    this.hint = h("div");
    this.list = h("div.tl-cp-boxes");
    this.missing = h("div.tl-row.tl-tight.tl-cp-missing");
    this.element = h("div.tl-cp", this.hint, this.list, this.missing);
    window.addEventListener("pagehide", () => this.#leaveAll());
  }

  blindWords = (on) => (on ? "Checks, and who wrote what, are hidden." : "Checks, and who wrote what, are shown.");

  /** The item in one breath, for those who listen. */
  said = ({ boxes }) => `${boxes.length} captions: ${boxes.map((box) => `${box.title} ${box.checks?.verdict ?? (box.text ? "" : "missing")}`).join(", ")}.`;

  /** Show an item as it stands; only what has changed since is drawn. */
  show(item, state, shown) {
    if (this.#item !== item) {
      this.#leaveAll();
      item.opened ??= [];
    }
    if (this.#item !== item || this.#fields !== item.fields) {
      const other = this.#item !== item;
      const audio = this.frame.body.querySelector("audio");
      if (other || !audio || audio.paused) {
        this.#tags = tagField(item.tags);
        fill(this.frame.body, itemView(item, this.#tags));
      }
      if (other) this.frame.begin();
    }
    this.#item = item;
    this.#fields = item.fields;
    this.#shown = shown;
    fill(this.hint, shown.hint);
    const styles = shown.boxes.map((box) => box.style);
    for (const [style, box] of this.#boxes)
      if (!styles.includes(style) && !box.busy) {
        box.element.remove();
        this.#boxes.delete(style);
      }
    shown.boxes.forEach((box, at) => {
      const place = this.#boxes.get(box.style) || this.#made(box.style);
      if (this.list.children[at] !== place.element) this.list.insertBefore(place.element, this.list.children[at] || null);
      place.show(item, box, { digit: at + 1, chosen: box.style === shown.chosen, blind: shown.blind, working: this.#working.has(`${item.id} ${box.style}`) });
    });
    this.#drawMissing(item, styles);
    this.#cover();
    this.frame.drawWhich(item, state);
  }

  clear() {
    this.#leaveAll();
    this.#item = this.#fields = this.#shown = null;
    this.#boxes.clear();
    for (const place of [this.hint, this.list, this.missing]) fill(place);
  }

  #leaveAll() {
    for (const box of this.#boxes.values()) if (box.busy) box.leave();
  }

  #made(style) {
    const box = new CaptionBox(style, TITLES[style], {
      act: (action) => this.on.act(action),
      choose: (chosen, quiet) => this.#choose(chosen, quiet),
      project: () => this.on.project(),
      again: (each) => this.again(each),
      coverage: (each) => each === this.#shown?.chosen && this.#cover(),
      tag: (name) => this.#tags?.flash(name),
    });
    this.#boxes.set(style, box);
    return box;
  }

  #choose(style) {
    if (!this.#item || this.#item.chosen === style) return;
    this.#item.chosen = style;
    this.on.redraw();
  }

  #cover() {
    const style = this.#shown?.chosen;
    this.#tags?.cover(style, this.#boxes.get(style)?.checks ?? null);
  }

  #drawMissing(item, styles) {
    const others = STYLES.filter((style) => !styles.includes(style));
    const key = `${item.id} ${others}`;
    if (this.missing.dataset.key === key) return;
    this.missing.dataset.key = key;
    fill(
      this.missing,
      h("button.tl-btn.tl-quiet.tl-small", { type: "button", onclick: () => openCompare(this.on.corpus()), title: "Two texts for one track, without saying who wrote them" }, "Compare blind…"),
      others.length > 0 && h("span.tl-meta", "Write one yourself:"),
      others.map((style) => h("button.tl-btn.tl-quiet.tl-small", { type: "button", onclick: () => this.#open(style) }, `+ ${TITLES[style]}`)),
    );
  }

  #open(style) {
    this.#item.opened = [...this.#item.opened, style];
    this.#item.chosen = style;
    this.on.redraw();
    this.#boxes.get(style)?.write();
  }

  /** Does this action decide nothing? */
  local = ({ name }) => LOCAL.has(name);

  /** What keys do that decides nothing. */
  acts({ name, digit }) {
    if (!this.#item) return;
    const chosen = this.#boxes.get(this.#shown.chosen);
    if (name === "box") {
      const box = this.#shown.boxes[digit - 1];
      if (!box) return;
      if (this.#item.chosen === box.style) this.#boxes.get(box.style).write();
      else this.#choose(box.style);
      this.#boxes.get(box.style)?.element.scrollIntoView({ block: "nearest" });
    } else if (name === "edit") chosen?.write();
    else if (name === "again") chosen && this.again(chosen.style);
    else if (name === "play") {
      const audio = this.frame.body.querySelector("audio");
      if (!audio) this.on.say("There is nothing to play here.");
      else if (audio.paused) audio.play().catch(() => {});
      else audio.pause();
    }
  }

  /** Have a caption written anew. */
  async again(style) {
    const item = this.#item;
    const key = `${item.id} ${style}`;
    if (this.#working.has(key)) return;
    const before = boxOf(item, { boxes: {} }, style);
    this.#working.add(key);
    this.on.redraw();
    try {
      await writeAgain(this.on.corpus().id, item, before);
      await this.on.renew(item.id);
      const now = boxOf(item, { boxes: {} }, style);
      if (now.suggestion === before.suggestion) this.on.say("Nothing else came.");
      else this.on.say(item.state.boxes?.[style] ? "A new candidate is there; what you decided stands." : "Written anew.");
    } catch (error) {
      this.on.say(`${error.message} ${error.remedy || ""}`);
    }
    this.#working.delete(key);
    this.on.redraw();
  }
}
