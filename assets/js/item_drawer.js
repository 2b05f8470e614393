// One item in a drawer, with the one before and the one after on the same page of the browser.

import { get } from "./api.js";
import { verdictSign } from "./caption_checks.js";
import { itemView, tagField } from "./caption_item.js";
import { boxesOf } from "./caption_state.js";
import { ago, fill, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { answerField, chipField, fieldList, keptList, linkField, suggestionField } from "./item_view.js";
import { go } from "./navigate.js";
import { errorBox, statusSign } from "./signs.js";

/** Open the drawer at `id`; `ids` are its neighbours in order. `moved(id | null)` is told where it stands. */
export function openItem(id, ids, corpus, moved) {
  const drawer = openDialog({ title: "Item", drawer: true, onclose: () => moved(null) });
  drawer.element.classList.add("tl-item-drawer");
  const back = h("button.tl-btn.tl-quiet", { onclick: () => step(-1) }, "← Previous");
  const next = h("button.tl-btn.tl-quiet", { onclick: () => step(1) }, "Next →");
  const review = h("button.tl-btn", { onclick: () => (drawer.close(), go("review", { corpus, item: id })) }, "Review this item");
  fill(drawer.actions, back, next, h("span.tl-grow"), review);
  drawer.element.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea, select") || event.metaKey || event.ctrlKey) return;
    if (event.key === "j" || event.key === "ArrowRight") step(1);
    if (event.key === "k" || event.key === "ArrowLeft") step(-1);
  });
  show(id);

  function step(by) {
    const at = ids.indexOf(id) + by;
    if (at >= 0 && at < ids.length) show(ids[at]);
  }

  async function show(wanted) {
    id = wanted;
    moved(id);
    const at = ids.indexOf(id);
    back.disabled = at <= 0;
    next.disabled = at < 0 || at === ids.length - 1;
    drawer.body.setAttribute("aria-busy", "true");
    let content;
    try {
      content = describe(await get(`items/${encodeURIComponent(id)}`));
    } catch (error) {
      content = errorBox(error, () => show(id));
    }
    if (id !== wanted) return;
    drawer.body.removeAttribute("aria-busy");
    drawer.body.scrollTop = 0;
    fill(drawer.body, content);
  }

  function describe(item) {
    drawer.setTitle(item.title || item.external_id || "Item");
    if (item.captions) return describeMusic(item);
    const names = new Map(item.suggestions.map((each) => [each.tag, each.name]));
    for (const [tag, name] of Object.entries(item.names || {})) names.set(tag, name);
    const own = item.state.accepted.filter((tag) => !item.suggestions.some((each) => each.tag === tag)).map((tag) => names.get(tag) || tag);
    return [
      head(item),
      suggestionField(item.suggestions, item.state.accepted, item.state.rejected, item.state.dropped),
      answerField(item.answers),
      chipField("Added by a person", own, "tl-P"),
      chipField("Gold tags", item.gold),
      fieldList(item.fields),
      linkField(item.link),
      keptList(item.kept),
      decisions(item),
    ];
  }

  // A piece of music: its tags, and the captions as they stand.
  function describeMusic(item) {
    const boxes = boxesOf(item, item.state);
    return [
      head(item),
      itemView(item, tagField(item.tags)),
      boxes.map((box) =>
        h(
          "div.tl-field.tl-cp-read",
          h("div.tl-row.tl-tight", h("span.tl-label", box.title), box.checks && verdictSign(box.checks), box.stars && h("span.tl-meta", { "aria-label": `${box.stars} stars` }, "★".repeat(box.stars)), box.valid !== null && h("span.tl-meta", box.valid ? "✓ right" : "✕ not right")),
          box.text ? h("p", { dir: "auto" }, box.text) : h("p.tl-meta", box.error || "No caption."),
          box.taken.length > 0 && h("p.tl-meta", `Predicted and taken: ${box.taken.join(", ")}`),
        ),
      ),
      item.reference && h("div.tl-field", h("span.tl-label", "Reference caption"), h("p", { dir: "auto" }, item.reference), h("p.tl-meta", "What a person wrote. It is compared in Insights and never sent.")),
      item.media && h("p.tl-field.tl-meta", h("span.tl-label", "Media"), " ", h("span.tl-mono", item.media)),
      keptList(item.kept),
      decisions(item),
    ];
  }
}

const head = (item) => h("div.tl-row.tl-meta", statusSign(item.state.status, true), item.state.person && `by ${item.state.person}, ${ago(item.state.at)}`, item.external_id && h("span.tl-muted", `id ${item.external_id}`));

const decisions = (item) =>
  item.history.length > 0 &&
  h("div.tl-field", h("span.tl-label", "Decisions"), h("ol.tl-history", item.history.map((each) => h("li", h("span", `${each.person}: ${each.summary}`), h("span.tl-muted", ` ${ago(each.at)}`)))));
