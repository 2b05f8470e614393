// What a file holds (items or music), and the files that go with one of music: labels, a split, titles and artists.

import { upload } from "./api.js";
import { fill, h } from "./dom.js";
import { errorBox } from "./signs.js";

const KINDS = [["items", "Items", "Texts, pictures and other things to tag"], ["music", "Music", "Tracks with tags, to write captions from"]];
const FILES = [
  ["names", "Titles and artists", "A table with ids and titles or artists. They are shown, and looked for in captions; they are never sent."],
  ["labels", "Labels", "The names of the places of 0/1 lists, one a line, or of codes such as AudioSet’s."],
  ["split", "Split", "Which part of a data set each id belongs to, such as LP-MusicCaps’ track_split.json."],
];

/** The controls above the mapping. `answer` is what `inspect` said, `beside` the files so far: {name: {upload, name}}.
 *  `kind(chosen)` and `files(beside)` are told of changes; `check(beside)` asks whether a new file fits. */
export function besideControls(answer, beside, { kind, files, check }) {
  const trouble = h("div");
  const choice = h(
    "div.tl-row.tl-tight",
    { role: "radiogroup", "aria-label": "What the file holds" },
    KINDS.map(([value, label, help]) => h("label.tl-check", { title: help }, h("input", { type: "radio", name: "tl-import-kind", value, checked: answer.kind === value, onchange: () => kind(value) }), h("span", label))),
  );
  const music = answer.kind === "music" && h("div.tl-row.tl-beside", h("span.tl-meta", "Files that go with it:"), FILES.map(([each, label, help]) => fileControl(each, label, help)));
  return h("div.tl-kind", h("div.tl-row", h("span.tl-label", "This file holds"), choice), music, trouble);

  function fileControl(each, label, help) {
    const have = beside[each];
    if (have) return h("span.tl-chip.tl-mini.tl-both", h("b", label), h("span.tl-n", have.name), h("button.tl-link", { "aria-label": `Take away ${have.name}`, title: "Take it away", onclick: () => files(without(each)) }, "×"));
    const input = h("input.tl-sr", { type: "file", tabIndex: -1, "aria-label": `${label}: file`, onchange: () => input.files[0] && add(each, input.files[0], button) });
    const button = h("button.tl-btn.tl-quiet", { title: help, onclick: () => input.click() }, `+ ${label}`);
    return h("span", button, input);
  }

  function without(each) {
    return Object.fromEntries(Object.entries(beside).filter(([name]) => name !== each));
  }

  async function add(each, file, button) {
    button.disabled = true;
    fill(trouble);
    try {
      const sent = await upload(file, (share) => fill(button, share < 1 ? `Sending ${Math.round(share * 100)} %` : "Reading…"));
      const next = { ...beside, [each]: { upload: sent.upload, name: file.name } };
      await check(next); // a file that does not fit is said here, and the rest stays as it is
      files(next);
    } catch (error) {
      fill(button, `+ ${FILES.find(([name]) => name === each)[1]}`);
      button.disabled = false;
      fill(trouble, errorBox(error));
    }
  }
}
