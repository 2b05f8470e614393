// Jobs: the card of one job, used wherever it is shown, and the drawer with all of them.

import { fileAddress, post } from "./api.js";
import { ago, bytes, count, duration, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { ACTIVE, onJobs, poke } from "./jobs_feed.js";
import { go } from "./navigate.js";
import { emptyState, errorBox, meter } from "./signs.js";
import { flagWords, keyField, price, spentLine, waitingLine } from "./jobs_spent.js";

const STATES = {
  queued: ["○", "waiting"],
  running: ["◐", "running"],
  done: ["✓", "done"],
  failed: ["✕", "failed"],
  cancelled: ["–", "cancelled"],
  interrupted: ["!", "interrupted"],
  needs_key: ["!", "needs a key"],
};

/** What a finished job brought, as one line. */
export function outcome(job) {
  const result = job.result || {};
  if (job.kind === "import" && result.new !== undefined)
    return ["new", "updated", "unchanged", "skipped"].filter((key) => result[key] || key === "new").map((key) => `${count(result[key])} ${key}`).join(" · ");
  if (job.kind === "tag" && result.suggestions !== undefined)
    return [
      `${plural(result.suggestions, "suggestion")} for ${plural(result.ok ?? result.items, "item")}`,
      result.failed && `${count(result.failed)} failed`,
      result.requests > 0 && (result.cost === null ? "unknown price" : price(result.cost)),
      flagWords(result.flags),
    ]
      .filter(Boolean)
      .join(" · ");
  if (job.kind === "caption-music" && result.verdicts) {
    const failing = Object.values(result.verdicts).reduce((sum, of) => sum + of.fail, 0);
    const parts = [plural(result.ok, "caption"), failing && `${count(failing)} fail their checks`, result.invalid && `${count(result.invalid)} without a caption`, result.refused && `${count(result.refused)} refused`, result.failed && `${count(result.failed)} failed`];
    return [...parts, result.requests > 0 && (result.cost === null ? "unknown price" : price(result.cost))].filter(Boolean).join(" · ");
  }
  if (job.kind === "vocabulary" && result.proposals) return `${plural(Object.values(result.proposals).reduce((sum, n) => sum + n, 0), "proposal")} from ${plural(result.items, "item")}`;
  if (job.kind === "vocabulary-import" && result.added !== undefined) return `${plural(result.added, "tag")} added · ${plural((result.proposals?.alias || 0) + (result.proposals?.archive || 0), "proposal")}`;
  if (job.kind === "export" && result.items !== undefined) return `${plural(result.items, "item")}${result.bytes ? ` · ${bytes(result.bytes)}` : ""}`;
  return "";
}

/** "812 of 2,550 items · 96 / s · 18 s left" */
export function progressLine(job) {
  const parts = [];
  if (job.state === "queued" && !job.done) return "waiting for its turn";
  parts.push(job.total === null || job.total === undefined ? `${count(job.done)} ${job.unit}` : `${count(job.done)} of ${count(job.total)} ${job.unit}`);
  if (job.state === "running" && job.rate) parts.push(`${count(job.rate < 10 ? Number(job.rate.toFixed(1)) : Math.round(job.rate))} / s`);
  if (job.state === "running" && job.seconds_left !== null && job.seconds_left !== undefined) parts.push(`${duration(job.seconds_left)} left`);
  return parts.join(" · ");
}

// Before the first item is done the end cannot be told: the bar moves, but claims nothing.
export const share = (job) => (job.state === "done" ? 1 : job.total && (job.done || job.state !== "running") ? job.done / job.total : ACTIVE.has(job.state) ? null : 0);

const ELSEWHERE = new Set(["open", "download", "report"]); // a dialog around a plain card has its own buttons for these
const LABELS = { cancel: "Cancel", resume: "Resume", retry: "Start again", open: "Open", download: "Download", report: "Report (csv)" };

/** A job that draws itself once and is then only updated, so that nothing jumps and the focus stays.
 *  `leave` is called before the page goes elsewhere. Returns {element, update}. */
export function jobCard(job, { leave, plain = false } = {}) {
  const sign = h("span.tl-sign", { "aria-hidden": "true" });
  const state = h("span.tl-meta");
  const when = h("span.tl-meta.tl-muted");
  const bar = meter(0, `Progress of ${job.title}`);
  const line = h("div.tl-meta", { role: "status" });
  const money = h("div.tl-meta", { hidden: true });
  const waits = h("div.tl-meta.tl-waits", { role: "status", hidden: true });
  const key = h("div");
  const trouble = h("div");
  const log = h("ol.tl-log", { "aria-label": "Last lines of the log" });
  const buttons = h("div.tl-row.tl-tight");
  const element = h(
    "article.tl-job",
    { class: plain && "tl-plain", "aria-label": job.title },
    h("div.tl-row.tl-spread", h("b.tl-grow.tl-job-title", job.title), h("span.tl-row.tl-tight", sign, state)),
    bar.element,
    h("div.tl-row.tl-spread", line, when),
    money,
    waits,
    trouble,
    key,
    log,
    buttons,
  );
  let drawn = "";
  let lines = "";
  let troubled = "";
  let keyed = "";
  function update(now) {
    job = now;
    const [mark, word] = STATES[now.state] || ["?", now.state];
    element.dataset.state = now.state;
    set(sign, mark);
    set(state, now.stopping ? "stopping…" : word);
    set(when, ACTIVE.has(now.state) ? "" : ago(now.finished_at || now.started_at || now.created_at));
    bar.set(share(now));
    bar.element.hidden = now.state === "done";
    set(line, now.state === "done" ? outcome(now) || progressLine(now) : progressLine(now));
    show(money, now.state === "done" ? "" : spentLine(now));
    show(waits, waitingLine(now));
    const asked = now.needs_key ? `${now.needs_key.base_url} ${now.message}` : "";
    if (asked !== keyed) {
      keyed = asked;
      fill(key, now.needs_key && keyField(now.needs_key));
    }
    // with the state: what a press has brought in the way of an error goes when the job has moved on
    const message = `${now.state}\n${now.message || ""}\n${now.remedy || ""}`;
    if (message !== troubled) {
      troubled = message;
      fill(trouble, now.message && h(`div.${now.state === "failed" ? "tl-error" : "tl-note"}`, h("b", now.message), " ", h("span", now.remedy)));
    }
    const shown = now.state === "done" ? [] : (now.log || []).slice(-5);
    if (lines !== shown.join("\n")) {
      lines = shown.join("\n");
      fill(log, shown.map((text) => h("li", text)));
    }
    log.hidden = !shown.length;
    const can = (now.can || []).filter((action) => !plain || !ELSEWHERE.has(action));
    if (can.join() !== drawn) {
      drawn = can.join();
      fill(buttons, can.map(button));
    }
    buttons.hidden = !can.length;
  }
  function button(action) {
    const target = action === "download" ? job.download : action === "report" ? job.report : null;
    if (target) return h("a.tl-btn.tl-small", { href: fileAddress(target), download: "" }, LABELS[action]);
    if (action === "download" || action === "report") return null;
    return h("button.tl-btn.tl-small", { onclick: (event) => act(action, event.currentTarget) }, LABELS[action] || action);
  }
  async function act(action, pressed) {
    if (action === "open") {
      leave?.();
      return go(job.open?.tab || "corpora", job.open?.params || {});
    }
    pressed.disabled = true;
    try {
      const answer = await post(`jobs/${job.id}/${action}`);
      poke(answer.job);
    } catch (error) {
      fill(trouble, errorBox(error));
      poke(); // the job may not be any more what it is shown as
    }
    pressed.disabled = false;
  }
  update(job);
  return { element, update };
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, text) {
  element.hidden = !text;
  set(element, text);
}

/** The card of one job that follows it until `stop()` is called; `each(job)` is told of every change. */
export function followJob(job, options = {}) {
  const card = jobCard(job, options);
  const stop = onJobs((feed) => {
    const now = feed.jobs.find((candidate) => candidate.id === job.id);
    if (!now) return;
    card.update(now);
    options.each?.(now);
  });
  return { element: card.element, stop };
}

let drawer = null;

/** The drawer with all jobs, on every tab. */
export function openJobs() {
  if (drawer) return;
  window.dispatchEvent(new CustomEvent("tagloom:jobs-seen"));
  const cards = new Map();
  let stop = () => {};
  drawer = openDialog({
    title: "Jobs",
    drawer: true,
    onclose: () => {
      drawer = null;
      stop();
    },
  });
  const notice = h("div", { role: "status" });
  const list = h("div.tl-jobs");
  fill(drawer.body, notice, list);
  let away = null;
  let empty = null;
  stop = onJobs((feed) => {
    if (feed.offline !== away) {
      away = feed.offline;
      fill(notice, away && h("div.tl-note.tl-warn", h("b", "The server does not answer. "), "This page keeps trying. Jobs go on without the page; one that the server lost can be resumed when it is back."));
    }
    const nothing = feed.known && !feed.jobs.length;
    if (nothing !== empty) {
      empty = nothing;
      if (nothing) return void fill(list, emptyState("Nothing has run yet", "Imports, tagging and exports run here, also when this page is closed."));
      list.querySelector(".tl-empty")?.remove();
    }
    const seen = new Set();
    feed.jobs.forEach((job, index) => {
      seen.add(job.id);
      if (!cards.has(job.id)) cards.set(job.id, jobCard(job, { leave: () => drawer?.close() }));
      const card = cards.get(job.id);
      card.update(job);
      if (list.children[index] !== card.element) list.insertBefore(card.element, list.children[index] || null);
    });
    for (const [id, card] of cards) if (!seen.has(id)) (card.element.remove(), cards.delete(id));
  });
}
