// The public status page: a small page of its own, that asks for nothing but what is public.
import "../styles/status.css";
import { render } from "preact";
import { StatusPage } from "./StatusPage";

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<StatusPage />, place);
}
