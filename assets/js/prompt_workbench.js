// The prompt workbench: a project's copy of a prompt, edited beside what an item would be asked with it.

import { address, get, page, post } from "./api.js";
import { ago, debounce, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { itemSearch } from "./prompt_items.js";
import { differences, length, messages } from "./prompt_preview.js";
import { errorBox, options, segment } from "./signs.js";

const read = (value) => (typeof value === "function" ? value() : value);
const kept = (name) => `tagloom:prompt:${page.project}:${name}`;

/** A button that opens the workbench. `name`, `corpus` (its id) and `settings` ({use_case, language, top_k, connection})
 *  may be functions; `element.update()` says anew which prompt it stands for. A saved or reset prompt is told of by the
 *  window's event “tagloom:prompt” (detail.name). */
export function promptButton(name, { corpus = "", settings = {} } = {}) {
  const words = h("span.tl-meta", { "aria-live": "polite" });
  const button = h("button.tl-btn.tl-small", { type: "button", onclick: () => openPrompt(read(name), { corpus: read(corpus), settings: read(settings) }) }, "Prompt…");
  const element = h("div.tl-row.tl-prompt-button", button, words);
  const changed = () => (element.isConnected ? element.update() : window.removeEventListener("tagloom:prompt", changed));
  element.update = async () => {
    try {
      const { prompts } = await get("prompts");
      const mine = prompts.find((each) => each.name === read(name));
      fill(words, promptState(mine, draftOf(read(name))));
    } catch {
      fill(words); // the button itself says what is wrong when it is pressed
    }
  };
  element.update();
  window.addEventListener("tagloom:prompt", changed);
  return element;
}

/** What a prompt is, in a few words. */
export function promptState(prompt, draft) {
  if (!prompt) return "";
  const parts = [prompt.copy ? `this project’s own${prompt.examples ? `, ${plural(prompt.examples, "example")}` : ""}` : prompt.shipped ? "as shipped" : "put away"];
  if (prompt.problem) parts.push("damaged");
  if (prompt.shipped_changed) parts.push("the shipped one has changed");
  if (draft) parts.push("a draft is not saved");
  return parts.join(" · ");
}

/** What was typed and not saved: {text, examples, at}, or null. */
export function draftOf(name) {
  try {
    return JSON.parse(localStorage.getItem(kept(name)) || "null");
  } catch {
    return null;
  }
}

/** Store what a person's file holds; the names of the prompts. */
export async function importPrompts(file) {
  if (file.size > 1_000_000) throw Object.assign(new Error(`${file.name} is larger than 1 MB.`), { remedy: "Is it a prompt?" });
  return (await post("prompts/import", { text: await file.text(), file: file.name })).imported;
}

/** Open the workbench for a prompt. */
export async function openPrompt(name, { corpus = "", settings = {} } = {}) {
  const dialog = openDialog({ title: "Prompt", size: "wide", keep: true, onclose: () => window.dispatchEvent(new CustomEvent("tagloom:prompt-closed")) });
  dialog.element.classList.add("tl-pw");
  fill(dialog.body, h("p.tl-loading", "Opening the prompt…"));
  let prompt, corpora;
  try {
    [prompt, { corpora }] = await Promise.all([get(`prompts/${name}`), get("corpora")]);
  } catch (error) {
    return void fill(dialog.body, errorBox(error, () => (dialog.close(), openPrompt(name, { corpus, settings }))));
  }
  corpora = corpora.filter((each) => each.items > 0 && prompt.music === (each.kind === "music")); // whose items the prompt asks about
  if (!corpora.some((each) => each.id === corpus)) corpus = corpora[0]?.id || "";
  dialog.setTitle(prompt.title);

  let examples = prompt.examples;
  let item = null; // {id, title, position, of, corpus}
  let drawn = null;
  let panel = "sent";
  let asked = 0;
  const draft = draftOf(name);
  const text = h("textarea.tl-input.tl-pw-text", { spellcheck: false, "aria-label": "The prompt’s text", "aria-describedby": "tl-pw-problem", value: draft ? draft.text : prompt.text, oninput: edited });
  if (draft) examples = draft.examples;
  const notices = h("div.tl-stack");
  const problem = h("div#tl-pw-problem", { "aria-live": "polite" });
  const trouble = h("div.tl-stack", { "aria-live": "polite" });
  const body = h("div.tl-pw-panel", { tabIndex: -1 });
  const state = h("span.tl-grow.tl-meta", { role: "status" });
  const saveButton = h("button.tl-btn.tl-primary", { onclick: () => save() }, "Save as this project’s copy");
  const resetButton = h("button.tl-btn", { onclick: reset });
  const panels = [["sent", "As sent"], ...(prompt.takes_examples ? [["examples", "Examples"]] : []), ["changes", "Changes"], ["versions", "Versions"]];
  const file = h("input.tl-sr", { type: "file", accept: ".md,.txt,.json,text/*", tabIndex: -1, "aria-hidden": "true", onchange: bringIn });
  const tabs = segment("What to look at", panels, panel, (value) => ((panel = value), drawPanel()));
  const itemBar = h("div.tl-pw-items");
  fill(
    dialog.body,
    h(
      "div.tl-stack",
      notices,
      trouble,
      h(
        "div.tl-pw-columns",
        h("section.tl-pw-edit", text, problem, h("details.tl-more", { open: innerWidth > 900 }, h("summary", `Placeholders (${prompt.placeholders.length})`), h("ul.tl-pw-names", prompt.placeholders.map(placeholder)))),
        h("section.tl-pw-see", tabs.element, body),
      ),
    ),
  );
  fill(
    dialog.actions,
    resetButton,
    h("a.tl-btn", { href: address(`prompts/${name}/file`), download: `${name}.md` }, "Export"),
    h("button.tl-btn", { type: "button", onclick: () => (dirty() ? fill(trouble, h("p.tl-note", "Save or discard your changes first: a file takes their place.")) : file.click()) }, "Import…"),
    file,
    state,
    saveButton,
  );
  const drawLater = debounce(draw, 300);
  dialog.element.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") (event.preventDefault(), saveButton.disabled || save());
  });
  // leaving with an unsaved draft: say that runs do not use it
  dialog.element.addEventListener("cancel", leaving);
  dialog.head.querySelector("button").addEventListener("click", leaving, true);
  drawNotices();
  drawItemBar();
  drawPanel();
  settled();
  draw();
  text.scrollTop = text.value.split("\n").indexOf("---", 1) * parseFloat(getComputedStyle(text).lineHeight); // the words; above them stands the schema
  if (innerWidth > 900) text.focus({ preventScroll: true });

  function placeholder({ name: each, about, required }) {
    const sign = `{{ ${each} }}`;
    return h("li", h("button.tl-btn.tl-small.tl-mono", { type: "button", title: `Put ${sign} where the cursor stands`, onclick: () => insert(sign) }, sign), h("span", about, required && h("b", " Needed.")));
  }
  function insert(sign) {
    text.setRangeText(sign, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    edited();
  }
  function dirty() {
    return text.value !== prompt.text || examples.map((each) => each.item).join() !== prompt.examples.map((each) => each.item).join();
  }
  function edited() {
    try {
      if (dirty()) localStorage.setItem(kept(name), JSON.stringify({ text: text.value, examples, at: Date.now() }));
      else localStorage.removeItem(kept(name));
    } catch {
      /* a browser that keeps nothing: closing still asks */
    }
    settled();
    drawLater();
  }
  function settled() {
    saveButton.disabled = !dirty() || Boolean(drawn?.problem);
    resetButton.hidden = !prompt.copy && !dirty();
    fill(resetButton, prompt.shipped ? "Reset to the shipped one" : prompt.copy ? "Stop using it" : "Undo the changes");
    fill(state, dirty() ? "Not saved: runs still use the text from before." : prompt.copy ? `This project’s copy, saved ${ago(prompt.changed_at)} by ${prompt.person}.` : prompt.shipped ? "As shipped." : "Put away: nothing uses it.");
  }
  /** Another text in the editor; what stood there and was not saved can be had back. */
  function putBack(words, shown, said) {
    const before = [text.value, examples];
    const lost = dirty();
    text.value = words;
    examples = shown;
    edited();
    drawPanel();
    fill(trouble, lost && h("p.tl-note", said, h("button.tl-link", { type: "button", onclick: () => putBack(...before, "Done. ") }, "Back to what you had, which was not saved")));
  }
  function drawNotices() {
    fill(
      notices,
      prompt.problem && h("p.tl-error", h("b", "Runs cannot use this copy. "), prompt.problem),
      prompt.shipped_changed && h("p.tl-note", "Tagloom comes with a newer version of this prompt than the one that your copy was made from. ", h("button.tl-link", { type: "button", onclick: () => (tabs.set("changes"), (panel = "changes"), drawPanel()) }, "See what differs"), "; saving your copy again keeps it as it is."),
      draft && dirty() && h("p.tl-note", `This is your draft of ${ago(draft.at)}, which was not saved. `, h("button.tl-link", { type: "button", onclick: undo }, "Go back to what is saved")),
      !prompt.runs && h("p.tl-meta", prompt.about, " Kept here; no form of this version asks with it yet."),
    );
  }
  function undo() {
    text.value = prompt.text;
    examples = prompt.examples;
    edited();
    drawNotices();
    drawPanel();
  }

  /** What would be asked about the item now, with the text as it stands in the editor. */
  async function draw(step = 0) {
    const mine = ++asked;
    body.setAttribute("aria-busy", "true");
    try {
      const { connection = "", ...form } = settings;
      const answer = await post(`prompts/${name}/draw`, { text: text.value, examples: examples.map((each) => each.item), corpus, item: item?.id || "", step: typeof step === "number" ? step : 0, asked: form, connection });
      if (mine !== asked) return;
      fill(trouble);
      drawn = { ...(answer.problem ? drawn || {} : {}), ...answer };
      if (answer.item) item = answer.item;
    } catch (error) {
      if (mine !== asked) return;
      fill(trouble, errorBox(error, () => draw(step)));
    }
    body.removeAttribute("aria-busy");
    drawProblem();
    drawItemBar();
    drawPanel();
    settled();
  }
  function drawProblem() {
    const now = drawn?.problem;
    text.setAttribute("aria-invalid", String(Boolean(now)));
    fill(problem, now && h("div.tl-error", h("b", now.message), h("span", now.remedy), now.line && h("button.tl-link", { type: "button", onclick: () => showLine(now.line) }, `Go to line ${now.line}`)));
  }
  function showLine(line) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1] || "").length);
    text.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(text).lineHeight));
  }

  function drawItemBar() {
    if (!(prompt.takes_examples || prompt.music) || !corpora.length) return void fill(itemBar);
    if (!itemBar.children.length) {
      const which = h("select.tl-select", { "aria-label": "Corpus", onchange: () => ((corpus = which.value), (item = null), draw()) }, options(corpora.map((each) => [each.id, each.name]), corpus));
      const search = itemSearch({ label: "Find an item", placeholder: "find an item…", filter: () => ({ corpus }), choose: (found) => ((item = found), draw()) });
      const title = h("span.tl-pw-title");
      const back = h("button.tl-btn.tl-icon", { type: "button", "aria-label": "Previous item", title: "Previous item", onclick: () => draw(-1) }, "←");
      const on = h("button.tl-btn.tl-icon", { type: "button", "aria-label": "Next item", title: "Next item", onclick: () => draw(1) }, "→");
      fill(itemBar, h("div.tl-row", back, title, on), h("div.tl-row", corpora.length > 1 && which, search.element));
    }
    const title = itemBar.querySelector(".tl-pw-title");
    fill(title, item ? [h("b", item.title || item.id), item.position && h("span.tl-meta", ` ${item.position} of ${item.of}`)] : "");
  }
  function drawPanel() {
    if (panel === "sent") fill(body, itemBar, sent());
    else if (panel === "examples") fill(body, exampleList());
    else if (panel === "changes") fill(body, !prompt.shipped ? h("p.tl-meta", "Tagloom comes with no prompt of this name, so there is nothing to compare with.") : drawn && differences(drawn.diff.length ? drawn.diff : []));
    else fill(body, versionList());
  }
  function sent() {
    if (!drawn?.messages) return drawn?.problem ? null : h("p.tl-loading", name === "select-tags" ? "Finding candidates. The first time, the model is opened: a few seconds." : "Filling it in…");
    return h(
      "div.tl-stack",
      { class: drawn.problem && "tl-stale" },
      drawn.silent && h("p.tl-note", "This item has no text: nothing is asked about it. Sample values stand in its place."),
      drawn.sample && !drawn.silent && h("p.tl-note", "Sample values stand in the placeholders."),
      length(drawn),
      messages(drawn),
    );
  }
  function exampleList() {
    const search = itemSearch({
      label: "Find a reviewed item",
      placeholder: "find a reviewed item by its title…",
      filter: () => ({ corpus, status: "done" }),
      empty: "No reviewed item found. Items that somebody has finished reviewing can be examples.",
      choose: add,
    });
    return h(
      "div.tl-stack",
      h("p.tl-meta", "Items that a person has reviewed, shown to the model with their accepted tags as the answer, before each question. Two to five good ones do most; each makes every request longer. An item is never its own example."),
      corpora.length ? search.element : h("p.tl-note", "There is no corpus yet."),
      h(
        "ol.tl-pw-examples",
        examples.map((each, at) =>
          h(
            "li",
            h("div", h("b", each.title || each.item), h("pre", each.answer)),
            h("div.tl-row", h("button.tl-btn.tl-small.tl-icon", { type: "button", disabled: at === 0, "aria-label": `Move “${each.title}” up`, onclick: () => move(at, -1) }, "↑"), h("button.tl-btn.tl-small", { type: "button", "aria-label": `Remove “${each.title}”`, onclick: () => take(at) }, "Remove")),
          ),
        ),
      ),
      !examples.length && h("p.tl-meta", "No examples."),
    );
  }
  async function add(found) {
    if (examples.some((each) => each.item === found.id)) return;
    try {
      const { example } = await post(`prompts/${name}/example`, { item: found.id });
      fill(trouble);
      examples = [...examples, example];
      edited();
      drawPanel();
      body.querySelector("input")?.focus();
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }
  function take(at) {
    examples = examples.filter((_, each) => each !== at);
    edited();
    drawPanel();
    body.querySelector(".tl-pw-examples button, input")?.focus();
  }
  function move(at, step) {
    const list = [...examples];
    [list[at], list[at + step]] = [list[at + step], list[at]];
    examples = list;
    edited();
    drawPanel();
  }
  function versionList() {
    if (!prompt.versions.length) return h("p.tl-meta", "Nobody has changed this prompt in this project.");
    return h(
      "ul.tl-pw-versions",
      prompt.versions.map((each) =>
        h("li", h("span", `${ago(each.at)} by ${each.person}`, each.current && h("b", " · in use"), h("span.tl-meta.tl-mono", ` ${each.hash}`)), h("button.tl-btn.tl-small", { type: "button", onclick: () => putBack(each.text, each.examples, "That version stands in the editor now. ") }, "Put into the editor")),
      ),
    );
  }

  async function save({ anyway = false } = {}) {
    saveButton.disabled = true;
    try {
      took(await post(`prompts/${name}`, { text: text.value, examples: examples.map((each) => each.item), ...(anyway ? {} : { base: prompt.hash }) }));
      return true;
    } catch (error) {
      const theirs = h("button.tl-btn.tl-small", { type: "button", onclick: seeTheirs }, "See what was saved");
      const mine = h("button.tl-btn.tl-small", { type: "button", onclick: () => save({ anyway: true }) }, "Save mine in its place");
      fill(trouble, errorBox(error), error.status === 409 && h("div.tl-row", theirs, mine));
      trouble.scrollIntoView({ block: "nearest" });
      settled();
      return false;
    }
  }
  /** What somebody else has saved meanwhile, among the versions; the text in the editor stays. */
  async function seeTheirs() {
    try {
      prompt = await get(`prompts/${name}`);
      fill(trouble);
      tabs.set((panel = "versions"));
      drawNotices();
      drawPanel();
      settled();
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }
  async function reset() {
    if (!prompt.copy) return putBack(prompt.text, prompt.examples, "The changes are gone. ");
    const before = [text.value, examples];
    const lost = dirty();
    try {
      took(await post(`prompts/${name}/reset`));
      fill(trouble, lost && h("p.tl-note", "Reset. ", h("button.tl-link", { type: "button", onclick: () => putBack(...before, "Done. ") }, "Back to what you had in the editor")));
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }
  function took(answer) {
    prompt = answer;
    examples = prompt.examples;
    text.value = prompt.text;
    fill(trouble);
    edited();
    drawNotices();
    drawPanel();
    window.dispatchEvent(new CustomEvent("tagloom:prompt", { detail: { name } }));
  }

  async function bringIn() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    try {
      const imported = await importPrompts(chosen);
      if (imported.includes(name)) took(await get(`prompts/${name}`));
      else fill(trouble, h("p.tl-note", `Imported: ${imported.join(", ")}. They stand in Settings, Prompts; this prompt is as it was.`));
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }

  function leaving(event) {
    if (!dirty()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const stay = h("button.tl-btn.tl-small", { type: "button", onclick: () => (fill(trouble), text.focus()) }, "Go on editing");
    fill(
      trouble,
      h(
        "div.tl-note",
        { role: "alertdialog", "aria-label": "Not saved" },
        h("b", "Your changes are not saved: runs would use the text from before. "),
        h("div.tl-row", h("button.tl-btn.tl-small.tl-primary", { type: "button", disabled: Boolean(drawn?.problem), onclick: async () => (await save()) && dialog.close() }, "Save and close"), h("button.tl-btn.tl-small", { type: "button", onclick: () => (window.dispatchEvent(new CustomEvent("tagloom:prompt", { detail: { name } })), dialog.close()) }, "Close and keep the draft"), h("button.tl-btn.tl-small", { type: "button", onclick: () => (undo(), dialog.close()) }, "Discard"), stay),
      ),
    );
    trouble.scrollIntoView({ block: "nearest" });
    stay.focus();
  }
}
