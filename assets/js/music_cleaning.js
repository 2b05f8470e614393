// How a corpus' tags are cleaned before anything is written: every step with what it would change, before it is saved.

import { get, post } from "./api.js";
import { count, debounce, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { go } from "./navigate.js";
import { control, errorBox } from "./signs.js";

const KINDS = {
  prefix: ["Category prefixes taken off", "prefix"],
  split: ["Run-together words taken apart", "split"],
  repaired: ["Slips and spellings repaired", "repaired"],
  alias: ["Aliases", "alias"],
  duplicate: ["Repeated tags left out", "duplicate"],
  blacklist: ["Tags on your list left out", "blacklist"],
  weight: ["Tags of little weight left out", "weight"],
  cap: ["Tags beyond the cap left out", "cap"],
  absent: ["Read as not there", "absent"],
};

/** Open the panel for a corpus {id, name}; `saved()` when the way of cleaning was changed. */
export async function openCleaning(corpus, saved) {
  const dialog = openDialog({ title: `Clean the tags of ${corpus.name}`, size: "wide", keep: true });
  dialog.element.classList.add("tl-mu-cleaning");
  fill(dialog.body, h("p.tl-loading", "Looking at the tags…"));
  let answer;
  try {
    answer = await get("captions/cleaning", { corpus: corpus.id });
  } catch (error) {
    return void fill(dialog.body, errorBox(error, () => (dialog.close(), openCleaning(corpus, saved))));
  }
  const stored = answer.options;
  let asked = 0;
  const later = debounce(preview, 300);
  const tick = (name, label, hint) => {
    const box = h("input", { type: "checkbox", checked: Boolean(stored[name]), onchange: changed });
    return { name, box, element: h("label.tl-check", box, h("span", label, h("span.tl-hint.tl-block", hint))) };
  };
  const ticks = [
    tick("prefixes", "Take category prefixes off", "genre---rock → rock, mood/theme---happy → happy"),
    tick("run_together", "Take run-together words apart", "easylistening → easy listening"),
    tick("spelling", "Repair known slips and spellings", "acordion → accordion, rnb → R&B"),
    tick("near", "Leave out what another tag says already", "guitar beside acoustic guitar"),
  ];
  const aliases = h("textarea.tl-textarea.tl-mono", { rows: 4, spellcheck: false, placeholder: "femalevoice = female vocals\ndnb = drum and bass", value: Object.entries(stored.aliases).map(([from, to]) => `${from} = ${to}`).join("\n"), oninput: () => (settled(), later()) });
  const blacklist = h("textarea.tl-textarea.tl-mono", { rows: 3, spellcheck: false, placeholder: "low quality, amateur*", value: stored.blacklist.join(", "), oninput: () => (settled(), later()) });
  const cap = h("input.tl-input.tl-short", { type: "number", min: 1, max: 1000, step: 1, placeholder: "no cap", value: stored.cap ? String(stored.cap) : "", oninput: () => (settled(), later()) });
  const seed = h("input.tl-input.tl-short", { type: "number", min: 0, step: 1, value: String(stored.seed), oninput: () => (settled(), later()) });
  const weight = h("input.tl-input.tl-short", { type: "number", min: 0, max: 1, step: 0.05, value: String(stored.least_weight), oninput: () => (settled(), later()) });
  const trouble = h("div");
  const shown = h("div.tl-mu-preview", { "aria-live": "polite", tabIndex: -1 });
  const words = h("span.tl-grow", { role: "status" });
  const reset = h("button.tl-btn", { type: "button", onclick: usual }, "Back to the usual");
  const save = h("button.tl-btn.tl-primary", { type: "button", onclick: store }, "Save");
  fill(
    dialog.body,
    h(
      "div.tl-mu-clean",
      h(
        "section.tl-stack",
        { "aria-label": "How tags are cleaned" },
        h("p.tl-meta", "The file's tags stay as they are. They are cleaned when they are read, so this can be changed at any time. Captions that are written stay."),
        ticks.map((each) => each.element),
        control("Aliases", aliases, "One a line: tag = what captions say. Nothing after = leaves the tag out."),
        control("Tags to leave out", blacklist, "Separated by commas; a * at an end stands for anything."),
        h("details.tl-more", { open: Boolean(stored.cap || stored.least_weight) }, h("summary", "More"), h("div.tl-settings", control("At most … tags a track", cap, "Which ones stay is drawn, always in the same way."), control("Draw number", seed, "Another number draws other tags."), control("Least weight, 0 to 1", weight, "Tags without a weight stay."))),
      ),
      h("section", { "aria-label": "What it changes" }, trouble, shown),
    ),
  );
  fill(dialog.actions, reset, words, h("button.tl-btn", { type: "button", onclick: dialog.close }, "Close"), save);
  let kept = JSON.stringify(value()); // what is saved, as the fields have it
  draw(answer.preview);
  settled();

  function value() {
    const pairs = aliases.value.split("\n").map((line) => line.split(/\s*(?:=>|→|=)\s*/)).filter(([from]) => from?.trim());
    return {
      ...Object.fromEntries(ticks.map((each) => [each.name, each.box.checked])),
      aliases: Object.fromEntries(pairs.map(([from, to = ""]) => [from.trim(), to.trim()])),
      blacklist: blacklist.value.split(/[,;\n]/).map((each) => each.trim()).filter(Boolean),
      cap: Math.max(0, Math.round(Number(cap.value) || 0)),
      seed: Math.max(0, Math.round(Number(seed.value) || 0)),
      least_weight: Math.min(1, Math.max(0, Number(weight.value) || 0)),
    };
  }
  function same() {
    return JSON.stringify(value()) === kept;
  }
  function changed() {
    settled();
    preview();
  }
  function settled() {
    save.disabled = same();
    fill(words, same() ? "" : "Not saved yet.");
  }

  async function preview() {
    const mine = ++asked;
    shown.setAttribute("aria-busy", "true");
    try {
      const now = await post("captions/cleaning", { corpus: corpus.id, options: value(), save: false });
      if (mine !== asked) return;
      fill(trouble);
      draw(now.preview);
    } catch (error) {
      if (mine === asked) fill(trouble, errorBox(error, preview));
    }
    if (mine === asked) shown.removeAttribute("aria-busy");
  }

  async function store() {
    save.disabled = true;
    const mine = ++asked;
    const sent = value();
    try {
      const now = await post("captions/cleaning", { corpus: corpus.id, options: sent, save: true });
      kept = JSON.stringify(sent);
      fill(trouble);
      if (mine === asked) draw(now.preview);
      settled();
      if (same()) fill(words, "Saved. Captions that are written from now on use it.");
      saved();
    } catch (error) {
      settled();
      fill(trouble, errorBox(error));
    }
  }

  function usual() {
    for (const each of ticks) each.box.checked = each.name !== "near";
    aliases.value = blacklist.value = cap.value = "";
    weight.value = seed.value = "0";
    changed();
  }

  function draw(found) {
    const { changes = [], absent = [], contradictions = [] } = found;
    fill(
      shown,
      h(
        "dl.tl-mu-stats",
        stat("Tags in the file", found.tags_before),
        stat("Tags to write from", found.tags_after),
        stat("Tracks with one tag", found.one_tag, "Their prompt speaks of one tag."),
        stat("Tracks without a tag", found.no_tags, "Nothing is written about them; the run reports them."),
      ),
      found.looked_at < found.items && h("p.tl-hint", `Counted on ${plural(found.looked_at, "track")} of ${count(found.items)}.`),
      changes.filter((each) => each.count > 0).map(change),
      !changes.some((each) => each.count > 0) && h("p.tl-meta", "Nothing to clean: the tags are taken as they are."),
      absent.length > 0 && h("section.tl-mu-change", h("h3", "Not there, and captions will not claim it"), h("div.tl-mu-chips", absent.slice(0, 30).map(gone))),
      h(
        "section.tl-mu-change",
        h("h3", contradictions.length ? `Contradictions (${count(found.contradictory)})` : "No contradictions"),
        contradictions.length > 0 && h("p.tl-meta", "Tags that cannot both be true. Better looked at before anything is spent."),
        contradictions.length > 0 && h("ul.tl-mu-contradictions", contradictions.slice(0, 50).map((each) => h("li", h("button.tl-link", { type: "button", onclick: () => (dialog.close(), go("music", { corpus: corpus.id, item: each.item })) }, each.external_id || each.title || "a track"), " ", each.sentence))),
      ),
    );
  }

  function gone(each) {
    const name = each.name ?? each;
    return h("span.tl-chip.tl-mini.tl-mu-absent", h("span.tl-sr", "without "), h("b", { dir: "auto" }, name), each.count && h("span.tl-n", count(each.count)));
  }
}

function stat(label, n, hint) {
  return h("div", { title: hint || "" }, h("dt", label), h("dd", count(n ?? 0)));
}

function change({ kind, count: n, examples = [] }) {
  const [label] = KINDS[kind] || [kind];
  return h(
    "section.tl-mu-change",
    { data: { kind } },
    h("div.tl-row.tl-spread", h("h3", label), h("span.tl-meta", count(n))),
    h("ul.tl-mu-examples", examples.slice(0, 6).map(({ before, after, count: times }) => h("li", h("span.tl-mono", before), h("span.tl-muted", { "aria-hidden": "true" }, " → "), after ? h("b", { dir: "auto" }, after) : h("span.tl-muted", "left out"), times > 1 && h("span.tl-meta", ` × ${count(times)}`)))),
  );
}
