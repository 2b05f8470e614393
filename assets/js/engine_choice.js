// Which engine answers in a form: the builtin one (text only), or one of the host's connections by name.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { go } from "./navigate.js";
import { options } from "./signs.js";

const CONNECT = "+";
const BUILTIN = { id: "builtin", name: "Builtin engine", engine: "builtin", base_url: "", model: "" };

/** A chooser for a role, "text" or "vision"; asks the server which connections there are.
 *
 *  `onchange(chosen)` is called when a person chooses, and once when the connections are known (or cannot be asked for).
 *  `leave()` is called before the page goes to Settings ("Connect one…"), so that a dialog can close.
 *  Returns {element, value(), chosen(), ready}:
 *    value() → {engine, connection}: to be sent with a form; the server finds address and model by the connection's id;
 *      null while there is nothing to choose (vision without a connection);
 *    chosen() → the connection: {id, name, engine, base_url, model, key, price, settings, …}, `BUILTIN`'s fields for the builtin
 *      engine, or null;
 *    ready → a promise that holds when the connections are known. */
export function engineChoice({ role = "text", onchange, leave } = {}) {
  const select = h("select.tl-select.tl-full", { "aria-label": role === "vision" ? "Engine for pictures" : "Engine", onchange: changed, disabled: true }, h("option", "…"));
  const hint = h("span.tl-hint", { "aria-live": "polite" });
  const element = h("div.tl-engine-choice", select, hint);
  let known = role === "text" ? [BUILTIN] : [];
  let mayChange = false;
  let now = "";
  const ready = load();

  async function load() {
    try {
      const answer = await get("connections");
      known = [...(role === "text" ? [BUILTIN] : []), ...answer.connections.filter((each) => each.roles.includes(role))];
      mayChange = answer.may_change;
      now = answer.default[role] || known[0]?.id || "";
      draw();
    } catch (error) {
      now = known[0]?.id || "";
      draw();
      fill(hint, error.message || "The connections cannot be asked for.", " ", h("button.tl-link", { type: "button", onclick: load }, "Try again"));
    }
    onchange?.(chosen());
  }

  function draw() {
    select.disabled = !known.length && !mayChange;
    const entries = known.map((each) => [each.id, each.name]);
    if (!known.length) entries.push(["", role === "vision" ? "No model for pictures yet" : "No model yet"]);
    if (mayChange) entries.push([CONNECT, known.length > (role === "text" ? 1 : 0) ? "Connections…" : "Connect a model…"]);
    fill(select, options(entries, now));
    say();
  }

  function say() {
    const each = chosen();
    const connect = h("button.tl-link", { type: "button", onclick: settings }, "Connect one in Settings");
    if (!each) fill(hint, "Pictures need a model that can see. ", mayChange && connect);
    else if (each.engine === "builtin") fill(hint, "No model server, no key. Nothing leaves this computer.");
    else if (each.key === "needed") fill(hint, `${where(each)} asks for a key. `, mayChange && h("button.tl-link", { type: "button", onclick: settings }, "Give it in Settings"));
    else if (each.engine === "transformers") fill(hint, `${each.model} runs in this computer's memory. Nothing leaves it.`);
    else fill(hint, `${each.model} at ${where(each)}. ${role === "vision" ? "Pictures and texts" : "Items' texts"} are sent there.`);
  }

  function changed() {
    if (select.value === CONNECT) {
      select.value = now;
      return settings();
    }
    now = select.value;
    say();
    onchange?.(chosen());
  }

  function settings() {
    leave?.();
    go("settings");
  }

  function chosen() {
    return known.find((each) => each.id === now) || null;
  }

  return { element, ready, chosen, value: () => (chosen() ? { engine: chosen().engine, connection: chosen().id } : null) };
}

const where = (each) => each.base_url.replace(/^https?:\/\//, "");
