// The one way this page makes elements. Text only ever becomes a text node, so data cannot become markup.

/** h("button.tl-btn.primary#go", {onclick, title, data: {id}}, "Save", child, …) → element.
 *  null, undefined and false children are left out; arrays are flattened. */
export function h(spec, ...rest) {
  const [, tag, tail] = /^([a-z0-9]*)(.*)$/i.exec(spec);
  const element = document.createElement(tag || "div");
  for (const part of tail.match(/[.#][^.#]+/g) || []) {
    if (part[0] === "#") element.id = part.slice(1);
    else element.classList.add(part.slice(1));
  }
  if (rest.length && isProps(rest[0])) setProps(element, rest.shift());
  append(element, rest);
  return element;
}

function isProps(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Node);
}

function setProps(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "class") element.classList.add(...String(value).split(/\s+/).filter(Boolean));
    else if (name === "href" || name === "src") setAddress(element, name, String(value));
    else if (name in element && !name.startsWith("aria") && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
}

// Addresses from data may be "javascript:": only web and same-site addresses are ever set.
function setAddress(element, name, value) {
  if (/^(https?:|\/(?!\/)|#|blob:)/i.test(value.trim())) element.setAttribute(name, value.trim());
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace everything inside `element`. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Text cut into pieces with <mark> around the ranges [[start, end], …] (UTF-16 offsets, any order). */
export function marked(text, ranges) {
  const out = [];
  let at = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (start < at || end <= start || end > text.length) continue;
    if (start > at) out.push(text.slice(at, start));
    out.push(h("mark", text.slice(start, end)));
    at = end;
  }
  out.push(text.slice(at));
  return out;
}

const NUMBER = new Intl.NumberFormat("en");
export const count = (n) => NUMBER.format(n);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const score = (x) => (x >= 0.995 ? "1.0" : x.toFixed(2).replace(/^0/, ""));
export const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "0 %");

/** "4 s ago", "3 min ago", "2 h ago", "12 Nov". `when` is an ISO time, or seconds or milliseconds since 1970. */
export function ago(when) {
  const then = typeof when === "number" ? (when < 1e11 ? when * 1000 : when) : Date.parse(when);
  if (!Number.isFinite(then)) return "";
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(then).toLocaleDateString("en", { day: "numeric", month: "short" });
}

/** "12 s", "3 min", "1 h 20 min" */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Call `fn` once, `ms` after the last call. */
export function debounce(fn, ms) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}

/** "812 B", "1.2 MB" */
export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
