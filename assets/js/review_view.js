// The frame of the review surface: which queue, the item's place, the panel's place, the buttons, what is saved. It knows
// nothing of keys, queues or servers, and of tags and captions only that a panel draws them (review_tag_panel.js,
// caption_panel.js): it shows what it is given and calls `on.*`. The frame is made once.

import { ago, count, fill, h } from "./dom.js";
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
const MUSIC_FILTERS = [["all", "Every track"], ["fail", "A check fails"], ["warn", "A check warns"], ["none", "Not answered"], ["missing", "A caption is missing"]];

export class View {
  #saidAt = 0;
  #panel = null;

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
    this.blind = h("button.tl-btn.tl-quiet.tl-small", { onclick: () => on.blind() });
    this.saved = h("span.tl-meta.tl-rv-saved");
    this.refused = h("button.tl-btn.tl-small.tl-danger", { hidden: true, onclick: () => on.refused() });
    this.said = h("span.tl-meta.tl-rv-said.tl-clip");
    this.live = h("div.tl-sr", { "aria-live": "polite" });
    this.words = { reject: h("span"), accept: h("span") };
    const button = (text, key, action, kind = "tl-quiet") => h("button.tl-btn", { class: kind, onclick: action, "aria-keyshortcuts": key === "↵" ? "Enter" : key }, text, h("span.tl-kbd", { "aria-hidden": "true" }, key));
    this.buttons = [
      button(["← ", h("span.tl-rv-wide", "Previous")], "k", () => on.previous()),
      button("Skip", "s", () => on.skip()),
      button("Undo", "u", () => on.undo()),
      button(this.words.reject, "x", () => on.reject()),
      button(this.words.accept, "↵", () => on.accept(), "tl-primary"),
    ];
    const [previous, skip, undo, reject, accept] = this.buttons;
    this.deciding = [skip, reject, accept];
    previous.setAttribute("aria-label", "Previous item");
    this.place = h("div.tl-rv-panel");
    this.more = h("div.tl-row.tl-spread.tl-rv-more", this.blind, h("button.tl-btn.tl-quiet.tl-small.tl-rv-keys", { onclick: () => on.keys() }, "Keys", h("span.tl-kbd", { "aria-hidden": "true" }, "?")));
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
        (this.aside = h("aside.tl-card.tl-rv-tags", this.place, this.more)),
        this.live,
      )),
    );
    // A click must not leave the focus on a button: Enter is "accept, next", not "press that again".
    this.root.addEventListener("mousedown", (event) => {
      if (!event.target.closest("button")) return;
      event.preventDefault();
      if (document.activeElement?.matches("input, select, textarea")) document.activeElement.blur();
    });
  }

  /** Have a panel at the right: the one for tags, or the one for captions. */
  use(panel) {
    if (panel === this.#panel) return;
    this.#panel?.clear();
    this.#panel = panel;
    const { label, accept, reject, rejectTitle, blindTitle, style } = panel.words;
    this.aside.setAttribute("aria-label", label);
    fill(this.words.accept, accept);
    fill(this.words.reject, reject);
    this.buttons[3].title = rejectTitle;
    this.blind.title = blindTitle;
    this.root.classList.toggle("tl-rv-music", style === "captions");
    fill(this.place, panel.element);
    fill(this.filters, options(style === "captions" ? MUSIC_FILTERS : FILTERS, "all"));
    this.filters.setAttribute("aria-label", style === "captions" ? "Checks" : "Agreement");
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
    const music = this.#panel?.words.style === "captions";
    const differ = music ? 0 : queue.disagreeing;
    this.filters.hidden = !music && !differ && queue.filter === "all";
    if (this.filters.value !== queue.filter) this.filters.value = queue.filter;
    const words = differ ? `${FILTERS[1][1]} · ${count(differ)}` : FILTERS[1][1];
    if (!music && this.filters.options[1].text !== words) this.filters.options[1].text = words;
    const done = queue.scope.done ?? 0;
    const text = queue.loaded ? `${count(done)} of ${count(queue.size)} reviewed` : "";
    if (this.progress.textContent !== text) this.progress.textContent = text;
    this.bar.style.width = `${queue.size ? (100 * done) / queue.size : 0}%`;
  }

  /** Another item: what the panel puts at the left begins at its top. */
  begin() {
    this.#idle(false);
    this.body.scrollTop = 0;
    if (this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
  }

  // Without an item there is nothing to decide; going back and undoing still work.
  #idle(on) {
    this.root.classList.toggle("tl-rv-idle", on);
    for (const button of this.deciding) button.setAttribute("aria-disabled", String(on));
  }

  /** Which item this is, and how far. */
  drawWhich(item, state) {
    fill(this.which, statusSign(state.status, true), state.person && state.status !== "pending" ? h("span.tl-muted", `by ${state.person}`) : null, h("span.tl-muted", "·"), h("span.tl-clip", `item ${item.external_id || item.position || item.id}`));
  }

  /** Instead of an item: an empty state, the end, waiting. */
  screen(content) {
    this.#panel?.clear();
    this.#idle(true);
    fill(this.which);
    fill(this.choice);
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
  drawSaved(sent) {
    const text = savedWords(sent);
    if (this.saved.textContent !== text) this.saved.textContent = text;
    const { rows, problem, refused } = sent;
    this.saved.title = rows.length && problem ? `${problem.message} ${problem.remedy || ""} Your decisions are kept in this browser.` : "";
    this.saved.classList.toggle("tl-rv-unsaved", rows.length > 0 && Boolean(problem));
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

/** How the outbox stands: "saving 3…", "saved ✓ 0.1 s". */
export function savedWords({ rows, saved, problem, durable }) {
  const n = rows.length;
  let text = "";
  if (n && problem) text = `${count(n)} not saved yet, trying again…`;
  else if (n) text = `saving ${count(n)}…`;
  else if (saved) text = `saved ✓ ${saved.took < 10000 ? `${Math.max(0.1, saved.took / 1000).toFixed(1)} s` : ago(saved.at)}`;
  return durable ? text : `${text}${text ? " · " : ""}this browser keeps nothing: do not close the page before all is saved`;
}
