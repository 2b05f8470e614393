// One proposal: what would change, and the evidence that a person decides by.

import { count, h, percent, plural, score } from "./dom.js";

export const KINDS = { add: "New tag", merge: "Merge", alias: "Alias", parent: "Parent", archive: "Archive" };
const ARROWS = { merge: "→", alias: "→", parent: "under" };

/** The card. `current`: with its buttons and all of its evidence. */
export function proposalCard(proposal, { current = false, buttons = [], choose } = {}) {
  const body = [
    h("div.tl-row.tl-spread", h("span.tl-label", KINDS[proposal.kind]), h("span.tl-meta", figures(proposal))),
    h("div.tl-prop-names", names(proposal)),
    current && evidence(proposal),
  ];
  if (!current) return h("button.tl-prop", { onclick: choose, "aria-label": `${KINDS[proposal.kind]} ${proposal.name}${proposal.into ? `, ${proposal.into}` : ""}` }, body);
  return h("article.tl-prop.tl-on", { "aria-label": `${KINDS[proposal.kind]} ${proposal.name}`, data: { proposal: proposal.id } }, body, buttons.length > 0 && h("div.tl-row.tl-prop-buttons", buttons));
}

function chip(name, items, kept = false) {
  return h("span.tl-chip", { class: kept && "tl-both" }, h("b", name), items > 0 && h("span.tl-n", count(items)));
}

function names(proposal) {
  const { detail } = proposal;
  if (proposal.kind === "add") return [chip(proposal.name, proposal.items), proposal.aliases.length > 0 && h("span.tl-meta", `also ${list(proposal.aliases)}`)];
  if (proposal.kind === "archive") return chip(proposal.name, proposal.items);
  return [chip(proposal.name, proposal.items), h("span.tl-arrow", { "aria-label": "into" }, ARROWS[proposal.kind]), " ", chip(proposal.into, detail.into_items || 0, true)];
}

const list = (values) => (values.length > 4 ? `${values.slice(0, 4).join(", ")} and ${count(values.length - 4)} more` : values.join(", "));

/** "cos .97 · same items 61 %" */
function figures({ kind, score: own, detail }) {
  const parts = [];
  if (detail.cosine !== null && detail.cosine !== undefined) parts.push(`cos ${score(detail.cosine)}`);
  if (detail.jaccard > 0) parts.push(`same items ${percent(detail.jaccard, 1)}`);
  if (!parts.length || kind === "add") parts.unshift(score(own));
  return parts.join(" · ");
}

function evidence(proposal) {
  const { detail, items, kind } = proposal;
  const titles = (detail.examples || []).map((each) => `“${each.title}”`);
  const effect = kind === "add" || !items ? "" : `${plural(items, "item")} ${items === 1 ? "changes" : "change"}. `;
  const reasons = (detail.reasons || []).filter(Boolean);
  return h(
    "div.tl-prop-evidence",
    reasons.length > 0 && h("ul.tl-prop-reasons", reasons.slice(0, 5).map((each) => h("li", each))),
    (effect || titles.length > 0) && h("p.tl-meta", effect, titles.join(", ")),
    detail.readable === false && h("p.tl-meta", "The embedding model cannot read these words well: the proposal rests on their spelling and on shared items alone."),
    proposal.exists && h("p.tl-meta", "The vocabulary has this name already; accepting it changes nothing but its spellings."),
  );
}
