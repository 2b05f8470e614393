// How a file is read, where what was found out is wrong: encoding, delimiter, header, sheet, or a line an item.

import { h } from "./dom.js";
import { control, options } from "./signs.js";

const DELIMITERS = [[",", "comma"], [";", "semicolon"], ["\t", "tab"], ["|", "bar |"], ["||", "two bars ||"]];
const TABLES = new Set(["csv", "tsv", "txt"]);

/** The controls for what `inspect` answered; null where there is nothing to choose. `changed(reading)` is told what
 *  is now said of the file; everything else is found out anew. */
export function readingControls(answer, changed) {
  const said = { ...answer.reading };
  const fields = [];
  if (answer.sheets?.length > 1) fields.push(sheetChoice());
  if (answer.encoding) fields.push(encodingChoice());
  if (TABLES.has(answer.format)) fields.push(delimiterChoice());
  if (answer.delimiter || answer.sheets?.length) fields.push(headerChoice());
  if (TABLES.has(answer.format)) fields.push(check("Every line is an item", answer.format === "txt", (on) => say({ lines: on, delimiter: undefined })));
  if (!fields.length) return null;
  return h("details.tl-more.tl-reading", { open: Object.keys(said).length > 0 }, h("summary", "Read the file differently"), h("div.tl-row.tl-reading-row", fields));

  function say(more) {
    Object.assign(said, more);
    for (const [name, value] of Object.entries(said)) if (value === undefined || value === null || value === "") delete said[name];
    changed(said);
  }

  function sheetChoice() {
    const select = h("select.tl-select", { onchange: () => say({ sheet: select.value, header: undefined }) }, options(answer.sheets.map((each) => [each, each]), said.sheet || answer.sheets[0]));
    return control("Sheet", select);
  }

  function encodingChoice() {
    const found = answer.encodings.find((each) => each.value === answer.encoding.replace(/-sig$/, ""))?.label || answer.encoding;
    const choices = [["", said.encoding ? "find out" : `found: ${found}`], ...answer.encodings.map((each) => [each.value, each.label])];
    const select = h("select.tl-select", { onchange: () => say({ encoding: select.value }) }, options(choices, said.encoding || ""));
    return control("Encoding", select);
  }

  function delimiterChoice() {
    const now = said.delimiter || "";
    const known = DELIMITERS.some(([each]) => each === now);
    const name = DELIMITERS.find(([each]) => each === answer.delimiter)?.[1] || answer.delimiter;
    const choices = [["", now || !answer.delimiter ? "find out" : `found: ${name}`], ...DELIMITERS, ...(now && !known ? [[now, now]] : []), ["other", "other…"]];
    const other = h("input.tl-input", { hidden: true, maxLength: 10, size: 6, "aria-label": "Other delimiter", placeholder: "e.g. ::", onchange: () => other.value && say({ delimiter: other.value, lines: undefined }) });
    const select = h("select.tl-select", { onchange: choose }, options(choices, now));
    return control("Cells are set apart by", h("span.tl-row.tl-tight", select, other));
    function choose() {
      other.hidden = select.value !== "other";
      if (select.value === "other") other.focus();
      else say({ delimiter: select.value, lines: select.value ? undefined : said.lines });
    }
  }

  function headerChoice() {
    const on = said.header ?? answer.header ?? true;
    return check("The first row holds the names", on, (value) => say({ header: value }));
  }

  function check(label, on, told) {
    const box = h("input", { type: "checkbox", checked: on, onchange: () => told(box.checked) });
    return h("label.tl-check", box, h("span", label));
  }
}
