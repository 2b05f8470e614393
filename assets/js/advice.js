// "Which model?": short advice per role and memory, with one press to connect what is advised.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { errorBox, segment } from "./signs.js";

const SERVERS = { ollama: ["Ollama", "http://localhost:11434/v1"], openai: ["OpenAI", "https://api.openai.com/v1"], openrouter: ["OpenRouter", "https://openrouter.ai/api/v1"] };
const LABELS = { none: "No card", 6: "6 GB", 12: "12 GB", 24: "24 GB", api: "Paid server" };
const ORDER = ["none", "6", "12", "24", "api"];
const KEPT = "tagloom.advice.memory";

/** Draw the advice into `element`, a card. `connect(values)` opens the form of a connection. */
export async function drawAdvice(element, connect) {
  const head = [h("h2", "Which model?"), h("p.tl-meta", "By the memory of your graphics card; a Mac counts about two thirds of its own.")];
  let advice;
  try {
    advice = await get("advice");
  } catch (error) {
    return void fill(element, head, errorBox(error, () => drawAdvice(element, connect)));
  }
  const body = h("div.tl-stack.tl-side-text");
  const kept = localStorage.getItem(KEPT);
  let memory = ORDER.includes(kept) ? kept : "none";
  const choice = segment("Memory of the graphics card", ORDER.map((each) => [each, LABELS[each]]), memory, (value) => {
    memory = value;
    localStorage.setItem(KEPT, value);
    draw();
  });
  choice.element.classList.add("tl-advice-memory");
  fill(element, head, h("div.tl-side-text", choice.element), body, h("p.tl-hint.tl-side-text", `Looked over on ${new Date(advice.looked_over).toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" })}. Times are rough: try on ten items first.`));
  draw();

  function draw() {
    fill(body, Object.entries(advice.roles).map(([role, title]) => h("div", h("span.tl-label", title), h("ul.tl-advice", advice.models.filter((each) => each.role === role && each.memory === memory).map(entry)))));
  }

  function entry(each) {
    return h("li", h("b", each.name), h("p.tl-meta", each.why, " ", each.expect), !each.builtin && h("div.tl-row.tl-tight.tl-wrap", places(each)));
  }

  function places(each) {
    const roles = each.role === "tagging" ? ["text"] : ["vision"];
    const buttons = Object.entries(SERVERS).filter(([place]) => each[place]).map(([place, [label, base_url]]) => h("button.tl-btn.tl-small", { title: `Connect ${each[place]} at ${label}`, onclick: () => connect({ base_url, model: each[place], roles }) }, `${label}: ${each[place]}`));
    return [...buttons, each.hub && h("button.tl-btn.tl-small", { title: "Run it in a process of this computer", onclick: () => connect({ engine: "transformers", model: each.hub, roles }) }, each.hub)];
  }
}
