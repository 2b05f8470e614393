// One item of a try: its title and the tags that a run would suggest.

import { count, h, score } from "./dom.js";
import { flagsOf } from "./jobs_spent.js";

const STATES = {
  refused: "The model would not answer this one.",
  invalid: "The model's answer could not be used.",
  failed: "This one failed.",
};

export function tried(item) {
  const first = item.suggestions[0];
  return h(
    "li",
    h("div.tl-tried-title", item.title),
    item.suggestions.length
      ? h("div", item.suggestions.map(chip))
      : h("p.tl-meta", STATES[item.state] || "No tag fits.", item.error && ["failed", "invalid"].includes(item.state) && ` ${item.error}`),
    item.flags?.length > 0 && h("p.tl-meta.tl-muted", `Answer: ${flagsOf(item.flags)}.`),
    first?.evidence?.[0]?.passage && h("p.tl-meta.tl-clip", `${first.name}: “${first.evidence[0].passage}”`),
  );
}

function chip(each) {
  return h(
    `span.tl-chip.tl-mini.tl-${each.agent}`,
    { title: why(each) },
    each.new && h("span", { "aria-label": "new to the vocabulary" }, "+"),
    h("b", each.name),
    !each.new && each.value && each.value !== each.name && h("span.tl-muted", `← ${each.value}`),
    h("span.tl-n", score(each.score)),
    h("span.tl-who", each.agent),
  );
}

function why(suggestion) {
  const evidence = suggestion.evidence?.[0];
  const near = suggestion.nearest?.[0];
  const votes = suggestion.samples > 1 ? `${suggestion.votes} of ${suggestion.samples} votes. ` : "";
  const fresh = suggestion.new ? `New to the vocabulary${near ? `; nearest: ${near.name}` : ""}. ` : "";
  return votes + fresh + (evidence ? `${evidence.field}: “${evidence.passage}”` : `score ${count(suggestion.score)}`);
}
