// A piece of music as it is shown beside its captions: names, sound, tags coloured by what a caption says of them.

import { address } from "./api.js";
import { coverage, TITLES } from "./caption_state.js";
import { fill, h } from "./dom.js";
import { linkField } from "./item_view.js";

const COVERED = {
  verbatim: ["✓", "said word for word", "yes"],
  stem: ["✓", "said in another form", "near"],
  alias: ["✓", "said by another name", "near"],
  missing: ["!", "not said", "missing"],
};

/** The place of the sound. `player` is an address below the server's routes, or on the web; nothing is fetched before
 *  somebody presses play. */
export function playerOf(item) {
  if (!item.player) return null;
  const src = /^https?:/i.test(item.player) ? item.player : address(item.player);
  const audio = h("audio.tl-cp-audio", { controls: true, "aria-label": `Play ${item.title || item.external_id || "this track"}` });
  audio.preload = "none";
  audio.setAttribute("src", src);
  const trouble = h("p.tl-meta", { role: "status" });
  audio.addEventListener("error", () => fill(trouble, /^https?:/i.test(item.player) ? "This sound cannot be played here. " : "The file of this track is not there any more, or its format cannot be played. ", /^https?:/i.test(item.link || item.player) && h("a", { href: item.link || item.player, target: "_blank", rel: "noopener noreferrer" }, "Open it apart")));
  return h("div.tl-cp-player", audio, trouble);
}

/** Tags of an item, present ones apart from absent ones. Returns {element, cover(style, checks), flash(name)}. */
export function tagField(tags) {
  const chips = new Map();
  const caption = h("span.tl-meta", { role: "status" });
  const chip = (tag) => {
    const sign = h("span.tl-cp-tag-sign", { "aria-hidden": "true" });
    const words = h("span.tl-sr");
    const element = h("span.tl-chip.tl-mini.tl-cp-tag", { data: { tag: tag.name }, title: tag.raw && tag.raw !== tag.name ? `in the file: ${tag.raw}` : "" }, sign, h("b", { dir: "auto" }, tag.name), words);
    chips.set(tag.name, { element, sign, words });
    return element;
  };
  const present = tags?.present || [];
  const absent = tags?.absent || [];
  const contradictions = tags?.contradictions || [];
  const element = h(
    "div.tl-cp-tags",
    h("div.tl-field", h("div.tl-row.tl-spread", h("span.tl-label", "Tags"), caption), present.length ? h("div", present.map(chip)) : h("p.tl-meta", "This track has no tags: there is nothing to write from.")),
    absent.length > 0 && h("div.tl-field", h("span.tl-label", "Not there"), h("div", absent.map((tag) => h("span.tl-chip.tl-mini.tl-cp-absent", { title: tag.raw ? `in the file: ${tag.raw}` : "" }, h("span", { "aria-hidden": "true" }, "⊘ "), h("span.tl-sr", "no "), h("b", { dir: "auto" }, tag.name))))),
    contradictions.map((words) => h("p.tl-note.tl-warn.tl-field", h("b", "These tags cannot all be true. "), words)),
  );
  return {
    element,
    cover(style, checks) {
      const how = coverage(checks);
      let said = 0;
      for (const [name, { element, sign, words }] of chips) {
        const [mark, meaning, kind] = COVERED[how.get(name)] || ["", "", ""];
        if (kind && kind !== "missing") said += 1;
        sign.textContent = mark;
        words.textContent = meaning && `, ${meaning}`;
        element.dataset.covered = kind;
      }
      const text = checks && chips.size ? `${TITLES[style]} says ${said} of ${chips.size}` : "";
      if (caption.textContent !== text) caption.textContent = text;
    },
    flash(name) {
      const found = chips.get(name)?.element;
      if (!found) return;
      found.scrollIntoView({ block: "nearest" });
      found.classList.remove("tl-cp-flash");
      void found.offsetWidth;
      found.classList.add("tl-cp-flash");
    },
  };
}

/** Title, names, sound, tags and whatever else can be read of an item; `tags` is its tagField. */
export function itemView(item, tags) {
  const names = (item.names || []).filter((each) => each.text);
  const joined = names.length > 0 && names.every((each) => (item.title || "").includes(each.text)); // the title says them all
  const [title, ...rest] = joined ? [names[0].text, ...names.slice(1)] : [item.title || item.external_id || "Without a name", ...names.filter((each) => each.text !== item.title)];
  const shown = new Set(names.map((each) => each.name));
  return [
    h("p.tl-rv-title", { dir: "auto" }, title),
    rest.length > 0 && h("p.tl-cp-names", rest.map((each, i) => [i > 0 && " · ", h("span", { dir: "auto", title: each.label }, each.text)])),
    names.length > 0 && h("p.tl-meta.tl-cp-private", "Names are shown to you only. They are never sent to a model."),
    playerOf(item) || linkField(item.link),
    tags.element,
    (item.fields || []).filter((field) => field.text && !shown.has(field.name)).map((field) => h("div.tl-field", h("span.tl-label", field.label || field.name), h("p", { dir: "auto" }, field.text))),
  ];
}
