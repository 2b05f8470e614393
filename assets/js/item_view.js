// An item as it is shown: the mapping's preview and the item drawer draw it with the same pieces.

import { h, score } from "./dom.js";
import { flagsOf } from "./jobs_spent.js";

/** The fields that people read, title first and larger. `fields`: [{name, label, kind, text}]. */
export function fieldList(fields) {
  return fields
    .filter((field) => field.text)
    .map((field) => h("div.tl-field", h("span.tl-label", field.label), h("p", { class: field.kind === "title" ? "tl-item-title" : "" }, field.text)));
}

/** What is kept beside the item without being read by a tagger. */
export function keptList(kept) {
  const filled = (kept || []).filter((each) => each.text);
  return (
    filled.length > 0 &&
    h("details.tl-more.tl-field", h("summary", `Kept beside it (${filled.length})`), h("dl.tl-kept", filled.map((each) => [h("dt", each.name), h("dd", each.text)])))
  );
}

/** Names as small chips under a label; nothing when there are none. */
export function chipField(label, names, kind = "") {
  return names?.length ? h("div.tl-field", h("span.tl-label", label), h("div", names.map((name) => h("span.tl-chip.tl-mini", { class: kind }, h("b", name))))) : null;
}

/** Suggestions with score and agent; those that are new to the vocabulary with a plus. `dropped` are keys of new ones. */
export function suggestionField(suggestions, accepted = [], rejected = [], dropped = []) {
  if (!suggestions?.length) return null;
  return h(
    "div.tl-field",
    h("span.tl-label", "Suggested"),
    h(
      "div",
      suggestions.map((each) =>
        h(
          "span.tl-chip.tl-mini",
          {
            class: `tl-${each.agent} ${accepted.includes(each.tag) ? "tl-yes" : ""} ${rejected.includes(each.tag) || dropped.includes(each.key) ? "tl-no" : ""} ${each.tag ? "" : "tl-new"}`,
            title: each.evidence?.[0]?.passage || (each.tag ? "" : "not in the vocabulary"),
          },
          accepted.includes(each.tag) && h("span", { "aria-label": "accepted" }, "✓"),
          !each.tag && h("span", { "aria-label": "new to the vocabulary" }, "+"),
          h("b", each.name ?? each.value),
          h("span.tl-n", score(each.score)),
          h("span.tl-who", each.agent),
        ),
      ),
    ),
  );
}

const STATES = { failed: "no answer", refused: "would not answer", invalid: "its answer could not be used" };

/** How an agent's answer ended, where it is worth a word: "Selective: cut off". */
export const answerWords = (each) => [STATES[each.state], flagsOf(each.flags)].filter(Boolean).join(", ");

/** The agents' answers that did not simply go well, with what the model wrote. */
export function answerField(answers) {
  if (!answers?.length) return null;
  return h(
    "div.tl-field",
    h("span.tl-label", "Answers"),
    answers.map((each) =>
      h(
        "div",
        h("p", h("b", `${each.method}, ${each.model}: `), answerWords(each), each.error && each.state !== "refused" && h("span.tl-muted", ` ${each.error}`)),
        each.raw && h("details.tl-more", h("summary", "What the model wrote"), h("pre.tl-mono.tl-raw", { dir: "auto" }, each.raw)),
      ),
    ),
  );
}

/** A link to where the item came from, opened apart from the page and without telling where from. */
export function linkField(link) {
  if (!/^https?:\/\//i.test(link || "")) return null;
  return h("div.tl-field", h("span.tl-label", "Link"), h("p", h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, link)));
}
