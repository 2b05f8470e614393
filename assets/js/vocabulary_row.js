// One tag in the table, and its editor, which opens below it. Each change is one edit, saved at once and undoable.

import { count, fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { go } from "./navigate.js";
import { control, errorBox } from "./signs.js";
import { tagPicker } from "./tag_picker.js";

/** The rows of a tag: [its line, its editor]. `edit(body, words)` sends an edit, `toggled(id or "")` is told which
 *  editor is open. */
export function tagRow(tag, { edit, changed, open, toggled }) {
  const merged = tag.state === "merged";
  const name = h("button.tl-link.tl-tag-open", { "aria-expanded": String(open), title: "Edit this tag", onclick: toggle }, h("b", tag.name));
  const line = h(
    "tr",
    h("td.tl-tag-name", name, tag.facet && h("span.tl-chip.tl-mini.tl-facet", tag.facet), tag.description && h("div.tl-meta", tag.description)),
    h("td.tl-num", tag.items ? h("button.tl-link", { title: `Show the items with ${tag.name}`, onclick: () => go("corpora", { tag: tag.id, tagname: tag.name }) }, count(tag.items)) : "0"),
    h("td.tl-meta.tl-tag-aliases", merged ? `merged into ${tag.into?.name || "?"}` : tag.aliases.length ? some(tag.aliases) : "—"),
    h("td.tl-tag-parent", tag.parent ? tag.parent.name : h("span.tl-muted", "—")),
    h("td.tl-num.tl-meta", count(tag.suggested)),
  );
  const place = h("td", { colSpan: 5 });
  const below = h("tr.tl-tag-editor", place);
  if (open) fill(place, editor());
  return open ? [line, below] : [line];

  function toggle() {
    const now = !below.isConnected;
    if (now) line.after(below);
    else below.remove();
    name.setAttribute("aria-expanded", String(now));
    toggled(now ? tag.id : "");
    if (now) fill(place, editor());
    if (now) place.querySelector("input")?.focus();
  }

  function editor() {
    const trouble = h("div", { "aria-live": "polite" });
    const send = async (body, words) => {
      fill(trouble);
      try {
        await edit({ tag: tag.id, ...body }, words);
      } catch (error) {
        fill(trouble, errorBox(error));
      }
    };
    if (tag.state !== "active")
      return h(
        "div.tl-tag-form",
        h("p.tl-meta", merged ? `“${tag.name}” means “${tag.into?.name}”. Restored, it is a tag of its own again; what was decided with it goes back to it.` : "It is offered nowhere, and its name stays taken. What was decided with it stays decided."),
        h("div.tl-row", h("button.tl-btn", { onclick: () => send({ action: "restore" }, `“${tag.name}” is restored`) }, "Restore")),
        trouble,
      );
    const renamed = h("input.tl-input", { value: tag.name, maxLength: 200, data: { part: "name" } });
    const keep = h("input.tl-box", { type: "checkbox", checked: true });
    const described = h("input.tl-input", { value: tag.description, maxLength: 2000, data: { part: "description" }, placeholder: "what it is for, in a sentence" });
    const facet = h("input.tl-input", { value: tag.facet, maxLength: 60, data: { part: "facet" }, placeholder: "topic, style, place…" });
    const alias = h("input.tl-input.tl-alias-new", { maxLength: 200, data: { part: "alias" }, placeholder: "another name, Enter adds it", "aria-label": "Add an alias" });
    const parent = tagPicker({ label: "Parent", value: tag.parent?.name || "", not: tag.id });
    save(renamed, tag.name, (value) => send({ action: "rename", name: value, keep_alias: keep.checked }, `“${tag.name}” is “${value}” now`));
    save(described, tag.description, (value) => send({ action: "describe", description: value }, `Described “${tag.name}”`));
    save(facet, tag.facet, (value) => send({ action: "facet", facet: value }, `Facet of “${tag.name}” changed`));
    alias.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && alias.value.trim()) send({ action: "alias", name: alias.value.trim() }, `“${alias.value.trim()}” means “${tag.name}” now`);
    });
    parent.chosen((found) => {
      if ((found?.id || "") === (tag.parent?.id || "")) return;
      send({ action: "parent", parent: found ? found.id : null }, found ? `“${tag.name}” is below “${found.name}” now` : `“${tag.name}” has no parent any more`);
    }, (error) => fill(trouble, errorBox(error)));
    return h(
      "div.tl-tag-form",
      h("div.tl-tag-fields", h("div", control("Name", renamed, "Enter saves."), h("label.tl-check.tl-meta", keep, "keep the old name as an alias")), control("Description", described), control("Facet", facet), control("Parent", parent.element, "Empty: none.")),
      h("div.tl-tag-alias-row", tag.aliases.map((each) => h("span.tl-chip.tl-mini", each, h("button.tl-link.tl-chip-x", { "aria-label": `Remove the alias ${each}`, onclick: () => send({ action: "unalias", name: each }, `“${each}” is no alias any more`) }, "✕"))), alias),
      h("div.tl-row", h("button.tl-btn.tl-small", { onclick: () => mergeDialog(tag, { edit, changed }) }, "Merge into…"), h("button.tl-btn.tl-small", { onclick: () => send({ action: "archive" }, `“${tag.name}” is archived`) }, "Archive"), h("span.tl-grow"), h("button.tl-btn.tl-small.tl-quiet", { onclick: toggle }, "Close")),
      trouble,
    );
  }
}

const some = (aliases) => (aliases.length > 6 ? `${aliases.slice(0, 6).join(", ")} and ${count(aliases.length - 6)} more` : aliases.join(", "));

/** Enter saves, Esc gives the old value back, leaving the field saves what has changed. */
function save(input, old, act) {
  let sent = old;
  const go = () => {
    const value = input.value.trim();
    if (value === sent) return;
    sent = value;
    act(value);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go();
    if (event.key === "Escape") input.value = sent;
  });
  input.addEventListener("change", go);
}

function mergeDialog(tag, { edit }) {
  const dialog = openDialog({ title: `Merge “${tag.name}” into another tag`, size: "brief" });
  const trouble = h("div", { "aria-live": "polite" });
  const picker = tagPicker({ label: "Tag that stays", not: tag.id });
  let into = null;
  const button = h("button.tl-btn.tl-primary", { disabled: true, onclick: merge }, "Merge");
  picker.chosen((found) => {
    into = found;
    button.disabled = !found;
    fill(button, found ? `Merge into “${found.name}”` : "Merge");
  }, (error) => fill(trouble, errorBox(error)));
  fill(
    dialog.body,
    h("div.tl-stack", h("p", `From then on “${tag.name}” is a name of the tag that stays: ${count(tag.items)} reviewed items move over, and so does whatever is suggested. It can be undone.`), control("Tag that stays", picker.element), trouble),
  );
  fill(dialog.actions, h("span.tl-grow"), h("button.tl-btn", { onclick: dialog.close }, "Cancel"), button);
  picker.element.querySelector("input").focus();

  async function merge() {
    button.disabled = true;
    try {
      await edit({ tag: tag.id, action: "merge", into: into.id }, `“${tag.name}” means “${into.name}” now`);
      dialog.close();
    } catch (error) {
      button.disabled = false;
      fill(trouble, errorBox(error));
    }
  }
}

