// Writing captions for a corpus: styles, engine and which tracks; a try on ten of them; then all as a job.

import { post } from "./api.js";
import { count, debounce, duration, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { engineChoice } from "./engine_choice.js";
import { followJob } from "./jobs.js";
import { ACTIVE, poke } from "./jobs_feed.js";
import { price } from "./jobs_spent.js";
import { ABOUT, captionLine, STYLES, tagChips, TITLES, tookWords, VERDICTS } from "./music_caption.js";
import { captionControls } from "./music_controls.js";
import { go } from "./navigate.js";
import { promptButton } from "./prompt_workbench.js";
import { control, errorBox, segment } from "./signs.js";

const WRITES = {
  builtin: "The builtin writer composes each caption from the tags: it says every tag, and nothing else.",
  model: "The model writes from the tags alone; titles and artists are never sent. Every answer is checked against the tags.",
};
const promptOf = (style) => `caption-music-${style.replace("_", "-")}`;

/** Open the dialog for a corpus {id, name, items}. `only`: which captions ("all", "missing", "failing"), `styles`: which
 *  are ticked, `verdicts`: {style: {pass, warn, fail, none, missing}} as the list has them. */
export async function openCaptionDialog(corpus, { only = "all", styles = STYLES, verdicts = {} } = {}) {
  let stop = () => {};
  const dialog = openDialog({ title: only === "failing" ? `Regenerate failing captions of ${corpus.name}` : `Write captions for ${corpus.name}`, size: "medium", keep: true, onclose: () => (stop(), window.removeEventListener("tagloom:prompt", changed)) });
  fill(dialog.body, h("p.tl-loading", "Looking at the engines…"));
  let kind = "builtin"; // or "model"
  let drawn = false; // the choice tells of itself once it is known, before there is anything to draw
  let figures = null; // what the server expects it to take
  let asked = 0;
  const seconds = {}; // for one track, by engine and number of styles
  const engine = engineChoice({ role: "text", onchange: () => drawn && draw(), leave: () => dialog.close() });
  await engine.ready;

  const styleBoxes = STYLES.map((style) => [style, h("input", { type: "checkbox", checked: styles.includes(style), value: style, onchange: () => (drawWhich(), changed()) })]);
  const styleTicks = h("fieldset.tl-mu-styles", h("legend.tl-label", "Styles"), styleBoxes.map(([style, box]) => h("label.tl-check", box, h("span", TITLES[style], h("span.tl-hint.tl-block", ABOUT[style])))));
  const which = segment("Which captions", [["all", "All tracks"], ["missing", "Only missing"], ["failing", "Only failing"]], only, (value) => ((only = value), drawWhich(), draw()));
  const whichText = h("span.tl-hint", { "aria-live": "polite" });
  const about = h("p");
  const candidates = h("input.tl-input.tl-short", { type: "number", min: 1, max: 5, step: 1, value: "1", oninput: changed });
  const retry = h("input.tl-input.tl-short", { type: "number", min: 0, max: 2, step: 1, value: only === "failing" ? "2" : "0", oninput: changed });
  const limit = h("input.tl-input.tl-short", { type: "number", min: 1, max: corpus.items, step: 1, placeholder: "all", oninput: changed });
  const budget = h("input.tl-input.tl-short", { type: "number", min: 0.01, step: 0.01, placeholder: "no limit", oninput: stale });
  const batch = h("input", { type: "checkbox", onchange: changed });
  const inBatch = h("label.tl-check", { hidden: true }, batch, h("span", "Hand in as a batch", h("span.tl-hint.tl-block", "All questions at once, at the batch's own price, answered within 24 hours and often sooner. The job waits for it.")));
  const controls = captionControls(changed);
  const promptStyle = h("select.tl-select", { "aria-label": "Prompt of which style", onchange: () => prompt.update() }, STYLES.map((style) => h("option", { value: style }, TITLES[style])));
  const prompt = promptButton(() => promptOf(promptStyle.value), { corpus: () => corpus.id, settings: () => ({ connection: engine.value()?.connection, controls: controls.value() }) });
  const ofModel = h("div.tl-settings", h("div.tl-control", h("span", "Words of the question"), h("div.tl-row.tl-tight", promptStyle, prompt)), control("Stop at … $", budget, "Nothing more is asked then; what is answered is kept. Resume goes on."), inBatch);
  const more = h(
    "details.tl-more",
    h("summary", "More"),
    h(
      "div.tl-stack",
      h("div.tl-settings", control("Candidates of each caption", candidates, "1 to 5. The checks choose the best one; the others stay to be taken."), control("Write failing ones again … times", retry, "0 to 2. The reasons of the failed checks are given to the writer.")),
      controls.element,
      ofModel,
      h("div.tl-settings", control("Only the first … tracks", limit, "Empty: the whole corpus.")),
    ),
  );
  const warns = h("div.tl-stack", { "aria-live": "polite" });
  const takes = h("p.tl-meta", { "aria-live": "polite" });
  const trouble = h("div");
  const results = h("div.tl-try", { "aria-live": "polite" });
  const tryButton = h("button.tl-btn.tl-primary", { type: "button", onclick: tryOut }, "Try on 10");
  const runButton = h("button.tl-btn", { type: "button", onclick: run });
  const askLater = debounce(ask, 250);
  fill(
    dialog.body,
    h("div.tl-stack", styleTicks, h("div.tl-settings", h("div.tl-control", h("span", "Engine"), engine.element), h("div.tl-control", h("span", "Which captions"), which.element, whichText)), about, more, warns, takes, trouble, results),
  );
  fill(dialog.actions, h("span.tl-grow"), tryButton, runButton);
  drawn = true;
  drawWhich();
  draw();
  window.addEventListener("tagloom:prompt", changed); // other words take other requests
  tryButton.focus();

  function chosen() {
    return styleBoxes.filter(([, box]) => box.checked).map(([style]) => style);
  }
  function drawWhich() {
    const n = (name) => chosen().reduce((sum, style) => sum + (verdicts[style]?.[name] ?? (name === "missing" ? corpus.items : 0)), 0);
    fill(whichText, only === "missing" ? `${plural(n("missing") + n("none"), "caption")} of the chosen styles not written yet.` : only === "failing" ? `${plural(n("fail"), "caption")} of the chosen styles with a failed check. What a person decided stays.` : "New captions stand beside older ones; what a person decided stays.");
  }
  function draw() {
    kind = (engine.chosen()?.engine || "builtin") === "builtin" ? "builtin" : "model";
    fill(about, WRITES[kind]);
    ofModel.hidden = kind === "builtin";
    controls.builtin(kind === "builtin");
    prompt.update();
    changed();
  }
  function number(input, least, most, usual) {
    return input.value.trim() === "" ? usual : Math.min(most, Math.max(least, Math.round(Number(input.value)) || least));
  }
  function settings() {
    const model = kind === "model" ? { budget: Number(budget.value) > 0 ? budget.value : null, batch: batch.checked && !inBatch.hidden } : {};
    return { corpus: corpus.id, styles: chosen(), ...engine.value(), only, candidates: number(candidates, 1, 5, 1), retry_failing: number(retry, 0, 2, 0), limit: Number(limit.value) > 0 ? Math.min(Math.round(Number(limit.value)), corpus.items) : null, controls: controls.value(), ...model };
  }
  function changed() {
    stale();
    figures = null;
    const nothing = !chosen().length || !engine.chosen();
    tryButton.disabled = nothing;
    runButton.disabled = true; // until it is known what it would do
    label();
    if (!nothing) askLater();
  }

  /** What it would take, asked of the server whenever something that matters has changed. */
  async function ask() {
    const mine = ++asked;
    try {
      const answer = await post("captions/estimate", settings());
      if (mine !== asked) return;
      figures = answer;
      fill(trouble);
      inBatch.hidden = !answer.batches;
    } catch (error) {
      if (mine === asked) fill(trouble, errorBox(error, ask));
    }
    if (mine === asked) label();
  }

  function label() {
    if (!chosen().length) {
      fill(runButton, "Choose a style");
      fill(warns);
      takes.hidden = true;
      return;
    }
    const each = seconds[`${engine.chosen()?.id} ${chosen().length}`];
    const parts = [figures ? `Write ${plural(figures.items, "caption")}` : "Write captions"];
    if (figures) {
      const left = figures.requests - figures.cached_requests;
      if (kind === "model") {
        parts.push(left ? `about ${plural(left, "request")}` : "no request");
        if (left) parts.push(figures.cost === null ? "unknown price" : price(figures.cost));
        if (left && batch.checked && !inBatch.hidden) parts.push("as a batch");
      } else if (each !== undefined) parts.push(each * figures.tracks < 20 ? "a few seconds" : `about ${duration(each * figures.tracks)}`);
      else parts.push("$0");
      runButton.disabled = !figures.items;
      if (!figures.items) parts.splice(0, 9, only === "failing" ? "No caption fails" : only === "missing" ? "No caption is missing" : "Nothing to write");
    }
    fill(runButton, parts.join(" · "));
    fill(takes, figures && kind === "model" && said(figures, each));
    takes.hidden = !takes.textContent;
    fill(warns, figures && warnings(figures));
  }

  /** What the tags would make a run stumble over. */
  function warnings(now) {
    const review = (text) => h("button.tl-link", { type: "button", onclick: async () => (dialog.close(), (await import("./music_cleaning.js")).openCleaning(corpus, () => window.dispatchEvent(new CustomEvent("tagloom:corpora")))) }, text);
    const lines = [
      now.contradictions > 0 && [`${plural(now.contradictions, "track has", "tracks have")} tags that cannot both be true. `, review("See them before you go on")],
      now.no_tags > 0 && `${plural(now.no_tags, "track has", "tracks have")} no tags: nothing is written about ${now.no_tags === 1 ? "it" : "them"}, and the run reports ${now.no_tags === 1 ? "it" : "them"}.`,
      now.left_out > 0 && `${plural(now.left_out, "caption is", "captions are")} left out: asked for again as often as it may be.`,
      kind === "model" && now.tag_sets > 0 && now.tag_sets < now.tracks && `${plural(now.tracks, "track")} share ${count(now.tag_sets)} different sets of tags; equal ones are asked about once.`,
    ].filter(Boolean);
    return lines.length > 0 && h("div.tl-note", lines.map((line) => h("div", line)));
  }

  function said(now, each) {
    const left = now.requests - now.cached_requests;
    const texts = [now.cached_requests > 0 ? `${plural(now.cached_requests, "answer")} of ${count(now.requests)} ${now.cached_requests === 1 ? "is" : "are"} there already, and not paid for again.` : left && now.cached_note];
    if (left) {
      const time = each && !(batch.checked && !inBatch.hidden) ? `, ${duration((each * left * now.tracks) / Math.max(1, now.requests))}` : "";
      texts.push(`About ${count(now.prompt_tokens)} tokens to read and ${count(now.completion_tokens)} to write${time} (${now.token_note}).`);
      texts.push(now.cost === null ? `${now.cost_note[0].toUpperCase()}${now.cost_note.slice(1)}.` : now.cost > 0 ? `${price(now.cost)}, probably below ${price(now.cost_high)} (${now.cost_note}).` : `It costs nothing (${now.cost_note}).`);
    }
    return texts.filter(Boolean).join(" ");
  }

  function stale() {
    results.classList.add("tl-stale");
  }

  async function tryOut() {
    tryButton.disabled = true;
    fill(trouble);
    const tried = engine.chosen()?.id;
    const sent = settings();
    if (!results.children.length) fill(results, h("p.tl-meta", "Writing about ten tracks…"));
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await post("captions/try", sent);
      seconds[`${tried} ${sent.styles.length}`] = answer.seconds_per_item;
      results.classList.remove("tl-stale");
      fill(results, tally(answer.items), answer.note && h("p.tl-meta", answer.note), tookWords(answer.spent) && h("p.tl-meta", tookWords(answer.spent)), h("ul.tl-tried", answer.items.map((item) => triedTrack(item, sent.styles))));
      dialog.body.scrollTop += results.getBoundingClientRect().top - dialog.body.getBoundingClientRect().top - 12; // with More open it would lie below what is seen
      tryButton.classList.remove("tl-primary");
      runButton.classList.add("tl-primary");
      fill(tryButton, "Try again");
      ask(); // what was learned changes what the run takes
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
      const { job } = await post("captions/run", settings());
      poke(job);
      follow(job);
    } catch (error) {
      runButton.disabled = false;
      fill(trouble, errorBox(error));
    }
  }

  function follow(job) {
    const found = h("p.tl-meta", { "aria-live": "polite" });
    const look = h("button.tl-btn.tl-primary", { type: "button", onclick: () => (dialog.close(), go("music", { corpus: corpus.id })) }, "See what is there");
    const again = h("button.tl-btn", { type: "button", hidden: true, onclick: () => (dialog.close(), openCaptionDialog(corpus, { only: "failing", styles: chosen(), verdicts: failing })) });
    const goesOn = h("span", "It goes on when you close this; Jobs shows it.");
    let failing = {};
    const followed = followJob(job, {
      plain: true,
      leave: dialog.close,
      each: (now) => {
        const ended = now.state === "done" && now.result;
        fill(look, ended ? `See ${plural(now.result.ok ?? now.done, "caption")}` : "See what is there");
        goesOn.hidden = !ACTIVE.has(now.state);
        if (!ended) return;
        failing = now.result.verdicts || {};
        const sum = (name) => Object.values(failing).reduce((all, each) => all + (each[name] || 0), 0);
        fill(found, Object.entries(VERDICTS).filter(([name]) => sum(name)).map(([name, [sign, word]]) => `${sign} ${count(sum(name))} ${word}`).join(" · "));
        again.hidden = !sum("fail");
        fill(again, `Regenerate ${plural(sum("fail"), "failing caption")}…`);
      },
    });
    stop = followed.stop;
    fill(dialog.body, h("div.tl-stack", followed.element, found));
    fill(dialog.actions, h("span.tl-grow", goesOn), h("button.tl-btn", { type: "button", onclick: dialog.close }, "Close"), again, look);
    look.focus();
  }
}

/** "36 ✓ pass · 3 ! warning · 1 ✕ fail" of what a try wrote. */
function tally(items) {
  const counts = {};
  for (const item of items) for (const said of Object.values(item.captions)) {
    const verdict = said.candidates?.[0]?.checks?.verdict || "none";
    counts[verdict] = (counts[verdict] || 0) + 1;
  }
  const words = Object.entries(VERDICTS).filter(([name]) => counts[name]);
  return h("p.tl-mu-tally", words.map(([name, [sign, word]]) => h("span.tl-mu-badge", { class: `tl-mu-${name}` }, h("span", { "aria-hidden": "true" }, sign), ` ${count(counts[name])} ${word}`)));
}

function triedTrack(item, styles) {
  return h(
    "li",
    h("div.tl-tried-title", { dir: "auto" }, item.title || item.external_id),
    h("div.tl-mu-chips", tagChips(item.tags)),
    item.tags.contradictions.map((words) => h("p.tl-meta", h("b", "! "), words)),
    h("ul.tl-mu-lines", styles.filter((style) => item.captions[style]).map((style) => captionLine(style, item.captions[style], item.tags))),
  );
}
