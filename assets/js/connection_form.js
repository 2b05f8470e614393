// The form of a connection: where the model is, which one, the key. A check names what is wrong and offers what would work;
// everything else has a default and stands under "More".

import { post } from "./api.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { control, errorBox, options } from "./signs.js";

const LOCAL = "A model in this process";
const FORMATS = [
  ["auto", "found out by asking"],
  ["json_schema_strict", "a strict JSON schema"],
  ["json_schema", "a JSON schema"],
  ["json_object_schema", "a JSON object with a schema"],
  ["json_object", "a JSON object"],
  ["none", "words of the prompt only"],
  ["lines", "one entry a line (very small models)"],
];
// name, label, unit or hint, placeholder
const LIMITS = [
  ["concurrency", "Requests at once, at most", "Over all jobs; fewer while the server asks for it.", "16"],
  ["seconds", "Longest time of a request (s)", "Slow models need more.", "120"],
  ["rpm", "Requests a minute, at most", "Empty: as the server allows.", "no limit"],
  ["tpm", "Tokens a minute, at most", "Empty: as the server allows.", "no limit"],
  ["budget", "Budget ($)", "Spent here in all; nothing is sent beyond it. Needs a known price.", "no limit"],
  ["context", "Context (tokens)", "Empty: found out where the server tells.", "found out"],
  ["price_input", "Price read ($ per million tokens)", "Empty: from the price list.", "from the list"],
  ["price_output", "Price written ($ per million tokens)", "0 where nothing is paid.", "from the list"],
];

