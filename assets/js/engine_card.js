// The connection to a language model: address, model, key, and a check that names what is wrong. Used as a card in
// Settings; what it remembers is the host's, what is typed as a key stays in the server's memory and is never shown.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { control, errorBox, segment } from "./signs.js";
import { refresh } from "./state.js";

const PRESETS = [
  ["OpenAI", "https://api.openai.com/v1"],
  ["Ollama", "http://localhost:11434/v1"],
  ["LM Studio", "http://localhost:1234/v1"],
  ["llama.cpp", "http://localhost:8080/v1"],
  ["vLLM", "http://localhost:8000/v1"],
];
const KEY_FROM = {
  env: "A key for this address was found in the server's environment.",
  typed: "A key was typed for this address; it is gone when the server stops.",
  none: "No key. Servers on your own machine usually need none.",
};

/** Draw the connection into `element`, a card. */
export async function drawEngine(element) {
  fill(element, h("h2", "Engine"), h("p.tl-loading", "Looking which engine is used…"));
  let answer;
  try {
    answer = await get("engines");
  } catch (error) {
    return void fill(element, h("h2", "Engine"), errorBox(error, () => drawEngine(element)));
  }
  if (!answer.may_change) return void fill(element, h("h2", "Engine"), h("p", h("b", answer.engine.label)), h("p.tl-meta", "On a shared server its operator chooses the engine, by TAGLOOM_BASE_URL and TAGLOOM_MODEL."));

  let now = answer.engine;
  let chosen = now.name;
  const address = h("input.tl-input", { value: now.base_url, placeholder: "http://localhost:11434/v1", autocomplete: "off", spellcheck: false, inputMode: "url", list: "tl-addresses", oninput: changed });
  const model = h("input.tl-input", { value: now.model, autocomplete: "off", spellcheck: false, list: "tl-models", placeholder: "the model's name", oninput: changed });
  const models = h("datalist#tl-models");
  const key = h("input.tl-input", { type: "password", autocomplete: "off", spellcheck: false, placeholder: now.key === "none" ? "" : "•••••••• (kept)" });
  const keySaid = h("span.tl-hint");
  const said = h("div", { "aria-live": "polite" });
  const checkButton = h("button.tl-btn", { type: "button", onclick: check }, "Check");
  const saveButton = h("button.tl-btn.tl-primary", { type: "submit" }, "Use this server");
  const form = h(
    "form.tl-stack",
    { onsubmit: save },
    h("p.tl-meta", "Any server that speaks OpenAI's chat completions: OpenAI itself, Ollama, LM Studio, llama.cpp, vLLM and others. Items' texts are sent to it."),
    h(
      "div.tl-settings",
      control("Address", address, "It usually ends in /v1."),
      control("Model", model, "Check lists what the server has."),
      h("div.tl-control", h("label.tl-control", h("span", "Key"), key), keySaid),
    ),
    h("datalist#tl-addresses", PRESETS.map(([label, value]) => h("option", { value }, label))),
    models,
    said,
    h("div.tl-row", saveButton, checkButton),
  );
  const builtin = h("p.tl-meta", "Tagloom's own answers: no language model, no key, nothing leaves this computer. The same question always gets the same answer.");
  const body = h("div.tl-side-text");
  const kinds = segment("Engine", [["builtin", "Builtin"], ["openai", "Language model"]], chosen, choose);
  fill(element, h("h2", "Engine"), h("p.tl-meta", "What answers when you tag or build a vocabulary, unless you choose otherwise there."), h("div.tl-side-text", kinds.element), body);
  draw();

  function draw() {
    fill(body, chosen === "builtin" ? builtin : form);
    fill(keySaid, KEY_FROM[now.key]);
    if (key.value || now.key !== "typed") return;
    fill(keySaid, KEY_FROM.typed, " ", h("button.tl-link", { type: "button", onclick: forget }, "Forget it"));
  }

  async function choose(kind) {
    chosen = kind;
    draw();
    if (kind === "builtin" && now.name !== "builtin") await send({ engine: "builtin", base_url: address.value, model: model.value });
    else if (kind === "openai") address.focus();
  }

  function changed() {
    fill(said);
    if (address.value.trim() !== now.base_url) fill(keySaid, "Keys belong to an address: a key typed here goes to this one only.");
    else draw();
  }

  async function check() {
    checkButton.disabled = true;
    fill(said, h("p.tl-meta", "Asking the server…"));
    try {
      const found = await post("engines/check", { base_url: address.value, model: model.value, key: key.value || null });
      fill(models, found.models.map((each) => h("option", { value: each })));
      fill(said, found.ok ? h("p.tl-note", h("span.tl-ok", "✓ "), found.message) : [h("div.tl-note.tl-warn", { role: "alert" }, h("b", found.message), " ", found.remedy), offers(found)]);
    } catch (error) {
      fill(said, errorBox(error));
    }
    checkButton.disabled = false;
  }

  /** One press takes what the check suggests: the address that works, or one of the models. */
  function offers(found) {
    const take = (field, value) => () => {
      field.value = value;
      changed();
      check();
    };
    const moved = found.base_url && found.base_url !== address.value.trim() && /\/v1$/.test(found.base_url) && !/\/v1\/?$/.test(address.value.trim());
    const shown = found.models.includes(model.value) ? [] : found.models.slice(0, 8);
    return h(
      "div.tl-row.tl-wrap.tl-side-text",
      moved && h("button.tl-btn.tl-small", { type: "button", onclick: take(address, found.base_url) }, `Use ${found.base_url}`),
      !moved && shown.map((each) => h("button.tl-btn.tl-small", { type: "button", onclick: take(model, each) }, each)),
    );
  }

  async function save(event) {
    event.preventDefault();
    await send({ engine: "openai", base_url: address.value, model: model.value, key: key.value || null });
  }

  async function forget() {
    await send({ engine: chosen, base_url: now.base_url, model: now.model, key: "" });
  }

  async function send(wanted) {
    saveButton.disabled = true;
    try {
      now = (await post("engines", wanted)).engine;
      address.value = now.base_url;
      model.value = now.model;
      key.value = "";
      key.placeholder = now.key === "none" ? "" : "•••••••• (kept)";
      draw();
      fill(said, h("p.tl-note", h("span.tl-ok", "✓ "), `In use: ${now.label}`));
      refresh().catch(() => {});
    } catch (error) {
      fill(said, errorBox(error));
    }
    saveButton.disabled = false;
  }
}

/** A small line that says where answers come from, with a way to Settings when there is no language model yet. */
export function engineHint(engine, open) {
  return engine.base_url && engine.model
    ? h("span.tl-hint", `${engine.model} at ${engine.base_url.replace(/^https?:\/\//, "")}. Items' texts are sent there.`)
    : h("span.tl-hint", "No server is connected yet. ", h("button.tl-link", { type: "button", onclick: open }, "Connect one in Settings"));
}
