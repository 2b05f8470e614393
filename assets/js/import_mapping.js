// The mapping screen: the first rows as a table with a role above each column, one item as it will be shown beside it.

import { post } from "./api.js";
import { count, fill, h, plural } from "./dom.js";
import { readingControls } from "./import_reading.js";
import { chipField, fieldList, keptList, linkField } from "./item_view.js";
import { errorBox, options } from "./signs.js";

const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "||": "two bars" };
const QUIET = new Set(["keep", "ignore"]);
const SINGLE = new Set(["id", "link", "status"]); // one column at most
const LISTS = new Set(["gold", "tags", "given"]); // cells hold several values
const FEW = 6; // more 0/1 columns than this are counted instead of listed

/** Draw into `place` what `inspect` answered. `changed(mapping)` is told of every change, `reread(reading)` when the
 *  file is to be read in another way.
 *  Returns {mapping()}: the mapping as it stands. */
export function mountMapping(place, answer, source, { changed, reread, above = null }) {
  const music = answer.kind === "music";
  const mapping = { ...answer.mapping, roles: { ...answer.mapping.roles }, split: { ...answer.mapping.split } };
  let shown = answer;
  let row = 0;
  let serial = 0;

  const trouble = h("div");
  const notes = h("div");
  const roles = h("div.tl-roles", { "aria-label": "Columns in use" });
  const table = h("table.tl-table.tl-map");
  const preview = h("aside.tl-preview", { "aria-label": "The item as it will be shown" });
  const heads = new Map();
  fill(
    place,
    h(
      "div.tl-mapping",
      h("section.tl-mapping-rows", h("p.tl-meta.tl-facts", facts()), above, readingControls(answer, reread), h("p.tl-meta", music ? "Say what each column is; the guess is usually right. Captions are written from the tags alone." : "Say what each column is; the guess is usually right. “Shown as” is what people and taggers will see."), roles, trouble, h("div.tl-scroll.tl-map-scroll", { tabIndex: 0, role: "region", "aria-label": "The first rows" }, table), notes),
      preview,
    ),
  );
  drawTable();
  update(answer);

  function facts() {
    const parts = [answer.format, answer.encoding, answer.delimiter && (DELIMITERS[answer.delimiter] || answer.delimiter), answer.header === false && "no header", answer.estimated_rows !== null && plural(answer.estimated_rows, "row"), plural(answer.columns.length, "column")];
    if (answer.files?.length > 1) parts.push(plural(answer.files.length, "file"));
    return parts.filter(Boolean).join(" · ");
  }

  function drawTable() {
    fill(
      table,
      h("thead", h("tr", h("th.tl-rownum", h("span.tl-sr", "Row")), answer.columns.map(head))),
      h("tbody", answer.rows.map((each, index) => h("tr", { onclick: () => pick(index), data: { row: index } }, h("td.tl-rownum", h("button.tl-link", { "aria-label": `Show row ${index + 1}`, onclick: () => pick(index) }, String(index + 1))), answer.columns.map((column) => h("td", h("div.tl-cell", text(each[column.name]))))))),
    );
  }

  function head(column) {
    const select = h("select.tl-select.tl-role", { "aria-label": `Role of ${column.name}`, onchange: () => (assign(column.name, select.value), ask()) }, options(answer.roles.map((role) => [role.value, role.label]), mapping.roles[column.name]));
    const splits = h("select.tl-select.tl-role", { "aria-label": `How ${column.name} is split into tags`, onchange: () => splitChosen(column.name, splits) });
    const other = h("input.tl-input.tl-role", { hidden: true, maxLength: 10, placeholder: "separator, e.g. /", "aria-label": `Separator of ${column.name}`, onchange: () => other.value && (setSplit(column.name, `sep:${other.value}`), ask()) });
    const why = h("span.tl-hint");
    const cell = h("th", { scope: "col" }, h("div.tl-map-head", h("span.tl-clip.tl-map-name", { title: column.name }, column.name), select, splits, other, why));
    heads.set(column.name, { select, splits, other, why, cell });
    return cell;
  }

  // A role that one column has moves over; a way to split belongs to lists only.
  function assign(name, role) {
    for (const other of SINGLE.has(role) ? Object.keys(mapping.roles) : [])
      if (other !== name && mapping.roles[other] === role) {
        mapping.roles[other] = "keep";
        heads.get(other).select.value = "keep";
      }
    mapping.roles[name] = role;
    delete mapping.split[name]; // found out anew for the new role
  }

  // Given tags come in more shapes than other lists.
  function drawSplits(name, parts) {
    const now = mapping.split[name] || "";
    const given = mapping.roles[name] === "given";
    const own = now.startsWith("sep:") ? [[now, `set apart by ${now.slice(4)}`]] : [];
    fill(parts.splits, options([["", given ? "shape: find out" : "split: found out"], ...(given ? answer.shapes : answer.splits).map((each) => [each.value, each.label]), ...own, ...(given ? [["other", "other separator…"]] : [])], now));
    parts.splits.value = now;
    parts.splits.hidden = !LISTS.has(mapping.roles[name]);
    parts.other.hidden = true;
  }

  function splitChosen(name, select) {
    const { other } = heads.get(name);
    other.hidden = select.value !== "other";
    if (select.value === "other") return void other.focus();
    setSplit(name, select.value);
    ask();
  }

  function setSplit(name, split) {
    if (split) mapping.split[name] = split;
    else delete mapping.split[name];
  }

  async function ask() {
    const mine = ++serial;
    changed(mapping);
    try {
      const next = await post("inspect", { ...source, mapping });
      if (mine !== serial) return;
      fill(trouble);
      update(next);
    } catch (error) {
      if (mine === serial) fill(trouble, errorBox(error, ask));
    }
  }

  function update(next) {
    shown = next;
    next.columns.forEach((column, index) => {
      const parts = heads.get(column.name);
      const role = mapping.roles[column.name];
      const quiet = QUIET.has(role);
      if (!parts) return;
      const guessed = role === answer.mapping.roles[column.name];
      fill(parts.why, column.shape && h("b", `${column.shape}. `), guessed ? column.why : next.roles.find((each) => each.value === role)?.help || "");
      parts.why.classList.toggle("tl-shape", Boolean(column.shape));
      parts.why.title = parts.why.textContent;
      if (role === "given" && next.mapping.split[column.name]) mapping.split[column.name] = next.mapping.split[column.name];
      drawSplits(column.name, parts);
      for (const line of table.rows) line.cells[index + 1].classList.toggle("tl-off", quiet);
    });
    drawRoles();
    drawNotes();
    drawPreview();
  }

  // The columns in use, also those that a wide table hides: a press leads to the column.
  function drawRoles() {
    const all = answer.columns.filter((column) => !QUIET.has(mapping.roles[column.name]));
    const flags = all.filter((column) => mapping.roles[column.name] === "flag");
    const used = flags.length > FEW ? all.filter((column) => !flags.includes(column)) : all;
    const label = (name) => shown.roles.find((role) => role.value === mapping.roles[name])?.label || mapping.roles[name];
    fill(
      roles,
      used.map((column) => h("button.tl-chip.tl-mini.tl-both", { title: `Go to the column ${column.name}`, onclick: () => reach(column.name) }, h("b", label(column.name)), label(column.name).toLowerCase() !== column.name.toLowerCase() && h("span.tl-n", column.name))),
      flags.length > FEW && h("button.tl-chip.tl-mini.tl-both", { onclick: () => reach(flags[0].name) }, h("b", plural(flags.length, "0/1 column")), h("span.tl-n", "each a tag")),
      all.length < answer.columns.length && h("span.tl-meta.tl-muted", ` ${plural(answer.columns.length - all.length, "other column")} kept beside or left out`),
    );
  }

  function reach(name) {
    const { cell, select } = heads.get(name);
    const scroll = table.parentElement;
    scroll.scrollLeft = cell.offsetLeft - 60;
    select.focus({ preventScroll: true });
  }

  function drawNotes() {
    const problems = shown.problems || [];
    const guards = answer.format === "csv" || answer.format === "tsv";
    fill(
      notes,
      problems.length > 0 &&
        h(
          "details.tl-more.tl-problems",
          { open: problems.length <= 5 },
          h("summary", `${plural(problems.length, "remark")} on these rows`),
          h("ul.tl-reasons", problems.slice(0, 50).map((each) => h("li", h("b", [each.row && `Row ${count(each.row)}`, each.field].filter(Boolean).join(", ") || each.file), h("span", ` ${each.cause} `), h("span.tl-meta", each.remedy)))),
        ),
      guards &&
        h(
          "label.tl-check.tl-field",
          h("input", { type: "checkbox", checked: mapping.unguard_formulas, onchange: (event) => ((mapping.unguard_formulas = event.target.checked), ask()) }),
          h("span", "Take away the ' that a spreadsheet-safe export puts before = + - @"),
        ),
    );
  }

  function pick(index) {
    row = Math.max(0, Math.min(index, shown.previews.length - 1));
    drawPreview();
  }

  function drawPreview() {
    const item = shown.previews[row];
    for (const line of table.tBodies[0].rows) line.classList.toggle("tl-on", Number(line.dataset.row) === row);
    const steps = h(
      "div.tl-row.tl-spread.tl-preview-head",
      h("span.tl-label", "Shown as"),
      h(
        "span.tl-row.tl-tight",
        h("span.tl-meta", { role: "status" }, shown.previews.length ? `row ${row + 1} of ${shown.previews.length}` : ""),
        h("button.tl-btn.tl-quiet.tl-icon", { "aria-label": "Previous row", disabled: row === 0, onclick: () => step(-1) }, "‹"),
        h("button.tl-btn.tl-quiet.tl-icon", { "aria-label": "Next row", disabled: row >= shown.previews.length - 1, onclick: () => step(1) }, "›"),
      ),
    );
    if (!item) return void fill(preview, steps, h("p.tl-meta", "The file holds no rows."));
    fill(
      preview,
      steps,
      item.problem && h("div.tl-error.tl-field", h("b", item.problem.cause), h("span", item.problem.remedy)),
      music && !item.problem && trackView(item),
      !music && !item.fields.length && !item.problem && h("div.tl-note.tl-warn.tl-field", "Nothing of this row would be shown. Give at least one column the role of a title, a description or a text."),
      fieldList(item.fields),
      chipField("Gold tags: for scores only, taggers never see them", item.gold),
      chipField("Tags already accepted", item.tags, "tl-both"),
      item.media && h("div.tl-field", h("span.tl-label", "Media"), h("p.tl-mono", item.media)),
      linkField(item.link),
      item.external_id && h("div.tl-field", h("span.tl-label", "Id"), h("p.tl-mono", item.external_id)),
      keptList(item.kept),
    );
  }

  function step(by) {
    pick(row + by);
    const label = by > 0 ? "Next row" : "Previous row";
    preview.querySelector(`button[aria-label="${label}"]:not(:disabled)`)?.focus();
  }

  return { mapping: () => mapping };
}

// A track as people will see it: what it is called, its tags, the absent ones apart.
function trackView(item) {
  const given = item.given || [];
  const said = (each) => (each.weight === null ? each.name : `${each.name} ${Math.round(each.weight * 100)} %`);
  const absent = given.filter((each) => each.facet === "absent");
  const present = given.filter((each) => each.facet !== "absent");
  return h(
    "div",
    h("div.tl-field", h("h3", item.title || "no name")),
    given.length ? chipField(plural(present.length, "tag"), present.map(said), "tl-both") : h("div.tl-note.tl-field", "This row has no tags: no caption can be written for it."),
    absent.length > 0 && chipField("Not there", absent.map(said)),
    item.names.length > 0 && h("div.tl-field", h("span.tl-label", "Title and artist: never sent"), h("p", item.names.join(" · "))),
    item.reference && h("div.tl-field", h("span.tl-label", "Reference caption: to measure against, never sent"), h("p", item.reference)),
  );
}

function text(value) {
  if (value === null || value === undefined) return "";
  const whole = typeof value === "object" ? JSON.stringify(value) : String(value);
  return whole.length > 240 ? `${whole.slice(0, 240)}…` : whole;
}
