// Exporting a corpus: format, what goes in, then the file.

import { fileAddress, post } from "./api.js";
import { fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { followJob } from "./jobs.js";
import { poke } from "./jobs_feed.js";
import { errorBox, options, segment } from "./signs.js";

const FORMATS = {
  jsonl: "One JSON object a line: exact, and Tagloom reads it back.",
  csv: "For spreadsheets. A cell that begins with = + - or @ gets a ' before it, so that no spreadsheet runs it; importing takes it away again.",
  parquet: "Typed columns: exact, small, for pandas and the like.",
};

const MUSIC = {
  "lp-musiccaps-csv": ["LP-MusicCaps columns, csv", "id, tags, caption_writing and so on. Tracks without a caption are left out."],
  "lp-musiccaps-jsonl": ["LP-MusicCaps columns, jsonl", "id, tags, caption_writing and so on. Tracks without a caption are left out."],
  "hf-csv": ["Hugging Face metadata.csv", "The same with file_name, to lie beside the sound files. A track without a file is called by its id."],
  "hf-jsonl": ["Hugging Face metadata.jsonl", "The same with file_name, to lie beside the sound files. A track without a file is called by its id."],
  text: ["Text files, one of each track", "A zip of .txt files called like the sound files, with a folder for each style where there are several."],
  audiocraft: ["AudioCraft json, one of each track", "A zip of .json files with genre, moods, instrument, keywords; the description is the first chosen style that the track has."],
  failures: ["What failed, and why", "A csv with a row for each caption that is missing, fails its checks, or was called not valid."],
};
const STYLES = [["writing", "Writing"], ["summary", "Summary"], ["paraphrase", "Paraphrase"], ["attribute_prediction", "Attribute prediction"]];
const CAPTIONS = [["all", "Every caption"], ["valid", "Those called valid"], ["pass", "Those that pass every check"], ["no-fail", "Those that fail no check"]];

/** Open the dialog for a corpus: {id, name, kind, items, status}. */
export function openExportDialog(corpus) {
  let stop = () => {};
  const music = corpus.kind === "music";
  const dialog = openDialog({ title: `Export ${corpus.name}`, onclose: () => stop() });
  const wanted = { format: "jsonl", status: "all", suggestions: false, provenance: false };
  const help = h("p.tl-hint", FORMATS.jsonl);
  const trouble = h("div");
  const button = h("button.tl-btn.tl-primary", { onclick: run });
  const tick = (name, label, why) =>
    h("label.tl-check", h("input", { type: "checkbox", onchange: (event) => (wanted[name] = event.target.checked) }), h("span", label, h("span.tl-hint.tl-block", why)));
  const own = h(
    "div.tl-form",
    tick("suggestions", "Suggestions too", music ? "Who wrote each caption, its checks, stars, and what a person made of it." : "What the agents suggested, with scores; without this only accepted tags."),
    tick("provenance", music ? "Where each caption comes from" : "Where each tag comes from", "Who decided, when, which run suggested it."),
  );
  const choose = (value) => {
    wanted.format = value;
    fill(help, MUSIC[value]?.[1] || FORMATS[value]);
    own.hidden = !(value in FORMATS);
    label();
  };
  const plain = Object.keys(FORMATS).map((each) => [each, each]);
  const format = music
    ? h("select.tl-select", { "aria-label": "Format", onchange: (event) => choose(event.target.value) }, options([...plain, ...Object.entries(MUSIC).map(([each, [name]]) => [each, name])], "jsonl"))
    : segment("Format", plain, wanted.format, choose).element;
  const which = segment("Items", [["all", `All ${plural(corpus.items, "item")}`], ["done", corpus.status ? `Reviewed only (${corpus.status.done.toLocaleString("en")})` : "Reviewed only"]], wanted.status, (value) => {
    wanted.status = value;
    label();
  });
  fill(
    dialog.body,
    h(
      "div.tl-form",
      h("div.tl-control", h("span", "Format"), format, help),
      h("div.tl-control", h("span", "Items"), which.element),
      music && captions(),
      own,
      trouble,
    ),
  );
  fill(dialog.actions, h("span.tl-grow"), button);
  label();
  button.focus();

  function label() {
    const items = wanted.status === "done" && corpus.status ? corpus.status.done : corpus.items;
    const chosen = !music || wanted.styles.length > 0;
    button.disabled = !chosen;
    const some = music && (wanted.captions !== "all" || !(wanted.format in FORMATS));
    fill(button, !chosen ? "Choose a style" : some ? "Export" : `Export ${plural(items, "item")}`);
  }

  /** Which captions go in. Predictions only when their box is ticked. */
  function captions() {
    Object.assign(wanted, { styles: STYLES.slice(0, 3).map(([style]) => style), captions: "all", predicted: false });
    const change = (style, on) => {
      wanted.styles = STYLES.map(([each]) => each).filter((each) => (each === style ? on : wanted.styles.includes(each)));
      wanted.predicted = wanted.styles.includes("attribute_prediction");
      label();
    };
    const boxes = STYLES.map(([style, name]) =>
      h("label.tl-check", h("input", { type: "checkbox", checked: wanted.styles.includes(style), onchange: (event) => change(style, event.target.checked) }), h("span", name, style === "attribute_prediction" && h("span.tl-hint.tl-block", "It says things that nobody gave: what is predicted stands in pseudo_attribute."))),
    );
    const filter = h("select.tl-select", { "aria-label": "Captions", onchange: (event) => ((wanted.captions = event.target.value), label()) }, options(CAPTIONS, "all"));
    return h("div.tl-form", h("div.tl-control", h("span", "Captions"), filter, h("p.tl-hint", "What a person decided wins over what was suggested.")), h("div.tl-control", h("span", "Styles"), h("div", boxes)));
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
