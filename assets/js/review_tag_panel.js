// Tags on the review surface: the item's texts with the passages behind each tag, the chips, the box for new tags. A new
// item replaces texts and chips, a toggled chip only itself.

import { AddTag } from "./add_tag.js";
import { fill, h, marked, score } from "./dom.js";
import { answerWords, linkField } from "./item_view.js";
import { certainty, faceOf, FreshBox, sureness } from "./review_fresh.js";
import { TAG_KEYS } from "./review_keys.js";
import { face, LOW_SCORE, AGENTS } from "./review_state.js";

const LONG = 600; // characters; a longer text is folded on a narrow screen
const TICK = { yes: "✓", soft: "✓", no: "✕", open: "" };
const WORD = { yes: "accepted", soft: "ticked", no: "rejected", open: "not ticked" };

export class TagPanel {
  #chips = new Map(); // tag → {chip, button, tick, face}
  #texts = []; // [{field, element}]
  #marks = "";
  #drawn = {}; // {item, fields, chips}
  keys = TAG_KEYS;
  words = {
    style: "tags",
    label: "Tags",
    accept: "Accept, next",
    reject: "None fits",
    rejectTitle: "Reject all tags and go on",
    blindTitle: "Hide who suggested what, and the scores",
  };

  /** `frame` is the View. `on`: {toggle(chip), map(chip, tag), take(chip), drop(chip), whole(item, field, box),
   *  add: what AddTag is given}. */
  constructor(frame, on) {
    this.frame = frame;
    this.on = on;
    this.body = frame.body;
    this.hint = h("div");
    this.chips = h("div.tl-rv-chips", { role: "group", "aria-label": "Tags of this item", tabIndex: -1 });
    this.fresh = new FreshBox({ map: (chip, tag) => on.map(chip, tag), take: (chip) => on.take(chip), drop: (chip) => on.drop(chip) });
    const place = h("div.tl-rv-add");
    this.adding = new AddTag(place, on.add);
    this.element = [this.hint, this.chips, place];
    const point = (event) => this.mark(event.target.closest?.(".tl-rv-chip")?.dataset.tag ?? null, true);
    for (const type of ["pointerover", "focusin"]) this.chips.addEventListener(type, point);
    for (const type of ["pointerleave", "focusout"]) this.chips.addEventListener(type, () => this.mark(null));
  }

