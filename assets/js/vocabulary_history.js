// What was edited, by whom, and the way back: each batch of edits can be undone, and each undo as well.

import { get, post } from "./api.js";
import { ago, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { emptyState, errorBox } from "./signs.js";

export function openHistory({ changed }) {
  const drawer = openDialog({ title: "History of the vocabulary", drawer: true });
  const list = h("ol.tl-edits");
  const more = h("button.tl-btn.tl-small", { hidden: true }, "Earlier edits");
  const trouble = h("div", { "aria-live": "polite" });
  fill(drawer.body, h("p.tl-meta", "Nothing is ever lost: every edit is kept, and an undo is an edit, too."), trouble, list, more);
  load();

  async function load(cursor) {
    try {
      const answer = await get("vocabulary/history", { cursor });
      if (!cursor) fill(list);
      list.append(...answer.batches.map(entry));
      more.hidden = !answer.next;
      more.onclick = () => load(answer.next);
      if (!list.children.length) fill(list, emptyState("Nothing has been edited yet", "Additions, new names, merges and everything else will stand here."));
    } catch (error) {
      fill(trouble, errorBox(error, () => load(cursor)));
    }
  }

  function entry(batch) {
    const button = h("button.tl-btn.tl-small", { onclick: undo }, batch.undoes ? "Do it again" : "Undo");
    const place = h("div");
    const lines = batch.changes.map((each) => h("li", sentence(each)));
    const rest = batch.edits - batch.changes.length;
    return h(
      "li.tl-edit",
      { class: batch.undone && "tl-undone" },
      h("div.tl-row.tl-spread", h("span.tl-meta", `${batch.undoes ? "Undo · " : ""}${batch.person} · ${ago(batch.at)}`), batch.undone ? h("span.tl-meta", "undone") : button),
      h("ul", lines, rest > 0 && h("li.tl-meta", `and ${plural(rest, "more edit")}`)),
      place,
    );
    async function undo() {
      button.disabled = true;
      try {
        await post("vocabulary/undo", { batch: batch.batch });
        changed();
        load();
      } catch (error) {
        button.disabled = false;
        fill(place, errorBox(error));
      }
    }
  }
}

const tag = (name) => h("b", name);

/** One change in words. */
function sentence({ action, name, before, after }) {
  if (after === null) return action === "unalias" ? [tag(name), ` is not called “${before.alias}” any more`] : [tag(name), " taken out"];
  if (before === null) return after.alias ? [tag(name), ` is also called “${after.alias}”`] : [tag(after.name || name), " added"];
  if (after.name !== undefined) return [`“${before.name}” is called `, tag(after.name), " now"];
  if (after.merged_into) return [tag(name), ` means “${after.merged_into.name}” now`];
  if (before.merged_into) return [tag(name), " is a tag of its own again"];
  if (after.state) return [tag(name), after.state === "archived" ? " archived" : " in use again"];
  if (after.parent !== undefined) return after.parent ? [tag(name), ` below “${after.parent.name}”`] : [tag(name), " has no parent any more"];
  if (after.description !== undefined) return [tag(name), after.description ? ` described: ${after.description.slice(0, 120)}` : " without a description"];
  if (after.facet !== undefined) return [tag(name), after.facet ? ` in the facet “${after.facet}”` : " in no facet"];
  return [tag(name), ` ${action}`];
}
