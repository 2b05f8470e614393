// What a job's engine has used: money, requests, waiting, faults; and the field for a key that a job waits for.

import { post } from "./api.js";
import { count, duration, fill, h, plural } from "./dom.js";
import { poke } from "./jobs_feed.js";
import { errorBox } from "./signs.js";

/** "$0.41"; less than a cent says so. */
export function price(dollars) {
  return dollars > 0 && dollars < 0.01 ? "less than $0.01" : `$${dollars.toFixed(2)}`;
}

/** Both of "$0.12 of about $0.41" with the same number of digits; small amounts keep more of them. */
function ofAbout(spent, whole) {
  const digits = whole >= 1 ? 2 : whole >= 0.1 ? 3 : 4;
  return `$${spent.toFixed(digits)} of at most about $${whole.toFixed(digits)}`;
}

/** "$0.12 of at most about $0.41 · 1,204 requests · 10 were there already · 16 under way" */
export function spentLine(job) {
  const spent = job.spent || {};
  if (!spent.requests && !spent.cached && !spent.in_flight && !spent.batch) return "";
  const running = job.state === "running";
  const parts = [];
  if (spent.cost !== null && spent.cost !== undefined && (spent.cost > 0 || spent.projected > 0))
    parts.push(running && spent.projected > spent.cost ? ofAbout(spent.cost, spent.projected) : price(spent.cost));
  else if (spent.cost === null && spent.requests) parts.push("unknown price");
  if (spent.batch) parts.push(`batch: ${count(spent.batch.answered)} of ${count(spent.batch.handed_in)} answered`);
  parts.push(plural(spent.requests || 0, "request"));
  if (spent.tokens) parts.push(`${spent.estimated ? "about " : ""}${count(spent.tokens)} tokens${spent.estimated ? " (estimated)" : ""}`);
  if (spent.cached) parts.push(`${count(spent.cached)} there already`);
  if (running && spent.in_flight) parts.push(`${count(spent.in_flight)} under way${spent.allowed ? ` of ${count(spent.allowed)}` : ""}`);
  return parts.join(" · ");
}

const FAULTS = {
  rate_limit: ["time asked to slow down", "times asked to slow down"],
  server: ["server error", "server errors"],
  timeout: ["timeout", "timeouts"],
  connection: ["cut connection", "cut connections"],
  unreachable: ["time nobody there", "times nobody there"],
  refused: ["refusal", "refusals"],
  too_long: ["item too long", "items too long"],
  empty: ["empty answer", "empty answers"],
};

/** "api.example.com asked for fewer requests: 34 s · so far 12 server errors, 2 timeouts" */
export function waitingLine(job) {
  const spent = job.spent || {};
  if (job.state !== "running") return "";
  const faults = Object.entries(spent.faults || {}).filter(([, n]) => n > 0);
  const parts = [];
  if (spent.waiting > 0.5) parts.push(`${(spent.why || "Waiting for the server").replace(/[.:]$/, "")}: goes on in ${duration(Math.ceil(spent.waiting))}`);
  else if (spent.why) parts.push(spent.why);
  if (faults.length) parts.push(`so far ${faults.map(([kind, n]) => (FAULTS[kind] ? plural(n, ...FAULTS[kind]) : `${count(n)} × ${kind.replaceAll("_", " ")}`)).join(", ")}`);
  return parts.join(" · ");
}

const FLAGS = {
  fenced: "in a code fence",
  prose: "with words around",
  thinking: "thought aloud",
  repaired: "repaired",
  cut: "cut off",
  partial: "partly cut off",
  duplicate_keys: "with a key twice",
  coerced: "of another shape",
  dropped: "with something left out",
  trimmed: "shortened",
  several: "with several answers",
  lines: "not in JSON",
  reasked: "asked twice",
  longer: "given more room",
  fitted: "shortened to fit the model",
  truncated: "shortened to fit the model",
  language: "in another language",
  refused_part: "partly refused",
};

/** What was odd about one answer, in words. */
export const flagsOf = (flags) => (flags || []).map((flag) => FLAGS[flag] || flag.replaceAll("_", " ")).join(", ");

/** "12 repaired, 3 cut off" of {flag: items}, the most frequent ones. */
export function flagWords(flags, most = 3) {
  const entries = Object.entries(flags || {}).filter(([flag]) => !["fenced", "prose", "lines"].includes(flag));
  return entries
    .slice(0, most)
    .map(([flag, n]) => `${count(n)} ${FLAGS[flag] || flag.replaceAll("_", " ")}`)
    .join(", ");
}

/** A field for the key of a server that a job waits for; the job goes on by itself. */
export function keyField({ server, base_url }) {
  const input = h("input.tl-input", { type: "password", autocomplete: "off", spellcheck: false, "aria-label": `Key for ${server}`, placeholder: `key for ${server}` });
  const trouble = h("div", { "aria-live": "polite" });
  const button = h("button.tl-btn.tl-small.tl-primary", { type: "submit" }, "Give the key");
  const form = h("form.tl-key", { onsubmit: give }, h("div.tl-row", input, button), h("span.tl-hint", "Kept in the server's memory only, sent to this address only."), trouble);
  return form;

  async function give(event) {
    event.preventDefault();
    if (!input.value.trim()) return void input.focus();
    button.disabled = true;
    fill(trouble);
    try {
      await post("connections/key", { base_url, key: input.value.trim() });
      input.value = "";
      setTimeout(() => poke(), 700); // the server starts the job within half a second
    } catch (error) {
      fill(trouble, errorBox(error));
    }
    button.disabled = false;
  }
}
