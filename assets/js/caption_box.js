// One caption that can be written in: its text with coloured spans, its checks as sentences, stars, valid or not, other
// candidates, predicted tags. It keeps the text that is being typed; everything else is drawn from what it is given.

import { Checker, checksOf, drawSpans, fitFlags, reasonList, stale, verdictSign } from "./caption_checks.js";
import { dropDraft, draftOf, keepDraft } from "./caption_drafts.js";
import { LONGEST } from "./caption_state.js";
import { fill, h } from "./dom.js";
import { answerWords } from "./item_view.js";

const STARS = [1, 2, 3, 4, 5];
const FAILED = { failed: "No answer came.", refused: "The model would not answer.", invalid: "The answer could not be used." };

export class CaptionBox {
  #box = null; // what it was given last
  #item = null;
  #from = null; // the text before anybody typed; null while nobody does
  #leaving = null; // the text that is becoming a decision
  #checker = new Checker();
  #key = "";
  #checked = null; // {text, checks} that show

  /** `on`: {act(action), choose(style, quiet), project(), again(style), coverage(style, checks), tag(name)}. */
  constructor(style, title, on) {
    this.style = style;
    this.on = on;
    const act = (name, more = {}) => on.act({ name, style, item: this.#item.id, ...more });
    this.digit = h("span.tl-kbd", { "aria-hidden": "true" });
    this.verdict = h("span");
    this.by = h("span.tl-meta.tl-cp-by.tl-clip");
    this.stars = h("span.tl-cp-stars", { role: "group", "aria-label": `Stars of ${title}` }, STARS.map((n) => h("button", { type: "button", data: { n }, "aria-label": `${n} ${n === 1 ? "star" : "stars"}`, onclick: () => act("stars", { n }) }, "★")));
    const valid = (name, sign, words) => h("button.tl-cp-valid", { type: "button", data: { name }, onclick: () => act(name), "aria-label": words, title: words }, sign);
    this.yes = valid("valid", "✓ right", "This caption is right (y)");
    this.no = valid("invalid", "✕ not right", "This caption is not right (n)");
    this.again = h("button.tl-link.tl-cp-again", { type: "button", onclick: () => on.again(style), title: "Have this caption written anew (t)" }, "Try again");
    this.marks = h("div.tl-cp-marks", { "aria-hidden": "true" });
    this.area = h("textarea.tl-cp-area", { rows: 1, maxLength: LONGEST, spellcheck: true, dir: "auto", "aria-label": `${title}: caption` });
    this.text = h("div.tl-cp-text", this.marks, this.area);
    this.reasons = h("div", { id: `tl-cp-why-${Math.random().toString(36).slice(2)}` });
    this.area.setAttribute("aria-describedby", this.reasons.id);
    this.extra = h("div.tl-cp-extra");
    this.element = h(
      "section.tl-cp-box",
      { "aria-label": title, data: { style } },
      h("div.tl-cp-head", this.digit, h("h3", title), this.verdict, this.by, this.again, h("span.tl-cp-judge", this.stars, h("span.tl-cp-yesno", this.yes, this.no))),
      this.text,
      this.reasons,
      this.extra,
    );
    this.area.addEventListener("focus", () => {
      on.choose(style, true);
      this.#from ??= this.#box.text;
    });
    this.area.addEventListener("input", () => this.#typed());
    this.area.addEventListener("blur", () => this.leave());
    this.area.addEventListener("keydown", (event) => {
      event.stopPropagation(); // whatever is typed here is no shortcut
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
        event.preventDefault();
        this.area.blur();
      }
    });
    this.element.addEventListener("pointerdown", (event) => event.target !== this.area && on.choose(style));
    new ResizeObserver(() => this.#fit()).observe(this.text);
  }

  /** Is somebody writing here? */
  get busy() {
    return this.#from !== null;
  }

  /** Put the caret behind the last letter. */
  write() {
    this.area.focus();
    this.area.setSelectionRange(this.area.value.length, this.area.value.length);
  }

  /** Nobody writes here any more: what was typed becomes a decision. */
  leave() {
    if (this.#from === null) return;
    const text = this.area.value.trim();
    const changed = text !== this.#from;
    this.#from = null;
    if (!changed) return dropDraft(this.on.project(), this.#item.id, this.style);
    const item = this.#item.id;
    this.#leaving = text; // stands until the decision is drawn
    // the draft is let go when the decision is in the browser's database
    Promise.resolve(this.on.act({ name: "text", style: this.style, text, item })).then(() => {
      this.#leaving = null;
      dropDraft(this.on.project(), item, this.style);
    });
  }

  #typed() {
    this.#from ??= this.#box.text;
    keepDraft(this.on.project(), this.#item.id, this.style, this.area.value, this.#from);
    this.#spans();
  }

  /** Draw what is said of a caption. */
  show(item, box, { digit, chosen, blind, working }) {
    const other = this.#item?.id !== item.id;
    if (other) this.#begin(item, box);
    this.#item = item;
    this.#box = box;
    this.blind = blind;
    this.element.classList.toggle("tl-cp-chosen", chosen);
    this.element.classList.toggle("tl-cp-not", box.valid === false);
    this.element.classList.toggle("tl-cp-yes", box.valid === true);
    if (this.digit.textContent !== String(digit)) this.digit.textContent = digit;
    this.area.setAttribute("aria-keyshortcuts", digit);
    if (!this.busy && this.#leaving !== this.area.value && this.area.value !== box.text) this.area.value = box.text;
    this.area.placeholder = box.state === "missing" ? "Write a caption…" : FAILED[box.state] ? "No caption. Write one, or try again." : "No caption of this kind";
    for (const button of this.stars.children) {
      button.classList.toggle("tl-on", Number(button.dataset.n) <= (box.stars ?? 0));
      button.setAttribute("aria-pressed", String(Number(button.dataset.n) === box.stars));
    }
    this.again.disabled = working;
    const again = working ? "writing again…" : "Try again";
    if (this.again.textContent !== again) this.again.textContent = again;
    this.yes.setAttribute("aria-pressed", String(box.valid === true));
    this.no.setAttribute("aria-pressed", String(box.valid === false));
    const by = blind ? "" : box.edited ? "edited by a person" : box.text && box.engine ? (box.engine === "builtin" ? "builtin writer" : box.model || box.engine) : "";
    if (this.by.textContent !== by) this.by.textContent = this.by.title = by;
    this.#spans(0);
    const key = JSON.stringify([box.candidates.map((each) => each.suggestion), box.predicted, box.taken, box.state, box.error, box.flags, blind, box.text && 1]);
    if (other || key !== this.#key) this.#drawExtra(box, blind);
    this.#key = key;
  }

  // Another item: what was typed into it and never became a decision is taken up again.
  #begin(item, box) {
    this.#from = this.#leaving = null;
    this.#checker.stop();
    this.#checked = null;
    this.area.value = box.text;
    const draft = draftOf(this.on.project(), item.id, this.style);
    if (!draft) return;
    if (draft.text.trim() === box.text || draft.from !== box.text) return dropDraft(this.on.project(), item.id, this.style);
    this.area.value = draft.text;
    this.#from = draft.from;
    this.#item = item;
    this.#box = box;
    setTimeout(() => this.#item === item && this.#from !== null && document.activeElement !== this.area && this.leave());
  }

  #predicted() {
    return this.style === "attribute_prediction" ? this.#box.predicted : [];
  }

  // The checks of what stands in the box, or what still holds of the last ones until they are there.
  #spans(pause) {
    const { area } = this;
    const text = area.value;
    const own = text === this.#box.text ? this.#box.checks : null;
    const checks = own || checksOf(this.#item.id, this.style, text, this.#predicted());
    if (checks) this.#checked = { text, checks };
    else {
      const item = this.#item;
      this.#checker.ask(item.id, this.style, text, this.#predicted(), () => this.#item === item && this.#spans(), pause);
    }
    const shown = checks || (text.trim() && this.#checked ? stale(this.#checked.checks, this.#checked.text, text) : null);
    const key = this.blind ? `blind ${text}` : JSON.stringify([text, shown]);
    if (key === this.drawn) return;
    this.drawn = key;
    const seen = this.blind ? null : shown;
    drawSpans(this.marks, text, seen, this.#item.tags?.present);
    this.#fit();
    fill(this.verdict, !this.blind && (seen ? verdictSign(seen) : text.trim() ? h("span.tl-meta", "checking…") : null));
    fill(this.reasons, seen && reasonList(seen, (reason, at) => this.#point(reason, at)));
    this.on.coverage(this.style, seen);
  }

  #fit() {
    for (const flag of this.marks.querySelectorAll(".tl-cp-mark:not(.tl-cp-pass) .tl-cp-short")) flag.classList.remove("tl-cp-short");
    fitFlags(this.marks);
  }

  /** The checks that show. */
  get checks() {
    return this.blind || !this.#checked || this.#checked.text !== this.area.value ? null : this.#checked.checks;
  }

  // A reason was chosen: show where it stands; a tag that is missing shows among the tags.
  #point(reason, at) {
    const mark = this.marks.querySelector(`[data-reason="${at}"]`);
    if (!mark) return this.on.tag(reason.term);
    mark.scrollIntoView({ block: "nearest" });
    mark.classList.remove("tl-cp-flash");
    void mark.offsetWidth;
    mark.classList.add("tl-cp-flash");
    if (this.busy) this.area.setSelectionRange(reason.start, reason.end);
  }

  #drawExtra(box, blind) {
    const act = (name, more) => this.on.act({ name, style: this.style, item: this.#item.id, ...more });
    const open = this.extra.querySelector("details")?.open;
    fill(
      this.extra,
      box.predicted.length > 0 && [
        h("p.tl-meta.tl-cp-label", "Predicted, in no tag of the track. Tick what is true:"),
        h(
          "div.tl-cp-predicted",
          box.predicted.map((tag) => {
            const on = box.taken.includes(tag);
            return h("button.tl-chip.tl-mini.tl-new", { type: "button", class: on ? "tl-yes" : "", "aria-pressed": String(on), onclick: () => act("tick", { tag }) }, h("span", { "aria-hidden": "true" }, on ? "✓" : "+"), h("b", { dir: "auto" }, tag), h("span.tl-sr", on ? "ticked" : "predicted"));
          }),
        ),
      ],
      FAILED[box.state] && !box.text && h("p.tl-note.tl-warn", h("b", FAILED[box.state]), " ", box.error),
      !blind && box.text && box.flags.length > 0 && h("p.tl-meta", answerWords(box)),
      box.candidates.length > 0 &&
        h(
          "details.tl-more.tl-cp-others",
          { open },
          h("summary", box.candidates.length === 1 ? "1 other candidate" : `${box.candidates.length} other candidates`),
          h(
            "ul",
            box.candidates.map((each) =>
              h("li", h("button.tl-cp-candidate", { type: "button", onclick: () => act("take", { suggestion: each.suggestion }), "aria-label": `Take this one: ${each.text}` }, !blind && each.checks && verdictSign(each.checks), h("span", { dir: "auto" }, each.text))),
            ),
          ),
        ),
    );
  }
}
