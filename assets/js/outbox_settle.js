// What the server's answers mean for the outbox. Pure: works out what to delete, rewrite and ask about.
//
// Decisions are on one field of an item (its tags, its captions); what is said here of an item holds for each of them.
// An item's later decisions were made on top of its earlier ones. So when one is not taken (somebody was faster, or the
// server refuses it), all that follow on that item join it in one choice for the person: theirs, or mine as it stood
// at last. That also keeps a follower from being stored over somebody's change because the version happens to fit.

import { renamed } from "./review_state.js";

/** `batch` were sent, `results` came back, `rows` are all that wait now (the batch included), `refused` the entries that
 *  wait for a choice. Returns
 *  answers: [{row, result}] in order, followers that are no longer sent included;
 *  tags: {client tag id: id}; gone: uuids that leave the outbox; changed: rows rewritten with the real tag ids;
 *  refused: entries {kind: "conflict" | "error", project, row, theirs, by, at, applied, message, remedy, key};
 *  stored: keys of the rows that were taken; writes: for the browser's database, whatever else changes there. */
export function settle(batch, results, rows, refused) {
  const byUuid = new Map(results.map((result) => [result.uuid, result]));
  const entries = new Map(); // item and field → entry, of this answer
  const answers = [];
  const tags = {};

  for (const row of batch) {
    const result = byUuid.get(row.event.uuid);
    if (!result) continue;
    answers.push({ row, result });
    Object.assign(tags, result.tags);
    const entry = entries.get(placeOf(row));
    // Stored although an earlier one was not: mine stands over theirs, which the person must know.
    if (result.ok) entry && Object.assign(entry, { row, applied: true });
    else entries.set(placeOf(row), notTaken(entry, row, result));
  }

  const answered = new Set(answers.map(({ row }) => row.event.uuid));
  for (const row of rows) {
    const entry = entries.get(placeOf(row));
    if (!entry || entry.applied || answered.has(row.event.uuid)) continue;
    entry.row = row;
    answers.push({ row, result: { uuid: row.event.uuid, ok: false, follows: true, state: entry.theirs } });
  }

  const gone = new Set(answers.map(({ row }) => row.event.uuid));
  const changed = Object.keys(tags).length ? rows.filter((row) => !gone.has(row.event.uuid)).map((row) => ({ ...row, event: renamed(row.event, tags) })) : [];
  const kept = refused.filter((old) => {
    const entry = entries.get(placeOf(old.row));
    if (entry) entry.key = old.key;
    return !entry;
  });
  for (const entry of entries.values()) entry.row = { ...entry.row, event: renamed(entry.row.event, tags) };

  return {
    answers,
    tags,
    gone: [...gone],
    changed,
    refused: [...kept, ...entries.values()],
    stored: answers.filter(({ result }) => result.ok).map(({ row }) => row.key),
    writes: [
      ...answers.filter(({ result }) => !result.ok).map(({ row }) => ({ store: "outbox", key: row.key, value: null })),
      ...changed.filter((row) => row.key !== null).map((row) => ({ store: "outbox", key: row.key, value: row })),
      ...[...entries.values()].map((entry) => ({ store: "refused", key: entry.key, value: entry })),
    ],
  };
}

const placeOf = ({ event }) => `${event.item} ${event.field ?? "tags"}`;

function notTaken(earlier, row, result) {
  const entry = earlier || { key: null, project: row.project, version: row.event.version, applied: false, theirs: null, by: null, at: null };
  entry.row = row;
  if (!result.conflict) return Object.assign(entry, { kind: "error", message: result.message || "The server refused this decision.", remedy: result.remedy || "" });
  // After a refusal the next ones miss one version; that alone is nobody's change.
  const onlyGap = entry.kind === "error" && result.state?.version === entry.version;
  return onlyGap ? entry : Object.assign(entry, { kind: "conflict", theirs: result.state, by: result.by, at: result.at });
}
