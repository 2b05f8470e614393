// Runs before the first paint, so that a dark page does not flash white; theme.js takes over later.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem("tagloom.theme");
  } catch {
    /* nothing stored */
  }
  const choice = new URLSearchParams(location.search).get("__theme") || stored;
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  if (dark) document.documentElement.classList.add("dark");
})();
