// Drawing of the review surface. It knows nothing of keys, queues or servers: it shows what it is given and calls `on.*`.
// The frame is made once; a new item replaces texts and chips, a toggled chip only itself.

import { ago, count, fill, h, marked, score } from "./dom.js";
import { answerWords, linkField } from "./item_view.js";
import { certainty, faceOf, FreshBox, sureness } from "./review_fresh.js";
import { face, LOW_SCORE, AGENTS } from "./review_state.js";
import { options, statusSign } from "./signs.js";

const QUEUES = [
  ["pending", "Pending"],
  ["in_progress", "In progress"],
  ["done", "Done"],
  ["skipped", "Skipped"],
  ["again", "Needs another look"],
  ["all", "All items"],
];
const FILTERS = [["all", "Every item"], ["disagree", "Agents disagree"]];
const LONG = 600; // characters; a longer text is folded on a narrow screen
const TICK = { yes: "✓", soft: "✓", no: "✕", open: "" };
const WORD = { yes: "accepted", soft: "ticked", no: "rejected", open: "not ticked" };

export class View {
  #chips = new Map(); // tag → {chip, button, tick, face}
  #texts = []; // [{field, element}]
  #item = null;
  #marks = "";
  #saidAt = 0;

  constructor(element, on) {
    this.on = on;
    this.corpora = h("select.tl-select", { "aria-label": "Corpus", onchange: (event) => on.corpus(event.target.value) });
    this.queues = h("select.tl-select", { "aria-label": "Queue", onchange: (event) => on.queue(event.target.value) }, options(QUEUES, "pending"));
    this.filters = h("select.tl-select", { "aria-label": "Agreement", hidden: true, onchange: (event) => on.filter(event.target.value) }, options(FILTERS, "all"));
    this.progress = h("span.tl-meta.tl-rv-progress");
    this.bar = h("i");
    this.which = h("div.tl-row.tl-tight.tl-meta.tl-rv-which");
    this.choice = h("div.tl-rv-choice");
    this.body = h("div.tl-rv-body", { role: "region", "aria-label": "Item", tabIndex: 0 });
    this.chips = h("div.tl-rv-chips", { role: "group", "aria-label": "Tags of this item", tabIndex: -1 });
    this.fresh = new FreshBox({ map: (chip, tag) => on.map(chip, tag), take: (chip) => on.take(chip), drop: (chip) => on.drop(chip) });
    this.hint = h("div");
    this.adding = h("div.tl-rv-add");
    this.blind = h("button.tl-btn.tl-quiet.tl-small", { onclick: () => on.blind(), title: "Hide who suggested what, and the scores" });
    this.saved = h("span.tl-meta.tl-rv-saved");
    this.refused = h("button.tl-btn.tl-small.tl-danger", { hidden: true, onclick: () => on.refused() });
    this.said = h("span.tl-meta.tl-rv-said.tl-clip");
    this.live = h("div.tl-sr", { "aria-live": "polite" });
    const button = (text, key, action, kind = "tl-quiet") => h("button.tl-btn", { class: kind, onclick: action, "aria-keyshortcuts": key === "↵" ? "Enter" : key }, text, h("span.tl-kbd", { "aria-hidden": "true" }, key));
    this.buttons = [
      button(["← ", h("span.tl-rv-wide", "Previous")], "k", () => on.previous()),
      button("Skip", "s", () => on.skip()),
      button("Undo", "u", () => on.undo()),
      button("None fits", "x", () => on.reject()),
      button("Accept, next", "↵", () => on.accept(), "tl-primary"),
    ];
    const [previous, skip, undo, reject, accept] = this.buttons;
    this.deciding = [skip, reject, accept];
    previous.setAttribute("aria-label", "Previous item");
    reject.title = "Reject all tags and go on";
    fill(
      element,
      (this.root = h(
        "div.tl-page.tl-rv",
        h(
          "section.tl-card.tl-rv-item",
          { "aria-label": "Item" },
          h("div.tl-row.tl-spread", h("div.tl-row", this.corpora, this.queues, this.filters, this.progress), this.which),
          h("div.tl-meter.tl-rv-meter", { "aria-hidden": "true" }, this.bar),
          this.choice,
          this.body,
        ),
        h("section.tl-card.tl-rv-foot", { "aria-label": "Decide" }, previous, skip, undo, reject, this.said, this.refused, this.saved, accept),
        h(
          "aside.tl-card.tl-rv-tags",
          { "aria-label": "Tags" },
          this.hint,
          this.chips,
          this.adding,
          h("div.tl-row.tl-spread.tl-rv-more", this.blind, h("button.tl-btn.tl-quiet.tl-small.tl-rv-keys", { onclick: () => on.keys() }, "Keys", h("span.tl-kbd", { "aria-hidden": "true" }, "?"))),
        ),
        this.live,
      )),
    );
    // A click must not leave the focus on a button: Enter is "accept, next", not "press that again".
    this.root.addEventListener("mousedown", (event) => {
      if (!event.target.closest("button")) return;
      event.preventDefault();
      if (document.activeElement?.matches("input, select")) document.activeElement.blur();
    });
    const point = (event) => this.mark(event.target.closest?.(".tl-rv-chip")?.dataset.tag ?? null, true);
    for (const type of ["pointerover", "focusin"]) this.chips.addEventListener(type, point);
    for (const type of ["pointerleave", "focusout"]) this.chips.addEventListener(type, () => this.mark(null));
  }

