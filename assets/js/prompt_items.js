// Choosing an item by its words: a field, and what it finds below it.

import { get } from "./api.js";
import { debounce, fill, h } from "./dom.js";

/** {element, focus}: `choose(item)` is called with {id, title, …}. `filter()` gives what narrows the list further
 *  ({corpus, status, labelled}); `empty`: what to say when nothing is found. */
export function itemSearch({ label, placeholder = "search…", filter, choose, empty = "Nothing found." }) {
  const input = h("input.tl-input", { "aria-label": label, placeholder, autocomplete: "off", oninput: debounce(look, 180), onfocus: look });
  const list = h("ul.tl-pw-found", { hidden: true });
  const element = h("div.tl-pw-search", input, list);
  let asked = 0;
  let back = false; // the focus comes back from the list: nothing is to be looked for
  element.addEventListener("keydown", keys);
  element.addEventListener("focusout", (event) => !element.contains(event.relatedTarget) && shut());

  async function look() {
    if (back) return;
    const mine = ++asked;
    try {
      const { items } = await get("items", { ...filter(), q: input.value.trim(), limit: 8 });
      if (mine !== asked || !element.contains(document.activeElement)) return;
      fill(list, items.map((each) => h("li", h("button", { type: "button", onclick: () => take(each) }, h("span", each.title || each.external_id || each.id), each.tags.length > 0 && h("span.tl-meta", each.tags.slice(0, 5).join(", "))))), !items.length && h("li.tl-meta", empty));
    } catch (error) {
      if (mine === asked) fill(list, h("li.tl-meta", error.message));
    }
    list.hidden = false;
  }
  function take(item) {
    input.value = "";
    shut();
    choose(item);
  }
  function shut() {
    asked += 1;
    list.hidden = true;
  }
  function keys(event) {
    const all = [input, ...list.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !list.hidden) all[Math.max(0, Math.min(all.length - 1, all.indexOf(document.activeElement) + step))].focus();
    else if (event.key === "Escape" && !list.hidden) {
      shut();
      back = true;
      input.focus();
      back = false;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return { element, focus: () => input.focus() };
}
