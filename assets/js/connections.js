// The connections of this host as cards in Settings: what each is for, how it is, what was learned of it; added, changed,
// checked, removed with undo. Keys live in the server's memory and in its environment; none is ever shown.

import { get, post } from "./api.js";
import { connectionCard } from "./connection_card.js";
import { openConnectionForm } from "./connection_form.js";
import { undoBar } from "./dialog.js";
import { fill, h } from "./dom.js";
import { errorBox } from "./signs.js";
import { refresh } from "./state.js";

/** Draw the connections into `element`, a card of the settings. Returns {add(values)}: the form, filled in. */
export function drawConnections(element) {
  let now = null;
  const trouble = h("div", { "aria-live": "polite" });
  const list = h("ul.tl-connections");
  const addButton = h("button.tl-btn", { onclick: () => add() }, "Add a connection…");
  const warnings = h("div");
  const note = h("p.tl-meta", "What answers when you tag a corpus, build a vocabulary or describe pictures. Any form can choose another one.");
  fill(element, h("div.tl-row.tl-spread", h("h2", "Connections"), addButton), note, warnings, trouble, list);
  addButton.hidden = true;
  fill(list, h("li.tl-loading", "Looking which connections there are…"));
  load();
  return { add };

  async function load() {
    try {
      draw(await get("connections"));
    } catch (error) {
      fill(list);
      fill(trouble, errorBox(error, load));
    }
  }

  function draw(answer) {
    now = answer;
    fill(trouble);
    fill(warnings, answer.warnings.map((each) => h("div.tl-note.tl-warn", h("b", each.message), " ", each.remedy)));
    addButton.hidden = !answer.may_change;
    if (!answer.may_change) fill(note, "On a shared server its operator chooses what answers, by TAGLOOM_BASE_URL and TAGLOOM_MODEL.");
    const actions = { choose, check, change, remove, key, forget, unload, allow };
    const here = { mayChange: answer.may_change, defaults: answer.default };
    fill(list, connectionCard(null, here, actions), answer.connections.map((each) => connectionCard(each, here, actions)));
  }

  /** Send something; what comes back is drawn. Returns the answer, or null where it did not work. */
  async function send(path, body) {
    try {
      const answer = await post(path, body);
      draw(answer);
      refresh().catch(() => {});
      return answer;
    } catch (error) {
      fill(trouble, errorBox(error));
      trouble.scrollIntoView({ block: "nearest" });
      return null;
    }
  }

  function choose(role, id) {
    return send("connections/default", { role, id });
  }
  function key(connection, text) {
    return send("connections/key", { base_url: connection.base_url, key: text });
  }
  function forget(connection) {
    return send(`connections/${connection.id}/forget`);
  }
  function unload(model) {
    return post("connections/unload", { model });
  }

  /** Set a connection up for one role more, and use it for that: once a check has shown that it can. */
  async function allow(connection, role, status) {
    fill(status, h("p.tl-meta", role === "vision" ? "Showing it a small picture…" : "Asking…"));
    const { id, name, engine, base_url, model, settings } = connection;
    const use = async () => {
      if (await send("connections", { id, name, engine, base_url, model, settings, roles: [...connection.roles, role], default: [role] })) await check(id);
    };
    try {
      const found = await post("connections/check", { engine, base_url, model, vision: role === "vision" });
      if (found.ok) return void (await use());
      fill(status, h("div.tl-note.tl-warn", { role: "alert" }, h("b", found.message), " ", found.remedy, h("div.tl-row", h("button.tl-btn.tl-small", { onclick: use }, "Use it all the same"))));
    } catch (error) {
      fill(status, errorBox(error));
    }
  }

  async function check(id) {
    list.querySelector(`[data-connection="${id}"]`)?.dispatchEvent(new CustomEvent("tl-checking"));
    await send(`connections/${id}/check`);
    list.querySelector(`[data-connection="${id}"] [data-act=check]`)?.focus();
  }

  function add(values) {
    openConnectionForm({ now, values, saved });
  }

  function change(connection) {
    openConnectionForm({ now, connection, saved });
  }

  function saved(answer) {
    draw(answer);
    refresh().catch(() => {});
    check(answer.saved);
  }

  async function remove(connection) {
    const answer = await send(`connections/${connection.id}/remove`);
    if (!answer) return;
    const { removed } = answer;
    undoBar(`Removed “${removed.name}”. Jobs that use it go on.`, async () => {
      draw(await post("connections/restore", { removed }));
      refresh().catch(() => {});
      return `“${removed.name}” is back.`;
    });
  }
}
