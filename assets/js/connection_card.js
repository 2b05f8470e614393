// One connection as a card: name, what it is for, how it was when it was last checked, its key, and, on request, what was
// learned of the server, its limits and its price.

import { get } from "./api.js";
import { openMenu } from "./dialog.js";
import { ago, bytes, count, duration, fill, h } from "./dom.js";
import { errorBox } from "./signs.js";

const ROLES = [["text", "Texts"], ["vision", "Pictures"]];
const BUILTIN = { id: "builtin", name: "Builtin engine", engine: "builtin", roles: ["text"] };

/** The card of a connection; null: of the builtin engine. `here`: {mayChange, defaults}; `actions`: what its buttons do. */
export function connectionCard(connection, here, actions) {
  const each = connection || BUILTIN;
  const status = h("div.tl-connection-status", { "aria-live": "polite" });
  const element = h("li.tl-connection", { data: { connection: each.id } }, h("div.tl-row.tl-spread", h("div.tl-row.tl-tight", dot(each), h("h3", each.name)), roles(each, here, actions, status)));
  if (each.engine === "builtin") {
    element.append(h("p.tl-meta", "Tagloom's own answers to texts: no language model, no key, nothing leaves this computer. The same question always gets the same answer."));
    return element;
  }
  element.append(h("p.tl-connection-where", h("b", each.model), h("span.tl-meta", each.base_url ? ` at ${each.base_url}` : " in a process of this computer")));
  if (each.from_environment) element.append(h("p.tl-hint", "Named by TAGLOOM_BASE_URL and TAGLOOM_MODEL."));
  if (!here.mayChange) return element;
  element.append(status);
  fill(status, health(each));
  if (each.engine === "openai") element.append(keyLine(each, actions));
  else element.append(localModels(each, actions));
  element.append(h("details.tl-more", h("summary", "What was learned, limits and price"), details(each)));
  element.append(buttons(each, actions));
  element.addEventListener("tl-checking", () => fill(status, h("p.tl-meta", "Asking…")));
  return element;
}

function dot(each) {
  if (each.engine === "builtin") return h("span.tl-dot", { title: "always there" });
  const now = each.health;
  const [kind, word] = !now ? ["tl-idle", "not checked yet"] : now.ok ? ["", "worked when last checked"] : ["tl-bad", "did not work when last checked"];
  return h("span.tl-dot", { class: each.key === "needed" && now?.ok !== true ? "tl-warn" : kind, title: word, role: "img", "aria-label": word });
}

/** Two buttons: for what it is used. Pressed means: used unless a form says otherwise. */
function roles(each, here, actions, status) {
  const shown = ROLES.filter(([role]) => each.engine !== "builtin" || role === "text");
  const group = h("div.tl-segment.tl-connection-roles", { role: "group", "aria-label": `What ${each.name} is used for` });
  for (const [role, label] of shown) {
    const used = here.defaults[role] === each.id;
    const title = used ? `Used for ${label.toLowerCase()}` : `Use it for ${label.toLowerCase()}`;
    const press = () => !used && (each.roles.includes(role) ? actions.choose(role, each.id) : actions.allow(each, role, status));
    group.append(h("button", { type: "button", "aria-pressed": String(used), title, disabled: !here.mayChange, onclick: press }, used ? `✓ ${label}` : label));
  }
  return group;
}

function health(each) {
  const now = each.health;
  if (!now) return h("p.tl-meta", "Not checked yet.");
  const facts = [`checked ${ago(now.at)}`, now.seconds !== null && now.seconds !== undefined && `answered in ${now.seconds < 10 ? `${now.seconds} s` : duration(now.seconds)}`];
  const words = h("span.tl-meta", ` · ${facts.filter(Boolean).join(" · ")}`);
  if (now.ok) return h("p", h("span.tl-ok", "✓ "), now.message, now.remedy && ` ${now.remedy}`, words);
  return h("div.tl-note.tl-warn", h("b", now.message), " ", now.remedy, words);
}

// keys

function keyLine(each, actions) {
  const line = h("div.tl-row.tl-tight");
  const variable = each.key_name && h("span.tl-mono", each.key_name);
  const link = (text, onclick) => h("button.tl-link", { type: "button", onclick }, text);
  if (each.key === "env") fill(line, h("span.tl-meta", "Its key is read from the environment."), link("Type another", field));
  else if (each.key === "typed") fill(line, h("span.tl-meta", "A key was typed for this address; it is gone when the server stops."), link("Forget it", () => actions.key(each, "")), link("Type another", field));
  else if (each.key === "needed") field();
  else fill(line, h("span.tl-meta", "No key: servers on one's own machine usually need none."), link("Give one", field));
  return line;

  function field() {
    const input = h("input.tl-input.tl-key-field", { type: "password", autocomplete: "off", spellcheck: false, "aria-label": `Key for ${each.name}`, placeholder: "Key", required: true });
    fill(line, h("form.tl-row.tl-tight", { onsubmit: give }, input, h("button.tl-btn.tl-small", "Give the key")), h("span.tl-hint", "Kept in memory only, for this address.", variable && [" Or set ", variable, "."]));
    if (each.key !== "needed") input.focus();
    async function give(event) {
      event.preventDefault();
      if (await actions.key(each, input.value)) actions.check(each.id);
    }
  }
}

// what is known

