// The bar above the tabs: project, engine, jobs, saved state, theme. Always there.

import { post } from "./api.js";
import { ago, count, fill, h, percent } from "./dom.js";
import { openDialog, openMenu } from "./dialog.js";
import { openJobs } from "./jobs.js";
import { ACTIVE, onJobs } from "./jobs_feed.js";
import { go } from "./navigate.js";
import { control, errorBox } from "./signs.js";
import { onState, ready, refresh, state } from "./state.js";
import { isDark, nextTheme, setTheme, theme } from "./theme.js";

const SEEN = "tagloom.jobs.seen";
const THEMES = { light: "☀\uFE0E", dark: "☾", system: "◐" };

export function mount(element) {
  const project = h("button.tl-project", { "aria-haspopup": "menu", "aria-expanded": "false", title: "Switch the project", onclick: () => projectMenu(project) }, "…");
  const engine = h("button.tl-pill.tl-hide", { title: "What answers: click for more", "aria-haspopup": "dialog", onclick: openEngine });
  const jobs = h("button.tl-pill", { title: "All jobs", "aria-haspopup": "dialog", onclick: openJobs });
  const saved = h("span.tl-pill.tl-saved", { hidden: true });
  const themes = h("button.tl-pill.tl-theme", { onclick: () => setTheme(nextTheme()) });
  const warnings = h("div.tl-warnings");
  fill(
    element,
    h("header.tl-bar", h("span.tl-brand", "Tagloom"), project, h("span.tl-grow"), engine, jobs, saved, themes),
    warnings,
  );
  // a warning makes the bar taller; the tabs stick below it
  new ResizeObserver(() => document.documentElement.style.setProperty("--tl-top", `${element.offsetHeight}px`)).observe(element);
  onState((now) => {
    fill(project, h("span.tl-clip", now.project.name), h("span", { "aria-hidden": "true" }, "▾"));
    fill(engine, h("span.tl-dot", { class: now.embedding.found ? "" : "tl-warn" }), now.engine.label);
    fill(warnings, (now.warnings || []).map(warning));
  });
  drawJobs(jobs);
  drawSaved(saved);
  const drawTheme = () => {
    const text = `Theme: ${theme()}${theme() === "system" ? ` (${isDark() ? "dark" : "light"})` : ""}. Click to change.`;
    fill(themes, THEMES[theme()]);
    themes.title = text;
    themes.setAttribute("aria-label", text);
  };
  drawTheme();
  window.addEventListener("tagloom:theme", drawTheme);
}

function warning({ message, remedy }) {
  const line = h("div.tl-warning", { role: "status" }, h("span.tl-grow", h("b", message), " ", remedy), h("button.tl-btn.tl-quiet.tl-small", { onclick: () => line.remove() }, "Hide"));
  return line;
}

function drawJobs(pill) {
  let text = "";
  let seen = localStorage.getItem(SEEN); // the newest job whose end the person has looked at
  let newest = "";
  window.addEventListener("tagloom:jobs-seen", () => {
    seen = newest;
    localStorage.setItem(SEEN, seen);
  });
  window.addEventListener("tagloom:back", () => refresh().catch(() => {}));
  onJobs((feed) => {
    newest = `${feed.jobs[0]?.id} ${feed.jobs[0]?.state}`;
    const running = feed.jobs.filter((job) => ACTIVE.has(job.state));
    const done = running.reduce((sum, job) => sum + (job.total ? job.done : 0), 0);
    const total = running.reduce((sum, job) => sum + (job.total || 0), 0);
    const keyless = feed.jobs.filter((job) => job.state === "needs_key");
    const money = running.reduce((sum, job) => sum + (job.spent?.cost || 0), 0);
    const troubled = newest !== seen && ["failed", "interrupted"].includes(feed.jobs[0]?.state);
    const words = feed.offline
      ? "no answer, trying again"
      : running.length
        ? `${running.length} ${running.length === 1 ? "job" : "jobs"}${total ? ` · ${percent(done, total)}` : ""}${money >= 0.01 ? ` · $${money.toFixed(2)}` : ""}`
        : keyless.length
          ? `${keyless.length === 1 ? "a job needs" : `${keyless.length} jobs need`} a key`
        : troubled
          ? `job ${feed.jobs[0].state}`
          : "no jobs";
    const dot = feed.offline ? "tl-bad" : running.length ? "" : keyless.length || troubled ? "tl-warn" : "tl-idle";
    if (words + dot === text) return;
    text = words + dot;
    fill(pill, h("span.tl-dot", { class: dot }), words);
  });
}

