// One poll for the whole page: every second while something runs and the page is seen, every five otherwise.
// A server that does not answer is asked again and again; what it said last stays on the screen.

import { get } from "./api.js";

const listeners = new Set();
const ended = new Map(); // id → state when last seen, to notice what finishes
const feed = { jobs: [], active: 0, offline: false, known: false };
let timer = null;
let asking = false;

export const ACTIVE = new Set(["queued", "running"]);

/** Call `fn({jobs, active, offline, known})` now and after every answer. Returns a function that stops. */
export function onJobs(fn) {
  listeners.add(fn);
  fn(feed);
  if (!timer && !asking) ask();
  return () => listeners.delete(fn);
}

/** Ask at once: something was started, cancelled or resumed here. */
export function poke(job) {
  if (job) take([job, ...feed.jobs.filter((each) => each.id !== job.id)]);
  clearTimeout(timer);
  timer = null;
  if (!asking) ask();
}

async function ask() {
  asking = true;
  try {
    const answer = await get("jobs");
    const back = feed.offline;
    feed.offline = false;
    feed.known = true;
    take(answer.jobs);
    if (back) window.dispatchEvent(new CustomEvent("tagloom:back"));
  } catch (error) {
    // While the server is away nothing is known to be running any more; the drawer says since when.
    feed.offline = Boolean(error.offline) || error.status >= 500;
    feed.error = error;
    tell();
  }
  asking = false;
  const fast = !document.hidden && (feed.active > 0 || feed.offline);
  clearTimeout(timer);
  timer = setTimeout(ask, fast ? 1000 : 5000);
}

function take(jobs) {
  feed.jobs = jobs;
  feed.active = jobs.filter((job) => ACTIVE.has(job.state)).length;
  const over = [];
  for (const job of jobs) {
    const before = ended.get(job.id);
    if (before && before !== job.state && !ACTIVE.has(job.state)) over.push(job);
    ended.set(job.id, job.state);
  }
  tell();
  for (const job of over) window.dispatchEvent(new CustomEvent("tagloom:job", { detail: job }));
}

function tell() {
  for (const fn of listeners) fn(feed);
}

document.addEventListener("visibilitychange", () => !document.hidden && listeners.size && poke());
