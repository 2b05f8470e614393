// The right column of the corpora tab: how far the corpus is, the next step, its runs, and deleting it.

import { get, post } from "./api.js";
import { ago, count, fill, h, percent, plural, score } from "./dom.js";
import { undoBar } from "./dialog.js";
import { openExportDialog } from "./export_dialog.js";
import { go } from "./navigate.js";
import { errorBox, meter, STATUS } from "./signs.js";
import { openTagDialog } from "./tag_dialog.js";

const WHAT = {
  items: "Let the builtin engine suggest tags from your vocabulary. Try it on ten items first.",
  music: "Let the builtin writer make captions from the tags. Try it on ten tracks first.",
};

/** Draw into `place`. `gone(corpus | null)` is called after the corpus was deleted, or came back.
 *  Returns {show(corpus), reload()}: `reload` asks for the runs again. */
export function corpusSide(place, gone) {
  let key = "";
  let shown = null;
  const next = h("section.tl-card.tl-next");
  const runs = h("section.tl-card");
  const end = h("section.tl-card.tl-quiet-card");
  fill(place, next, runs, end);
  fill(runs, h("h2", "Runs"));

  function show(corpus) {
    const now = JSON.stringify(corpus);
    if (now === key) return;
    key = now;
    shown = corpus;
    drawNext(corpus);
    drawRuns(corpus);
    fill(end, h("button.tl-btn.tl-quiet.tl-danger.tl-small", { onclick: (event) => remove(corpus, event.currentTarget) }, `Delete ${corpus.name} and its ${plural(corpus.items, "item")}`));
  }

  function drawNext(corpus) {
    const done = corpus.status.done + corpus.status.skipped;
    const tagged = corpus.runs > 0;
    const left = corpus.items - done;
    const music = corpus.kind === "music";
    const start = () => (music ? go("music", { corpus: corpus.id }) : openTagDialog(corpus));
    const [first, again] = music ? [`Caption ${plural(corpus.items, "track")}…`, "Captions…"] : [`Tag ${plural(corpus.items, "item")}…`, "Tag again…"];
    fill(
      next,
      h("div.tl-row.tl-spread", h("h2", tagged ? "Review" : "Next step"), h("span.tl-meta", `${percent(done, corpus.items)} reviewed`)),
      h("div.tl-side-meter", meter(corpus.items ? done / corpus.items : 0, "Reviewed").element),
      h("ul.tl-counts", ["pending", "in_progress", "done", "skipped", "again"].filter((name) => corpus.status[name]).map((name) => countLine(corpus, name))),
      h("p.tl-meta.tl-side-text", tagged ? (left ? "A run suggests; a person decides." : "Every item has been looked at.") : WHAT[music ? "music" : "items"]),
      h(
        "div.tl-side-buttons",
        tagged
          ? h("button.tl-btn.tl-primary", { onclick: () => go("review", { corpus: corpus.id }) }, left ? `Review ${plural(left, "item")}` : "Look again")
          : h("button.tl-btn.tl-primary", { onclick: start }, first),
        h("div.tl-row", tagged ? h("button.tl-btn.tl-grow", { onclick: start }, again) : h("button.tl-btn.tl-grow", { onclick: () => go("review", { corpus: corpus.id }) }, "Review"), h("button.tl-btn.tl-grow", { onclick: () => openExportDialog(corpus) }, "Export…")),
      ),
    );
  }

  function countLine(corpus, name) {
    const [sign, word] = STATUS[name];
    return h("li", h("button.tl-count", { onclick: () => go("corpora", { corpus: corpus.id, status: name }), title: `Show the items that are ${word}` }, h("span.tl-sign", { "aria-hidden": "true", class: `tl-is-${name}` }, sign), h("span.tl-grow", word), h("span.tl-num", count(corpus.status[name]))));
  }

  async function drawRuns(corpus) {
    const mine = key;
    let content;
    try {
      const answer = await get("runs", { corpus: corpus.id });
      content = answer.runs.length ? h("ul.tl-runs", answer.runs.slice(0, 8).map(run)) : h("p.tl-meta", "Nothing has been run yet. Each run stays here with its settings and, where gold tags exist, its scores.");
    } catch (error) {
      content = errorBox(error, () => drawRuns(corpus));
    }
    if (mine === key) fill(runs, h("h2", "Runs"), content);
  }

  async function remove(corpus, button) {
    button.disabled = true;
    try {
      const { deleted, undo } = await post("corpora/delete", { corpus: corpus.id });
      gone(null);
      undoBar(
        `Deleted ${corpus.name} (${plural(deleted, "item")})`,
        async () => {
          const back = await post("corpora/restore", { undo });
          gone(back.corpus?.id || back.corpus || corpus.id);
          return `${corpus.name} is back`;
        },
        0,
      );
    } catch (error) {
      button.disabled = false;
      fill(end, errorBox(error), button);
    }
  }

  return { show, reload: () => shown && drawRuns(shown) };
}

function run(each) {
  const { top_k: most, threshold } = each.parameters || {};
  const settings = [most && `at most ${most}`, threshold !== undefined && threshold !== null && `score ≥ ${score(threshold)}`].filter(Boolean).join(", ");
  const troubles = each.failed + each.invalid + each.refused;
  return h(
    "li.tl-run",
    h("div.tl-row.tl-spread", h("span", h("b", each.method), ` · ${each.engine === "builtin" ? "builtin" : each.model}`), h("span.tl-meta", ago(each.created_at))),
    h("div.tl-meta", `${plural(each.ok, "item")}, ${plural(each.suggestions, "suggestion")}${troubles ? `, ${count(troubles)} failed` : ""}${each.state === "done" ? "" : ` · ${each.state}`}`),
    settings && h("div.tl-meta", settings),
    each.scores &&
      h(
        "dl.tl-scores",
        { title: `Against the gold tags of ${plural(each.scores.scored_items, "item")}` },
        [["F1", "f1"], ["precision", "precision"], ["recall", "recall"]].map(([word, name]) => h("div", h("dt", word), h("dd", each.scores[name].toFixed(3).replace(/^0/, "")))),
      ),
  );
}
