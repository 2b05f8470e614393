// What is ticked on an item, and what each key makes of it. Pure: nothing here draws, waits or remembers.
//
// State {status, accepted: [tag], rejected: [tag], version} is what is decided; a suggestion that is in neither list is
// undecided. What Enter saves is exactly `ticked(item, state)`, which is also what the chips show.

export const AGENTS = { S: "Selective", G: "Generative", L: "Learned" };

/** A suggestion below this score is drawn faintly. */
export const LOW_SCORE = 0.4;

/** The agents that suggested something for this item, in the order of the groups. */
export function agentsOf(item) {
  const found = new Set(item.suggestions.map((s) => s.agent));
  return [...Object.keys(AGENTS).filter((a) => found.has(a)), ...[...found].filter((a) => !AGENTS[a])];
}

/** One chip per suggested tag, several agents' and runs' suggestions merged, best rank first:
 *  {tag, name, score (best), rank, agents: [letter], evidence: [], yours: false}. */
export function suggested(item) {
  const chips = new Map();
  const agents = agentsOf(item);
  for (const s of item.suggestions) {
    const chip = chips.get(s.tag) || { tag: s.tag, name: s.name, score: 0, rank: Infinity, agents: [], evidence: [], yours: false };
    chips.set(s.tag, chip);
    chip.score = Math.max(chip.score, s.score ?? 0);
    chip.rank = Math.min(chip.rank, s.rank ?? Infinity);
    if (!chip.agents.includes(s.agent)) chip.agents.push(s.agent);
    chip.evidence.push(...(s.evidence || []));
  }
  const list = [...chips.values()];
  for (const chip of list) chip.agents.sort((a, b) => agents.indexOf(a) - agents.indexOf(b));
  return list.sort((a, b) => a.rank - b.rank || b.score - a.score);
}

/** The chips as they stand on the panel: [{label, chips}]. `yours` are tags that nobody suggested: [{tag, name}].
 *  Blind puts every suggestion into one group ordered by name, so that neither agent, agreement nor rank shows. */
export function groups(item, yours, blind) {
  const chips = suggested(item);
  const agents = agentsOf(item);
  const out = [];
  const add = (label, members) => members.length && out.push({ label, chips: members });
  if (blind) add("Suggested", [...chips].sort((a, b) => a.name.localeCompare(b.name)));
  else {
    const several = agents.length > 1;
    if (several) add(agents.length === 2 ? "Both agree" : "All agree", chips.filter((c) => c.agents.length === agents.length));
    if (agents.length > 2) add("Some agree", chips.filter((c) => c.agents.length > 1 && c.agents.length < agents.length));
    for (const agent of agents)
      add((AGENTS[agent] || agent) + (several ? " only" : ""), chips.filter((c) => c.agents.length === 1 && c.agents[0] === agent));
  }
  add("Yours", yours.map((y) => ({ ...y, score: null, rank: null, agents: ["P"], evidence: [], yours: true })));
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

const without = (list, tag) => list.filter((other) => other !== tag);

/** The state after one tag was set to "accepted", "rejected" or "none". */
export function set(state, tag, to) {
  return {
    status: "in_progress",
    accepted: to === "accepted" ? [...without(state.accepted, tag), tag] : without(state.accepted, tag),
    rejected: to === "rejected" ? [...without(state.rejected, tag), tag] : without(state.rejected, tag),
  };
}

/** What a press on a chip does: {tag, to}. A suggested tag swings between accepted and rejected; one that a person
 *  added is simply taken off again. */
export function toggled(item, state, tag) {
  if (!ticked(item, state).includes(tag)) return { tag, to: "accepted" };
  return { tag, to: item.suggestions.some((s) => s.tag === tag) ? "rejected" : "none" };
}

/** Enter: ticked → accepted, suggested but not ticked → rejected. */
export function accepted(item, state) {
  const yes = ticked(item, state);
  return { status: "done", accepted: yes, rejected: refused(item, state, yes) };
}

/** x: none of these tags fits. */
export function rejected(item, state) {
  return { status: "done", accepted: [], rejected: refused(item, state, []) };
}

function refused(item, state, yes) {
  const no = new Set([...state.rejected, ...item.suggestions.map((s) => s.tag)]);
  for (const tag of yes) no.delete(tag);
  return [...no];
}

/** s: nothing is decided, the item leaves the queue. */
export const skipped = (state) => ({ ...plain(state), status: "skipped" });

/** Only what an event carries of a state. */
export const plain = (state) => ({ status: state.status, accepted: [...state.accepted], rejected: [...state.rejected] });

/** Do two states say the same of the item? `again` is set by the vocabulary, not by a decision, so it does not count. */
export function same(a, b) {
  const set = (list) => [...list].sort().join("\n");
  const status = a.status === b.status || a.status === "again" || b.status === "again";
  return status && set(a.accepted) === set(b.accepted) && set(a.rejected) === set(b.rejected);
}

/** The event with client-made tag ids replaced by the vocabulary's (`tags`: {client id: id}). */
export function renamed(event, tags) {
  const id = (tag) => tags[tag] ?? tag;
  return {
    ...event,
    after: renamedState(event.after, tags),
    change: event.change && { ...event.change, tag: id(event.change.tag) },
    new_tags: (event.new_tags || []).filter((tag) => !(tag.id in tags)),
    shown: event.shown && { ...event.shown, ticked: (event.shown.ticked || []).map(id) },
  };
}

/** A state with client-made tag ids replaced; two ids that became one tag are listed once. */
export function renamedState(state, tags) {
  const ids = (list) => [...new Set(list.map((tag) => tags[tag] ?? tag))];
  return { ...state, accepted: ids(state.accepted), rejected: ids(state.rejected) };
}
