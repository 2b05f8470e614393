// What every surface needs to know of the server: project, person, engine. Loaded once, then on request.

import { get, page } from "./api.js";

const listeners = new Set();
let current = null;
let loading = null;

/** The last known state, or null before the first answer. */
export const state = () => current;

/** The state, loaded if need be. */
export function ready() {
  return current ? Promise.resolve(current) : (loading ||= refresh());
}

/** Ask the server again and tell everybody. */
export async function refresh() {
  try {
    const answer = await get("state");
    current = answer;
    page.project ||= answer.project.slug;
    for (const fn of listeners) fn(answer);
    return answer;
  } finally {
    loading = null;
  }
}

/** Call `fn(state)` now, if it is known, and whenever it changes. */
export function onState(fn) {
  listeners.add(fn);
  if (current) fn(current);
  return () => listeners.delete(fn);
}