  /** Where the panel begins, so that it can fill the window below it. */
  fit() {
    const top = this.root.getBoundingClientRect().top + window.scrollY;
    if (top > 0) this.root.style.setProperty("--tl-rv-top", `${Math.round(top)}px`);
  }

  drawCorpora(corpora, chosen) {
    fill(this.corpora, options(corpora.map((each) => [each.id, each.name]), chosen));
  }

  drawProgress(queue) {
    if (this.queues.value !== queue.status) this.queues.value = queue.status;
    if (queue.corpus !== null && this.corpora.value !== String(queue.corpus)) this.corpora.value = queue.corpus;
    for (const option of this.queues.options) {
      const [, label] = QUEUES.find(([value]) => value === option.value);
      const n = option.value === "all" ? queue.size : queue.scope[option.value];
      const text = n === undefined ? label : `${label} · ${count(n)}`;
      if (option.text !== text) option.text = text;
    }
    const differ = queue.disagreeing;
    this.filters.hidden = !differ && queue.filter === "all";
    if (this.filters.value !== queue.filter) this.filters.value = queue.filter;
    const words = differ ? `${FILTERS[1][1]} · ${count(differ)}` : FILTERS[1][1];
    if (this.filters.options[1].text !== words) this.filters.options[1].text = words;
    const done = queue.scope.done ?? 0;
    const text = queue.loaded ? `${count(done)} of ${count(queue.size)} reviewed` : "";
    if (this.progress.textContent !== text) this.progress.textContent = text;
    this.bar.style.width = `${queue.size ? (100 * done) / queue.size : 0}%`;
  }

  /** A whole item: texts, chips, status. */
  drawItem(item, state, shown) {
    this.#item = item;
    this.#idle(false);
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
    this.body.scrollTop = 0;
    if (this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
    this.drawChips(item, state, shown);
  }

  // Without an item there is nothing to decide; going back and undoing still work.
  #idle(on) {
    this.root.classList.toggle("tl-rv-idle", on);
    for (const button of this.deciding) button.setAttribute("aria-disabled", String(on));
  }

  #field(item, field) {
    const text = h("p", { dir: "auto", class: field.kind === "title" ? "tl-rv-title" : "" });
    this.#texts.push({ field, element: text });
    const long = field.text.length > LONG;
    const more = (long || field.cut) && h("button.tl-link.tl-rv-all", { class: field.cut ? "" : "tl-rv-narrow", onclick: () => this.on.whole(item, field, box) }, "Show all");
    const box = h("div.tl-field", { class: long ? "tl-rv-long" : "" }, h("span.tl-label", field.label || field.name), text, more);
    return box;
  }

  /** The chips anew. `shown` is {groups, ticked, blind, hint}. */
  drawChips(item, state, shown) {
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
    this.update(item, state, shown);
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

  /** Only what a toggled chip or a changed status changes. */
  update(item, state, { ticked, fates, asked, blind, name }) {
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
    const line = [statusSign(state.status, true), state.person && state.status !== "pending" ? h("span.tl-muted", `by ${state.person}`) : null, h("span.tl-muted", "·"), h("span.tl-clip", `item ${item.external_id || item.position || item.id}`)];
    fill(this.which, line);
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

  /** Instead of an item: an empty state, the end, waiting. */
  screen(content) {
    this.#item = null;
    this.#texts = [];
    this.#chips.clear();
    this.#idle(true);
    fill(this.which);
    fill(this.choice);
    fill(this.hint);
    fill(this.chips);
    fill(this.body, content);
  }

  drawChoice(content) {
    fill(this.choice, content);
  }

  drawBlind(on) {
    fill(this.blind, on ? "Blind review is on" : "Blind review is off", h("span.tl-kbd", { "aria-hidden": "true" }, "b"));
    this.blind.setAttribute("aria-pressed", String(on));
  }

  /** Saved or not, always to be seen. */
  drawSaved({ rows, saved, problem, refused, durable }) {
    const n = rows.length;
    let text = "";
    if (n && problem) text = `${count(n)} not saved yet, trying again…`;
    else if (n) text = `saving ${count(n)}…`;
    else if (saved) text = `saved ✓ ${saved.took < 10000 ? `${Math.max(0.1, saved.took / 1000).toFixed(1)} s` : ago(saved.at)}`;
    if (!durable) text += `${text ? " · " : ""}this browser keeps nothing: do not close the page before all is saved`;
    if (this.saved.textContent !== text) this.saved.textContent = text;
    this.saved.title = n && problem ? `${problem.message} ${problem.remedy || ""} Your decisions are kept in this browser.` : "";
    this.saved.classList.toggle("tl-rv-unsaved", n > 0 && Boolean(problem));
    this.refused.hidden = !refused.length;
    if (refused.length) fill(this.refused, `${count(refused.length)} need${refused.length === 1 ? "s" : ""} your choice`);
  }

  /** A short word in the footer, gone after some seconds. */
  say(text) {
    this.said.textContent = this.said.title = text;
    this.announce(text);
    clearTimeout(this.#saidAt);
    this.#saidAt = setTimeout(() => (this.said.textContent = ""), 5000);
  }

  announce(text) {
    this.live.textContent = text;
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
