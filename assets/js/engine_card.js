// The small line below a choice of engine, for forms that know one language model only; engine_choice.js knows all of them.

import { h } from "./dom.js";

/** A small line that says where answers come from, with a way to Settings when there is no language model yet. */
export function engineHint(engine, open) {
  return engine.base_url && engine.model
    ? h("span.tl-hint", `${engine.model} at ${engine.base_url.replace(/^https?:\/\//, "")}. Items' texts are sent there.`)
    : h("span.tl-hint", "No server is connected yet. ", h("button.tl-link", { type: "button", onclick: open }, "Connect one in Settings"));
}
