// The page's entry: theme, address, state, and a place for every surface.

import { page } from "./api.js";
import { h, fill } from "./dom.js";
import { route, start as startNavigation } from "./navigate.js";
import { refresh } from "./state.js";
import { start as startTheme } from "./theme.js";

const SURFACES = new Set(["bar", "corpora", "vocabulary", "review", "music", "insights", "settings"]);

page.project = new URLSearchParams(location.search).get("project") || "";
startTheme();

/** Draw a surface into the place that Gradio has made for it. */
async function mount([name, element]) {
  if (!SURFACES.has(name) || element.dataset.mounted) return;
  element.dataset.mounted = "yes";
  try {
    const module = await import(`./${name}.js`);
    await module.mount(element);
  } catch (error) {
    console.error(error);
    fill(
      element,
      h("div.tl-page.tl-one", h("div.tl-error", { role: "alert" }, h("b", "This part of the page could not be opened."), h("span", "Reload the page; if it stays like this, the installation is incomplete."))),
    );
  }
}

const waiting = Array.isArray(window.tagloom) ? window.tagloom : [];
window.tagloom = { push: (...places) => places.forEach(mount) };
window.tagloom.push(...waiting);
startNavigation();
// Gradio takes its time to draw the tabs: what will be needed first is fetched meanwhile.
for (const name of ["bar", route().tab || "corpora"]) if (SURFACES.has(name)) import(`./${name}.js`).catch(() => {});
refresh().catch(() => {
  /* the bar says so and tries again */
});
