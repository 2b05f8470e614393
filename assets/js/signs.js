// Signs and small pieces that several surfaces show in the same way.

import { h } from "./dom.js";

export const STATUS = {
  pending: ["○", "pending"],
  in_progress: ["◐", "in progress"],
  done: ["●", "done"],
  skipped: ["–", "skipped"],
  again: ["↻", "needs another look"],
  deleted: ["✕", "deleted"],
};

/** The sign of an item's status; with its word for the eye when `word` is true, always for a screen reader. */
export function statusSign(status, word = false) {
  const [sign, name] = STATUS[status] || ["?", status];
  return h("span.tl-sign", { title: name, class: `tl-is-${status}` }, h("span", { "aria-hidden": "true" }, sign), h(word ? "span" : "span.tl-sr", word ? ` ${name}` : name));
}

/** What went wrong, as a sentence with its remedy; `retry` adds a button where trying again can help. */
export function errorBox(error, retry) {
  const known = typeof error?.remedy === "string";
  if (!known) console.error(error);
  return h(
    "div.tl-error",
    { role: "alert" },
    h("b", known ? error.message : "Something on this page went wrong."),
    h("span", known ? error.remedy : "Reload the page; nothing that was saved is lost."),
    retry && (!known || error.offline || error.status >= 500) && h("div.tl-row", h("button.tl-btn.tl-small", { onclick: retry }, "Try again")),
  );
}

/** A screen that has nothing to show yet: what it is for, and one way on. */
export function emptyState(title, sentence, ...more) {
  return h("div.tl-empty", h("h2", title), h("p", sentence), more);
}

/** A bar of 0..1; null means that the end is not known. */
export function meter(share, label) {
  const bar = h("i");
  const element = h("div.tl-meter", { role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const set = (value) => {
    element.classList.toggle("tl-wait", value === null);
    bar.style.width = value === null ? "" : `${Math.min(100, Math.max(0, 100 * value))}%`;
    if (value === null) element.removeAttribute("aria-valuenow");
    else element.setAttribute("aria-valuenow", String(Math.round(100 * value)));
  };
  set(share);
  return { element, set };
}

/** A labelled control: `control(“Tags per item at most”, input, "why")`. */
export function control(label, input, hint) {
  return h("label.tl-control", h("span", label), input, hint && h("span.tl-hint", hint));
}

/** Buttons of which one is pressed. `choices`: [[value, label], …]. */
export function segment(label, choices, value, choose) {
  const element = h("div.tl-segment", { role: "group", "aria-label": label });
  const draw = (chosen) => {
    for (const button of element.children) button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
  };
  for (const [each, text] of choices)
    element.append(h("button", { type: "button", data: { value: each }, onclick: () => (draw(each), choose(each)) }, text));
  draw(value);
  return { element, set: draw };
}

/** Options of a select: [[value, label], …]. */
export const options = (choices, value) => choices.map(([each, text]) => h("option", { value: each, selected: each === value }, text));
