// The Insights tab: a few questions about one corpus, each answered by a plot, with the way to the items behind it.

import { get } from "./api.js";
import { count, fill, h, percent, plural } from "./dom.js";
import { musicCards } from "./insights_music.js";
import { button, card, stat, teach } from "./insights_pieces.js";
import { bars, curve, histogram } from "./insights_plots.js";
import { openItem } from "./item_drawer.js";
import { go, note, onRoute } from "./navigate.js";
import { AGENTS } from "./review_state.js";
import { emptyState, errorBox, options, segment, STATUS } from "./signs.js";
import { openTagDialog } from "./tag_dialog.js";

const LETTER = { selective: "S", generative: "G", learned: "L" };
const DASHES = [null, "6 4", "2 3", "8 3 2 3", "1 4", "12 4"];
const SHOWN_TAGS = 8;

// Ways of counting: [key, label, what it means, figures of a run].
const WAYS = [
  ["main", "Names and aliases", "A label is met by the tag that goes by it, under its name or an alias. Words that are new to the vocabulary count as wrong.", (run) => run],
  ["exact", "Names only", "A tag is right only if it is called exactly as the label is written.", (run) => run.exact],
  ["in_vocabulary", "Without new words", "Only tags of the vocabulary count; what the generative agent said beside them is left out.", (run) => run.in_vocabulary],
  ["before_matching", "Before matching", "The words as they were said, beside every label as it is written; the vocabulary plays no part.", (run) => run.before_matching],
  ["macro", "Each tag alike", "Averaged over tags: a rare tag counts as much as a frequent one.", (run) => run.macro],
  ["per_item", "Each item alike", "Averaged over items.", (run) => run.per_item],
];

