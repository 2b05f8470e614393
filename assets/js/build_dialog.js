// Building a vocabulary from a corpus: what it is for, then its stages live, each with what it found and left out.
// A finished build can be run again from any later stage with other numbers, without asking the engine for anything.

import { get, post } from "./api.js";
import { buildStages } from "./build_stages.js";
import { ago, fill, h, plural } from "./dom.js";
import { openDialog } from "./dialog.js";
import { engineChoice } from "./engine_choice.js";
import { ACTIVE, onJobs, poke } from "./jobs_feed.js";
import { go } from "./navigate.js";
import { promptButton } from "./prompt_workbench.js";
import { control, emptyState, errorBox, options } from "./signs.js";

/** Open the dialog: the form, or (with `show`) an earlier build. `done()` is called when a build has ended. */
export async function openBuilds({ done, corpus: wanted } = {}) {
  let stop = () => {};
  const dialog = openDialog({ title: "Build a vocabulary from a corpus", size: "medium", keep: true, onclose: () => stop() });
  fill(dialog.body, h("p.tl-loading", "Looking at the corpora…"));
  let corpora, builds;
  try {
    [{ corpora }, { builds }] = await Promise.all([get("corpora"), get("vocabulary/builds")]);
  } catch (error) {
    return void fill(dialog.body, errorBox(error, () => (dialog.close(), openBuilds({ done, corpus: wanted }))));
  }
  corpora = corpora.filter((each) => each.items > 0);
  const running = builds.find((each) => ACTIVE.has(each.job.state));
  if (!corpora.length)
    return void fill(dialog.body, emptyState("First, a corpus", "A vocabulary is built from what the items of a corpus say.", h("button.tl-btn.tl-primary", { onclick: () => (dialog.close(), go("corpora", { add: "1" })) }, "Add a corpus")));
  if (running) follow(running.job);
  else form();

  function form() {
    stop();
    dialog.setTitle("Build a vocabulary from a corpus");
    const corpus = h("select.tl-select.tl-full", { onchange: label }, options(corpora.map((each) => [each.id, `${each.name} · ${plural(each.items, "item")}`]), wanted || corpora[0].id));
    const purpose = h("input.tl-input", { maxLength: 500, placeholder: "find talks by what they are about" });
    const language = h("input.tl-input", { maxLength: 60, placeholder: "as the items" });
    const size = number("", "auto");
    const samples = number("1", "");
    const limit = number("", "all", label);
    const least = number("", "3");
    const engine = engineChoice({ role: "text", onchange: () => label(), leave: () => dialog.close() });
    // what only a language model is told
    const prompt = promptButton("free-tags", { corpus: () => corpus.value, settings: () => ({ use_case: purpose.value, language: language.value, connection: engine.value()?.connection }) });
    const asks = h("div.tl-settings", control("What the tags are for", purpose, "One sentence."), control("Language of the tags", language, "Empty: as the items."), control("Samples per item", samples, "More than one: what several answers name counts more."), h("div.tl-control", h("span", "Words of the question"), prompt));
    const trouble = h("div", { "aria-live": "polite" });
    const button = h("button.tl-btn.tl-primary", { onclick: start });
    fill(
      dialog.body,
      h(
        "div.tl-stack",
        h("p", "Each item’s text is read for candidate tags; spellings are joined, rare and empty ones left out, near-duplicates found. Nothing enters the vocabulary by itself: you accept what is proposed, one by one or above a line. Gold tags are never read."),
        h("div.tl-settings", control("Corpus", corpus), control("Most new tags", size, "The best supported ones; empty: by the corpus’ size.")),
        h("div.tl-control", h("span", "Engine"), engine.element),
        asks,
        h("details.tl-more", h("summary", "More"), h("div.tl-settings", control("Only the first … items", limit, "Empty: the whole corpus."), control("Least items per tag", least, "A tag on one or two items gathers nothing."))),
        trouble,
        builds.length > 0 && h("details.tl-more", h("summary", `Earlier builds (${builds.length})`), h("ul.tl-builds", builds.map(earlier))),
      ),
    );
    fill(dialog.actions, h("span.tl-grow"), h("button.tl-btn", { onclick: dialog.close }, "Cancel"), button);
    label();

    function label() {
      const items = Math.min(Number(limit.value) || Infinity, corpora.find((each) => each.id === corpus.value)?.items || 0);
      const requests = items * Math.max(1, Number(samples.value) || 1);
      const builtin = (engine.chosen()?.engine ?? "builtin") === "builtin";
      asks.hidden = builtin;
      fill(button, builtin ? `Build from ${plural(items, "item")}` : `Build from ${plural(items, "item")} · ${plural(requests, "request")}`);
    }
    async function start() {
      button.disabled = true;
      fill(trouble);
      await engine.ready;
      const given = (input) => (input.value ? Math.round(Number(input.value)) : null);
      try {
        const { job } = await post("vocabulary/build", { corpus: corpus.value, ...engine.value(), use_case: purpose.value, language: language.value, size: given(size), samples: given(samples), limit: given(limit), least: given(least) });
        poke(job);
        follow(job);
      } catch (error) {
        button.disabled = false;
        fill(trouble, errorBox(error));
      }
    }
    function earlier({ job, corpus: id }) {
      const name = corpora.find((each) => each.id === id)?.name || job.title;
      return h("li", h("button.tl-link", { onclick: () => follow(job) }, name), h("span.tl-meta", ` · ${job.state} · ${ago(job.finished_at || job.created_at)}`));
    }
  }

  function number(value, placeholder, oninput) {
    return h("input.tl-input.tl-short", { type: "number", min: 1, step: 1, value, placeholder, oninput });
  }

  function follow(job) {
    stop();
    dialog.setTitle(job.title);
    const stages = buildStages({ again });
    const trouble = h("div", { "aria-live": "polite" });
    const see = h("button.tl-btn.tl-primary", { onclick: () => dialog.close() }, "See what is proposed");
    const cancel = h("button.tl-btn", { onclick: () => act("cancel") }, "Cancel");
    const resume = h("button.tl-btn", { onclick: () => act("resume") }, "Resume");
    const back = h("button.tl-btn.tl-quiet", { onclick: form }, "← Another build");
    fill(dialog.body, h("div.tl-stack", trouble, stages.element));
    const words = h("span.tl-grow", "It goes on when you close this; Jobs shows it.");
    fill(dialog.actions, back, words, resume, cancel, see);
    let state = "";
    let busy = false;
    let over = false;
    const unfollow = onJobs(async (feed) => {
      const now = feed.jobs.find((each) => each.id === job.id) || job;
      if (busy || (over && state === now.state)) return;
      busy = true;
      try {
        const { builds: fresh } = await get("vocabulary/builds");
        builds = fresh;
        const mine = fresh.find((each) => each.job.id === job.id);
        if (mine) draw(mine);
      } catch (error) {
        fill(trouble, errorBox(error));
      }
      busy = false;
    });
    stop = unfollow;

    function draw(now) {
      stages.update(now);
      const active = ACTIVE.has(now.job.state);
      if (state && state !== now.job.state && !active) done?.();
      state = now.job.state;
      over = !active;
      cancel.hidden = !active;
      back.hidden = active;
      words.textContent = active ? "It goes on when you close this; Jobs shows it." : "";
      resume.hidden = !now.job.can.includes("resume");
      see.disabled = state !== "done";
      const made = now.stages.at(-1).counts;
      if (state === "done") fill(see, made.proposals ? `See ${plural(made.proposals, "proposal")}` : "Close");
      fill(trouble, now.job.message && h("div", { class: state === "failed" ? "tl-error" : "tl-note" }, h("b", now.job.message), " ", h("span", now.job.remedy)));
    }
    async function act(what) {
      try {
        poke((await post(`jobs/${job.id}/${what}`)).job);
      } catch (error) {
        fill(trouble, errorBox(error));
      }
    }
    async function again(stage, numbers) {
      try {
        const { job: next } = await post("vocabulary/build", { build: job.id, from_stage: stage, ...numbers });
        poke(next);
        follow(next);
      } catch (error) {
        fill(trouble, errorBox(error));
      }
    }
  }
}

