// Plots as our own SVG: bars with their intervals, precision over recall, a histogram. Each is drawn for the width that
// its box has, so that letters keep their size, and says in words what it shows.

import { fill, h } from "./dom.js";

const NS = "http://www.w3.org/2000/svg";

/** An SVG element; strings become text nodes, null and false are left out. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  for (const child of children.flat()) if (child !== null && child !== false) element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  return element;
}

const text = (x, y, words, kind = "", anchor = "start") => svg("text", { x, y, class: `tl-in-text ${kind}`, "text-anchor": anchor }, words);
const line = (x1, y1, x2, y2, kind) => svg("line", { x1, y1, x2, y2, class: kind });
const rate = (x) => (x >= 0.9995 ? "1.0" : x.toFixed(3).replace(/^0/, ""));

/** A box that draws itself anew whenever its width changes. `draw(width)` gives {height, parts, label}. */
export function plot(draw) {
  const box = h("div.tl-in-plot");
  let last = 0;
  const show = (width) => {
    if (!width || width === last) return;
    last = width;
    const { height, parts, label } = draw(width);
    fill(box, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts));
  };
  new ResizeObserver(([entry]) => show(Math.floor(entry.contentRect.width))).observe(box);
  return box;
}

/** One bar per row: [{name, mark, kind, value, low, high}] of 0..1; `low` and `high` are drawn as a whisker. */
export function bars(title, rows) {
  return plot((width) => {
    const left = 30;
    const right = 52;
    const step = 26;
    const most = Math.max(0.1, ...rows.map((row) => Math.max(row.value, row.high ?? 0)));
    const x = (value) => left + ((width - left - right) * value) / most;
    const parts = rows.flatMap((row, i) => {
      const y = i * step + 4;
      return [
        text(0, y + 14, row.mark, `tl-in-mark tl-in-${row.kind}`),
        svg("rect", { x: left, y: y + 2, width: Math.max(1, x(row.value) - left), height: 16, rx: 3, class: `tl-in-bar tl-in-${row.kind}` }),
        row.low !== undefined && [line(x(row.low), y + 10, x(row.high), y + 10, "tl-in-whisker"), line(x(row.low), y + 6, x(row.low), y + 14, "tl-in-whisker"), line(x(row.high), y + 6, x(row.high), y + 14, "tl-in-whisker")],
        text(x(Math.max(row.value, row.high ?? 0)) + 6, y + 15, rate(row.value), "tl-in-value"),
      ].flat();
    });
    return { height: rows.length * step + 6, parts, label: `${title}: ${rows.map((row) => `${row.name} ${rate(row.value)}`).join(", ")}` };
  });
}

/** Precision over recall as more tags are taken: series [{name, mark, kind, dash, points: [{k, precision, recall}]}]. */
export function curve(series) {
  return plot((width) => {
    const height = Math.max(220, Math.min(320, width * 0.62));
    const [left, right, top, bottom] = [42, 26, 10, 38];
    const points = series.flatMap((each) => each.points);
    const mostX = ceiling(Math.max(0.1, ...points.map((p) => p.recall)));
    const mostY = ceiling(Math.max(0.1, ...points.map((p) => p.precision)));
    const x = (value) => left + ((width - left - right) * value) / mostX;
    const y = (value) => height - bottom - ((height - top - bottom) * value) / mostY;
    const parts = [];
    for (const tick of ticks(mostY)) parts.push(line(left, y(tick), width - right, y(tick), "tl-in-grid"), text(left - 6, y(tick) + 4, tick.toFixed(1), "", "end"));
    for (const tick of ticks(mostX)) parts.push(text(x(tick), height - bottom + 16, tick.toFixed(1), "", "middle"));
    parts.push(text((left + width - right) / 2, height - 4, "recall", "tl-in-axis", "middle"));
    parts.push(svg("text", { x: 0, y: 0, class: "tl-in-text tl-in-axis", "text-anchor": "middle", transform: `translate(11 ${(top + height - bottom) / 2}) rotate(-90)` }, "precision"));
    for (const { kind, dash, points: own, mark } of series) {
      const path = own.map((p, i) => `${i ? "L" : "M"}${x(p.recall).toFixed(1)} ${y(p.precision).toFixed(1)}`).join("");
      parts.push(svg("path", { d: path, class: `tl-in-line tl-in-${kind}`, "stroke-dasharray": dash }));
      let named = null;
      for (const p of own) {
        parts.push(svg("circle", { cx: x(p.recall), cy: y(p.precision), r: 3.5, class: `tl-in-dot tl-in-${kind}` }, svg("title", {}, `${mark}, first ${p.k}: precision ${rate(p.precision)}, recall ${rate(p.recall)}`)));
        const place = [x(p.recall), y(p.precision)];
        // numbers where there is room for them; the first always
        if (!named || Math.hypot(place[0] - named[0], place[1] - named[1]) > 26) {
          parts.push(text(place[0] + 6, place[1] - 6, String(p.k), `tl-in-k tl-in-${kind}`));
          named = place;
        }
      }
      const end = own.at(-1);
      if (end) parts.push(text(x(end.recall) + 6, y(end.precision) + 14, mark, `tl-in-mark tl-in-${kind}`));
    }
    const words = series.map((each) => `${each.name} ${each.points.map((p) => `at ${p.k} ${rate(p.precision)} and ${rate(p.recall)}`).join(", ")}`);
    return { height, parts, label: `Precision and recall of the first k tags: ${words.join("; ")}` };
  });
}

/** Ten counts from 0–.1 to .9–1; those below `line` are another kind. */
export function histogram(counts, below, unit) {
  return plot((width) => {
    const height = 190;
    const [left, right, top, bottom] = [4, 4, 22, 36];
    const most = Math.max(1, ...counts);
    const step = (width - left - right) / counts.length;
    const y = (n) => height - bottom - ((height - top - bottom) * n) / most;
    const parts = counts.flatMap((n, i) => {
      const kind = i / counts.length < below ? "tl-in-low" : "tl-in-high";
      return [
        svg("rect", { x: left + i * step + 2, y: y(n), width: Math.max(1, step - 4), height: height - bottom - y(n), rx: 3, class: `tl-in-bar ${kind}` }, svg("title", {}, `${n} ${unit} from ${i / 10} to ${(i + 1) / 10}`)),
        n > 0 && text(left + (i + 0.5) * step, y(n) - 5, n >= 10000 ? `${Math.round(n / 1000)}k` : String(n), "tl-in-value", "middle"),
      ];
    });
    parts.push(line(left, height - bottom + 0.5, width - right, height - bottom + 0.5, "tl-in-base"));
    const edge = left + below * 10 * step;
    parts.push(line(edge, top - 12, edge, height - bottom, "tl-in-edge"));
    for (const i of [0, 5, 10]) parts.push(text(left + i * step, height - bottom + 16, (i / 10).toFixed(1), "", i === 0 ? "start" : i === 10 ? "end" : "middle"));
    parts.push(text(width / 2, height - 4, "share of the tags of either agent that both suggested", "tl-in-axis", "middle"));
    return { height, parts, label: `Agreement from 0 to 1 in ten steps: ${counts.join(", ")} ${unit}` };
  });
}

const ceiling = (value) => Math.min(1, Math.ceil(value * 10 + 0.2) / 10);
function ticks(most) {
  const step = most > 0.5 ? 0.2 : 0.1;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step);
}