  /** Show an item as it stands; only what has changed since is drawn. `shown`: {groups, ticked, blind, hint, …}. */
  show(item, state, shown, tagged) {
    const chips = JSON.stringify([shown.groups.map((group) => [group.label, group.chips.map((chip) => [chip.id, chip.name])]), tagged]);
    if (this.#drawn.item !== item || this.#drawn.fields !== item.fields) this.#drawItem(item, state, shown);
    else if (this.#drawn.chips !== chips) this.#drawChips(item, state, shown);
    else this.#update(item, state, shown);
    this.#drawn = { item, fields: item.fields, chips };
  }

  /** Tags are called otherwise now: draw the chips anew. */
  stale() {
    this.#drawn.chips = null;
  }

  blindWords = (on) => (on ? "Agents and scores are hidden." : "Agents and scores are shown.");

  /** The item in one breath, for those who listen. */
  said = (shown) => `${shown.groups.flatMap((g) => g.chips).length} tags, ${shown.ticked.length} ticked.`;

  clear() {
    this.#drawn = {};
    this.#texts = [];
    this.#chips.clear();
    fill(this.hint);
    fill(this.chips);
  }

  #drawItem(item, state, shown) {
    this.#texts = [];
    const fields = item.fields.filter((field) => field.text);
    const titled = !item.title || fields.some((field) => field.kind === "title" || field.text.startsWith(item.title));
    fill(
      this.body,
      !titled && h("p.tl-rv-title", { dir: "auto" }, item.title),
      fields.map((field) => this.#field(item, field)),
      !fields.length && titled && h("p.tl-meta.tl-field", "This item has no text."),
      linkField(item.link),
      item.media && h("p.tl-field.tl-meta", h("span.tl-label", "Media"), " ", h("span.tl-mono", item.media)),
    );
    this.frame.begin();
    this.#drawChips(item, state, shown);
  }

  #field(item, field) {
    const text = h("p", { dir: "auto", class: field.kind === "title" ? "tl-rv-title" : "" });
    this.#texts.push({ field, element: text });
    const long = field.text.length > LONG;
    const more = (long || field.cut) && h("button.tl-link.tl-rv-all", { class: field.cut ? "" : "tl-rv-narrow", onclick: () => this.on.whole(item, field, box) }, "Show all");
    const box = h("div.tl-field", { class: long ? "tl-rv-long" : "" }, h("span.tl-label", field.label || field.name), text, more);
    return box;
  }

  #drawChips(item, state, shown) {
    const held = this.chips.contains(document.activeElement) && document.activeElement;
    this.#chips.clear();
    let digit = 0;
    fill(this.hint, shown.hint);
    fill(
      this.chips,
      shown.groups.map(({ label, chips }) =>
        h(
          "div.tl-rv-group",
          h("span.tl-label", label),
          chips[0].fresh && h("span.tl-meta.tl-rv-beside", "not in the vocabulary yet"),
          h("div", chips.map((chip) => this.#chip(chip, ++digit, shown))),
          chips[0].fresh && this.fresh.element,
        ),
      ),
      // in a blind review nothing tells which agent said what
      !shown.blind && item.answers?.map((each) => h("p.tl-meta.tl-rv-answer", { title: each.error || "" }, `${AGENTS[each.agent] || each.method}: ${answerWords(each)}`)),
    );
    this.#update(item, state, shown);
    this.#marks = null;
    this.mark(null);
    if (held && !this.chips.contains(document.activeElement)) (this.#chips.get(held.dataset.tag)?.button ?? this.chips).focus({ preventScroll: true });
  }

  #chip(chip, digit, { blind }) {
    const open = blind && !chip.yours;
    const kind = open ? "" : chip.agents.length > 1 ? "tl-both" : `tl-${chip.agents[0]}`;
    const shade = chip.fresh ? "tl-rv-new" : "";
    const said = !open && chip.said;
    const who = chip.yours ? "added by a person" : open ? "suggested" : `suggested by ${chip.agents.map((a) => AGENTS[a] || a).join(" and ")}${said ? ` as ${said.value}` : ""}, ${chip.samples > 1 ? `${chip.votes} of ${chip.samples} samples` : `score ${chip.score.toFixed(2)}`}`;
    const tick = h("span.tl-rv-tick", { "aria-hidden": "true" });
    const button = h(
      "button.tl-chip.tl-rv-chip",
      { type: "button", class: `${kind} ${shade}`, data: { tag: chip.id, name: chip.name }, onclick: () => this.on.toggle(chip.id) },
      digit <= 9 && h("span.tl-k", { "aria-hidden": "true" }, digit),
      tick,
      said && h("span.tl-rv-from", { "aria-hidden": "true" }, h("bdi", said.value), " →"),
      h("b", { dir: "auto" }, chip.name),
      chip.fresh && h("span.tl-rv-to", { dir: "auto" }),
      !open && h("span.tl-n", { "aria-hidden": "true", title: said && said.similarity !== null ? `similarity ${score(said.similarity)}` : "" }, chip.yours ? "added" : sureness(chip)),
      !open && !chip.yours && h("span.tl-who", { "aria-hidden": "true" }, chip.agents.join(" ")),
    );
    this.#chips.set(chip.id, { chip, button, tick, who: who + (digit <= 9 ? `, key ${digit}` : ""), low: !open && !chip.yours && certainty(chip) < LOW_SCORE, face: null });
    return button;
  }

  // Only what a toggled chip or a changed status changes.
  #update(item, state, { ticked, fates, asked, blind, name }) {
    for (const [, entry] of this.#chips) {
      if (entry.chip.fresh) {
        this.#updateFresh(entry, faceOf(fates.get(entry.chip.id), name), fates.get(entry.chip.id), asked?.chip.id === entry.chip.id, name);
        continue;
      }
      const now = face(entry.chip.tag, state, ticked);
      if (entry.face === now) continue;
      entry.face = now;
      const { button, tick, chip, who, low } = entry;
      tick.textContent = TICK[now];
      for (const [name, on] of [["tl-yes", now === "yes"], ["tl-no", now === "no"], ["tl-rv-soft", now === "soft"], ["tl-low", low && (now === "soft" || now === "open")]]) button.classList.toggle(name, on);
      button.setAttribute("aria-pressed", String(now === "yes" || now === "soft"));
      button.setAttribute("aria-label", `${chip.name}, ${WORD[now]}, ${who}`);
    }
    if (fates.size) this.fresh.draw(asked, asked && fates.get(asked.chip.id), fates.size, blind);
    this.frame.drawWhich(item, state);
  }

  #updateFresh({ button, tick, chip, who }, { sign, words, face }, fate, asked, name) {
    tick.textContent = sign;
    button.querySelector(".tl-rv-to").textContent = face === "mapped" ? `→ ${name(fate.tag)}` : "";
    for (const [style, on] of [["tl-yes", face === "added"], ["tl-no", face === "dropped"], ["tl-rv-mapped", face === "mapped"], ["tl-rv-asked", asked]]) button.classList.toggle(style, on);
    button.setAttribute("aria-pressed", String(asked));
    button.setAttribute("aria-label", `New tag ${chip.name}, ${words}, ${who}`);
  }

  /** Show for a moment where a tag went. */
  flash(tag) {
    const button = this.#chips.get(tag)?.button;
    if (!button) return;
    button.scrollIntoView({ block: "nearest" });
    button.classList.remove("tl-rv-flash");
    void button.offsetWidth;
    button.classList.add("tl-rv-flash");
  }

  /** Mark the passages behind the chip that is pointed at; with none, the words that named a tag. Passages that
   *  only resemble one would paint whole texts. */
  mark(tag, seek = false) {
    const chips = [...this.#chips.values()].map(({ chip }) => chip);
    const pointed = chips.find((chip) => chip.id === tag && chip.evidence.length);
    const named = (chip, field) => chip.evidence.filter((e) => e.field === field && e.match !== "meaning");
    const key = `${pointed?.id ?? ""} ${chips.map((chip) => chip.id).join(" ")}`;
    if (key !== this.#marks) {
      this.#marks = key;
      for (const { field, element } of this.#texts) {
        const found = pointed ? passages(pointed, field.name) : chips.flatMap((chip) => named(chip, field.name));
        fill(element, marked(field.text, united(found.map((e) => [e.start, e.end]))));
      }
    }
    if (seek && pointed) this.body.querySelector("mark")?.scrollIntoView({ block: "nearest" });
  }
}

/** What in this field speaks for a tag: the words themselves where they stand there, otherwise what means it. */
function passages(chip, field) {
  const here = chip.evidence.filter((each) => each.field === field);
  const exact = here.filter((each) => each.match === "exact");
  return exact.length ? exact : here;
}

/** Overlapping ranges as one. */
function united(ranges) {
  const out = [];
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else out.push([start, end]);
  }
  return out;
}
