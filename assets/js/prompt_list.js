// The project's prompts, in Settings: which there are, whether they are the project's own, and what files bring in.

import { get } from "./api.js";
import { ago, fill, h, plural } from "./dom.js";
import { draftOf, importPrompts, openPrompt, promptState } from "./prompt_workbench.js";
import { errorBox } from "./signs.js";

/** Draw the list into `element`, and again whenever a prompt was saved or reset. */
export function drawPrompts(element) {
  const trouble = h("div", { "aria-live": "polite" });
  const said = h("span.tl-meta", { role: "status" });
  const list = h("ul.tl-prompts");
  const file = h("input.tl-sr", { type: "file", accept: ".md,.txt,.json,text/*", tabIndex: -1, "aria-hidden": "true", onchange: bringIn });
  const button = h("button.tl-btn.tl-small", { type: "button", onclick: () => file.click() }, "Import a file…");
  fill(
    element,
    h("div.tl-row.tl-spread", h("h2", "Prompts"), h("span.tl-row", said, button, file)),
    h("p.tl-meta", "The words that models are asked with, in this project. A file can be one that was exported here, a template with <tags>, <tag_descriptions>, <description>, <tag> or <wiki>, or a JSON object of styles with a “singular” and a “plural” instruction."),
    trouble,
    list,
  );
  load();
  window.addEventListener("tagloom:prompt", load);
  window.addEventListener("tagloom:back", load);

  async function load() {
    try {
      const { prompts } = await get("prompts");
      fill(list, prompts.map(row));
    } catch (error) {
      fill(trouble, errorBox(error, load));
    }
  }
  function row(prompt) {
    return h(
      "li",
      h("div", h("button.tl-link", { type: "button", onclick: () => openPrompt(prompt.name) }, prompt.title), h("div.tl-meta", prompt.about, !prompt.runs && " Kept here; no form of this version asks with it yet.")),
      h("div.tl-meta", promptState(prompt, draftOf(prompt.name)), prompt.copy && ` · ${ago(prompt.changed_at)} by ${prompt.person}`, " ", h("span.tl-mono", prompt.name)),
    );
  }
  async function bringIn() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    fill(trouble);
    try {
      const imported = await importPrompts(chosen);
      fill(said, `${plural(imported.length, "prompt")} imported`);
      window.dispatchEvent(new CustomEvent("tagloom:prompt", { detail: { name: imported[0] } }));
    } catch (error) {
      fill(trouble, errorBox(error));
    }
  }
}
