// The four captions of a piece of music, and what each key makes of them. Pure: nothing here draws, waits or remembers.
//
// State {status, boxes: {style: {text, stars, valid, suggestion, taken}}, version} is what is decided. A style without a
// box is undecided: its newest caption shows, and Enter saves it as it stands.

export const STYLES = ["writing", "summary", "paraphrase", "attribute_prediction"];
export const TITLES = { writing: "Writing", summary: "Summary", paraphrase: "Paraphrase", attribute_prediction: "Attribute prediction" };
export const LONGEST = 4000; // characters of a caption

/** What shows in one box: {style, title, text, suggestion, stars, valid, taken, predicted, checks, candidates, state,
 *  error, flags, run, engine, model, decided, edited}. `checks` are those of the text as it stands, or null if nobody has
 *  made them yet; `candidates` are the other texts that may be taken: [{suggestion, text, predicted, checks}]. */
export function boxOf(item, state, style) {
  const said = item.captions?.[style] || { state: "missing", candidates: [] };
  const box = state.boxes?.[style] || null;
  const all = candidatesOf(said);
  const text = box ? box.text : (said.text ?? "");
  const same = all.find((each) => each.text === text) || null;
  const from = all.find((each) => each.suggestion === box?.suggestion) || same || all[0] || null;
  return {
    style,
    title: TITLES[style] || style,
    text,
    suggestion: box ? (box.suggestion ?? null) : (said.suggestion ?? null),
    stars: box?.stars ?? null,
    valid: box?.valid ?? null,
    taken: box?.taken || [],
    predicted: unique([...(from?.predicted || []), ...(box?.taken || [])]),
    checks: same?.checks ?? (!box ? (said.checks ?? null) : null),
    all,
    candidates: all.filter((each) => each.text !== text),
    state: said.state,
    error: said.error ?? null,
    flags: said.flags || [],
    run: said.run,
    engine: said.engine,
    model: said.model,
    decided: Boolean(box),
    edited: Boolean(box) && box.text !== "" && !same,
    shows: Boolean(box?.text) || all.length > 0 || (said.state !== "missing" && Boolean(said.state)),
  };
}

// The newest caption and its candidates, each text once.
function candidatesOf(said) {
  const found = new Map();
  const own = said.text ? [{ suggestion: said.suggestion, text: said.text, predicted: said.predicted || [], checks: said.checks ?? null }] : [];
  for (const each of [...own, ...(said.candidates || [])]) if (each.text && !found.has(each.text)) found.set(each.text, { ...each, predicted: each.predicted || [] });
  return [...found.values()];
}

const unique = (list) => [...new Set(list)];

/** The boxes that show: those of styles with a caption, an edit, or an answer that went wrong; `opened` are styles whose
 *  empty box a person has opened. */
export const boxesOf = (item, state, opened = []) => STYLES.map((style) => boxOf(item, state, style)).filter((box) => box.shows || opened.includes(box.style));

const kept = ({ text, stars, valid, suggestion, taken }) => ({ text, stars, valid, suggestion, taken });

/** The state after one box has changed: `changes` of {text, stars, valid, suggestion, taken}. */
export function changed(item, state, style, changes) {
  return { status: "in_progress", boxes: { ...state.boxes, [style]: { ...kept(boxOf(item, state, style)), ...changes } } };
}

// Every caption that shows, decided in the same way.
function all(item, state, valid) {
  const boxes = { ...state.boxes };
  for (const box of boxesOf(item, state)) if (box.text) boxes[box.style] = { ...kept(box), valid: valid(box) };
  return { status: "done", boxes };
}

/** Enter: all captions as they stand. What nobody has called wrong is right. */
export const accepted = (item, state) => all(item, state, (box) => box.valid ?? true);

/** x: none of them is right. */
export const rejected = (item, state) => all(item, state, () => false);

/** s: nothing is decided, the item leaves the queue. */
export const skipped = (_, state) => ({ status: "skipped", boxes: { ...state.boxes } });

/** How each tag of an item is covered by a caption's checks: Map name → "verbatim" | "stem" | "alias" | "missing". */
export function coverage(checks) {
  const found = new Map();
  for (const each of checks?.coverage || []) {
    const [tag, how] = Array.isArray(each) ? each : [each.tag, each.how ?? each.coverage ?? each.state];
    found.set(tag, how);
  }
  return found;
}

export const VERDICTS = { pass: ["✓", "pass"], warn: ["!", "warning"], fail: ["✕", "fail"], none: ["–", "no caption"] };

// What a reason is called on its span; the whole sentence stands below the box.
const WORDS = {
  missing_tag: "missing",
  negation: "not there",
  name_leak: "name",
  number: "number",
  format_leak: "format",
  hype: "hype",
  imperative: "order",
  second_person: "you",
  sentence_count: "sentences",
  banned_word: "banned word",
  length: "length",
  language: "language",
};
export const wordOf = ({ code, facet }) => WORDS[code] || (code?.startsWith("unsupported_") ? facet || code.slice(12) : (code || "").replaceAll("_", " "));

const WEIGHT = { fail: 2, warn: 1, pass: 0 };

/** The parts of a text that checks speak of, in order and apart: [{start, end, level, word, reason (its place among the
 *  reasons, −1: a tag that is covered)}]. Of two that overlap the graver one stands. */
export function spans(text, checks, tags = []) {
  const found = (checks?.reasons || [])
    .map((reason, at) => ({ start: reason.start, end: reason.end, level: reason.level === "fail" ? "fail" : "warn", word: wordOf(reason), reason: at }))
    .filter(({ start, end }) => Number.isInteger(start) && end > start && end <= text.length);
  const covered = coverage(checks);
  for (const tag of tags) if (covered.get(tag.name) === "verbatim") found.push(...where(text, tag.name));
  const out = [];
  for (const span of found.sort((a, b) => WEIGHT[b.level] - WEIGHT[a.level] || b.end - b.start - (a.end - a.start)))
    if (!out.some((other) => span.start < other.end && other.start < span.end)) out.push(span);
  return out.sort((a, b) => a.start - b.start);
}

// The first place where a tag stands in a text as a word of its own. Only where lower case keeps the letters' places.
function where(text, name) {
  const [low, tag] = [text.toLowerCase(), name.toLowerCase()];
  if (low.length !== text.length || !tag) return [];
  const letter = (char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);
  for (let at = low.indexOf(tag); at >= 0; at = low.indexOf(tag, at + 1))
    if (!letter(low[at - 1]) && !letter(low[at + tag.length])) return [{ start: at, end: at + tag.length, level: "pass", word: "tag", reason: -1 }];
  return [];
}
