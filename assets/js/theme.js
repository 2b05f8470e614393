// Light, dark or as the system is. Gradio's dark mode is the class `dark` on the body; ours hangs on the same.

const KEY = "tagloom.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
let choice = "system";

/** "light", "dark" or "system". */
export const theme = () => choice;
export const isDark = () => choice === "dark" || (choice === "system" && system.matches);

/** Choose; remembered in this browser. An address that asks for a theme stops asking. */
export function setTheme(value) {
  choice = value;
  try {
    localStorage.setItem(KEY, value);
  } catch {
    /* a browser that stores nothing still switches */
  }
  const url = new URL(location.href);
  if (url.searchParams.has("__theme")) {
    url.searchParams.delete("__theme");
    history.replaceState(null, "", url);
  }
  apply();
  window.dispatchEvent(new CustomEvent("tagloom:theme", { detail: value }));
}

/** What a click on the theme button chooses: first what looks different, at last what the system has. */
export function nextTheme() {
  const same = system.matches ? "dark" : "light";
  const other = system.matches ? "light" : "dark";
  return { system: other, [other]: same, [same]: "system" }[choice];
}

function apply() {
  const dark = isDark();
  // the root got the class from early.js, before there was a body; Gradio reads the body's
  for (const { classList } of [document.documentElement, document.body])
    if (classList.contains("dark") !== dark) classList.toggle("dark", dark);
}

/** Start: the address wins, then what was chosen here before, then the system. */
export function start() {
  const asked = new URLSearchParams(location.search).get("__theme");
  let stored = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    /* nothing stored */
  }
  choice = [asked, stored].find((value) => ["light", "dark", "system"].includes(value)) || "system";
  apply();
  system.addEventListener("change", apply);
  // Gradio sets the class by its own rules while it starts and when the system changes; the person's choice stands.
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
}