function details(each) {
  return h("div.tl-stack.tl-connection-facts", facts("What was learned", learned(each)), facts("Limits", limits(each.settings)), facts("Price and budget", money(each)));
}

function facts(title, rows) {
  return h("div", h("span.tl-label", title), h("dl.tl-facts-list", rows.map(([name, value]) => [h("dt", name), h("dd", value)])));
}

/** The capability record in words. */
function learned(each) {
  const known = each.capability;
  const rows = [];
  // a server that takes everything teaches nothing: its answers show that the first way of asking is right
  if (!known.updated_at && !known.override && !each.health?.ok) rows.push(["Answers", "nothing learned yet: a check or the first run will tell"]);
  else rows.push(["Answers", `asked for with ${known.answer_format_name}${known.override ? " (set by you)" : ""}`]);
  rows.push(["Context", known.context ? `${count(known.context)} tokens${each.settings.context ? " (set by you)" : ""}` : "not known"]);
  rows.push(["Pictures", known.vision === true ? "it sees them" : known.vision === false ? "it does not see them" : "not tried yet"]);
  if (known.token_limit === "none") rows.push(["Length", "takes no limit of tokens"]);
  else if (known.token_limit !== "max_tokens") rows.push(["Length", ["limited by ", h("span.tl-mono", known.token_limit)]]);
  if (known.temperature === false) rows.push(["Temperature", "not taken"]);
  if (known.system_role === false) rows.push(["Instructions", "go into the question: it has no system role"]);
  if (known.thinking === "always") rows.push(["Thinking", "it thinks before every answer and cannot be told not to"]);
  else if (known.thinking && known.thinking !== "default") rows.push(["Thinking", "told not to"]);
  if (each.batches) rows.push(["Batches", "it takes requests handed in together, at its batch price"]);
  if (known.resolved_model) rows.push(["Really answers", known.resolved_model]);
  if (known.learned?.length) rows.push(["Seen", h("ul.tl-learned", known.learned.map((note) => h("li", note)))]);
  return rows;
}

function limits(settings) {
  const rows = [["At once", `${count(settings.concurrency)} requests at most; fewer while the server asks for it`], ["One request", `${duration(settings.seconds)} at most`]];
  if (settings.rpm) rows.push(["A minute", `${count(settings.rpm)} requests`]);
  if (settings.tpm) rows.push(["A minute", `${count(settings.tpm)} tokens`]);
  return rows;
}

function money(each) {
  const { price, spent, settings } = each;
  const per = price.known ? `$${number(price.input)} read, $${number(price.output)} written, per million tokens · ${price.source}` : `${price.source}. Set one to have runs estimated and to be able to set a budget.`;
  const rows = [["Price", per]];
  if (spent) rows.push(["Spent", spent.dollars === null ? "not known" : dollars(spent.dollars)]);
  if (settings.budget !== null) {
    const share = spent?.dollars ? Math.min(1, spent.dollars / Math.max(Number(settings.budget), 1e-9)) : 0;
    rows.push(["Budget", [`${dollars(Number(settings.budget))}: nothing is sent beyond it`, h("div.tl-meter.tl-budget", { role: "img", "aria-label": `${Math.round(100 * share)} % spent` }, h("i", { style: { width: `${100 * share}%` } }))]]);
  }
  return rows;
}

const number = (value) => (value >= 0.01 || value === 0 ? value.toFixed(2) : value.toPrecision(2));
const dollars = (value) => (value > 0 && value < 0.01 ? "less than $0.01" : `$${value.toFixed(2)}`);

// a model in a process of this computer

function localModels(each, actions) {
  const box = h("div.tl-meta");
  load();
  return box;

  async function load() {
    try {
      draw(await get("connections/local"));
    } catch (error) {
      fill(box, errorBox(error, load));
    }
  }
  function draw({ loaded, devices }) {
    const mine = loaded.filter((model) => model.model === each.local_name);
    const where = devices.map((device) => `${device.name || device.device}${device.free_bytes ? `, ${bytes(device.free_bytes)} free` : ""}`).join(" · ");
    fill(
      box,
      where && h("p", `Runs on: ${where}`),
      mine.length
        ? mine.map((model) => h("p", `Loaded on ${model.device} (${model.dtype}, ${bytes(model.memory_bytes)}), idle for ${duration(model.idle_seconds)}. `, h("button.tl-link", { type: "button", onclick: () => drop(model) }, "Unload")))
        : h("p", "Not in this page's memory now; a job loads it in its own process and gives it back at its end."),
    );
  }
  async function drop(model) {
    try {
      draw(await actions.unload(model.model));
    } catch (error) {
      fill(box, errorBox(error, load));
    }
  }
}

function buttons(each, actions) {
  const more = h("button.tl-btn.tl-small.tl-quiet", { "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": `More for ${each.name}`, onclick: menu }, "More ▾");
  return h("div.tl-row.tl-tight", h("button.tl-btn.tl-small", { data: { act: "check" }, onclick: () => actions.check(each.id) }, "Check"), h("button.tl-btn.tl-small", { onclick: () => actions.change(each) }, "Change…"), more);
  function menu() {
    openMenu(more, [{ label: "Forget what was learned", onclick: () => actions.forget(each) }, !each.from_environment && { label: "Remove", onclick: () => actions.remove(each) }].filter(Boolean), `More for ${each.name}`);
  }
}
