// Adding a corpus: choose a file, say what its columns mean, import, read the report. What is open survives a reload.

import { get, post, upload } from "./api.js";
import { bytes, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { asksForFolder, folderQuestion } from "./folders.js";
import { showReport } from "./import_report.js";
import { besideControls } from "./import_beside.js";
import { mountMapping } from "./import_mapping.js";
import { poke } from "./jobs_feed.js";
import { errorBox, meter } from "./signs.js";
import { ready } from "./state.js";

const KEY = "tagloom.import";
const FORMATS = ".csv,.tsv,.tab,.psv,.txt,.text,.json,.jsonl,.ndjson,.xlsx,.xlsm,.parquet,.feather,.ft,.arrow,.ipc,.zip";

function remember(value) {
  try {
    if (value) sessionStorage.setItem(KEY, JSON.stringify(value));
    else sessionStorage.removeItem(KEY);
  } catch {
    /* without storage a reload starts over */
  }
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** True while a mapping is half done: the corpora list offers to go on with it. */
export const pendingImport = () => Boolean(remembered());

/** Open the dialog. `onclose(corpus | null)` is told the corpus when an import has brought one. */
export function openImport({ onclose } = {}) {
  let corpus = null;
  let stop = () => {};
  let closed = false;
  const dialog = openDialog({
    title: "Add a corpus",
    keep: true,
    onclose: () => {
      closed = true;
      stop();
      onclose?.(corpus);
    },
  });
  const size = (name) => {
    dialog.element.classList.toggle("tl-wide", name === "wide");
    dialog.element.classList.toggle("tl-medium", name === "medium");
  };
  const open = remembered();
  if (open?.job) follow(open.job, open.name);
  else if (open?.source) inspect(open.source, { mapping: open.mapping, kind: open.kind, beside: open.beside });
  else chooseFile();

  function chooseFile(problem) {
    remember(null);
    size("medium");
    dialog.setTitle("Add a corpus");
    const input = h("input.tl-sr", { type: "file", accept: FORMATS, tabIndex: -1, "aria-label": "File", onchange: () => input.files[0] && send(input.files[0]) });
    const choose = h("button.tl-btn.tl-primary", { onclick: () => input.click() }, "Choose a file");
    const limit = h("p.tl-hint");
    const zone = h("div.tl-drop", h("p.tl-drop-sign", { "aria-hidden": "true" }, "⇩"), h("p", h("b", "Drop a file here")), choose, input, h("p.tl-meta", "csv, txt, json, jsonl, xlsx, parquet, feather, or a zip of these"), limit);
    const trouble = h("div", problem);
    const typed = h("div");
    let depth = 0;
    const over = (on) => zone.classList.toggle("tl-over", on);
    dialog.body.ondragenter = (event) => (event.preventDefault(), (depth += 1), over(true));
    dialog.body.ondragleave = () => (depth -= 1) <= 0 && over((depth = 0) > 0);
    dialog.body.ondragover = (event) => event.preventDefault();
    dialog.body.ondrop = (event) => {
      event.preventDefault();
      over((depth = 0) > 0);
      const files = event.dataTransfer.files;
      if (files.length === 1) send(files[0]);
      else if (files.length) fill(trouble, h("div.tl-error", { role: "alert" }, h("b", `These are ${files.length} files.`), h("span", "Drop one file; several go together as a zip.")));
    };
    fill(dialog.body, h("div.tl-stack", zone, trouble, typed));
    fill(dialog.actions);
    choose.focus();
    ready().then(
      (state) => {
        fill(limit, `Up to ${bytes(state.limits.upload_bytes)}.`);
        if (state.local) fill(typed, pathForm());
      },
      () => {},
    );
    async function send(file) {
      const state = await ready().catch(() => null);
      if (state && file.size > state.limits.upload_bytes)
        return void fill(trouble, h("div.tl-error", { role: "alert" }, h("b", `${file.name} is ${bytes(file.size)}; this server takes ${bytes(state.limits.upload_bytes)}.`), h("span", state.local ? "Type the file's path below instead: then nothing is copied." : "Split the file, or pack it as a zip.")));
      sending(file);
    }
  }

  function pathForm() {
    const path = h("input.tl-input", { placeholder: "/home/me/talks.csv, or a folder", autocomplete: "off", spellcheck: false, "aria-label": "Path of a file or folder on this computer" });
    return h(
      "form.tl-path",
      { onsubmit: (event) => (event.preventDefault(), path.value.trim() && inspect({ path: path.value.trim() })) },
      h("span.tl-meta", "or type the path of a file, or of a folder of files, on this computer"),
      h("div.tl-row", h("span.tl-grow", path), h("button.tl-btn", "Open")),
    );
  }

  async function sending(file) {
    const bar = meter(0, "Upload");
    const text = h("p.tl-meta", { role: "status" }, "Sending…");
    fill(dialog.body, h("div.tl-stack.tl-wait-box", h("b", file.name), bar.element, text));
    try {
      const sent = await upload(file, (share) => {
        bar.set(share);
        fill(text, share < 1 ? `Sending: ${Math.round(share * 100)} % of ${bytes(file.size)}` : "Reading…");
      });
      if (!closed) await inspect({ upload: sent.upload });
    } catch (error) {
      if (!closed) chooseFile(errorBox(error));
    }
  }

  async function inspect(source, { mapping, reading, kind, beside = {} } = {}) {
    fill(dialog.body, h("p.tl-loading", { role: "status" }, "Reading the first rows…"));
    fill(dialog.actions);
    let answer;
    let corpora = [];
    try {
      [answer, { corpora }] = await Promise.all([post("inspect", { ...source, beside, ...(kind && { kind }), ...(mapping && { mapping }), ...(reading && { reading }) }), get("corpora")]);
    } catch (error) {
      if (closed) return;
      if (asksForFolder(error)) chooseFile(folderQuestion(error, source.path, () => inspect(source, { mapping, kind, beside })));
      else if (reading) readAsBefore(error);
      else chooseFile(errorBox(error));
      return;
    }
    if (closed) return;
    size("wide");
    dialog.setTitle(answer.name);
    // What a label file brought is in the mapping; the file itself is read once.
    const joined = Object.fromEntries(Object.entries(beside).filter(([each]) => each !== "labels"));
    const keep = (now) => remember({ source, mapping: now, kind: answer.kind, beside });
    keep(mapping || ((reading || kind || Object.keys(beside).length) && answer.mapping));
    const reread = (said) => inspect(source, { reading: said, kind: answer.kind, beside }).then(() => !closed && dialog.body.querySelector(".tl-reading")?.setAttribute("open", ""));
    const kinds = besideControls(answer, beside, {
      kind: (chosen) => inspect(source, { kind: chosen, reading: answer.reading, beside: chosen === "music" ? beside : {} }),
      files: (next) => inspect(source, { kind: "music", reading: answer.reading, mapping: kept(screen.mapping(), beside, next), beside: next }),
      check: (next) => post("inspect", { ...source, kind: "music", reading: answer.reading, beside: next }),
    });
    const screen = mountMapping(dialog.body, answer, { ...source, kind: answer.kind, beside: joined }, { changed: keep, reread, above: kinds });
    const name = h("input.tl-input", { value: answer.suggested_corpus, maxLength: 100, list: "tl-corpus-names", "aria-label": "Name of the corpus", oninput: hint });
    const why = h("span.tl-hint", { role: "status" });
    const start = h("button.tl-btn.tl-primary", { onclick: () => run({ ...source, kind: answer.kind, beside: joined }, screen.mapping(), name.value.trim(), start, trouble) }, answer.estimated_rows === null ? "Import all rows" : `Import ${plural(answer.estimated_rows, "row")}`);
    const trouble = h("div.tl-import-trouble");
    fill(
      dialog.actions,
      h("button.tl-btn.tl-quiet", { onclick: () => chooseFile() }, "← Another file"),
      h("div.tl-grow", trouble),
      h("div.tl-corpus-name", h("label.tl-row.tl-tight", h("span", "Corpus"), name), why),
      h("datalist#tl-corpus-names", corpora.map((each) => h("option", { value: each.name }))),
      start,
    );
    function hint() {
      const old = corpora.find((each) => each.name.toLowerCase() === name.value.trim().toLowerCase());
      const other = old && old.kind !== answer.kind;
      fill(why, other ? `${old.name} holds ${old.kind}: choose another name` : old ? `Adds to the ${plural(old.items, "item")} of ${old.name}; rows already there are updated` : "A new corpus");
      start.disabled = !name.value.trim() || Boolean(other);
    }
    hint();
  }

  // What was said of the file does not fit it: the screen goes back to what is found out.
  async function readAsBefore(error) {
    const source = remembered()?.source;
    if (!source) return void chooseFile(errorBox(error));
    await inspect(source);
    if (!closed) dialog.body.querySelector(".tl-mapping-rows")?.prepend(errorBox(error));
  }

  async function run(source, mapping, name, button, trouble) {
    button.disabled = true;
    try {
      const { job } = await post("import", { ...source, corpus: name, mapping });
      poke(job);
      remember({ job, name });
      if (!closed) follow(job, name);
    } catch (error) {
      button.disabled = false;
      fill(trouble, errorBox(error));
    }
  }

  function follow(job, name) {
    size("medium");
    dialog.setTitle(`Import into ${name}`);
    stop = showReport(dialog, job, {
      done: (result) => {
        corpus = result.corpus || name;
        remember(null);
      },
      over: () => remember(null),
      again: () => (stop(), chooseFile()),
    });
  }
}

// A mapping made by a person stays when a file is added beside it; when one is taken away, columns are guessed anew.
function kept(mapping, before, next) {
  return Object.keys(before).every((each) => next[each] === before[each]) ? mapping : undefined;
}