/** Open the form: new (with `values` filled in), or for `connection`. `now`: what GET connections answered; `saved(answer)`. */
export function openConnectionForm({ now, values = {}, connection = null, saved }) {
  const given = connection || { engine: "openai", roles: ["text"], settings: {}, ...values };
  const fixed = Boolean(connection?.from_environment);
  let local = given.engine === "transformers";
  const dialog = openDialog({ title: connection ? `Change “${connection.name}”` : "Add a connection", size: "medium", keep: true });
  const text = { autocomplete: "off", spellcheck: false };
  const address = h("input.tl-input", { ...text, value: given.base_url || "", placeholder: "http://localhost:11434/v1", inputMode: "url", disabled: fixed, oninput: changed });
  const model = h("input.tl-input", { ...text, value: given.model || "", list: "tl-models", disabled: fixed, oninput: changed });
  const models = h("datalist#tl-models");
  const modelName = h("span");
  const modelHint = h("span.tl-hint");
  const key = h("input.tl-input", { ...text, type: "password", placeholder: ["typed", "env"].includes(connection?.key) ? "•••••••• (kept)" : "" });
  const keyHint = h("span.tl-hint");
  const name = h("input.tl-input", { ...text, value: connection?.name || "", maxLength: 60, placeholder: "from the model and the server", disabled: fixed });
  const roles = { text: box("text"), vision: box("vision") };
  const inputs = Object.fromEntries(LIMITS.map(([field, , , placeholder]) => [field, h("input.tl-input.tl-short", { ...text, value: given.settings[field] ?? "", placeholder, inputMode: "decimal" })]));
  const format = h("select.tl-select.tl-full", options(FORMATS, given.settings.answer_format || "auto"));
  const said = h("div", { "aria-live": "polite" });
  const trouble = h("div", { "aria-live": "polite" });
  const presets = h("div.tl-row.tl-tight.tl-wrap", { role: "group", "aria-label": "Servers" });
  const ofServer = [h("div.tl-control", h("label.tl-control", h("span", "Address"), address), h("span.tl-hint", "It usually ends in /v1."))];
  const ofKey = h("div.tl-control", h("label.tl-control", h("span", "Key"), key), keyHint);
  const checkButton = h("button.tl-btn", { type: "button", onclick: check }, "Check");
  const useButton = h("button.tl-btn.tl-primary", { type: "button", onclick: () => save(true), hidden: Boolean(connection) }, "Save and use");
  const saveButton = h("button.tl-btn", { type: "button", class: connection && "tl-primary", onclick: () => save(false) }, "Save");
  const more = h("details.tl-more", h("summary", "More: name, limits, price"), h("div.tl-settings", control("Name", name, keyName()), control("Form of answers", format, "How answers are asked for; left alone, what the server takes is found out."), LIMITS.map(([field, label, hint]) => control(label, inputs[field], hint))));
  const form = h(
    "form.tl-stack",
    { onsubmit: (event) => (event.preventDefault(), save(!connection)) },
    !connection && presets,
    h("div.tl-settings", ofServer, h("div.tl-control", h("label.tl-control", modelName, model), modelHint), ofKey, h("fieldset.tl-control", h("span", "For"), h("div.tl-row", roles.text, roles.vision))),
    models,
    said,
    more,
    trouble,
  );
  fill(dialog.body, form);
  fill(dialog.actions, checkButton, h("span.tl-grow"), saveButton, useButton);
  for (const { name: label, base_url } of now.presets) presets.append(preset(label, base_url));
  presets.append(preset(LOCAL, ""));
  draw();
  (given.base_url && !given.model ? model : fixed ? key : address).focus();
  if (!connection && given.base_url && given.model) checkButton.focus();

  function preset(label, base_url) {
    const button = h("button.tl-btn.tl-small", { type: "button", "aria-pressed": "false", onclick: press }, label);
    return button;
    function press() {
      local = label === LOCAL;
      if (!local) address.value = base_url;
      changed();
      draw();
      (local || model.value ? model : address).focus();
      if (!local && /localhost/.test(base_url)) check();
    }
  }

  function box(role) {
    return h("label.tl-check", h("input", { type: "checkbox", checked: given.roles.includes(role), name: role, onchange: () => fill(said) }), role === "text" ? "texts" : "pictures");
  }
  const wanted = () => Object.keys(roles).filter((role) => roles[role].querySelector("input").checked);

  function draw() {
    for (const part of [...ofServer, ofKey]) part.hidden = local;
    fill(modelName, local ? "Folder or hub id" : "Model");
    model.placeholder = local ? "Qwen/Qwen3.5-2B, or a folder" : "the model's name";
    fill(modelHint, local ? "A folder of this computer with a model for transformers; nothing is fetched unless TAGLOOM_ALLOW_DOWNLOADS=1." : "Check lists what the server has.");
    fill(keyHint, connection?.key === "env" ? "Read from the environment; one typed here is used instead." : "Sent to this address only, kept in this server's memory. Servers on your own machine usually need none.");
    const openAddress = address.value.trim().replace(/\/+$/, "");
    for (const button of presets.children) {
      const mine = now.presets.find((each) => each.name === button.textContent)?.base_url;
      button.setAttribute("aria-pressed", String(local ? button.textContent === LOCAL : mine === openAddress));
    }
  }

  function keyName() {
    return fixed ? "Set by TAGLOOM_BASE_URL." : "Its key is also read from TAGLOOM_KEY_<NAME>, in capitals.";
  }

  function changed() {
    fill(said);
    draw();
  }

  async function check() {
    checkButton.disabled = true;
    fill(said, h("p.tl-meta", "Asking… a local server may have to load the model first."));
    const asked = { engine: local ? "transformers" : "openai", base_url: address.value, model: model.value, key: key.value || null, vision: wanted().includes("vision") };
    try {
      const found = await post("connections/check", asked);
      fill(models, found.models.map((each) => h("option", { value: each })));
      fill(said, found.ok ? h("p.tl-note", h("span.tl-ok", "✓ "), found.message, found.remedy && ` ${found.remedy}`) : [h("div.tl-note.tl-warn", { role: "alert" }, h("b", found.message), " ", found.remedy), offers(found)]);
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
    const press = (label, onclick) => h("button.tl-btn.tl-small", { type: "button", onclick }, label);
    const moved = ["address", "redirect"].includes(found.kind) && found.base_url && found.base_url !== address.value.trim();
    if (moved) return h("div.tl-row.tl-tight.tl-wrap.tl-side-text", press(`Use ${found.base_url}`, take(address, found.base_url)));
    if (found.kind === "vision") return h("div.tl-row.tl-side-text", press("Use it for texts only", () => textOnly()));
    if (!["model", "choose", "no_chat"].includes(found.kind)) return null;
    const shown = found.near.length ? found.near : found.models.filter((each) => each !== model.value).slice(0, 8);
    return h("div.tl-row.tl-tight.tl-wrap.tl-side-text", shown.map((each) => press(each, take(model, each))), found.models.length > shown.length && h("span.tl-hint", `${found.models.length} in all: type to see them`));
  }

  function textOnly() {
    roles.vision.querySelector("input").checked = false;
    roles.text.querySelector("input").checked = true;
    check();
  }

  async function save(use) {
    fill(trouble);
    saveButton.disabled = useButton.disabled = true;
    const settings = Object.fromEntries([...Object.entries(inputs).map(([field, input]) => [field, input.value.trim()]), ["answer_format", format.value]]);
    const body = { id: connection?.id || "", engine: local ? "transformers" : "openai", base_url: address.value, model: model.value, name: name.value, roles: wanted(), settings, key: key.value || null, default: use ? wanted() : [] };
    try {
      const answer = await post("connections", body);
      dialog.close();
      saved(answer);
    } catch (error) {
      fill(trouble, errorBox(error));
      saveButton.disabled = useButton.disabled = false;
      trouble.scrollIntoView({ block: "nearest" });
    }
  }
}
