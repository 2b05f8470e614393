// A field that names a tag of the vocabulary: completed while typing, resolved when it is left.

import { get } from "./api.js";
import { debounce, fill, h } from "./dom.js";

let serial = 0;

/** {element, chosen(fn, failed)}: `fn({id, name} or null)` is called when a tag was chosen, or the field emptied. */
export function tagPicker({ label, value = "", not = "" }) {
  const id = `tl-pick-${++serial}`;
  const list = h("datalist", { id });
  const input = h("input.tl-input", { value, list: id, "aria-label": label, autocomplete: "off", placeholder: "type a tag’s name", oninput: debounce(look, 120) });
  const element = h("span.tl-picker", input, list);
  let found = [];
  let tell = () => {};
  let failed = () => {};

  async function look() {
    const typed = input.value.trim();
    if (!typed) return;
    try {
      found = (await get("tags/complete", { q: typed, limit: 12 })).tags.filter((each) => each.id !== not);
      fill(list, found.map((each) => h("option", { value: each.name })));
      const exact = found.find((each) => same(each.name, input.value));
      if (exact) tell(exact);
    } catch (error) {
      failed(error);
    }
  }

  async function settle() {
    const typed = input.value.trim();
    if (!typed) return tell(null);
    if (!found.some((each) => same(each.name, typed))) await look();
    const exact = found.find((each) => same(each.name, typed) || same(each.alias || "", typed));
    if (exact) tell(exact);
    else failed({ message: `There is no tag “${typed}”.`, remedy: "Choose one of the list.", status: 404 });
  }
  input.addEventListener("change", settle);

  return {
    element,
    chosen(fn, fail) {
      let last;
      tell = (tag) => {
        if (last !== undefined && (tag?.id || "") === (last?.id || "")) return;
        last = tag;
        fn(tag);
      };
      failed = fail;
    },
  };
}

const same = (one, other) => one.trim().toLowerCase() === other.trim().toLowerCase();
