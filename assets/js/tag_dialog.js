// Tagging a corpus: method, engine and a few settings; a try on ten items; then all of them as a job.

import { get, post } from "./api.js";
import { count, debounce, duration, fill, h, plural, score } from "./dom.js";
import { openDialog } from "./dialog.js";
import { engineChoice } from "./engine_choice.js";
import { followJob } from "./jobs.js";
import { ACTIVE, poke } from "./jobs_feed.js";
import { price } from "./jobs_spent.js";
import { go } from "./navigate.js";
import { promptButton } from "./prompt_workbench.js";
import { control, emptyState, errorBox, segment } from "./signs.js";
import { tried } from "./tag_tried.js";

const METHODS = {
  selective: {
    builtin: (tags) => `Compares each item's fields with your ${plural(tags, "tag")} and suggests those that fit, with the passage that supports them.`,
    model: (tags) => `Finds about 40 candidates among your ${plural(tags, "tag")} for each item and lets the model choose from them. It can choose none; a tag outside the list cannot come back.`,
  },
  generative: {
    builtin: (tags) => `Takes keyphrases of each item itself${tags ? `, and matches them to your ${plural(tags, "tag")}` : ""}. What matches nothing stays visible as new.`,
    model: (tags) => `The model writes tags freely${tags ? `; they are matched to your ${plural(tags, "tag")} afterwards` : ""}. What matches nothing stays visible as new.`,
  },
};
const PROMPTS = { selective: "select-tags", generative: "free-tags" };
const LEAST = {
  selective: ["Least score", "Higher means fewer and surer. Left alone, the method’s own is used.", 0.3],
  generative: ["Least likeness", "How near in meaning a free tag must be to one of your tags to count as it.", 0.7],
};

