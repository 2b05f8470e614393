// Ways to bring tags in: from gold tags with a live preview, from a file, from pasted text.

import { get, post, upload } from "./api.js";
import { count, debounce, fill, h, percent, plural } from "./dom.js";
import { poke } from "./jobs_feed.js";
import { go } from "./navigate.js";
import { control, errorBox, options } from "./signs.js";
import { openTagDialog } from "./tag_dialog.js";

/** The right column. `added()` is called when tags came in. Returns {element, open(corpus), opening}:
 *  `opening` holds the one button of the empty screen, the shortest way to a first vocabulary. */
export function mountAdding({ added }) {
  const gold = h("section.tl-card", { "aria-label": "Tags from gold tags" });
  const opening = h("div");
  const list = h("section.tl-card", { "aria-label": "Tags from a list" });
  const element = h("aside.tl-stack", gold, list);
  let corpora = [];
  let chosen = "";
  let asked = 0;
  let first = true;
  let touched = false; // the person has chosen how rare a tag may be

  // ---- from gold tags
  const corpus = h("select.tl-select.tl-full", { "aria-label": "Corpus", onchange: () => ((chosen = corpus.value), touched || (least.value = "5"), preview()) });
  const least = h("input.tl-input.tl-short", { type: "number", min: 1, max: 1000, step: 1, value: "5", oninput: debounce(() => ((touched = true), preview()), 150) });
  const found = h("div.tl-gold-found", { "aria-live": "polite" });
  const use = h("button.tl-btn", { disabled: true, onclick: take }, "Add tags");
  const goldReport = h("div", { "aria-live": "polite" });

  // ---- from a list
  const text = h("textarea.tl-textarea", { "aria-label": "Tags, one per line", placeholder: "one tag per line, or a csv with the columns name, description, aliases, parent", spellcheck: false, oninput: () => (addText.disabled = !text.value.trim()) });
  const file = h("input.tl-sr", { type: "file", accept: ".csv,.tsv,.txt", tabIndex: -1, "aria-label": "File with tags", onchange: () => file.files[0] && takeFile(file.files[0]) });
  const chooseFile = h("button.tl-btn", { onclick: () => file.click() }, "Choose a file…");
  const addText = h("button.tl-btn", { disabled: true, onclick: () => bring({ text: text.value }, addText, listReport, () => ((text.value = ""), (addText.disabled = true))) }, "Add these");
  const listReport = h("div", { "aria-live": "polite" });
  fill(list, h("h2", "From a list"), h("p.tl-meta.tl-side-text", "A file or pasted text; TagGPT’s final_tags.csv, too. A tag that exists is updated, never doubled; in a csv, aliases are separated by |."), text, h("div.tl-row.tl-side-text", addText, chooseFile, file), listReport);

  async function load() {
    try {
      corpora = (await get("corpora")).corpora;
    } catch (error) {
      return void fill(gold, errorBox(error, load));
    }
    const golden = corpora.filter((each) => each.gold);
    if (!golden.some((each) => each.id === chosen)) chosen = golden[0]?.id || "";
    if (!golden.length) {
      fill(opening, corpora.length ? h("button.tl-btn.tl-primary", { onclick: () => text.focus() }, "Paste a list") : h("button.tl-btn.tl-primary", { onclick: () => go("corpora", { add: "1" }) }, "Add a corpus first"));
      return void fill(
        gold,
        h("h2", "From gold tags"),
        h("p.tl-meta.tl-side-text", corpora.length ? "No corpus here has gold tags (a column of known right answers, named so when it was imported)." : "A corpus that was imported with a column of gold tags can give its tags."),
        !corpora.length && h("button.tl-btn", { onclick: () => go("corpora", { add: "1" }) }, "Add a corpus…"),
      );
    }
    fill(corpus, options(golden.map((each) => [each.id, each.name]), chosen));
    if (gold.contains(least)) return;
    fill(gold, h("h2", "From gold tags"), h("div.tl-form.tl-side-text", control("Corpus", corpus), control("Used on at least … items", least, "Rare tags are often slips; they can be added later."), found, h("div.tl-row", use), goldReport));
    preview();
  }

  async function preview() {
    if (!chosen) return;
    const mine = ++asked;
    try {
      const now = await get("vocabulary/gold", { corpus: chosen, min_items: Math.max(1, Number(least.value) || 1) });
      if (mine !== asked) return;
      if (!now.tags && now.labels && !touched && least.value !== "1") {
        least.value = "1"; // a small corpus: five uses are too many to ask for
        return void preview();
      }
      fill(
        found,
        h("p", h("b", `${count(now.tags)} of ${plural(now.labels, "tag")}`), ` · ${percent(now.covered_items, now.items)} of the items have gold tags${now.skipped ? ` · ${plural(now.skipped, "label")} too long for a tag` : ""}`),
        h("div.tl-gold-top", now.top.map((each) => h("span.tl-chip.tl-mini", h("b", each.name), h("span.tl-n", count(each.items))))),
      );
      fill(use, `Add ${plural(now.tags, "tag")}`);
      use.disabled = !now.tags;
      const name = corpora.find((each) => each.id === chosen)?.name;
      fill(opening, h("button.tl-btn.tl-primary", { disabled: !now.tags, onclick: take }, `Take ${plural(now.tags, "tag")} from ${name}`));
    } catch (error) {
      if (mine === asked) fill(found, errorBox(error, preview));
    }
  }

  function take() {
    const from = corpora.find((each) => each.id === chosen);
    const next = h("button.tl-btn.tl-small", { onclick: () => openTagDialog(from) }, `Tag ${from.name} with them…`);
    return bring({ corpus: chosen, min_items: Math.max(1, Number(least.value) || 1) }, use, goldReport, () => goldReport.append(h("div.tl-row.tl-side-text", next)), "vocabulary/gold");
  }

  async function takeFile(chosenFile) {
    chooseFile.disabled = true;
    fill(listReport, h("p.tl-meta", `Sending ${chosenFile.name}…`));
    try {
      const sent = await upload(chosenFile);
      await bring({ upload: sent.upload }, chooseFile, listReport);
    } catch (error) {
      fill(listReport, errorBox(error));
    }
    file.value = "";
    chooseFile.disabled = false;
  }

  async function bring(body, button, place, after, path = "vocabulary/import") {
    button.disabled = true;
    try {
      const report = await post(path, body);
      if (report.job) {
        poke(report.job);
        fill(place, h("div.tl-note", h("b", "A large TagGPT file: it is brought in as a job. "), "Its tags and proposals stand here when it is done; Jobs shows how far it is."));
      } else fill(place, brought(report));
      after?.();
      added();
    } catch (error) {
      fill(place, errorBox(error));
    }
    button.disabled = button === addText && !text.value.trim();
  }

  window.addEventListener("tagloom:job", (event) => event.detail.kind === "import" && load());
  window.addEventListener("tagloom:corpora", load);
  window.addEventListener("tagloom:back", load);

  return {
    element,
    open(wanted) {
      if (wanted) chosen = wanted;
      if (first || wanted) load().then(() => wanted && (preview(), least.focus()));
      first = false;
    },
    opening,
  };
}

/** "12 added · 1 updated · 3 already there", and the rows that were left out. */
function brought(report) {
  const parts = [[report.added, "added"], [report.updated, "updated"], [report.unchanged, "already there"], [report.skipped, "left out"]].filter(([n], index) => n || index === 0);
  return h(
    "div.tl-note",
    h("b", parts.map(([n, word]) => `${count(n)} ${word}`).join(" · ")),
    report.proposals && h("p.tl-meta", `${plural(report.proposals.alias, "alias", "aliases")} and ${plural(report.proposals.archive, "tag")} to archive are proposed.`),
    report.problems.length > 0 && h("ul.tl-reasons", report.problems.slice(0, 8).map((each) => h("li", h("b", `Row ${each.row}`), h("span", ` ${each.cause} `), h("span.tl-meta", each.remedy)))),
    report.problems.length > 8 && h("span.tl-meta", `and ${count(report.problems.length - 8)} more`),
  );
}
