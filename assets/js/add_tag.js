// Adding a tag by typing: the vocabulary's names and aliases that fit, or a new one. Works on while the server is away
// with the names that this page has seen.

import { get } from "./api.js";
import { debounce, fill, h } from "./dom.js";

const MOST = 10;
const LONGEST = 120; // characters of a tag's name; the server takes no more
const WAIT = 2500; // ms that Enter waits for the server before taking what is known here

/** The box. `known()` gives [{id, name}] of this page for when the server is silent; `take(choice, subject)` gets
 *  {id, name} or {name, fresh: true}; `subject()` is asked when typing begins, so that a slow answer does not tag
 *  the next item. */
export class AddTag {
  #options = [];
  #at = 0;
  #asked = ""; // the text that #options answer
  #abort = null;
  #subject = null;

  constructor(place, { known, take, subject }) {
    Object.assign(this, { known, take, subject });
    this.list = h("div.tl-rv-options", { role: "listbox", id: "tl-rv-options", "aria-label": "Tags that fit", hidden: true });
    this.input = h("input.tl-input", {
      type: "text",
      placeholder: "Add a tag…",
      maxLength: LONGEST,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: false,
      role: "combobox",
      "aria-label": "Add a tag",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-controls": "tl-rv-options",
      "aria-keyshortcuts": "/",
      onfocus: () => (this.#subject = this.subject()),
      onblur: () => this.#close(),
    });
    const ask = debounce(() => this.#ask(), 60);
    this.input.addEventListener("input", () => (this.text ? ask() : this.#close()));
    this.input.addEventListener("keydown", (event) => this.#key(event));
    fill(place, this.input, h("span.tl-kbd.tl-rv-slash", { "aria-hidden": "true" }, "/"), this.list);
  }

  get text() {
    return this.input.value.replace(/\s+/g, " ").trim();
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  #key(event) {
    event.stopPropagation(); // whatever is typed here is no shortcut
    if (event.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#options.length) {
      this.#at = (this.#at + step + this.#options.length) % this.#options.length;
      this.#draw();
    } else if (event.key === "Enter") this.#enter();
    else if (event.key === "Escape") {
      if (!this.list.hidden) this.#close();
      else this.#leave();
    } else return;
    event.preventDefault();
  }

  async #enter() {
    if (!this.text) return this.#leave();
    const moved = this.#at;
    if (this.#asked !== this.text) await this.#ask();
    if (this.#options.length) this.#choose(this.#options[this.#asked === this.text ? Math.min(moved, this.#options.length - 1) : 0]);
  }

  #choose(choice) {
    const subject = this.#subject;
    this.#leave();
    this.take(choice, subject);
  }

  #leave() {
    this.input.value = "";
    this.#close();
    this.input.blur();
  }

  #close() {
    this.#abort?.abort();
    this.#options = [];
    this.#at = 0;
    this.#asked = "";
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  async #ask() {
    const text = this.text;
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    const timer = setTimeout(() => abort.abort("late"), WAIT);
    let found, note;
    try {
      const answer = await get("tags/complete", { q: text, limit: MOST }, abort.signal);
      found = answer.tags;
      if (!answer.exact && !found.some((tag) => same(tag.name, text) || same(tag.alias, text))) found = [...found, { name: text, fresh: true }];
    } catch {
      if (abort.signal.aborted && abort.signal.reason !== "late") return;
      found = this.known().filter((tag) => tag.name.toLowerCase().includes(text.toLowerCase())).slice(0, MOST);
      if (!found.some((tag) => same(tag.name, text))) found.push({ name: text, fresh: true });
      note = "The server does not answer: these are the tags seen on this page.";
    } finally {
      clearTimeout(timer);
    }
    if (abort !== this.#abort || document.activeElement !== this.input) return;
    this.#options = found;
    this.#asked = text;
    this.#at = 0;
    this.#draw(note);
  }

  #draw(note) {
    fill(
      this.list,
      note && h("p.tl-meta", note),
      this.#options.map((tag, i) =>
        h(
          "div.tl-rv-option",
          { role: "option", id: `tl-rv-option-${i}`, "aria-selected": String(i === this.#at), onmousedown: (event) => (event.preventDefault(), this.#choose(tag)) },
          tag.fresh ? h("span", "Add “", h("bdi", tag.name), "” to the vocabulary") : [h("b", { dir: "auto" }, tag.name), tag.alias && h("span.tl-meta", `also called ${tag.alias}`)],
        ),
      ),
    );
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.input.setAttribute("aria-activedescendant", `tl-rv-option-${this.#at}`);
    this.list.children[this.#at + (note ? 1 : 0)]?.scrollIntoView({ block: "nearest" });
  }
}

const same = (a, b) => (a ?? "").toLowerCase() === (b ?? "").toLowerCase();
