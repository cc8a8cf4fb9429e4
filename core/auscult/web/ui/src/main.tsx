// The page.
import "./styles/app.css";
import { render } from "preact";
import { App } from "./pages/App";
import { loadSession } from "./state/session";
import { keepTab } from "./tab";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
void loadSession();
keepTab();
