// Insights of a music corpus: are the captions true to the tags, how much of the tags do they say, how near are they to
// reference captions (and how little that tells), what do people say blind.

import { openLoad } from "./caption_load.js";
import { VERDICTS } from "./caption_state.js";
import { openCompare, resultTable } from "./compare.js";
import { count, h, percent, plural } from "./dom.js";
import { button, card, teach } from "./insights_pieces.js";
import { go } from "./navigate.js";

const FACETS = ["instrument", "voice", "tempo", "genre", "era", "place"];
const COVERED = [["verbatim", "word for word"], ["stem", "in another form"], ["alias", "by another name"], ["missing", "not said"]];

// What each figure says. What none of them says stands below, once and in bold.
const METRICS = [
  ["bleu1", "BLEU-1", "How many of the caption's words also stand in the reference: mostly the small words that every caption has."],
  ["bleu2", "BLEU-2", "The same for pairs of words: turns of phrase, not facts."],
  ["bleu3", "BLEU-3", "The same for three words in a row: a wrong instrument costs it no more than a synonym."],
  ["bleu4", "BLEU-4", "The same for four words in a row: rewards sounding like the reference, not being right."],
  ["rouge_l", "ROUGE-L", "The longest run of words in common, gaps allowed: order counts, truth does not."],
  ["meteor", "METEOR", "Words in common, other endings allowed: kinder to other wording, as blind to what is false. Worked out without WordNet."],
];

/** The cards. `figures` are those of captions/insights, `compared` of captions/compare/results; `reload()` after loading. */
export function musicCards({ corpus, figures, compared, reload }) {
  const styles = (figures?.styles || []).filter((each) => each.captions);
  const own = styles.filter((each) => !each.name.startsWith("other:"));
  const load = () => button("Load captions of another system…", () => openLoad(corpus, reload));
  if (!styles.length)
    return [
      card(
        "Are the captions true to the tags?",
        teach("Nothing has been written yet", "Write captions from the tags: every one is checked against them, and what the checks say is counted here.", h("div.tl-row", button("Go to Music", () => go("music", { corpus: corpus.id })), load())),
      ),
    ];
  return [checked(corpus, styles, own), covering(styles), unsupported(corpus, styles), near(figures, styles, load), blind(corpus, compared)];
}

// ---- Are the captions true to the tags? ----

function checked(corpus, styles, own) {
  const sum = (level) => own.reduce((all, each) => all + (each.verdicts[level] || 0), 0);
  return card(
    "Are the captions true to the tags?",
    h("div.tl-in-accepted.tl-in-checks", styles.map(({ title, verdicts, captions }) => [h("b.tl-in-name", { dir: "auto" }, title), verdictBar(verdicts, title), h("span.tl-meta", ["pass", "warn", "fail", "none"].filter((level) => verdicts[level]).map((level) => `${VERDICTS[level][0]} ${percent(verdicts[level], captions + (verdicts.none || 0))} ${VERDICTS[level][1]}`).join(" · "))])),
    h(
      "div.tl-row",
      sum("fail") > 0 && h("button.tl-btn.tl-primary", { onclick: () => go("review", { corpus: corpus.id, queue: "fail", status: "all" }) }, "Review what fails"),
      sum("warn") > 0 && button("Look at warnings", () => go("review", { corpus: corpus.id, queue: "warn", status: "all" })),
      sum("none") > 0 && button("Look at what was not answered", () => go("review", { corpus: corpus.id, queue: "none", status: "all" })),
    ),
    h("p.tl-meta.tl-in-soft", "Checks know the tags only, not the sound: they find what no tag speaks for. A caption that passes says nothing that is not in its tags."),
  );
}

const LEVELS = ["pass", "warn", "fail", "none"];

function verdictBar(verdicts, title) {
  const shown = LEVELS.filter((level) => verdicts[level]);
  return h("div.tl-in-stack.tl-in-thin", { role: "img", "aria-label": `${title}: ${shown.map((level) => `${verdicts[level]} ${VERDICTS[level][1]}`).join(", ")}` }, shown.map((level) => h("i", { class: `tl-in-check-${level}`, style: { flexGrow: verdicts[level] } })));
}

// ---- How much of the tags do they say? ----

function covering(styles) {
  const of = (each, how) => each.coverage?.[how] || 0;
  return card(
    "How much of the tags do they say?",
    h(
      "div.tl-in-accepted.tl-in-checks",
      styles.map((each) => {
        const said = 1 - of(each, "missing");
        return [
          h("b.tl-in-name", { dir: "auto" }, each.title),
          h("div.tl-in-stack.tl-in-thin", { role: "img", "aria-label": `${each.title}: ${COVERED.map(([how, words]) => `${rate(of(each, how))} ${words}`).join(", ")}` }, COVERED.filter(([how]) => of(each, how) > 0).map(([how]) => h("i", { class: `tl-in-cover-${how}`, style: { flexGrow: of(each, how) } }))),
          h("span.tl-meta", `${rate(said)} of the tags · all of them in ${rate(each.full || 0)} of the captions`),
        ];
      }),
    ),
    h("div.tl-row.tl-in-keys", COVERED.map(([how, words]) => h("span.tl-in-key.tl-in-plain", h("i", { class: `tl-in-cover-${how}` }), words))),
    h("p.tl-meta.tl-in-soft", "People who describe music say about two thirds of such tags; saying all of them is what a faithful caption of tags does."),
  );
}

// ---- What do they say that no tag says? ----