export function mount(element) {
  let params = {};
  let corpora = null;
  let answer = null;
  let figures = null; // of captions, where the corpus is music
  let compared = null; // what people said of them, blind
  let request = null;
  let way = "main";
  const select = h("select.tl-select", { "aria-label": "Corpus", onchange: () => change(select.value) });
  const facts = h("span.tl-meta", { role: "status" });
  const trouble = h("div");
  const body = h("div.tl-in-cards");
  fill(element, h("div.tl-page.tl-one.tl-in", h("div.tl-row.tl-in-head", h("h2", "Insights"), select, facts), trouble, body));
  fill(body, h("p.tl-loading", "Working out the figures…"));

  onRoute("insights", (now) => {
    params = now;
    load();
  });
  for (const name of ["tagloom:job", "tagloom:back"]) window.addEventListener(name, () => element.getClientRects().length && load());

  function change(corpus) {
    params = { corpus };
    note("insights", params);
    load();
  }

  async function load() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    body.setAttribute("aria-busy", "true");
    try {
      corpora = (await get("corpora", {}, signal)).corpora;
      const corpus = corpora.find((each) => String(each.id) === String(params.corpus)) || corpora.find((each) => each.runs) || corpora[0];
      fill(select, options(corpora.map((each) => [each.id, each.name]), corpus?.id));
      select.hidden = !corpora.length;
      const music = corpus?.kind === "music";
      [answer, figures] = corpus ? await Promise.all([get("evaluate", { corpus: corpus.id }, signal), music ? get("captions/insights", { corpus: corpus.id }, signal) : null]) : [null, null];
      compared = music ? await get("captions/compare/results", { corpus: corpus.id }, signal) : null;
      fill(trouble);
      draw(corpus);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(body);
      fill(trouble, errorBox(error, load));
    }
    body.removeAttribute("aria-busy");
  }

  function draw(corpus) {
    if (!corpus) {
      fill(facts);
      return void fill(
        body,
        emptyState(
          "Nothing to look into yet",
          "Insights answers how good the tags and captions are: how they meet gold labels and references, whether the agents agree, what the checks say, and how far the review is. First bring a corpus in.",
          h("button.tl-btn.tl-primary", { onclick: () => go("corpora") }, "Go to Corpora"),
        ),
      );
    }
    fill(facts, figures ? plural(answer.items, "track") : `${plural(answer.items, "item")} · ${plural(answer.tagged, "run")}`);
    if (figures) fill(body, musicCards({ corpus, figures, compared, reload: load }), reviewing(corpus));
    else fill(body, meeting(corpus), agreeing(corpus), mistaking(), reviewing(corpus));
    body.classList.toggle("tl-in-music", Boolean(figures));
  }

  // ---- How well do the methods meet the gold labels? ----

  function meeting(corpus) {
    const question = "How well do the methods meet the gold labels?";
    if (!answer.gold)
      return card(question, teach("This corpus has no gold labels", "Gold labels are tags that you trust already. Import the file with their column mapped to “gold”: they are compared here and nowhere else, and no tagger ever sees them.", button("Go to Corpora", () => go("corpora", { corpus: corpus.id }))));
    if (!answer.runs.length) return card(question, teach("No tagged item has gold labels yet", "Tag this corpus; every run is then scored against its gold labels.", button("Tag this corpus…", () => openTagDialog(corpus))));
    const runs = drawn(answer.runs);
    const possible = WAYS.filter(([key, , , of]) => key === "main" || runs.some((run) => of(run)));
    if (!possible.some(([key]) => key === way)) way = "main";
    const plots = h("div.tl-in-three");
    const meaning = h("p.tl-meta");
    const show = () => {
      const [, , words, of] = WAYS.find(([key]) => key === way);
      fill(meaning, words);
      fill(
        plots,
        [["precision", "Precision", "of what was suggested, is right"], ["recall", "Recall", "of the labels, was suggested"], ["f1", "F1", "both in one"]].map(([name, title, explained]) =>
          h(
            "div",
            h("h3", title, " ", h("span.tl-meta.tl-in-soft", explained)),
            bars(title, runs.filter(of).map((run) => ({ ...run.sign, value: of(run)[name], ...(way === "main" && run.interval ? { low: run.interval[name][0], high: run.interval[name][1] } : {}) }))),
          ),
        ),
      );
    };
    const ways = h("select.tl-select", { "aria-label": "Counted by", onchange: () => ((way = ways.value), show()) }, options(possible.map(([key, label]) => [key, label]), way));
    show();
    const series = runs.map((run) => ({ ...run.sign, points: run.at_k }));
    return card(
      question,
      h("div.tl-row.tl-spread", legend(runs), h("label.tl-row.tl-tight.tl-meta", "counted by", ways)),
      plots,
      meaning,
      h(
        "div.tl-in-two",
        h("div", h("h3", "As more tags are taken ", h("span.tl-meta.tl-in-soft", "the first 1 to 10 of each item")), curve(series)),
        h("div.tl-scroll", table(runs)),
      ),
    );
  }

  function table(runs) {
    const rows = [
      ["Scored items", (run) => count(run.scored_items)],
      ["Labels the vocabulary has", (run) => `${(100 * run.gold_in_vocabulary).toFixed(1)} %`],
      ["Items with a tag", (run) => percent(run.coverage.items_with_tag, run.scored_items)],
      ["Tags per item", (run) => run.coverage.tags_per_item.toFixed(1)],
      ["Vocabulary used", (run) => `${count(run.coverage.vocabulary_used)} of ${count(run.coverage.vocabulary)}`],
      ["New words", (run) => count(run.coverage.free_tags)],
      ["Said twice on one item", (run) => `${(100 * run.redundancy.share).toFixed(1)} %`],
      ["F1, 95 % interval", (run) => (run.interval ? `${run.interval.f1[0].toFixed(3)} – ${run.interval.f1[1].toFixed(3)}` : "too few items")],
    ];
    return h(
      "table.tl-table.tl-in-table",
      h("thead", h("tr", h("th", ""), runs.map((run) => h("th.tl-num", h("span", { class: `tl-in-mark tl-in-${run.sign.kind}` }, run.sign.mark))))),
      h("tbody", rows.map(([label, of]) => h("tr", h("td", label), runs.map((run) => h("td.tl-num", of(run)))))),
    );
  }

  // ---- Do the agents agree? ----

  function agreeing(corpus) {
    const question = "Do the agents agree?";
    const found = answer.agreement;
    if (!found)
      return card(question, teach("It takes two", "When both the selective and the generative agent have tagged this corpus, you see here how far they agree. Where they do not, a person's look is worth most.", button("Tag this corpus…", () => openTagDialog(corpus))));
    const differ = sum(found.disagree);
    const left = differ - (found.disagree.done || 0) - (found.disagree.skipped || 0);
    return card(
      question,
      h(
        "div.tl-stats.tl-in-stats",
        stat(found.mean_jaccard.toFixed(2).replace(/^0/, ""), "of the tags of either are of both, on average"),
        stat(found.kappa === null ? "–" : found.kappa.toFixed(2).replace(/^0/, ""), "kappa: agreement beyond chance"),
        stat(count(found.items), "items with both answers"),
      ),
      histogram(found.histogram, found.below, "items"),
      h(
        "div.tl-row",
        differ > 0 && h("button.tl-btn.tl-primary", { onclick: () => go("review", { corpus: corpus.id, queue: "disagree", ...(left ? {} : { status: "all" }) }) }, left ? `Review ${plural(left, "disagreement")}` : `Look at ${plural(differ, "disagreement")}`),
        h("span.tl-meta", differ ? `${count(differ)} of ${count(found.items)} items share less than half of their tags.` : "They share at least half of their tags on every item."),
      ),
      h("p.tl-meta.tl-in-soft", found.kappa === null ? "Kappa is undefined: neither agent has suggested a tag of the vocabulary." : found.explained, found.kappa_items < found.items && ` Worked out from ${count(found.kappa_items)} items, spread evenly.`),
    );
  }

  // ---- Which tags are over-used or missed? ----

  function mistaking() {
    const question = "Which tags are over-used or missed?";
    if (!answer.runs.length) return card(question, teach("Gold labels tell", "Once a run can be compared with gold labels, the tags that it suggests too often, and those that it overlooks, are listed here with the items behind them."));
    const runs = drawn(answer.runs);
    const lists = h("div.tl-in-two");
    const show = (id) => {
      const run = runs.find((each) => each.run === id);
      fill(
        lists,
        worst("Suggested where gold does not have it", run.worst.over, (tag) => `${count(tag.mistakes)} of ${count(tag.suggested)} suggested`, run),
        worst("Missed where gold has it", run.worst.missed, (tag) => `${count(tag.mistakes)} of ${count(tag.gold)} labels`, run),
      );
    };
    const chooser = runs.length > 1 && segment("Run", runs.map((run) => [run.run, run.sign.mark.length > 1 ? run.sign.mark : AGENTS[run.sign.kind] || run.method]), runs[0].run, show);
    show(runs[0].run);
    return card(question, chooser && chooser.element, lists, h("p.tl-meta.tl-in-soft", "Choose a tag to look at its items. A tag that is often “wrong” may as well be missing in the gold labels."));
  }

  function worst(title, tags, words, run) {
    const most = Math.max(1, ...tags.map((tag) => tag.mistakes));
    return h(
      "div",
      h("h3", title),
      tags.length
        ? h(
            "ul.tl-in-worst",
            tags.slice(0, SHOWN_TAGS).map((tag) =>
              h(
                "li",
                h(
                  "button.tl-in-tag",
                  { onclick: () => openItem(tag.items[0], tag.items, answer.corpus.id, () => {}), "aria-label": `${tag.name}: ${words(tag)}. Look at its items` },
                  h("span.tl-in-tag-name", { dir: "auto" }, tag.name),
                  h("span.tl-meta", words(tag)),
                  h("span.tl-meter", { "aria-hidden": "true" }, h("i", { class: `tl-in-${run.sign.kind}`, style: { width: `${(100 * tag.mistakes) / most}%` } })),
                ),
              ),
            ),
          )
        : h("p.tl-meta", "None."),
    );
  }

  // ---- How far is the review? ----

  function reviewing(corpus) {
    const question = "How far is the review?";
    const { counts, decisions, people, blind, acceptance } = answer.review;
    if (!decisions && !counts.done)
      return card(question, teach("Nothing has been reviewed", figures ? "Every caption that is accepted, edited or given stars counts here." : "Every accepted or rejected tag counts here, and shows whose suggestions people keep.", answer.items > 0 && button("Start reviewing", () => go("review", { corpus: corpus.id, queue: "pending" }))));
    const order = ["done", "in_progress", "again", "skipped", "pending"].filter((status) => counts[status]);
    return card(
      question,
      h("div.tl-in-stack", { role: "img", "aria-label": order.map((status) => `${counts[status]} ${STATUS[status][1]}`).join(", ") }, order.map((status) => h("i", { class: `tl-in-is-${status}`, style: { flexGrow: counts[status] } }))),
      h(
        "div.tl-row.tl-in-keys",
        order.map((status) => h("button.tl-in-key", { onclick: () => go("review", { corpus: corpus.id, queue: status }) }, h("i", { class: `tl-in-is-${status}` }), h("b", count(counts[status])), ` ${STATUS[status][1]}`)),
      ),
      h("p.tl-meta", `${plural(decisions, "decision")} by ${plural(people, "person", "people")}${blind ? `, ${count(blind)} of them blind` : ""}${acceptance.items ? ` · ${acceptance.tags_per_item.toFixed(1)} tags per reviewed item` : ""}`),
      acceptance.agents.length > 0 && [
        h("h3", "What people made of the suggestions"),
        h("div.tl-in-accepted", acceptance.agents.map(accepted)),
        h("p.tl-meta.tl-in-soft", `On the ${plural(acceptance.items, "newest reviewed item")}. People who see a suggestion tend to keep it: only blind reviews measure an agent fairly.`),
      ],
    );
  }

  function accepted({ agent, accepted, rejected, undecided }) {
    const all = accepted + rejected + undecided;
    const name = AGENTS[agent] || agent;
    return [
      h("span", { class: `tl-in-mark tl-in-${agent}` }, `${agent} `, h("span.tl-in-name", name)),
      h("div.tl-in-stack.tl-in-thin", { "aria-hidden": "true" }, [["accepted", accepted], ["rejected", rejected], ["undecided", undecided]].filter(([, n]) => n).map(([kind, n]) => h("i", { class: `tl-in-was-${kind}`, style: { flexGrow: n } }))),
      h("span.tl-meta", `${percent(accepted, all)} kept, ${percent(rejected, all)} not${undecided ? `, ${percent(undecided, all)} undecided` : ""}`),
    ];
  }
}

// ---- pieces ----

const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);

/** Runs with their sign {name, mark, kind, dash}: the agent's letter and colour; of several runs of one agent, the newest
 *  is drawn solid. */
function drawn(runs) {
  const seen = {};
  const several = new Set(runs.map((run) => run.method).filter((method, i, all) => all.indexOf(method) !== i));
  return runs.map((run) => {
    const letter = LETTER[run.method] || run.method[0].toUpperCase();
    const nth = (seen[run.method] = (seen[run.method] ?? -1) + 1);
    const mark = several.has(run.method) ? `${letter} ${run.run}` : letter;
    return { ...run, sign: { name: `${AGENTS[letter] || run.method}, ${run.engine}, run ${run.run}`, mark, kind: letter, dash: DASHES[nth % DASHES.length] } };
  });
}

const legend = (runs) =>
  h(
    "ul.tl-in-legend",
    runs.map((run) => h("li", h("span", { class: `tl-in-mark tl-in-${run.sign.kind}` }, run.sign.mark), ` ${AGENTS[run.sign.kind] || run.method}`, h("span.tl-muted", ` · ${run.engine === "builtin" ? "builtin" : run.model} · run ${run.run} · ${plural(run.items, "item")}`))),
  );
