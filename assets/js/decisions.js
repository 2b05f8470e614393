// What all surfaces of this page share that decide something: one outbox, one line of presses, one way back.

import { Outbox } from "./outbox.js";
import { History } from "./review_history.js";
import { ready as stateReady } from "./state.js";

const listeners = new Set();
let line = Promise.resolve();
let opening = null;
let walk = null;

/** Run fn after everything that was asked for before: key presses and the server's answers, one at a time. */
export function serial(fn) {
  const run = line.then(fn);
  line = run.catch(() => {});
  return run;
}

export const outbox = new Outbox({ serial, onSettled, onChange: () => tell("changed") });
export const history = new History();

/** Open the outbox: what an earlier page has left is sent now. */
export const opened = () => (opening ||= outbox.open());

/** Have the way back begin with what waits in the outbox, once. Resolves with the project's name. */
export function begun() {
  walk ||= opened()
    .then(stateReady)
    .then(({ project }) => {
      history.reset(outbox.rows.filter((row) => row.project === project.slug));
      return project.slug;
    });
  walk.catch(() => (walk = null)); // the server was away: the next one asks again
  return walk;
}

/** Keep one decision. Resolves when it is stored in this browser. */
export async function keep(row) {
  await outbox.append(row);
  history.push(row);
}

/** Call `settled(outcome)` with what the server said, `changed()` when anything else is to be shown. Returns a function
 *  that stops. */
export function onDecisions(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(name, ...rest) {
  for (const listener of listeners) listener[name]?.(...rest);
}

function onSettled(outcome) {
  for (const { row, result } of outcome.answers) {
    if (result.ok) continue;
    history.drop(row.event);
    // What cannot be undone (any more) must not stop the walk.
    if (row.event.action === "undo" && result.error) history.skip(row.event.undoes);
  }
  if (Object.keys(outcome.tags).length) history.rename(outcome.tags);
  tell("settled", outcome);
}
