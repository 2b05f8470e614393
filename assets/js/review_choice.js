// When a decision was not taken: the bar on its item with theirs and mine side by side, and the list of all of them.

import { TITLES } from "./caption_state.js";
import { ago, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { STATUS } from "./signs.js";

/** The bar on an item. `entry` is the outbox's; `name(tag)`, `choose(mine)`. */
export function choiceBar(entry, name, choose) {
  const mine = entry.row.event.after;
  if (entry.kind === "error")
    return bar(
      h("b", `Not saved: ${entry.message}`),
      entry.remedy && h("p", entry.remedy),
      side("Yours", mine, name),
      h("div.tl-row", button("Try again", () => choose(true)), button("Discard mine", () => choose(false), "tl-quiet")),
    );
  const who = person(entry.by);
  return bar(
    h("b", `Changed by ${who}${entry.at ? ` ${ago(entry.at)}` : ""}${entry.applied ? "; yours was stored over it" : ""}`),
    side("Theirs", entry.theirs, name),
    side("Yours", mine, name),
    h("div.tl-row", button("Keep theirs", () => choose(false)), button(entry.applied ? "Keep mine" : "Use mine", () => choose(true))),
  );
}

/** The bar when an undo would take back somebody else's later decision. */
export function overtakenBar({ entry, theirs }, name, choose) {
  return bar(
    h("b", `Changed by ${person(theirs.person)}${theirs.at ? ` ${ago(theirs.at)}` : ""}, after your decision`),
    side("Now", theirs, name),
    side("Before yours", entry.before, name),
    h("div.tl-row", button("Keep it as it is", () => choose(false)), button("Undo all the same", () => choose(true))),
  );
}

const bar = (...content) => h("div.tl-note.tl-warn.tl-rv-bar", { role: "alert" }, content);
const button = (text, onclick, kind = "") => h("button.tl-btn.tl-small", { class: kind, onclick }, text);
const person = (by) => by?.name || by || "somebody else";

// Captions are told by what stands in their boxes: "Writing ★★★★ right: A calm piano piece."
function boxes(state) {
  const shown = Object.entries(state.boxes || {}).filter(([, box]) => box.text || box.stars || box.valid !== null);
  return shown.map(([style, box]) => h("span.tl-cp-side", { dir: "auto" }, h("b", TITLES[style] || style), box.stars ? ` ${"★".repeat(box.stars)}` : "", box.valid === true ? " ✓ right" : box.valid === false ? " ✕ not right" : "", box.text ? `: ${box.text}` : ""));
}

function side(label, state, name) {
  if (state.boxes) return h("p.tl-rv-side", h("span.tl-label", label), h("span", (STATUS[state.status] || ["", state.status]).join(" ")), boxes(state));
  const list = (sign, tags) => tags.length > 0 && h("span", { dir: "auto" }, ` ${sign} ${tags.map(name).join(", ")}`);
  const [sign, status] = STATUS[state.status] || ["", state.status];
  return h("p.tl-rv-side", h("span.tl-label", label), h("span", `${sign} ${status}`), list("✓", state.accepted), list("✕", state.rejected), state.dropped?.length > 0 && h("span", { dir: "auto" }, ` dropped: ${state.dropped.join(", ")}`));
}

/** All decisions that wait for a choice. `open(entry)` goes to the item, `choose(entry, mine)` settles it here. */
export function openChoices(entries, name, { open, choose }) {
  const dialog = openDialog({ title: `${plural(entries().length, "decision")} not taken`, size: "medium" });
  const draw = () => {
    if (!entries().length) return dialog.close();
    fill(
      dialog.body,
      h("div.tl-stack", entries().map((entry) =>
        h(
          "section",
          h("h3", { dir: "auto" }, entry.row.title || "Item"),
          choiceBar(entry, name, async (mine) => {
            await choose(entry, mine);
            draw();
          }),
          h("button.tl-btn.tl-quiet.tl-small", { onclick: () => (dialog.close(), open(entry)) }, "Go to the item"),
        ),
      )),
    );
  };
  draw();
}
