// What somebody is typing into a box, kept letter by letter: a reload or a crash in the middle of a sentence loses nothing.
// A draft becomes a decision when the box is left; then it is forgotten.

const MARK = "tagloom:draft:";
const forgetful = new Map(); // where the browser stores nothing
const nameOf = (project, item, style) => `${MARK}${project}:${item}:${style}`;

/** Keep `text`, which began as `from`. */
export function keepDraft(project, item, style, text, from) {
  const name = nameOf(project, item, style);
  try {
    localStorage.setItem(name, JSON.stringify({ text, from }));
  } catch {
    forgetful.set(name, { text, from });
  }
}

/** What was being typed: {text, from} or null. */
export function draftOf(project, item, style) {
  const name = nameOf(project, item, style);
  try {
    return JSON.parse(localStorage.getItem(name)) || forgetful.get(name) || null;
  } catch {
    return forgetful.get(name) || null;
  }
}

export function dropDraft(project, item, style) {
  const name = nameOf(project, item, style);
  forgetful.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    /* nothing was stored */
  }
}
