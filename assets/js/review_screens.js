// What the review panel shows when there is no item: nothing imported, loading, waiting, the end of a queue.

import { count, h } from "./dom.js";
import { openExportDialog } from "./export_dialog.js";
import { go } from "./navigate.js";
import { emptyState, errorBox, STATUS } from "./signs.js";
import { openTagDialog } from "./tag_dialog.js";

// Queues of music by what the checks say.
const CHECKED = { fail: "a caption that fails a check", warn: "a caption with a warning", none: "a caption that nobody could write", missing: "a missing caption" };

const button = (text, onclick, kind = "") => h("button.tl-btn", { class: kind, onclick }, text);

/** Which screen a queue without a current item needs. */
export function kindOf(queue, corpora) {
  if (!corpora.length) return "none";
  if (queue.more) return queue.problem ? "waiting" : "loading";
  return queue.order.length ? "end" : "empty";
}

/** The screen. `at`: {queue, corpus, unsaved, open({corpus, queue})}. */
export function screen(kind, at) {
  const { queue, corpus, unsaved } = at;
  if (kind === "none")
    return emptyState(
      "Nothing to review yet",
      "Review is where you go through the items of a corpus and decide on their tags or captions, one key each. First bring a corpus in.",
      button("Go to Corpora", () => go("corpora"), "tl-primary"),
    );
  if (kind === "loading") return h("p.tl-loading", "Loading the next items…");
  if (kind === "waiting") {
    if (!queue.problem.offline && queue.problem.status < 500) return errorBox(queue.problem);
    const kept = unsaved === 1 ? "Your decision is" : `Your ${count(unsaved)} decisions are`;
    return emptyState("Waiting for the server.", `${unsaved ? `${kept} kept in this browser. ` : ""}This page goes on by itself.`);
  }
  if (kind === "empty" && queue.filter === "disagree" && !queue.disagreeing)
    return emptyState(
      "The agents do not disagree",
      "This queue gathers the items about which the selective and the generative agent share less than half of their tags. It fills when both have tagged this corpus.",
      corpus && button("Tag this corpus…", () => openTagDialog(corpus)),
      onwards(at),
    );
  if (kind === "empty" && CHECKED[queue.filter])
    return emptyState("No track is in this queue", `No ${queue.status === "all" ? "" : `${STATUS[queue.status]?.[1] ?? ""} `}track has ${CHECKED[queue.filter]}.`, onwards(at));
  if (kind === "empty")
    return emptyState(queue.status === "pending" ? "Nothing is pending" : "This queue is empty", `No item of “${corpus?.name ?? "this corpus"}” is in this queue.`, onwards(at));
  const left = queue.status === "all" ? 0 : (queue.scope[queue.status] ?? 0);
  if (queue.status === "pending" && !left && queue.filter === "disagree")
    return emptyState("Every disagreement is settled", `All ${count(queue.disagreeing)} items about which the agents disagree have been decided or skipped.`, onwards(at));
  if (queue.status === "pending" && !left)
    return emptyState(`All ${count(queue.counts.done ?? 0)} pending items are done`, "Every item of this corpus has been decided or skipped.", onwards(at));
  return emptyState(
    "That was the last item of this queue",
    left ? `${count(left)} ${left === 1 ? "item is" : "items are"} still in it.` : "None is left in it.",
    left > 0 && button("Start again at the first", () => at.open({ corpus: queue.corpus, queue: queue.status }), "tl-primary"),
    onwards(at),
  );
}

function onwards({ queue, corpus, open }) {
  const { skipped = 0, pending = 0 } = queue.counts;
  return h(
    "div.tl-row.tl-rv-onwards",
    pending > 0 && (queue.status !== "pending" || queue.filter !== "all") && button(`Review ${count(pending)} pending`, () => open({ corpus: queue.corpus, queue: "pending", filter: "all" }), "tl-primary"),
    skipped > 0 && (queue.status !== "skipped" || queue.filter !== "all") && button(`Review ${count(skipped)} skipped`, () => open({ corpus: queue.corpus, queue: "skipped", filter: "all" })),
    corpus && button("Export…", () => openExportDialog({ ...corpus, status: queue.counts })),
  );
}

/** What stands in the place of chips where nothing was suggested. */
export function hint(item, corpus) {
  if (item.captions) return captionHint(item, corpus);
  if (item.suggestions.length) return null;
  if (corpus && !corpus.runs)
    return h(
      "div.tl-note.tl-rv-hint",
      h("b", "Nothing has been tagged yet"),
      h("p", "Let Tagloom suggest tags from your vocabulary, or add them yourself below."),
      button("Tag this corpus…", () => openTagDialog(corpus), "tl-primary"),
    );
  return h("p.tl-meta.tl-rv-hint", "Nothing was suggested for this item. Add tags yourself, or go on.");
}

function captionHint(item, corpus) {
  if (Object.values(item.captions).some((each) => each.state !== "missing") || Object.keys(item.state.boxes || {}).length) return null;
  if (item.tags && !item.tags.present.length) return h("p.tl-meta.tl-rv-hint", "This track has no tags to write from. Write a caption yourself, or go on.");
  return h(
    "div.tl-note.tl-rv-hint",
    h("b", "Nothing has been written for this track yet"),
    h("p", "Let Tagloom write captions from its tags, or write them yourself below."),
    corpus && button("Write captions…", () => go("music", { corpus: corpus.id }), "tl-primary"),
  );
}
