// How captions are to be written: length, tone, tense, language, words to avoid. The same few fields in both forms.

import { debounce, h } from "./dom.js";
import { control, options } from "./signs.js";

const LENGTHS = [["", "As the style has it"], ["short", "Short, about 15 words"], ["medium", "Medium, about 35 words"], ["long", "Long, about 70 words"]];
const TONES = [["", "As the style has it"], ["neutral", "Neutral, as in a catalogue"], ["prompt", "Like a prompt for a generator"], ["marketing", "Lively, for a production library"], ["academic", "As a musicologist writes"]];
const TENSES = [["", "As the style has it"], ["present", "Present"], ["past", "Past"]];

/** Returns {element, value(), builtin(on)}: `value()` → the routes' `controls`; `builtin(true)` puts away what the builtin
 *  writer does not heed. */
export function captionControls(onchange) {
  const later = debounce(onchange, 250);
  const select = (choices) => h("select.tl-select.tl-full", { onchange }, options(choices, ""));
  const [length, tone, tense] = [select(LENGTHS), select(TONES), select(TENSES)];
  const language = h("input.tl-input", { maxLength: 60, placeholder: "English", oninput: later });
  const banned = h("input.tl-input", { maxLength: 2000, placeholder: "for example: vibe, masterpiece", oninput: later });
  const ofModel = [control("Length", length), control("Tone", tone), control("Tense", tense), control("Language", language, "The checks know English words best.")];
  const note = h("p.tl-hint", { hidden: true }, "The builtin writer keeps its own length, tone and tense, and writes English.");
  const element = h("div.tl-stack.tl-mu-controls", h("div.tl-settings", ofModel, control("Words to avoid", banned, "Separated by commas. A caption with one of them does not pass.")), note);
  return {
    element,
    value: () => Object.fromEntries(Object.entries({ ...(!note.hidden ? {} : { length: length.value, tone: tone.value, tense: tense.value, language: language.value.trim() }), banned: banned.value.trim() }).filter(([, value]) => value)),
    builtin(on) {
      note.hidden = !on;
      for (const each of ofModel) each.hidden = on;
    },
  };
}
