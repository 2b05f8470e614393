// What is ticked on an item, and what each key makes of it. Pure: nothing here draws, waits or remembers.
//
// State {status, accepted: [tag], rejected: [tag], dropped: [key], version} is what is decided; a suggestion that is in
// none of the lists is undecided. What Enter saves is exactly `ticked(item, state)`, which is also what the chips show.
// A *new tag* is a word that an agent said and the vocabulary does not have: a suggestion without `tag`, known by its
// `key`. It is never ticked; a person maps it to a tag, takes it into the vocabulary, or drops it.

export const AGENTS = { S: "Selective", G: "Generative", L: "Learned" };

/** A suggestion below this score is drawn faintly. */
export const LOW_SCORE = 0.4;

/** What makes two names the same, as the server says it. */
export const keyOf = (name) => name.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");

/** The agents that answered this item, also with nothing, in the order of the groups. */
export function agentsOf(item) {
  const found = new Set([...(item.agents || []), ...item.suggestions.map((s) => s.agent)]);
  return [...Object.keys(AGENTS).filter((a) => found.has(a)), ...[...found].filter((a) => !AGENTS[a])];
}

const byRank = (a, b) => a.rank - b.rank || b.score - a.score;

/** Suggestions as chips, several agents' and runs' merged, best rank first. */
function united(item, suggestions, chipOf) {
  const chips = new Map();
  const agents = agentsOf(item);
  for (const s of suggestions) {
    const fresh = chipOf(s);
    const chip = chips.get(fresh.id) || { ...fresh, name: s.name, score: 0, rank: Infinity, agents: [], evidence: [], yours: false };
    chips.set(chip.id, chip);
    chip.score = Math.max(chip.score, s.score ?? 0);
    chip.rank = Math.min(chip.rank, s.rank ?? Infinity);
    if (!chip.agents.includes(s.agent)) chip.agents.push(s.agent);
    chip.evidence.push(...(s.evidence || []));
    if (s.samples > 1) Object.assign(chip, { votes: s.votes, samples: s.samples });
    // the words that were said, where they are others than the tag's name
    if (s.tag && s.value && keyOf(s.value) !== keyOf(s.name)) chip.said ??= { value: s.value, similarity: s.similarity < 0.995 ? s.similarity : null };
  }
  const list = [...chips.values()];
  for (const chip of list) chip.agents.sort((a, b) => agents.indexOf(a) - agents.indexOf(b));
  return list.sort(byRank);
}

/** One chip per suggested tag of the vocabulary: {id, tag, name, score (best), rank, agents: [letter], evidence: [],
 *  votes?, samples?, said?: {value, similarity}, yours: false}. */
export const suggested = (item) => united(item, item.suggestions.filter((s) => s.tag), (s) => ({ id: s.tag, tag: s.tag }));

/** One chip per new tag: as `suggested`, with {id: "+key", tag: null, key, fresh: true, nearest: [{tag, name, similarity}],
 *  mapped: the tag that a person last said it means, or null}. */
export const freshTags = (item) =>
  united(item, item.suggestions.filter((s) => !s.tag), (s) => ({ id: `+${s.key}`, tag: null, key: s.key, fresh: true, nearest: s.nearest || [], mapped: item.mapped?.[s.key] ?? null }));

/** The chips as they stand on the panel: [{label, chips}]. `yours` are tags that nobody suggested: [{tag, name}].
 *  Blind puts every suggestion into one group ordered by name, so that neither agent, agreement nor rank shows. */
export function groups(item, yours, blind) {
  const chips = suggested(item);
  const fresh = freshTags(item);
  const agents = agentsOf(item);
  const out = [];
  const add = (label, members) => members.length && out.push({ label, chips: members });
  const byName = (list) => [...list].sort((a, b) => a.name.localeCompare(b.name));
  if (blind) add("Suggested", byName(chips));
  else {
    const several = agents.length > 1;
    if (several) add(agents.length === 2 ? "Both agree" : "All agree", chips.filter((c) => c.agents.length === agents.length));
    if (agents.length > 2) add("Some agree", chips.filter((c) => c.agents.length > 1 && c.agents.length < agents.length));
    for (const agent of agents)
      add((AGENTS[agent] || agent) + (several ? " only" : ""), chips.filter((c) => c.agents.length === 1 && c.agents[0] === agent));
  }
  add("New", blind ? byName(fresh) : fresh);
  add("Yours", yours.map((y) => ({ ...y, id: y.tag, score: null, rank: null, agents: ["P"], evidence: [], yours: true })));
  return out;
}

/** Tags that stand ticked before anybody decided: of one agent all, of several those that all of them suggest. */
export function preTicked(item) {
  const all = agentsOf(item).length;
  return suggested(item).filter((chip) => chip.agents.length === all).map((chip) => chip.tag);
}

/** The tags that show as ticked, which is what Enter saves. On a finished item only what was decided is ticked: a
 *  suggestion that came later is not accepted by accident. */
export function ticked(item, state) {
  const out = new Set(state.accepted);
  if (state.status !== "done") {
    const rejected = new Set(state.rejected);
    for (const tag of preTicked(item)) if (!rejected.has(tag)) out.add(tag);
  }
  return [...out];
}

/** How one chip shows: "yes" decided for, "soft" ticked but undecided, "no" decided against, "open" suggested. */
export function face(tag, state, tickedTags) {
  if (state.accepted.includes(tag)) return "yes";
  if (state.rejected.includes(tag)) return "no";
  return tickedTags.includes(tag) ? "soft" : "open";
}

/** What became of a new tag: {to: "added", tag} it is in the vocabulary and accepted here; {to: "mapped", tag} it
 *  was said to mean a tag, which is accepted here; {to: "dropped"}; {to: "open"} undecided. `name(tag)` gives a tag's name. */
