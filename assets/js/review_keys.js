// The keyboard of the review surface: which key means what, when keys are not ours, and the sheet that lists them.

import { h, fill } from "./dom.js";
import { dialogOpen, openDialog } from "./dialog.js";

// What means the same on every panel.
const COMMON = { Enter: "accept", x: "reject", s: "skip", u: "undo", j: "next", k: "previous", b: "blind", "?": "sheet" };
const REPEATS = new Set(["next", "previous", "nearerBack", "nearerOn"]); // a held key moves, but decides only once

/** A panel's keyboard: {keys: {key: action}, digit: the action of 1 to 9, shifted: that of ⇧1 to ⇧5 or none, sheet, note}. */
export const TAG_KEYS = {
  keys: { ...COMMON, "/": "add", m: "map", n: "take", d: "drop", ArrowLeft: "nearerBack", ArrowRight: "nearerOn" },
  digit: "toggle",
  shifted: null,
  sheet: [
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
  ],
  note: "Keys rest while you type and while a dialog is open. What Enter saves is always what shows as ticked; new tags that you leave alone stay undecided.",
};

export const CAPTION_KEYS = {
  keys: { ...COMMON, e: "edit", y: "valid", n: "invalid", "+": "better", "-": "worse", t: "again", p: "play", ArrowLeft: "candidateBack", ArrowRight: "candidateOn" },
  digit: "box",
  shifted: "stars",
  sheet: [
    ["↵", "Accept all captions as they stand, go on"],
    ["1 – 4", "Choose a box; y, n, stars and the tags' colours are about the chosen one"],
    ["e", "Write in the chosen box (or press its digit once more); Esc leaves it and keeps what you wrote"],
    ["y  n", "The caption is right, is not right; once more takes that back"],
    ["⇧1 – ⇧5", "Give 1 to 5 stars; the same once more takes them back. Also + and −"],
    ["←  →", "Take the candidate before, the next one"],
    ["t", "Try again: have the chosen caption written anew"],
    ["p", "Play, pause"],
    ["x", "None of these captions is right, go on"],
    ["s", "Skip: decide nothing, go on"],
    ["j  k", "Next, previous track without deciding"],
    ["u", "Undo your last decision, again and again, all the way back"],
    ["b", "Blind review: hide checks, and who wrote what"],
    ["?", "This sheet"],
  ],
  note: "Keys rest while you type and while a dialog is open. What Enter saves is what stands in the boxes; a caption that you marked as not right stays so.",
};

const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false]), [role=textbox]";
const PRESSABLE = "button, a[href], summary, [role=button], [role=tab], [role=option], [role=menuitem]";

/** The action of a key event on a panel's keyboard: {name, digit} or null if the key is not ours. `held` is the element
 *  that got the focus by the keyboard, if any: Enter and space press that one. */
export function actionOf(event, held, board) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return null;
  const target = event.composedPath()[0];
  if (target instanceof Element && target.closest(TYPING)) return null;
  const stars = board.shifted ? starsOf(event) : 0;
  const digit = stars || digitOf(event);
  const name = stars ? board.shifted : (named(event, board) ?? (digit ? board.digit : null));
  if (!name) return null;
  if (event.repeat && !REPEATS.has(name)) return { name: "ignore" };
  if (event.key === "Enter" && held && target === held && held.matches(PRESSABLE)) return null;
  if (event.key.startsWith("Arrow") && (event.shiftKey || (target instanceof Element && target.closest("[role=tab], [role=radio], [role=slider], [role=menuitem]")))) return null;
  return digit ? { name, digit } : { name };
}

function named(event, { keys }) {
  const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  return Object.hasOwn(keys, key) ? keys[key] : null;
}

// Shift with a digit, by its place on the keyboard: what sign it makes differs from country to country.
function starsOf(event) {
  const place = event.shiftKey && /^Digit([1-5])$/.exec(event.code);
  return place ? Number(place[1]) : 0;
}

// Digits by their sign (also with Shift, as on French keyboards) or, where the row has other signs, by their place.
function digitOf(event) {
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  const place = /^Digit([1-9])$/.exec(event.code);
  return place && !event.shiftKey && !/^[a-z0-9]$/i.test(event.key) ? Number(place[1]) : 0;
}

/** Call `act(action, event)` for every key that belongs to the surface while `active()` says so; `board()` is the
 *  keyboard of the panel that shows. */
export function listen(active, act, board) {
  let moved = false; // was the last key one that moves the focus?
  let held = null;
  document.addEventListener("keydown", (event) => (moved = event.key === "Tab" || event.key.startsWith("Arrow")), true);
  document.addEventListener("pointerdown", () => (moved = false), true);
  document.addEventListener("focusin", (event) => (held = moved ? event.target : null), true);
  document.addEventListener("keydown", (event) => {
    if (!active() || dialogOpen() || foreignDialog()) return;
    const action = actionOf(event, held, board());
    if (!action) return;
    event.preventDefault();
    if (action.name !== "ignore") act(action, event);
  });
}

// Gradio's own overlays are not in our layer.
const foreignDialog = () => [...document.querySelectorAll("dialog[open], [role=dialog][aria-modal=true]")].some((each) => each.getClientRects().length);

export function openSheet(board) {
  const dialog = openDialog({ title: "Keys", size: "brief" });
  fill(
    dialog.body,
    h("dl.tl-rv-sheet", board.sheet.map(([key, words]) => [h("dt", key.split("  ").map((each) => h("span.tl-rv-cap", each))), h("dd", words)])),
    h("p.tl-meta", board.note),
  );
}
