// Folders of this computer that typed paths may lead into: asked for once, listed and forgotten in the settings.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { errorBox } from "./signs.js";

/** True for the error by which the server asks whether a folder may be read. */
export const asksForFolder = (error) => error?.kind === "FolderNotAllowed";

/** The question, with its answer as a button; `again()` runs once the folder is allowed. */
export function folderQuestion(error, path, again) {
  const allow = h("button.tl-btn.tl-small.tl-primary", { type: "button", onclick: run }, "Allow this folder");
  const box = h("div.tl-note", { role: "alert" }, h("b", "Allow this folder?"), " ", h("span", error.message), h("div.tl-row", allow, h("span.tl-meta", "Asked once; the settings can forget it.")));
  queueMicrotask(() => allow.focus());
  return box;
  async function run() {
    allow.disabled = true;
    try {
      await post("folders/allow", { path });
      window.dispatchEvent(new Event("tagloom:folders"));
      again();
    } catch (problem) {
      box.replaceWith(errorBox(problem));
    }
  }
}

/** Draw the folders into a card of the settings; hidden where there are none. */
export async function drawFolders(card) {
  let now;
  try {
    now = await get("folders");
  } catch (error) {
    return void fill(card, h("h2", "Folders"), errorBox(error, () => drawFolders(card)));
  }
  card.hidden = !now.folders.length && !now.roots.length;
  fill(
    card,
    h("h2", "Folders"),
    h("p.tl-meta", "Typed paths may lead into these folders of this computer."),
    h(
      "ul.tl-checks",
      now.roots.map((each) => h("li", h("span.tl-mono", each), h("span.tl-meta", " by TAGLOOM_ROOTS"))),
      now.folders.map((each) => h("li.tl-row.tl-spread", h("span.tl-mono", each), h("button.tl-btn.tl-small", { "aria-label": `Forget ${each}`, onclick: () => drop(each) }, "Forget"))),
    ),
  );
  async function drop(folder) {
    try {
      await post("folders/forget", { folder });
      drawFolders(card);
    } catch (error) {
      card.append(errorBox(error));
    }
  }
}