export function fate(chip, state, name) {
  const added = state.accepted.find((tag) => keyOf(name(tag)) === keyOf(chip.name));
  if (added !== undefined) return { to: "added", tag: added };
  if (!dropped(state).includes(chip.key)) return { to: "open" };
  return state.accepted.includes(chip.mapped) ? { to: "mapped", tag: chip.mapped } : { to: "dropped" };
}

/** The new tag that m, n and d are about: the chosen one, or the first that is undecided. */
export function inQuestion(item, state, name, chosen = null, order = freshTags(item)) {
  return order.find((chip) => chip.id === chosen) || order.find((chip) => fate(chip, state, name).to === "open") || null;
}

/** Nearest tags with the one that the same word was mapped to before in the first place; three at most. */
export function meantFirst(nearest, meant) {
  const known = nearest.find((each) => each.tag === meant.tag);
  return [known || { ...meant, similarity: null }, ...nearest.filter((each) => each !== known)].slice(0, 3);
}

const dropped = (state) => state.dropped || [];
const without = (list, tag) => list.filter((other) => other !== tag);
const lists = (state) => ({ accepted: [...state.accepted], rejected: [...state.rejected], dropped: [...dropped(state)] });

/** The state after one tag was set to "accepted", "rejected" or "none". */
export function set(state, tag, to) {
  return {
    status: "in_progress",
    accepted: to === "accepted" ? [...without(state.accepted, tag), tag] : without(state.accepted, tag),
    rejected: to === "rejected" ? [...without(state.rejected, tag), tag] : without(state.rejected, tag),
    dropped: [...dropped(state)],
  };
}

/** The state after a new tag was "mapped" to a tag, "added" as a tag, "dropped", or made "open" again. What stood in
 *  its place before is taken back: a tag that it was added as, or mapped to and that nobody had suggested. */
export function settled(item, state, chip, to, tag, name) {
  const before = fate(chip, state, name);
  let next = lists(state);
  const suggestedToo = item.suggestions.some((s) => s.tag === before.tag);
  if (before.tag && before.tag !== tag && !(before.to === "mapped" && suggestedToo)) next.accepted = without(next.accepted, before.tag);
  if (tag) next = lists(set(next, tag, "accepted"));
  next.dropped = without(next.dropped, chip.key);
  if (to === "mapped" || to === "dropped") next.dropped.push(chip.key);
  return { status: "in_progress", ...next };
}

/** What a press on a chip does: {tag, to}. A suggested tag swings between accepted and rejected; one that a person
 *  added is simply taken off again. */
export function toggled(item, state, tag) {
  if (!ticked(item, state).includes(tag)) return { tag, to: "accepted" };
  return { tag, to: item.suggestions.some((s) => s.tag === tag) ? "rejected" : "none" };
}

/** Enter: ticked → accepted, suggested but not ticked → rejected. New tags that nobody decided stay undecided. */
export function accepted(item, state) {
  const yes = ticked(item, state);
  return { ...lists(state), status: "done", accepted: yes, rejected: refused(item, state, yes) };
}

/** x: none of these tags fits, the new ones included. */
export function rejected(item, state) {
  const keys = new Set([...dropped(state), ...freshTags(item).map((chip) => chip.key)]);
  return { status: "done", accepted: [], rejected: refused(item, state, []), dropped: [...keys] };
}

function refused(item, state, yes) {
  const no = new Set([...state.rejected, ...suggested(item).map((chip) => chip.tag)]);
  for (const tag of yes) no.delete(tag);
  return [...no];
}

/** s: nothing is decided, the item leaves the queue. */
export const skipped = (state) => ({ ...plain(state), status: "skipped" });

/** Which field of an item is decided on here: "tags", or "captions" of a piece of music. */
export const fieldOf = (item) => item.field ?? "tags";

/** Only what an event carries of a state. Captions are in `boxes` (caption_state.js), tags in the lists. */
export const plain = (state) => (state.boxes ? { status: state.status, boxes: structuredClone(state.boxes) } : { status: state.status, ...lists(state) });

/** Do two states say the same of the item? `again` is set by the vocabulary, not by a decision, so it does not count. */
export function same(a, b) {
  const set = (list) => [...list].sort().join("\n");
  const status = a.status === b.status || a.status === "again" || b.status === "again";
  return status && ["accepted", "rejected", "dropped"].every((name) => set(a[name] || []) === set(b[name] || [])) && boxed(a.boxes) === boxed(b.boxes);
}

// Boxes as text that is the same for the same content.
function boxed(boxes) {
  const box = ([style, each]) => [style, (each.text ?? "").trim(), each.stars ?? null, each.valid ?? null, [...(each.taken || [])].sort()];
  return JSON.stringify(Object.entries(boxes || {}).map(box).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The event with client-made tag ids replaced by the vocabulary's (`tags`: {client id: id}). */
export function renamed(event, tags) {
  const id = (tag) => tags[tag] ?? tag;
  return {
    ...event,
    after: renamedState(event.after, tags),
    change: event.change && { ...event.change, ...("tag" in event.change && { tag: id(event.change.tag) }) },
    new_tags: (event.new_tags || []).filter((tag) => !(tag.id in tags)),
    shown: event.shown && { ...event.shown, ...(event.shown.ticked && { ticked: event.shown.ticked.map(id) }) },
  };
}

/** A state with client-made tag ids replaced; two ids that became one tag are listed once. */
export function renamedState(state, tags) {
  const ids = (list) => [...new Set(list.map((tag) => tags[tag] ?? tag))];
  return state.boxes ? state : { ...state, accepted: ids(state.accepted), rejected: ids(state.rejected) };
}
