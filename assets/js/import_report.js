// The import while it runs, and what it brought: counts, the first reasons, the whole report as csv.

import { fileAddress } from "./api.js";
import { count, fill, h } from "./dom.js";
import { followJob } from "./jobs.js";
import { ACTIVE } from "./jobs_feed.js";

const SHOWN = 8;

/** Follow the import in the dialog. `done(result)` when it has ended well, `over()` when it has ended otherwise,
 *  `again()` when the person wants another file. Returns a function that stops following. */
export function showReport(dialog, job, { done, over, again }) {
  const report = h("div");
  const close = h("button.tl-btn", { onclick: () => dialog.close() }, "Close");
  const text = h("span.tl-grow", "It goes on when you close this; Jobs shows it.");
  let ended = "";
  const followed = followJob(job, { plain: true, leave: dialog.close, each });
  fill(dialog.body, h("div.tl-stack", followed.element, report));
  fill(dialog.actions, text, close);
  close.focus();
  return followed.stop;

  function each(now) {
    if (ACTIVE.has(now.state) || now.state === ended) return;
    ended = now.state;
    if (now.state !== "done") {
      if (now.state !== "interrupted") over();
      return void fill(text, "");
    }
    done(now.result);
    fill(report, counts(now.result));
    fill(text, "");
    fill(dialog.actions, h("button.tl-btn.tl-quiet", { onclick: again }, "Add another file"), h("span.tl-grow"), now.report && h("a.tl-btn", { href: fileAddress(now.report), download: "" }, "Download report"), h("button.tl-btn.tl-primary", { onclick: () => dialog.close() }, "Open the corpus"));
    dialog.actions.querySelector(".tl-primary").focus();
    if (now.result.problems && now.report) reasons(now);
  }

  async function reasons(now) {
    const place = h("div");
    report.append(place);
    try {
      const response = await fetch(fileAddress(now.report), { credentials: "same-origin" });
      if (!response.ok) return;
      const rows = parseCsv((await response.text()).slice(0, 200_000)).filter((row) => row.outcome !== "updated");
      fill(
        place,
        h("div.tl-field", h("span.tl-label", rows.length > SHOWN ? `The first ${SHOWN} remarks` : "Remarks")),
        h("ul.tl-reasons", rows.slice(0, SHOWN).map((row) => h("li", h("b", [row.row && `Row ${row.row}`, row.field].filter(Boolean).join(", ") || row.file), h("span", ` ${row.cause} `), h("span.tl-meta", row.remedy)))),
      );
    } catch {
      /* the whole report can still be downloaded */
    }
  }
}

function counts(result) {
  return h(
    "div.tl-stats.tl-report",
    [["new", "new"], ["updated", "updated"], ["unchanged", "unchanged"], ["skipped", "skipped"]].map(([key, word]) => h("div.tl-stat", { class: result[key] ? "" : "tl-muted" }, h("b", count(result[key] || 0)), h("span.tl-meta", word))),
  );
}

/** Rows of a csv text as objects named by the first row; quotes and line breaks inside them are understood. */
export function parseCsv(text) {
  const rows = [[]];
  let cell = "";
  let quoted = false;
  const end = () => {
    rows.at(-1).push(cell);
    cell = "";
  };
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') (cell += '"'), (at += 1);
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === ",") end();
    else if (letter === "\n") end(), rows.push([]);
    else if (letter !== "\r") cell += letter;
  }
  if (cell || rows.at(-1).length) end();
  const [names, ...rest] = rows.filter((row) => row.length);
  return rest.filter((row) => row.length === names.length).map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])));
}
