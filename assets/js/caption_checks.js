// Checks of a caption: asked for while somebody types, drawn as coloured and labelled spans, told as sentences.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { spans, VERDICTS, wordOf } from "./caption_state.js";

const PAUSE = 250; // ms without a letter before the text is checked
const MOST = 300; // answers remembered

const known = new Map(); // item, style and text → checks
const keyOf = (item, style, text, predicted) => JSON.stringify([item, style, text, predicted]);

/** The checks of this very text, if they have been made on this page. */
export const checksOf = (item, style, text, predicted) => known.get(keyOf(item, style, text, predicted)) || null;

/** Asks for the checks of one box' text; the last text wins. `done()` when an answer is there. */
export class Checker {
  #timer = null;
  #asked = "";

  ask(item, style, text, predicted, done, pause = PAUSE) {
    const key = keyOf(item, style, text, predicted);
    clearTimeout(this.#timer);
    if (known.has(key) || !text.trim()) return;
    this.#timer = setTimeout(async () => {
      if (this.#asked === key) return;
      this.#asked = key;
      try {
        const { checks } = await post("captions/check", { item, style, text, predicted });
        known.set(key, checks);
        if (known.size > MOST) known.delete(known.keys().next().value);
        done();
      } catch {
        /* without checks the text can be written all the same; the next letter asks again */
      }
      if (this.#asked === key) this.#asked = "";
    }, pause);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** What of older checks still holds for a text that has been changed since: spans whose letters are where they were. */
export function stale(checks, before, text) {
  if (!checks || before === text) return checks;
  const stays = (reason) => !Number.isInteger(reason.start) || before.slice(0, reason.end) === text.slice(0, reason.end);
  return { ...checks, reasons: checks.reasons.filter(stays), stale: true };
}

/** The text below the letters, with its spans; nothing but the marks shows. */
export function drawSpans(element, text, checks, tags) {
  let at = 0;
  const parts = [];
  for (const span of spans(text, checks, tags)) {
    const [sign] = VERDICTS[span.level];
    parts.push(text.slice(at, span.start));
    parts.push(
      h("mark.tl-cp-mark", { class: `tl-cp-${span.level}`, data: { reason: span.reason } }, h("span.tl-cp-flag", { class: span.level === "pass" ? "tl-cp-short" : "" }, sign, h("i", ` ${span.word}`)), text.slice(span.start, span.end)),
    );
    at = span.end;
  }
  fill(element, parts, text.slice(at), "\u200b");
  return element;
}

/** Take the words off flags that would lie over the next one or beyond the edge; their signs stay. */
export function fitFlags(element) {
  const flags = [...element.querySelectorAll(".tl-cp-flag:not(.tl-cp-short)")];
  const every = [...element.querySelectorAll(".tl-cp-flag")];
  const edge = element.getBoundingClientRect().right;
  const boxes = new Map(every.map((flag) => [flag, flag.getBoundingClientRect()]));
  for (const flag of flags) {
    const own = boxes.get(flag);
    const next = every[every.indexOf(flag) + 1];
    const near = next && Math.abs(boxes.get(next).top - own.top) < 6 ? boxes.get(next).left : edge;
    if (own.right > near - 2) flag.classList.add("tl-cp-short");
  }
}

/** "✕ fail", "! warning", "✓ pass": how a caption stands. */
export function verdictSign(checks) {
  const [sign, word] = VERDICTS[checks?.verdict] || VERDICTS.none;
  return h("span.tl-cp-verdict", { class: `tl-cp-${checks?.verdict || "none"}` }, h("span", { "aria-hidden": "true" }, sign), ` ${word}`);
}

/** The reasons as sentences; `show(reason, at)` when one is chosen. */
export function reasonList(checks, show) {
  const order = { fail: 0, warn: 1 };
  const all = (checks?.reasons || []).map((reason, at) => ({ reason, at }));
  // tags that are not said are one line, however many they are
  const missed = all.filter(({ reason }) => reason.code === "missing_tag" && reason.term);
  const list = all.filter((each) => !missed.includes(each)).sort((a, b) => (order[a.reason.level] ?? 2) - (order[b.reason.level] ?? 2) || (a.reason.start ?? Infinity) - (b.reason.start ?? Infinity) || 0);
  if (!all.length) return null;
  return h(
    "ul.tl-cp-reasons",
    missed.length > 0 &&
      h(
        "li.tl-cp-missing-line",
        { data: { code: "missing_tag" } },
        h("span.tl-cp-sign", { "aria-hidden": "true" }, VERDICTS.warn[0]),
        h("b", "not said"),
        missed.map(({ reason, at }) => [" ", h("button.tl-cp-missed", { type: "button", onclick: () => show(reason, at), title: reason.message }, reason.term)]),
      ),
    list.map(({ reason, at }) => {
      const level = reason.level === "fail" ? "fail" : "warn";
      return h(
        "li",
        h("button.tl-cp-reason", { type: "button", class: `tl-cp-${level}`, data: { code: reason.code }, onclick: () => show(reason, at), title: "Show it in the text" }, h("span.tl-cp-sign", { "aria-hidden": "true" }, VERDICTS[level][0]), h("b", wordOf(reason)), h("span", ` ${reason.message}`)),
      );
    }),
  );
}