function drawSaved(pill) {
  let detail = null;
  const draw = () => {
    if (!detail || (!detail.unsaved && detail.last === null)) return void (pill.hidden = true);
    pill.hidden = false;
    pill.classList.toggle("tl-unsaved", detail.unsaved > 0);
    const text = detail.unsaved ? `${count(detail.unsaved)} unsaved` : `saved ${ago(detail.last)}`;
    if (pill.dataset.text === text) return;
    pill.dataset.text = text;
    // on a small screen "saved" says enough: the project's name needs the room
    fill(pill, detail.unsaved > 0 && h("span.tl-dot.tl-warn"), detail.unsaved ? text : h("span", "saved", h("span.tl-hide", text.slice(5))));
    pill.title = detail.unsaved ? "Kept in this browser and sent as soon as the server answers" : "Every decision is stored";
  };
  window.addEventListener("tagloom:saved", (event) => {
    detail = event.detail;
    draw();
  });
  setInterval(() => document.hidden || draw(), 1000);
}

function projectMenu(button) {
  const now = state();
  const entries = now
    ? now.projects.map((each) => ({ label: each.name, checked: each.slug === now.project.slug, onclick: () => each.slug !== now.project.slug && openProject(each.slug) }))
    : [{ label: "The server does not answer: try again", onclick: () => refresh().catch(() => {}) }];
  openMenu(button, [...entries, null, { label: "New project…", onclick: newProject }], "Projects");
}

function openProject(slug) {
  const url = new URL(location.href);
  url.searchParams.set("project", slug);
  url.hash = "";
  location.assign(url);
}

function newProject() {
  const dialog = openDialog({ title: "New project", size: "brief" });
  const name = h("input.tl-input", { maxLength: 60, autocomplete: "off", required: true });
  const trouble = h("div");
  const form = h("form.tl-form", { onsubmit: create }, control("Name", name, "A project has its own corpora, vocabulary and decisions."), trouble);
  const button = h("button.tl-btn.tl-primary", { onclick: () => form.requestSubmit() }, "Create project");
  fill(dialog.body, form);
  fill(dialog.actions, h("span.tl-grow"), button);
  name.focus();
  async function create(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      openProject((await post("projects", { name: name.value.trim() })).project.slug);
    } catch (error) {
      button.disabled = false;
      fill(trouble, errorBox(error));
    }
  }
}

function aboutEngine(engine) {
  if (engine.name === "builtin") return "Tagloom's own answers: no language model, no key, nothing leaves this computer. The same question always gets the same answer.";
  if (engine.name === "transformers") return `${engine.model}, in a process of this computer. Nothing leaves it.`;
  return `${engine.model} at ${engine.base_url}. Items' texts are sent there when you tag or build a vocabulary with it.`;
}

async function openEngine() {
  const dialog = openDialog({ title: "What answers", size: "brief" });
  try {
    const { engine, embedding } = await ready();
    fill(
      dialog.body,
      h(
        "div.tl-stack",
        h("div", h("b", engine.label), h("p.tl-meta", aboutEngine(engine))),
        embedding.found
          ? h("div", h("b", "Embedding model"), h("p.tl-meta", `${embedding.name}, found in: ${embedding.source}`))
          : h("div.tl-error", h("b", embedding.reason || "The embedding model was not found."), h("span", embedding.remedy)),
      ),
    );
  } catch (error) {
    fill(dialog.body, errorBox(error));
  }
  fill(dialog.actions, h("span.tl-grow"), h("button.tl-btn", { onclick: () => (dialog.close(), go("settings")) }, "Switch in settings"));
}

