// One caption as a try shows it: its text with marked places, how its checks turned out, what was predicted.

import { drawSpans, fitFlags, reasonList, verdictSign } from "./caption_checks.js";
import { STYLES, TITLES } from "./caption_state.js";
import { fill, h, plural } from "./dom.js";
import { flagsOf, price } from "./jobs_spent.js";

export { STYLES, TITLES };

export const ABOUT = {
  writing: "One to three plain sentences that say what the tags say.",
  summary: "One sentence, nothing else.",
  paraphrase: "The same facts in freer words.",
  attribute_prediction: "Adds likely attributes, kept apart from the given tags until you tick them.",
};

/** Verdicts of checks: sign, word, and what it means of a caption. */
export const VERDICTS = {
  pass: ["✓", "pass", "says what the tags say"],
  warn: ["!", "warning", "something to look at"],
  fail: ["✕", "fail", "says something that the tags do not"],
  none: ["–", "no caption", "was asked for, and none came"],
  missing: ["·", "not written", "nobody has written one yet"],
};

const STATES = {
  refused: "The model would not write this one.",
  invalid: "The answer could not be used.",
  failed: "This one failed.",
};

/** A card of one style. `said`: {state, error, flags, candidates: [{text, predicted, checks}]}, or null while it is
 *  waited for. `tags`: what it was written from. */
export function captionCard(style, said, tags) {
  const best = said?.candidates?.[0];
  const head = h("div.tl-mu-card-head", h("h3", TITLES[style]), best && verdictSign(best.checks), best && h("span.tl-grow"), best && copyButton(best.text, TITLES[style]));
  if (!said) return h("article.tl-mu-card.tl-mu-waits", { "aria-label": TITLES[style] }, head, h("p.tl-meta", ABOUT[style]));
  if (!best) return h("article.tl-mu-card", { "aria-label": TITLES[style], data: { style } }, head, h("p.tl-meta", problem(said)));
  return h(
    "article.tl-mu-card",
    { "aria-label": TITLES[style], data: { style, verdict: best.checks?.verdict || "none" } },
    head,
    textOf(best, tags),
    predicted(best.predicted),
    said.flags?.length > 0 && h("p.tl-meta.tl-muted", `Answer: ${flagsOf(said.flags)}.`),
    said.candidates.length > 1 &&
      h("details.tl-more", h("summary", `${plural(said.candidates.length - 1, "other candidate")}`), h("ul.tl-mu-others", said.candidates.slice(1).map((each) => h("li", verdictSign(each.checks), " ", h("span", { dir: "auto" }, each.text))))),
  );
}

/** A caption in a list of tried tracks: style, verdict, text, reasons. */
export function captionLine(style, said, tags) {
  const best = said?.candidates?.[0];
  return h(
    "li.tl-mu-line",
    { data: { style, verdict: best?.checks?.verdict || "none" } },
    h("div.tl-row.tl-tight", h("b", TITLES[style]), best && verdictSign(best.checks)),
    best ? [textOf(best, tags), predicted(best.predicted)] : h("p.tl-meta", problem(said)),
  );
}

const problem = (said) => `${STATES[said?.state] || "There is no caption."}${said?.error ? ` ${said.error}` : ""}`;

function textOf(best, tags) {
  const text = drawSpans(h("p.tl-mu-text", { dir: "auto" }), best.text, best.checks, tags?.present || []);
  const flash = (reason, at) => {
    const mark = text.querySelector(`[data-reason="${at}"]`);
    mark?.classList.remove("tl-cp-flash");
    void mark?.offsetWidth;
    mark?.classList.add("tl-cp-flash");
  };
  requestAnimationFrame(() => text.isConnected && fitFlags(text));
  return [text, reasonList(best.checks, flash)];
}

/** Predicted tags, visibly not given ones. */
export function predicted(names) {
  if (!names?.length) return null;
  return h("div.tl-mu-predicted", h("span.tl-label", "Predicted, not given"), h("div", names.map((name) => h("span.tl-chip.tl-mini.tl-new", { title: "Predicted. It is no tag of the track until somebody ticks it." }, h("span", { "aria-hidden": "true" }, "+"), h("span.tl-sr", "predicted: "), h("b", { dir: "auto" }, name)))));
}

/** Tags as chips: present ones, then absent ones apart and struck. `most`: how many present ones are shown. */
export function tagChips(tags, most = 1000) {
  const present = tags?.present || [];
  const absent = tags?.absent || [];
  return [
    present.slice(0, most).map((tag) => h("span.tl-chip.tl-mini", { title: tag.raw && tag.raw !== tag.name ? `in the file: ${tag.raw}` : "" }, h("b", { dir: "auto" }, tag.name))),
    present.length > most && h("span.tl-meta", { title: present.slice(most).map((tag) => tag.name).join(", ") }, `+${present.length - most} `),
    absent.map((tag) => h("span.tl-chip.tl-mini.tl-mu-absent", { title: `Not in this music${tag.raw ? `; in the file: ${tag.raw}` : ""}` }, h("span.tl-sr", "without "), h("b", { dir: "auto" }, tag.name))),
  ];
}

/** "This took 4 requests and 1,200 tokens, $0.01." */
export function tookWords(spent) {
  if (!spent || !(spent.requests + spent.cached)) return "";
  if (!spent.requests) return "All of it was there already: nothing was asked, nothing paid.";
  const money = spent.cost === null ? "" : spent.cost > 0 ? `, ${price(spent.cost)}` : ", for nothing";
  const had = spent.cached ? `; ${plural(spent.cached, "answer")} ${spent.cached === 1 ? "was" : "were"} there already` : "";
  return `This took ${plural(spent.requests, "request")} and ${spent.estimated ? "about " : ""}${plural(spent.tokens, "token")}${money}${had}.`;
}

function copyButton(text, title) {
  const button = h("button.tl-btn.tl-quiet.tl-small", { type: "button", "aria-label": `Copy ${title}`, onclick: copy }, "Copy");
  return button;

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      fill(button, "Copied");
    } catch {
      fill(button, "Mark it and copy"); // pages that are not served securely may not reach the clipboard
    }
    setTimeout(() => fill(button, "Copy"), 1500);
  }
}
