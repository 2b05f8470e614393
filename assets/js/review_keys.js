// The keyboard of the review surface: which key means what, when keys are not ours, and the sheet that lists them.

import { h, fill } from "./dom.js";
import { dialogOpen, openDialog } from "./dialog.js";

const KEYS = {
  Enter: "accept",
  x: "reject",
  s: "skip",
  u: "undo",
  j: "next",
  k: "previous",
  "/": "add",
  b: "blind",
  m: "map",
  n: "take",
  d: "drop",
  ArrowLeft: "nearerBack",
  ArrowRight: "nearerOn",
  "?": "sheet",
};
const REPEATS = new Set(["next", "previous", "nearerBack", "nearerOn"]); // a held key moves, but decides only once

const SHEET = [
  ["↵", "Accept what is ticked, reject the rest, go on"],
  ["1 – 9", "Tick a tag or take its tick away; choose a new one for m, n, d"],
  ["m", "A new tag means its nearest one: accept that instead"],
  ["←  →", "Choose which of the nearest ones m takes"],
  ["n", "Take a new tag into the vocabulary and accept it"],
  ["d", "Drop a new tag; once more takes that back"],
  ["/", "Add a tag: type, ↵ takes it, Esc leaves the box"],
  ["x", "None of these tags fits: reject all, go on"],
  ["s", "Skip: decide nothing, go on"],
  ["j  k", "Next, previous item without deciding"],
  ["u", "Undo your last decision, again and again, all the way back"],
  ["b", "Blind review: hide who suggested what, and the scores"],
  ["?", "This sheet"],
];

const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false]), [role=textbox]";
const PRESSABLE = "button, a[href], summary, [role=button], [role=tab], [role=option], [role=menuitem]";

/** The action of a key event: {name, digit} or null if the key is not ours. `held` is the element that got the focus
 *  by the keyboard, if any: Enter and space press that one. */
export function actionOf(event, held) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return null;
  const target = event.composedPath()[0];
  if (target instanceof Element && target.closest(TYPING)) return null;
  const name = named(event);
  if (!name) return null;
  if (event.repeat && !REPEATS.has(name)) return { name: "ignore" };
  if (event.key === "Enter" && held && target === held && held.matches(PRESSABLE)) return null;
  if (event.key.startsWith("Arrow") && (event.shiftKey || (target instanceof Element && target.closest("[role=tab], [role=radio], [role=slider], [role=menuitem]")))) return null;
  return name === "toggle" ? { name, digit: digitOf(event) } : { name };
}

function named(event) {
  const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  if (Object.hasOwn(KEYS, key)) return KEYS[key];
  return digitOf(event) ? "toggle" : null;
}

// Digits by their sign (also with Shift, as on French keyboards) or, where the row has other signs, by their place.
function digitOf(event) {
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  const place = /^Digit([1-9])$/.exec(event.code);
  return place && !event.shiftKey && !/^[a-z0-9]$/i.test(event.key) ? Number(place[1]) : 0;
}

/** Call `act(action, event)` for every key that belongs to the surface while `active()` says so. */
export function listen(active, act) {
  let moved = false; // was the last key one that moves the focus?
  let held = null;
  document.addEventListener("keydown", (event) => (moved = event.key === "Tab" || event.key.startsWith("Arrow")), true);
  document.addEventListener("pointerdown", () => (moved = false), true);
  document.addEventListener("focusin", (event) => (held = moved ? event.target : null), true);
  document.addEventListener("keydown", (event) => {
    if (!active() || dialogOpen() || foreignDialog()) return;
    const action = actionOf(event, held);
    if (!action) return;
    event.preventDefault();
    if (action.name !== "ignore") act(action, event);
  });
}

// Gradio's own overlays are not in our layer.
const foreignDialog = () => [...document.querySelectorAll("dialog[open], [role=dialog][aria-modal=true]")].some((each) => each.getClientRects().length);

export function openSheet() {
  const dialog = openDialog({ title: "Keys", size: "brief" });
  fill(
    dialog.body,
    h("dl.tl-rv-sheet", SHEET.map(([key, words]) => [h("dt", key.split("  ").map((each) => h("span.tl-rv-cap", each))), h("dd", words)])),
    h("p.tl-meta", "Keys rest while you type and while a dialog is open. What Enter saves is always what shows as ticked; new tags that you leave alone stay undecided."),
  );
}
