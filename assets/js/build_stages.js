// The stages of a build: what each found, kept and left out, and a way to run it again with other numbers.

import { count, fill, h, plural } from "./dom.js";
import { control, meter } from "./signs.js";

const SIGNS = { done: ["✓", "done"], running: ["◐", "running"], waiting: ["○", "waiting"], missing: ["–", "not done"] };
const AGAIN = new Set(["cleaned", "variants", "counted", "neighbours"]); // what asks the engine for nothing

/** What a stage's counts say, as a sentence. */
const SAID = {
  clues: (c) => `${plural(c.items, "item")}${c.empty ? `, ${count(c.empty)} without text` : ""}`,
  candidates: (c) =>
    [plural(c.candidates, "candidate"), c.requests && plural(c.requests, "request"), c.cached && `${count(c.cached)} answered before`, c.refused && `${count(c.refused)} refused`, c.invalid && `${count(c.invalid)} unreadable`, c.failed && `${plural(c.failed, "item")} failed`].filter(Boolean).join(" · "),
  cleaned: (c) => [`${count(c.kept)} of ${plural(c.distinct, "distinct text")}`, ...["refusal", "chatter", "numbering", "too_long", "empty"].filter((each) => c[each]).map((each) => `${count(c[each])} ${OUT[each]}`)].join(" · "),
  variants: (c) => `${plural(c.kept, "name")}${c.joined ? `, ${plural(c.joined, "other spelling")} joined` : ""}`,
  counted: (c) =>
    [`${plural(c.kept, "new tag")} on ${count(c.least)} items or more, half of them on ${count(c.median_items)} or more`, c.known && `${count(c.known)} known already`, c.rare && `${count(c.rare)} too rare`, c.everywhere && `${count(c.everywhere)} on most items`, c.beyond_size && `${count(c.beyond_size)} beyond the ${count(c.size)} wanted`].filter(Boolean).join(" · "),
  neighbours: (c) => [`${plural(c.kept, "pair")} among ${plural(c.compared, "name")}`, c.unreadable && `${count(c.unreadable)} that the embedding model cannot read: compared by spelling and shared items`].filter(Boolean).join(" · "),
  proposals: (c) => [c.add && plural(c.add, "new tag"), c.merge && plural(c.merge, "merge"), c.alias && plural(c.alias, "alias", "aliases"), c.decided && `${count(c.decided)} decided before`, c.outdated && `${count(c.outdated)} of earlier builds are out of date`].filter(Boolean).join(" · ") || "nothing new",
};
const OUT = { refusal: "refusals", chatter: "chatter", numbering: "only numbers", too_long: "too long", empty: "empty" };

/** {element, update(build)}. `again(stage, numbers)` starts a build that continues this one. */
export function buildStages({ again }) {
  const element = h("ol.tl-stages");
  const lines = new Map();
  let ended = false;

  function line(stage) {
    const sign = h("span.tl-sign", { "aria-hidden": "true" });
    const word = h("span.tl-sr");
    const said = h("div.tl-meta", { role: "status" });
    const bar = meter(0, stage.label);
    const shown = h("p.tl-meta.tl-stage-examples");
    const tools = h("div.tl-stage-tools");
    const row = h("li.tl-stage", h("div.tl-row.tl-spread", h("span", sign, word, h("b", ` ${stage.label}`)), tools), bar.element, said, shown);
    element.append(row);
    const one = { row, sign, word, said, bar, shown, tools, drawn: "" };
    lines.set(stage.name, one);
    return one;
  }

  function update(build) {
    ended = build.job.state !== "running" && build.job.state !== "queued";
    for (const stage of build.stages) {
      const one = lines.get(stage.name) || line(stage);
      const text = JSON.stringify([stage, ended]);
      if (text === one.drawn) continue;
      one.drawn = text;
      const [mark, word] = SIGNS[stage.state];
      fill(one.sign, mark);
      fill(one.word, word);
      one.row.dataset.state = stage.state;
      const { done, total } = stage.counts;
      one.bar.element.hidden = stage.state !== "running";
      if (stage.state === "running") one.bar.set(total && stage.name === "candidates" ? done / total : null);
      fill(one.said, stage.state === "done" ? SAID[stage.name](stage.counts) : stage.state === "running" && stage.name === "candidates" && total ? `${count(done)} of ${count(total)} items` : "");
      fill(one.shown, stage.state === "done" && examples(stage.examples));
      fill(one.tools, stage.state === "done" && stage.inherited && h("span.tl-meta", "as before"), stage.state === "done" && ended && AGAIN.has(stage.name) && tool(stage));
    }
  }

  function tool(stage) {
    if (stage.name !== "counted") return h("button.tl-btn.tl-small.tl-quiet", { onclick: () => again(stage.name, {}), "aria-label": `Run again from “${stage.label}”` }, "Run again from here");
    const least = h("input.tl-input.tl-short", { type: "number", min: 1, step: 1, value: stage.counts.least });
    const size = h("input.tl-input.tl-short", { type: "number", min: 1, step: 1, value: stage.counts.size });
    const run = () => again("counted", { least: Math.max(1, Math.round(Number(least.value)) || 1), size: Math.max(1, Math.round(Number(size.value)) || 1) });
    return h("details.tl-more", h("summary", "Run again from here"), h("div.tl-row.tl-stage-again", control("Least items per tag", least), control("Most new tags", size), h("button.tl-btn.tl-small", { onclick: run }, "Run")));
  }

  return { element, update };
}

/** A few of what a stage left out or joined. */
function examples(found) {
  const parts = Object.entries(found || {}).filter(([, values]) => values.length).map(([name, values]) => [OUT[name] ? `Left out as ${OUT[name]}: ` : NAMED[name] ?? "", values.slice(0, 4).map((each) => `“${each}”`).join(", "), ". "]);
  return parts.flat();
}
const NAMED = { fields: "Fields: ", joined: "Joined: ", everywhere: "Left out, on most items: ", advice: "" };
