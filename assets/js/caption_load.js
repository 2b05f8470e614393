// Captions of another system, brought in as a file to be scored and compared beside our own.

import { post, upload } from "./api.js";
import { openDialog } from "./dialog.js";
import { count, fill, h } from "./dom.js";
import { control, errorBox } from "./signs.js";

/** Ask for a file and a name; `loaded()` when its captions are stored. */
export function openLoad(corpus, loaded) {
  const dialog = openDialog({ title: "Captions of another system", size: "medium", keep: true });
  const file = h("input.tl-input", { type: "file", accept: ".json,.jsonl,.csv", onchange: () => (name.value ||= (file.files[0]?.name || "").replace(/\.[^.]+$/, "").slice(0, 60)) });
  const name = h("input.tl-input", { type: "text", maxLength: 60, autocomplete: "off", placeholder: "model-x" });
  const trouble = h("div");
  const go = h("button.tl-btn.tl-primary", { type: "button", onclick: load }, "Load and score");
  fill(
    dialog.body,
    h(
      "div.tl-form",
      h("p.tl-meta", "A json, jsonl or csv file with one caption per track: its id, or the text of its reference caption, and the caption under “prediction”. They are scored beside ours and can be compared blind; they never show in Review, and are never sent to a model."),
      control("File", file),
      control("Name of the system", name, "as it shall stand in tables"),
      trouble,
    ),
  );
  fill(dialog.actions, h("span.tl-grow"), go);

  async function load() {
    fill(trouble);
    if (!file.files[0]) return void fill(trouble, h("div.tl-error", { role: "alert" }, h("b", "No file was chosen."), h("span", "Choose one first.")));
    go.disabled = true;
    fill(go, "Loading…");
    try {
      const sent = await upload(file.files[0]);
      const answer = await post("captions/load", { corpus: corpus.id, upload: sent.upload, name: name.value.trim() });
      report(answer);
      loaded?.(answer);
    } catch (error) {
      fill(trouble, errorBox(error));
      go.disabled = false;
      fill(go, "Load and score");
    }
  }

  function report(answer) {
    const lines = [
      ["captions loaded", answer.loaded ?? answer.captions ?? answer.rows],
      ["of tracks that are not here", answer.unknown],
      ["without a text", answer.empty],
      ["for a track that had one already", answer.duplicates],
    ].filter(([words, n], i) => n !== undefined && n !== null && (i === 0 || n));
    fill(dialog.body, h("div.tl-stack", h("h3", "Loaded"), h("ul", lines.map(([words, n]) => h("li", h("b", count(n)), ` ${words}`))), (answer.notes || []).map((words) => h("p.tl-meta", words))));
    fill(dialog.actions, h("span.tl-grow"), h("button.tl-btn.tl-primary", { onclick: dialog.close }, "Close"));
  }
}
