// What a draft of a prompt comes to: the messages as they would be sent, their length, what differs from the shipped one.

import { count, h, plural } from "./dom.js";

const ROLES = { system: "Instructions", user: "Question", assistant: "Answer" };

/** The messages of a drawn draft, the examples marked as such. */
export function messages(drawn) {
  let example = 0;
  return h(
    "ol.tl-pw-messages",
    drawn.messages.map((each) => {
      if (each.example && each.role === "user") example += 1;
      const name = each.example ? `Example ${example} · ${ROLES[each.role].toLowerCase()}` : ROLES[each.role];
      return h("li", { class: each.example && "tl-pw-example" }, h("div.tl-pw-role", name, h("span.tl-meta", each.role)), h("pre", each.text));
    }),
  );
}

/** How long the question is, beside what the model can read; every count is an estimate and says so. */
export function length(drawn) {
  const parts = [`About ${plural(drawn.tokens, "token")} (estimated)`];
  const bar = h("div.tl-pw-length", { role: "img" });
  if (drawn.context) {
    const share = (n) => `${Math.min(100, (100 * n) / drawn.context)}%`;
    bar.append(h("i.tl-pw-static", { style: { width: share(drawn.static_tokens) } }), h("i.tl-pw-item", { style: { width: share(drawn.tokens - drawn.static_tokens) } }), h("i.tl-pw-answer", { style: { width: share(drawn.max_tokens) } }));
    parts.push(`of ${count(drawn.context)} that ${drawn.model || "the model"} can read; ${count(drawn.max_tokens)} are kept for the answer`);
    bar.setAttribute("aria-label", `${count(drawn.tokens)} and ${count(drawn.max_tokens)} of ${count(drawn.context)} tokens`);
  } else parts.push(drawn.model ? `. How much ${drawn.model} can read is not known: nothing is cut. Settings, Connections can say it` : ". No model is connected, so there is nothing to measure against");
  const said = parts.join(drawn.context ? " " : "");
  return h(
    "div",
    drawn.context ? bar : null,
    h("p.tl-meta", `${said}.`, drawn.context && h("span.tl-pw-legend", h("i.tl-pw-static"), "same for all items ", h("i.tl-pw-item"), "this item ", h("i.tl-pw-answer"), "answer")),
    drawn.notes.length > 0 && h("p", { class: drawn.fits ? "tl-note" : "tl-error" }, h("b", drawn.fits ? "Cut to fit: " : "Too long: "), `${drawn.notes.join(", ")}.`, drawn.candidates > drawn.shown && ` ${drawn.shown} of ${drawn.candidates} candidates are shown.`),
  );
}

/** Lines that differ from the shipped prompt, with a few around them. */
export function differences(lines) {
  if (!lines.some(([sign]) => sign !== " ")) return h("p.tl-meta", "The text is the shipped one.");
  const near = new Set();
  lines.forEach(([sign], at) => {
    if (sign !== " ") for (let each = at - 2; each <= at + 2; each += 1) near.add(each);
  });
  const shown = [];
  let left = 0;
  lines.forEach(([sign, text], at) => {
    if (!near.has(at)) return void (left += 1);
    if (left) shown.push(h("div.tl-pw-skipped", `… ${plural(left, "line")} the same`));
    left = 0;
    const word = { "+": "yours", "-": "shipped" }[sign];
    shown.push(h("div", { class: word && `tl-pw-${word}` }, h("span.tl-pw-mark", { "aria-hidden": "true" }, sign), word && h("span.tl-sr", `${word}: `), text || " "));
  });
  if (left) shown.push(h("div.tl-pw-skipped", `… ${plural(left, "line")} the same`));
  return h("div", h("p.tl-meta", "+ stands in yours, - in the one that Tagloom comes with."), h("div.tl-pw-diff", shown));
}
