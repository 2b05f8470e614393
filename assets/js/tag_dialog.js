// Tagging a corpus: three settings, a try on ten items, then all of them as a job.

import { get, post } from "./api.js";
import { count, duration, fill, h, plural, score } from "./dom.js";
import { openDialog } from "./dialog.js";
import { followJob } from "./jobs.js";
import { poke } from "./jobs_feed.js";
import { go } from "./navigate.js";
import { control, emptyState, errorBox } from "./signs.js";

/** Open the dialog for a corpus: {id, name, items}. */
export async function openTagDialog(corpus) {
  let stop = () => {};
  const dialog = openDialog({ title: `Tag ${corpus.name}`, size: "medium", keep: true, onclose: () => stop() });
  fill(dialog.body, h("p.tl-loading", "Looking at the vocabulary…"));
  let tags;
  try {
    tags = (await get("tags", { limit: 1, state: "active" })).stats.tags;
  } catch (error) {
    return void fill(dialog.body, errorBox(error, () => (dialog.close(), openTagDialog(corpus))));
  }
  if (!tags)
    return void fill(
      dialog.body,
      emptyState("First, a vocabulary", "The tagger chooses from your list of tags. Make one from a corpus' gold tags, or paste or upload a list.", h("button.tl-btn.tl-primary", { onclick: () => (dialog.close(), go("vocabulary", { from: corpus.id })) }, "Make a vocabulary")),
    );

  const most = h("input.tl-input.tl-short", { type: "number", min: 1, max: 50, step: 1, value: "8", oninput: stale });
  const least = h("input.tl-range", { type: "range", min: 0, max: 0.9, step: 0.01, value: "0.3", "aria-label": "Least score", oninput: () => setLeast(Number(least.value)) });
  const leastText = h("span.tl-row.tl-tight");
  let threshold = null; // null: the method's own
  const limit = h("input.tl-input.tl-short", { type: "number", min: 1, max: corpus.items, step: 1, placeholder: "all", oninput: label });
  const results = h("div.tl-try", { "aria-live": "polite" });
  const trouble = h("div");
  const tryButton = h("button.tl-btn.tl-primary", { onclick: tryOut }, "Try on 10");
  const runButton = h("button.tl-btn", { onclick: run });
  let estimate = null;
  setLeast(null);
  fill(
    dialog.body,
    h(
      "div.tl-stack",
      h("p", `The builtin engine compares each item's fields with your ${plural(tags, "tag")} and suggests those that fit, with the passage that supports them. Nothing leaves this computer, and gold tags are never read.`),
      h(
        "div.tl-settings",
        control("Tags per item, at most", most, "The best ones first."),
        h("div.tl-control", h("span.tl-row.tl-spread", "Least score", leastText), least, h("span.tl-hint", "Higher means fewer and surer. Left alone, the method’s own is used.")),
      ),
      h("details.tl-more", h("summary", "More"), h("div.tl-settings", control("Only the first … items", limit, "Empty: the whole corpus."))),
      trouble,
      results,
    ),
  );
  fill(dialog.actions, h("span.tl-grow"), tryButton, runButton);
  label();
  tryButton.focus();

  function settings() {
    return { corpus: corpus.id, method: "selective", top_k: Math.max(1, Number(most.value) || 8), threshold };
  }
  function wanted() {
    const asked = Number(limit.value);
    return asked > 0 ? Math.min(Math.round(asked), corpus.items) : corpus.items;
  }
  function label() {
    // starting a process and loading the model takes some seconds, however few the items
    const seconds = estimate * wanted();
    const time = estimate === null ? "" : seconds < 20 ? " · a few seconds" : ` · about ${duration(seconds)}`;
    fill(runButton, `Tag ${plural(wanted(), "item")}${time}`);
  }
  function setLeast(value) {
    threshold = value;
    const reset = h("button.tl-link", { onclick: (event) => (event.preventDefault(), setLeast(null)) }, "back to the usual");
    fill(leastText, value === null ? h("span.tl-muted", "as usual") : [h("output.tl-n", score(value)), reset]);
    least.setAttribute("aria-valuetext", value === null ? "as the method has it" : score(value));
    stale();
  }
  function stale() {
    results.classList.add("tl-stale");
  }

  async function tryOut() {
    tryButton.disabled = true;
    fill(trouble);
    if (!results.children.length) fill(results, h("p.tl-meta", "Trying on ten items. The first time, the model is opened: a few seconds."));
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await post("tag/try", settings());
      estimate = answer.estimate_seconds / Math.max(1, answer.total_items);
      results.classList.remove("tl-stale");
      fill(results, answer.note && h("p.tl-note", answer.note), h("ul.tl-tried", answer.items.map(tried)));
      tryButton.classList.remove("tl-primary");
      runButton.classList.add("tl-primary");
      fill(tryButton, "Try again");
      label();
    } catch (error) {
      fill(results);
      fill(trouble, errorBox(error));
    }
    results.removeAttribute("aria-busy");
    tryButton.disabled = false;
  }

  async function run() {
    runButton.disabled = true;
    try {
      const asked = Number(limit.value);
      const { job } = await post("tag/run", { ...settings(), limit: asked > 0 ? wanted() : null });
      poke(job);
      follow(job);
    } catch (error) {
      runButton.disabled = false;
      fill(trouble, errorBox(error));
    }
  }

  function follow(job) {
    const review = h("button.tl-btn.tl-primary", { onclick: () => (dialog.close(), go("review", { corpus: corpus.id })) }, "Review what is there");
    const followed = followJob(job, { plain: true, leave: dialog.close, each: (now) => fill(review, now.state === "done" ? `Review ${plural(now.result?.ok ?? now.done, "item")}` : "Review what is there") });
    stop = followed.stop;
    fill(dialog.body, h("div.tl-stack", followed.element));
    fill(dialog.actions, h("span.tl-grow", "It goes on when you close this; Jobs shows it."), h("button.tl-btn", { onclick: dialog.close }, "Close"), review);
    review.focus();
  }
}

function tried(item) {
  return h(
    "li",
    h("div.tl-tried-title", item.title),
    item.suggestions.length
      ? h("div", item.suggestions.map((each) => h(`span.tl-chip.tl-mini.tl-${each.agent}`, { title: why(each) }, h("b", each.name), h("span.tl-n", score(each.score)), h("span.tl-who", each.agent))))
      : h("p.tl-meta", "No tag of the vocabulary reaches the least score."),
    item.suggestions[0]?.evidence?.[0]?.passage && h("p.tl-meta.tl-clip", `${item.suggestions[0].name}: “${item.suggestions[0].evidence[0].passage}”`),
  );
}

function why(suggestion) {
  const evidence = suggestion.evidence?.[0];
  return evidence ? `${evidence.field}: “${evidence.passage}”` : `score ${count(suggestion.score)}`;
}
