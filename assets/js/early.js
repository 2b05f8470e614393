// Puts a dark page into the dark as early as a script of the page can. Gradio adds the head's scripts itself, so a
// first paint may come before; theme.js takes over later.
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
