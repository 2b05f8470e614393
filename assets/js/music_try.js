// The single try: type tags, see all four captions with their checks. Needs no corpus, and no model.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { engineChoice } from "./engine_choice.js";
import { captionCard, STYLES, tagChips, tookWords } from "./music_caption.js";
import { captionControls } from "./music_controls.js";
import { errorBox } from "./signs.js";

const EXAMPLE = "happy, acoustic guitar, female vocal, no drums, fast";

/** `corpus()` → the corpus that is open, or null: its way of cleaning is used, and its names are looked for.
 *  Returns {element}. */
export function musicTry(corpus) {
  let asked = 0;
  const input = h("input.tl-input.tl-mu-tags", { maxLength: 4000, placeholder: `Tags, separated by commas: ${EXAMPLE}`, "aria-label": "Tags to write about", autocomplete: "off", spellcheck: false });
  const button = h("button.tl-btn", { type: "submit" }, "Write captions");
  const sample = h("button.tl-link", { type: "button", onclick: () => ((input.value = EXAMPLE), write()) }, "Try an example");
  const engine = engineChoice({ role: "text", onchange: () => controls.builtin(engine.chosen()?.engine === "builtin") });
  const controls = captionControls(() => {});
  const close = h("button.tl-btn.tl-quiet.tl-small", { type: "button", hidden: true, onclick: clear }, "Clear");
  const results = h("div.tl-mu-results", { "aria-live": "polite", hidden: true });
  const more = h("details.tl-more", h("summary", "Engine, length, tone"), h("div.tl-stack", h("div.tl-settings", h("div.tl-control", h("span", "Engine"), engine.element)), controls.element));
  const form = h("form.tl-mu-form", { onsubmit: (event) => (event.preventDefault(), write()) }, h("div.tl-mu-try-line", input, button), h("div.tl-row.tl-mu-try-foot", more, h("span.tl-grow"), sample, close));
  const element = h("section.tl-card.tl-mu-try", { "aria-label": "Try tags" }, h("div.tl-row", h("h2", "Tags in, four captions out"), h("span.tl-meta", "Each sentence is checked against the tags. Nothing is stored.")), form, results);
  controls.builtin(true);
  return { element };

  async function write() {
    const tags = input.value.trim();
    if (!tags) return void input.focus();
    const mine = ++asked;
    button.disabled = true;
    results.hidden = close.hidden = false;
    sample.hidden = true;
    if (!results.querySelector("article")) fill(results, h("div.tl-mu-cards", STYLES.map((style) => captionCard(style, null))));
    results.setAttribute("aria-busy", "true");
    try {
      await engine.ready;
      const answer = await post("captions/try", { tags, styles: STYLES, ...(engine.value() || {}), controls: controls.value(), corpus: corpus()?.id || undefined });
      if (mine === asked) draw(answer);
    } catch (error) {
      if (mine === asked) fill(results, errorBox(error, write));
    }
    if (mine !== asked) return;
    results.removeAttribute("aria-busy");
    button.disabled = false;
  }

  function draw({ tags, captions, note, spent }) {
    fill(
      results,
      h("div.tl-mu-read", h("span.tl-label", "Read as"), h("div", tagChips(tags))),
      tags.contradictions.map((words) => h("p.tl-note.tl-warn", h("b", "These tags cannot all be true. "), words)),
      h("div.tl-mu-cards", STYLES.filter((style) => captions[style]).map((style) => captionCard(style, captions[style], tags))),
      (note || tookWords(spent)) && h("p.tl-meta", [note, tookWords(spent)].filter(Boolean).join(" ")),
    );
  }

  function clear() {
    asked += 1;
    fill(results);
    results.hidden = close.hidden = true;
    sample.hidden = button.disabled = false;
    input.value = "";
    input.focus();
  }
}
