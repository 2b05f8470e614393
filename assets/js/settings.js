// Settings: who decides here, what answers, how the page looks, where the data is, the embedding model, the checks, the keys.

import { drawAdvice } from "./advice.js";
import { get, post } from "./api.js";
import { drawConnections } from "./connections.js";
import { bytes, fill, h } from "./dom.js";
import { drawFolders } from "./folders.js";
import { drawPrompts } from "./prompt_list.js";
import { control, errorBox, segment } from "./signs.js";
import { refresh } from "./state.js";
import { setTheme, theme } from "./theme.js";

const KEYS = [
  ["Enter", "accept what is proposed and go on"],
  ["1 – 9", "accept or reject the tag with that number"],
  ["/", "add a tag"],
  ["x", "reject all"],
  ["s", "skip the item"],
  ["j  k", "next, previous"],
  ["u", "undo, all the way back"],
  ["?", "all keys of the review tab"],
];

export function mount(element) {
  const trouble = h("div");
  const you = h("section.tl-card");
  const look = h("section.tl-card");
  const data = h("section.tl-card");
  const folders = h("section.tl-card", { hidden: true });
  const connections = h("section.tl-card");
  const advice = h("section.tl-card");
  const prompts = h("section.tl-card");
  const model = h("section.tl-card");
  const checks = h("section.tl-card");
  const keys = h("section.tl-card", h("h2", "Keys"), h("p.tl-meta", "They work in the review tab and are off while you type."), h("dl.tl-keys", KEYS.map(([key, text]) => [h("dt", key.split("  ").map((each) => h("kbd.tl-kbd", each))), h("dd", text)])));
  fill(element, h("div.tl-page.tl-settings-page", h("div.tl-stack", trouble, connections, prompts, you, model, data, folders, checks), h("aside.tl-stack", advice, look, keys)));
  const themes = segment("Appearance", [["light", "Light"], ["dark", "Dark"], ["system", "As the system"]], theme(), setTheme);
  window.addEventListener("tagloom:theme", () => themes.set(theme()));
  fill(look, h("h2", "Appearance"), h("div.tl-side-text", themes.element));
  fill(you, h("p.tl-loading", "Loading the settings…"));
  const { add } = drawConnections(connections);
  drawAdvice(advice, add);
  drawPrompts(prompts);
  load();
  window.addEventListener("tagloom:back", load);
  window.addEventListener("tagloom:folders", () => drawFolders(folders));

  async function load() {
    let now;
    try {
      now = await get("settings");
    } catch (error) {
      for (const part of [you, model, data, checks]) part.hidden = true;
      return void fill(trouble, errorBox(error, load));
    }
    for (const part of [you, model, data, checks]) part.hidden = false;
    fill(trouble);
    drawPerson(now);
    drawModel(now.embedding);
    drawData(now);
    drawFolders(folders);
    drawChecks(now);
  }

  function drawPerson({ person, people }) {
    const name = h("input.tl-input", { value: person?.name || "", maxLength: 60, autocomplete: "name", required: true, list: "tl-people" });
    const said = h("span.tl-meta", { role: "status" });
    const form = h(
      "form",
      { onsubmit: save },
      control("Name", name, "Your decisions are kept under this name, in this browser. With several people, each gives their own."),
      h("datalist#tl-people", people.map((each) => h("option", { value: each.name }))),
      h("div.tl-row.tl-side-text", h("button.tl-btn", "Save name"), said),
    );
    fill(you, h("h2", "You"), h("div.tl-side-text.tl-narrow", form));
    async function save(event) {
      event.preventDefault();
      try {
        await post("person", { name: name.value.trim() });
        fill(said, "Saved");
        refresh().catch(() => {});
      } catch (error) {
        fill(said, errorBox(error));
      }
    }
  }

  function drawModel(embedding) {
    fill(
      model,
      h("h2", "Embedding model"),
      embedding.found
        ? [line(true, embedding.name, `Found: ${embedding.source}`), embedding.path && h("p.tl-mono.tl-indent", embedding.path)]
        : [line(false, embedding.name, embedding.reason || "Not found"), h("p.tl-indent", embedding.remedy)],
    );
  }

  function drawData({ home, database, versions }) {
    const rows = [["Data folder", home], ["Database", `${database.kind} · ${bytes(database.size_bytes || 0)}`], ["Stored in", database.location]];
    fill(
      data,
      h("h2", "Data"),
      h("dl.tl-facts-list", rows.map(([name, value]) => [h("dt", name), h("dd.tl-mono", value)])),
      h("details.tl-more.tl-side-text", h("summary", "Versions"), h("dl.tl-facts-list", Object.entries(versions).map(([name, value]) => [h("dt", name), h("dd.tl-mono", String(value))]))),
    );
  }

  function drawChecks(now) {
    const troubles = now.checks.filter((each) => each.ok === false).length;
    fill(
      checks,
      h("div.tl-row.tl-spread", h("h2", troubles ? `Checks: ${troubles} to look at` : "Checks: all fine"), h("button.tl-btn.tl-small", { onclick: load }, "Check again")),
      h("p.tl-meta", "The same as ", h("code.tl-mono", "tagloom doctor"), " says in a terminal."),
      h("ul.tl-checks", now.checks.map((each) => h("li", line(each.ok, each.name, each.detail), each.ok !== true && each.remedy && h("p.tl-indent", each.remedy)))),
    );
  }
}

/** A check: sign, name, what was found. The sign has a word too. */
function line(ok, name, detail) {
  const [sign, word, kind] = ok === true ? ["✓", "fine", "tl-ok"] : ok === false ? ["✕", "needs attention", "tl-fail"] : ["!", "note", "tl-note-sign"];
  return h("div.tl-check-line", h("span.tl-sign", { class: kind, title: word }, h("span", { "aria-hidden": "true" }, sign), h("span.tl-sr", word)), h("div", h("b", name), h("div.tl-meta", detail)));
}
