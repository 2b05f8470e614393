// Exporting a corpus: format, what goes in, then the file.

import { fileAddress, post } from "./api.js";
import { fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { followJob } from "./jobs.js";
import { poke } from "./jobs_feed.js";
import { errorBox, segment } from "./signs.js";

const FORMATS = {
  jsonl: "One JSON object a line: exact, and Tagloom reads it back.",
  csv: "For spreadsheets. A cell that begins with = + - or @ gets a ' before it, so that no spreadsheet runs it; importing takes it away again.",
  parquet: "Typed columns: exact, small, for pandas and the like.",
};

/** Open the dialog for a corpus: {id, name, items, status}. */
export function openExportDialog(corpus) {
  let stop = () => {};
  const dialog = openDialog({ title: `Export ${corpus.name}`, onclose: () => stop() });
  const wanted = { format: "jsonl", status: "all", suggestions: false, provenance: false };
  const help = h("p.tl-hint", FORMATS.jsonl);
  const trouble = h("div");
  const button = h("button.tl-btn.tl-primary", { onclick: run });
  const tick = (name, label, why) =>
    h("label.tl-check", h("input", { type: "checkbox", onchange: (event) => (wanted[name] = event.target.checked) }), h("span", label, h("span.tl-hint.tl-block", why)));
  const format = segment("Format", Object.keys(FORMATS).map((each) => [each, each]), wanted.format, (value) => {
    wanted.format = value;
    fill(help, FORMATS[value]);
  });
  const which = segment("Items", [["all", `All ${plural(corpus.items, "item")}`], ["done", corpus.status ? `Reviewed only (${corpus.status.done.toLocaleString("en")})` : "Reviewed only"]], wanted.status, (value) => {
    wanted.status = value;
    label();
  });
  fill(
    dialog.body,
    h(
      "div.tl-form",
      h("div.tl-control", h("span", "Format"), format.element, help),
      h("div.tl-control", h("span", "Items"), which.element),
      tick("suggestions", "Suggestions too", "What the agents suggested, with scores; without this only accepted tags."),
      tick("provenance", "Where each tag comes from", "Who decided, when, which run suggested it."),
      trouble,
    ),
  );
  fill(dialog.actions, h("span.tl-grow"), button);
  label();
  button.focus();

  function label() {
    const items = wanted.status === "done" && corpus.status ? corpus.status.done : corpus.items;
    fill(button, `Export ${plural(items, "item")}`);
  }

  async function run() {
    button.disabled = true;
    try {
      const { job } = await post("export", { corpus: corpus.id, ...wanted });
      poke(job);
      let finished = false;
      const finish = (now) => {
        finished = true;
        const link = h("a.tl-btn.tl-primary", { href: fileAddress(now.download), download: "" }, `Download ${now.result?.name || wanted.format}`);
        fill(dialog.actions, h("span.tl-grow"), h("button.tl-btn", { onclick: dialog.close }, "Close"), link);
        link.focus();
      };
      const each = (now) => now.state === "done" && now.download && !finished && finish(now);
      const followed = followJob(job, { plain: true, leave: dialog.close, each });
      stop = followed.stop;
      fill(dialog.body, h("div.tl-stack", followed.element));
      fill(dialog.actions, h("span.tl-grow", "It goes on when you close this; Jobs shows it."), h("button.tl-btn", { onclick: dialog.close }, "Close"));
    } catch (error) {
      button.disabled = false;
      fill(trouble, errorBox(error));
    }
  }
}
