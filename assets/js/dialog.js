// What floats above the page: dialogs, drawers, menus and the undo bar. The browser's own <dialog> keeps the focus
// inside, closes on Esc and makes the page behind inert.

import { h, fill } from "./dom.js";

let place = null;

/** The element that floating things hang in; a child of body, outside of Gradio. */
function layer() {
  place ||= document.body.appendChild(h("div.tl-layer"));
  return place;
}

// The browser's back button leaves a dialog too.
window.addEventListener("tagloom:moved", () => place?.querySelectorAll("dialog[open]").forEach((each) => each.close()));

let serial = 0;

/** Open a dialog (or, with `drawer`, a panel at the right edge).
 *
 *  Options: title; size "" | "brief" | "medium" | "wide"; drawer; keep: clicking beside it does not close it;
 *  onclose. Returns {element, head, body, actions, close, setTitle}; `body` and `actions` are to be filled. */
export function openDialog({ title, size = "", drawer = false, keep = false, onclose } = {}) {
  const before = document.activeElement;
  const id = `tl-title-${++serial}`;
  const heading = h("h2", { id }, title);
  const head = h("div.tl-head", heading, h("button.tl-btn.tl-quiet.tl-icon", { "aria-label": "Close", title: "Close (Esc)", onclick: () => element.close() }, "✕"));
  const body = h("div.tl-body");
  const actions = h("div.tl-actions");
  const element = h(drawer ? "dialog.tl-drawer" : "dialog.tl-dialog", { class: size && `tl-${size}`, "aria-labelledby": id }, head, body, actions);
  element.addEventListener("close", () => {
    element.remove();
    onclose?.();
    if (before?.isConnected) before.focus?.({ preventScroll: true });
  });
  // A press that begins inside and ends outside (marking text) is not a wish to close.
  let outside = false;
  element.addEventListener("pointerdown", (event) => (outside = event.target === element));
  element.addEventListener("click", (event) => !keep && outside && event.target === element && element.close());
  element.addEventListener("keydown", (event) => event.stopPropagation());
  layer().append(element);
  element.showModal();
  const setTitle = (text) => fill(heading, text);
  return { element, head, body, actions, close: () => element.open && element.close(), setTitle };
}

/** True while a dialog or drawer is open: the page's own keys are off then. */
export const dialogOpen = () => Boolean(place?.querySelector("dialog[open]"));

let bar = null;

/** "Deleted 3 items · Undo". One at a time; stays `seconds` (0: until it is closed). `undo` may fail: the bar says so. */
export function undoBar(text, undo, seconds = 20) {
  bar?.remove();
  const words = h("span", text);
  const button = h("button.tl-btn.tl-small", { onclick: run }, "Undo");
  const element = h("div.tl-undo", { role: "status" }, words, button, h("button.tl-btn.tl-small", { "aria-label": "Close", onclick: () => element.remove() }, "✕"));
  bar = element;
  layer().append(element);
  let timer = seconds && setTimeout(() => element.remove(), seconds * 1000);
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  async function run() {
    clearTimeout(timer);
    button.disabled = true;
    try {
      fill(words, await undo());
      button.remove();
      timer = setTimeout(() => element.remove(), 4000);
    } catch (error) {
      button.disabled = false;
      fill(words, `${error.message || "Undo did not work."} ${error.remedy || ""}`);
    }
  }
}

/** A menu under `button`. Entries: {label, checked, onclick} or null for a line. */
export function openMenu(button, entries, label) {
  const menu = h("div.tl-menu", { role: "menu", "aria-label": label });
  const close = (back) => {
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", away, true);
    if (back) button.focus();
  };
  const away = (event) => !menu.contains(event.target) && !button.contains(event.target) && close(false);
  for (const entry of entries) {
    if (!entry) menu.append(h("hr"));
    else if (entry.element) menu.append(entry.element);
    else
      menu.append(
        h("button", { role: entry.checked === undefined ? "menuitem" : "menuitemradio", "aria-checked": entry.checked === undefined ? null : String(entry.checked), onclick: () => (close(true), entry.onclick()) }, entry.checked !== undefined && h("span.tl-tickmark", { "aria-hidden": "true" }, entry.checked ? "✓" : ""), entry.label),
      );
  }
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(at + step + items.length) % items.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const box = button.getBoundingClientRect();
  layer().append(menu);
  const width = menu.offsetWidth;
  menu.style.top = `${box.bottom + 6}px`;
  menu.style.left = `${Math.max(12, Math.min(box.left, innerWidth - width - 12))}px`;
  button.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", away, true);
  menu.querySelector("button")?.focus();
  return close;
}
