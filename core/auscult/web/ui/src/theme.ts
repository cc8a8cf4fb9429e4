// Light or dark as somebody chose it, before anything is drawn. A small script of its own that the head waits for.
try {
  const chosen = localStorage.getItem("auscult-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // no storage: the system's choice stands
}
