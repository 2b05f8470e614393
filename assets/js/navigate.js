// Where the person is lives in the address: #/<tab>?key=value. A reload, a bookmark and the back button all work.

const listeners = new Map(); // tab → Set of functions
const last = new Map(); // tab → its query, so that coming back to a tab finds what was open there
const TABS = "#tl-tabs [role=tablist] button[role=tab]";

/** The address as {tab, params}. */
export function route() {
  const [, tab = "", query = ""] = /^#\/([a-z]*)\??(.*)$/.exec(location.hash) || [];
  return { tab, params: Object.fromEntries(new URLSearchParams(query)) };
}

function hash(tab, params) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  const text = query.toString();
  return `#/${tab}${text ? `?${text}` : ""}`;
}

// Gradio's page has a <base>: a bare #… would be taken as an address of its own and lose the project in the query.
const whole = (hash) => location.pathname + location.search + hash;

/** Go to a tab. Its surface is told through `onRoute`; the step can be taken back with the browser's button. */
export function go(tab, params = {}) {
  const target = hash(tab, params);
  if (target !== location.hash) history.pushState(null, "", whole(target));
  apply();
}

/** Write the position into the address without telling anybody: for a surface that has moved by itself. */
export function note(tab, params = {}) {
  last.set(tab, params);
  if ((route().tab || selected()) === tab) history.replaceState(null, "", whole(hash(tab, params)));
}

/** Call `fn(params)` now, if this tab is open, and whenever the address leads to it. Returns a function that stops. */
export function onRoute(tab, fn) {
  if (!listeners.has(tab)) listeners.set(tab, new Set());
  listeners.get(tab).add(fn);
  const here = route();
  if (here.tab === tab) fn(here.params);
  else if (!here.tab && selected() === tab) fn({});
  return () => listeners.get(tab).delete(fn);
}

const buttons = () => [...document.querySelectorAll(TABS)];
const nameOf = (button) => button.id.replace(/^tl-tab-|-button$/g, "") || button.textContent.trim().toLowerCase();

/** The tab that Gradio shows, by name. */
export function selected() {
  const button = buttons().find((each) => each.getAttribute("aria-selected") === "true");
  return button ? nameOf(button) : "";
}

function apply() {
  const { tab, params } = route();
  if (!tab) return;
  last.set(tab, params);
  const button = buttons().find((each) => nameOf(each) === tab);
  if (button && button.getAttribute("aria-selected") !== "true") button.click();
  for (const fn of listeners.get(tab) || []) fn(params);
}

// A click on a tab (or the arrow keys) changes Gradio's selection first; the address follows.
function follow() {
  const tab = selected();
  if (!tab || route().tab === tab) return;
  const params = last.get(tab) || {};
  const address = whole(hash(tab, params));
  if (route().tab) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  for (const fn of listeners.get(tab) || []) fn(params);
}

/** Start: called once by main.js, when Gradio has drawn its tabs. */
export function start() {
  window.addEventListener("popstate", () => {
    window.dispatchEvent(new CustomEvent("tagloom:moved")); // what floats belongs to the place that is left
    apply();
  });
  const wait = () => {
    const list = document.querySelector("#tl-tabs [role=tablist]");
    if (!list || !buttons().length) return void requestAnimationFrame(wait);
    if (buttons().some((each) => nameOf(each) === route().tab)) apply();
    else follow();
    new MutationObserver(follow).observe(document.getElementById("tl-tabs"), { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  };
  wait();
}