function unsupported(corpus, styles) {
  const facets = FACETS.filter((facet) => styles.some((each) => each.unsupported?.[facet] !== undefined));
  const most = Math.max(0.25, ...styles.flatMap((each) => facets.map((facet) => (each.unsupported?.[facet] || 0) / looked(each))));
  return card(
    "What do they say that no tag says?",
    h(
      "div.tl-scroll",
      h(
        "table.tl-table.tl-in-table",
        h("thead", h("tr", h("th", "Captions that name a … no tag speaks of"), facets.map((facet) => h("th.tl-num", facet)))),
        h(
          "tbody",
          styles.map((each) =>
            h(
              "tr",
              h("td", { dir: "auto" }, each.title),
              facets.map((facet) => {
                const n = each.unsupported?.[facet] || 0;
                const part = n / looked(each);
                return h("td.tl-num", { style: { background: `color-mix(in srgb, var(--bad) ${Math.round((60 * part) / most)}%, transparent)` }, title: plural(n, "caption") }, n ? rate(part) : "–");
              }),
            ),
          ),
        ),
      ),
    ),
    h("p.tl-meta.tl-in-soft", "An instrument, a voice or a tempo that no tag names may be true of the sound; of the tags it is not."),
  );
}

// ---- How near are they to the reference captions? ----

function near(figures, styles, load) {
  const question = "How near are they to the reference captions?";
  const scored = styles.filter((each) => each.metrics);
  if (!figures.references || !scored.length)
    return card(question, teach(figures.references ? "No track has both a caption and a reference" : "There are no reference captions", "A reference is what a person wrote about a track. Import it in a column with the role “reference”: it is compared here, and never sent to a model.", h("div.tl-row", load())));
  const floor = figures.floor && Object.keys(figures.floor).length ? figures.floor : null;
  const shown = METRICS.filter(([name]) => scored.some((each) => typeof each.metrics[name] === "number"));
  const cell = (value, least) => h("td.tl-num", typeof value === "number" ? value.toFixed(2) : "–", typeof least === "number" && value <= least && h("span.tl-in-under", { title: "not above the captions of other tracks" }, " ≤"));
  const length = (m) => (m.length?.mean === undefined ? "–" : `${m.length.mean.toFixed(1)} ± ${(m.length.sd ?? 0).toFixed(1)}`);
  return card(
    question,
    h("p.tl-note", h("b", "None of these figures says whether a caption is true. "), floor ? "The last line shows it: reference captions dealt out to the wrong tracks. What is not well above that line has shown nothing." : "Read them beside the checks above."),
    h(
      "div.tl-scroll",
      h(
        "table.tl-table.tl-in-table",
        h("thead", h("tr", h("th", ""), shown.map(([, title]) => h("th.tl-num", title)), h("th.tl-num", "brevity"), h("th.tl-num", "words"), h("th.tl-num", "new words"), h("th.tl-num", "tracks"))),
        h(
          "tbody",
          scored.map(({ title, metrics }) =>
            h("tr", h("td", { dir: "auto" }, title), shown.map(([name]) => cell(metrics[name], floor?.[name])), h("td.tl-num", metrics.brevity_penalty === undefined ? "–" : metrics.brevity_penalty.toFixed(2)), h("td.tl-num", length(metrics)), h("td.tl-num", typeof metrics.novelty === "number" ? rate(metrics.novelty) : "–"), h("td.tl-num", count(metrics.scored ?? 0))),
          ),
          floor && h("tr.tl-in-floor", h("td", h("b", "Floor: "), "references of other tracks"), shown.map(([name]) => cell(floor[name])), h("td", { colSpan: 4 }, "")),
        ),
      ),
    ),
    h("div.tl-row", load()),
    h("details.tl-more", { open: true }, h("summary", "What each figure says"), h("dl.tl-in-meaning", shown.map(([, title, words]) => [h("dt", title), h("dd", words)]), h("dt", "brevity"), h("dd", "1 where captions are as long as the references; BLEU is multiplied by it, so short captions lose."), h("dt", "new words"), h("dd", "Share of their vocabulary that no reference uses: variety, or invention."))),
    openers(scored),
  );
}

// How alike captions begin: what every reader notices first.
function openers(scored) {
  const found = scored.filter((each) => each.metrics.openers?.length);
  if (!found.length) return null;
  return h(
    "details.tl-more",
    h("summary", "How captions begin"),
    h("dl.tl-in-meaning", found.map(({ title, metrics }) => [h("dt", { dir: "auto" }, title), h("dd", metrics.openers.slice(0, 4).map((each) => `“${each.text}” ${rate(each.share)}`).join(", "), metrics.duplicates ? ` · ${plural(metrics.duplicates, "caption")} said twice` : "")])),
  );
}

// ---- What do people say, blind? ----

function blind(corpus, compared) {
  const question = "Which do people prefer, blind?";
  const rateMore = h("div.tl-row", h("button.tl-btn.tl-small", { onclick: () => openCompare(corpus) }, "Compare blind…"));
  if (!compared?.ratings) return card(question, teach("Nobody has compared yet", "Two texts of one track, and nobody says who wrote them: which says more that is true, which says less that is false? A few dozen answers tell more than every figure above.", rateMore));
  return card(question, resultTable(compared), rateMore);
}

const looked = (each) => each.looked_at || each.captions || 1;
const rate = (part) => (part >= 0.0995 || !part ? `${Math.round(100 * part)} %` : `${(100 * part).toFixed(1)} %`);