/** Open the dialog for a corpus: {id, name, items}. */
export async function openTagDialog(corpus) {
  let stop = () => {};
  const dialog = openDialog({ title: `Tag ${corpus.name}`, size: "medium", keep: true, onclose: () => (stop(), window.removeEventListener("tagloom:prompt", changed)) });
  fill(dialog.body, h("p.tl-loading", "Looking at the vocabulary…"));
  let tags;
  try {
    tags = (await get("tags", { limit: 1, state: "active" })).stats.tags;
  } catch (error) {
    return void fill(dialog.body, errorBox(error, () => (dialog.close(), openTagDialog(corpus))));
  }

  let method = tags ? "selective" : "generative";
  let kind = "builtin"; // or "model"
  let drawn = false; // the choice tells of itself once it is known, before there is anything to draw
  const engine = engineChoice({ role: "text", onchange: () => drawn && draw(), leave: () => dialog.close() });
  await engine.ready;
  const about = h("p");
  const most = h("input.tl-input.tl-short", { type: "number", min: 1, max: 50, step: 1, value: "8", oninput: stale });
  const least = h("input.tl-range", { type: "range", min: 0, max: 0.95, step: 0.01, value: "0.3", "aria-label": "Least score", oninput: () => setLeast(Number(least.value)) });
  const leastName = h("span");
  const leastText = h("span.tl-row.tl-tight");
  const leastHint = h("span.tl-hint");
  let threshold = null; // null: the method's own
  const samples = h("input.tl-input.tl-short", { type: "number", min: 1, max: 9, step: 1, value: "1", oninput: changed });
  const useCase = h("input.tl-input", { maxLength: 400, placeholder: "for example: finding talks for a school lesson", oninput: changed });
  const language = h("input.tl-input", { maxLength: 60, placeholder: "as the items", oninput: changed });
  const limit = h("input.tl-input.tl-short", { type: "number", min: 1, max: corpus.items, step: 1, placeholder: "all", oninput: changed });
  const budget = h("input.tl-input.tl-short", { type: "number", min: 0.01, step: 0.01, placeholder: "no limit", oninput: stale });
  const batch = h("input", { type: "checkbox", onchange: changed });
  const inBatch = h("label.tl-check", { hidden: true }, batch, h("span", "Hand in as a batch", h("span.tl-hint", "All questions at once, at the batch's own price, answered within 24 hours and often sooner. The job waits for it.")));
  const prompt = promptButton(() => PROMPTS[method], { corpus: corpus.id, settings: () => ({ use_case: useCase.value.trim(), language: language.value.trim(), top_k: settings().top_k, connection: engine.value()?.connection }) });
  const ofModel = h("div.tl-settings", control("Ask each item … times", samples, "More than once: the answers vote."), control("Use case", useCase, "One sentence: what the tags are for."), control("Language of free tags", language), h("div.tl-control", h("span", "Words of the question"), prompt), control("Stop at … $", budget, "Nothing more is asked then; what is answered is kept. Resume goes on."), inBatch);
  const needsTags = h("div");
  const results = h("div.tl-try", { "aria-live": "polite" });
  const trouble = h("div");
  const takes = h("p.tl-meta", { "aria-live": "polite" });
  const tryButton = h("button.tl-btn.tl-primary", { onclick: tryOut }, "Try on 10");
  const runButton = h("button.tl-btn", { onclick: run });
  let seconds = {}; // an item, by method and engine
  let figures = null; // what the server expects it to take
  let asked = 0;
  const askLater = debounce(ask, 250);
  const methods = segment("Method", [["selective", "Choose from my tags"], ["generative", "Write tags freely"]], method, (value) => ((method = value), setLeast(null), draw()));
  fill(
    dialog.body,
    h(
      "div.tl-stack",
      h("div.tl-settings", h("div.tl-control", h("span", "Method"), methods.element), h("div.tl-control", h("span", "Engine"), engine.element)),
      about,
      needsTags,
      h("div.tl-settings", control("Tags per item, at most", most, "The best ones first."), h("div.tl-control", h("span.tl-row.tl-spread", leastName, leastText), least, leastHint)),
      h("details.tl-more", h("summary", "More"), h("div.tl-stack", ofModel, h("div.tl-settings", control("Only the first … items", limit, "Empty: the whole corpus.")))),
      takes,
      trouble,
      results,
    ),
  );
  fill(dialog.actions, h("span.tl-grow"), tryButton, runButton);
  setLeast(null);
  drawn = true;
  draw();
  window.addEventListener("tagloom:prompt", changed); // other words take other requests
  tryButton.focus();

  function draw() {
    kind = (engine.chosen()?.engine || "builtin") === "builtin" ? "builtin" : "model";
    fill(about, METHODS[method][kind](tags), " Gold tags are never read.");
    ofModel.hidden = kind === "builtin";
    prompt.update();
    const [name, hint] = LEAST[method];
    fill(leastName, name);
    least.setAttribute("aria-label", name);
    fill(leastHint, hint);
    const empty = method === "selective" && !tags;
    fill(needsTags, empty && emptyState("First, a vocabulary", "Choosing needs a list of tags. Make one from a corpus' gold tags, build one, or paste or upload a list.", h("button.tl-btn.tl-primary", { onclick: () => (dialog.close(), go("vocabulary", { from: corpus.id })) }, "Make a vocabulary")));
    tryButton.disabled = runButton.disabled = empty || !engine.chosen();
    changed();
  }

  function settings() {
    const model = kind === "model" ? { ...spending(), samples: Math.min(9, Math.max(1, Math.round(Number(samples.value)) || 1)), use_case: useCase.value.trim(), language: language.value.trim() } : {};
    return { corpus: corpus.id, method, ...engine.value(), top_k: Math.min(50, Math.max(1, Math.round(Number(most.value)) || 8)), threshold, ...model };
  }
  function spending() {
    return { budget: Number(budget.value) > 0 ? budget.value : null, batch: batch.checked && !inBatch.hidden };
  }
  function wanted() {
    const given = Number(limit.value);
    return given > 0 ? Math.min(Math.round(given), corpus.items) : corpus.items;
  }
  function limited() {
    return Number(limit.value) > 0 ? wanted() : null;
  }
  function changed() {
    stale();
    figures = null;
    label();
    if (!tryButton.disabled) askLater();
  }

  /** What it would take, asked of the server whenever something that costs has changed. */
  async function ask() {
    const mine = ++asked;
    if (kind === "builtin") return label();
    try {
      const answer = await post("tag/estimate", { ...settings(), limit: limited() });
      if (mine === asked) take(answer);
    } catch (error) {
      if (mine === asked) fill(trouble, errorBox(error));
    }
    if (mine === asked) label();
  }

  function take(answer) {
    figures = answer;
    fill(trouble);
    inBatch.hidden = !answer.batches;
  }

  function label() {
    const each = seconds[`${method} ${engine.chosen()?.id}`];
    const parts = [`Tag ${plural(wanted(), "item")}`];
    if (figures) {
      const left = figures.requests - figures.cached_requests;
      parts.push(left ? `about ${plural(left, "request")}` : "no request");
      if (left) parts.push(figures.cost === null ? "unknown price" : price(figures.cost));
      if (left && batch.checked && !inBatch.hidden) parts.push("as a batch");
    } else if (kind === "builtin" && each !== undefined) {
      // starting a process and loading the model takes some seconds, however few the items
      parts.push(each * wanted() < 20 ? "a few seconds" : `about ${duration(each * wanted())}`);
    }
    fill(runButton, parts.join(" · "));
    fill(takes, figures && said(figures, each));
    takes.hidden = !figures;
  }

  function said(now, each) {
    const left = now.requests - now.cached_requests;
    const texts = [now.cached_requests > 0 ? `${plural(now.cached_requests, "answer")} of ${count(now.requests)} ${now.cached_requests === 1 ? "is" : "are"} there already, and not paid for again.` : left && now.cached_note];
    if (left) {
      const takes = each && !(batch.checked && !inBatch.hidden) ? `, ${duration((each * left * wanted()) / Math.max(1, now.requests))}` : "";
      texts.push(`About ${count(now.prompt_tokens)} tokens to read and ${count(now.completion_tokens)} to write${takes} (${now.token_note}).`);
      texts.push(now.cost === null ? `${now.cost_note[0].toUpperCase()}${now.cost_note.slice(1)}.` : now.cost > 0 ? `${price(now.cost)}, probably below ${price(now.cost_high)} (${now.cost_note}).` : `It costs nothing (${now.cost_note}).`);
    }
    return texts.filter(Boolean).join(" ");
  }

  function setLeast(value) {
    threshold = value;
    if (value === null) least.value = String(LEAST[method][2]);
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
    const [tryMethod, tryKind] = [method, engine.chosen()?.id];
    if (!results.children.length) fill(results, h("p.tl-meta", "Trying on ten items. The first time, the model is opened: a few seconds."));
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await post("tag/try", { ...settings(), limit: limited() });
      seconds[`${tryMethod} ${tryKind}`] = answer.seconds_per_item;
      results.classList.remove("tl-stale");
      fill(results, answer.note && h("p.tl-note", answer.note), answer.spent.requests + answer.spent.cached > 0 && h("p.tl-meta", tookWords(answer.spent)), h("ul.tl-tried", answer.items.map(tried)));
      results.scrollIntoView({ block: "start" }); // with More open it would lie below what is seen
      tryButton.classList.remove("tl-primary");
      runButton.classList.add("tl-primary");
      fill(tryButton, "Try again");
      if (kind === "model" && tryKind === engine.chosen()?.id && tryMethod === method) figures = { ...answer.estimate, batches: !inBatch.hidden };
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
      const { job } = await post("tag/run", { ...settings(), limit: limited() });
      poke(job);
      follow(job);
    } catch (error) {
      runButton.disabled = false;
      fill(trouble, errorBox(error));
    }
  }

  function follow(job) {
    const review = h("button.tl-btn.tl-primary", { onclick: () => (dialog.close(), go("review", { corpus: corpus.id })) }, "Review what is there");
    const words = h("span.tl-grow", "It goes on when you close this; Jobs shows it.");
    const each = (now) => {
      fill(review, now.state === "done" ? `Review ${plural(now.result?.ok ?? now.done, "item")}` : "Review what is there");
      if (!ACTIVE.has(now.state)) words.textContent = "";
    };
    const followed = followJob(job, { plain: true, leave: dialog.close, each });
    stop = followed.stop;
    fill(dialog.body, h("div.tl-stack", followed.element));
    fill(dialog.actions, words, h("button.tl-btn", { onclick: dialog.close }, "Close"), review);
    review.focus();
  }
}

function tookWords(spent) {
  if (!spent.requests) return "All of it was there already: nothing was asked, nothing paid.";
  const money = spent.cost === null ? "" : spent.cost > 0 ? `, ${price(spent.cost)}` : ", for nothing";
  const had = spent.cached ? `; ${plural(spent.cached, "answer")} ${spent.cached === 1 ? "was" : "were"} there already` : "";
  return `This took ${plural(spent.requests, "request")} and ${spent.estimated ? "about " : ""}${count(spent.tokens)} tokens${money}${had}. The run does not pay for it again.`;
}
