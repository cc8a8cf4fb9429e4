// The page.
import "./styles/app.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./pages/App";
import { counted, system } from "./state/components";
import { stale } from "./state/live";
import { loadSession } from "./state/session";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
void loadSession();

effect(() => {
  const bad = counted.value.filter(
    (component) => component.status === "unhealthy" || component.status === "degraded",
  ).length;
  const verdict = system.value?.status;
  const words = stale.value ? "no answer" : verdict === undefined ? "" : bad > 0 ? `${bad} ${verdict}` : verdict;
  document.title = words ? `${words} · auscult` : "auscult";
});
