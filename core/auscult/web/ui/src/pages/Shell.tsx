// What is around every page: where one can go, how old what is shown is, and who is looking.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { url } from "../api/client";
import { clock, span } from "../format/time";
import { Action } from "../parts/Action";
import { Sign } from "../parts/Sign";
import { Tip } from "../parts/Tip";
import { unattended } from "../state/alerts";
import { system } from "../state/components";
import { age, heard, stale } from "../state/live";
import { href, page, route } from "../state/route";
import { logOut, session } from "../state/session";

const PLACES: { name: string; title: string; short?: string; path: string }[] = [
  { name: "overview", title: "Overview", path: "M3 10l7-6 7 6v7h-4.5v-5h-5v5H3z" },
  {
    name: "alerts",
    title: "Alerts",
    path: "M10 2.5a5 5 0 0 0-5 5v3.6L3.4 14h13.2L15 11.1V7.5a5 5 0 0 0-5-5zM8 16.2a2 2 0 0 0 4 0",
  },
  { name: "dashboards", title: "Dashboards", path: "M3 3h6v8H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 13h6v4H3z" },
  { name: "plugins", title: "Plugins", path: "M7 2.5v4M13 2.5v4M4.5 6.5h11v3.5a5.5 5.5 0 0 1-11 0zM10 15.5v2.5" },
  {
    name: "configuration",
    title: "Configuration",
    short: "Config",
    path: "M3 6h8M15 6h2M3 14h2M9 14h8M13 3.8v4.4M7 11.8v4.4",
  },
];

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <div class={`shell ${stale.value ? "is-stale" : ""}`}>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <header class="top">
        <a class="brand" href="#/">
          <Glyph />
          <span>auscult</span>
        </a>
        <Places />
        <div class="top-end">
          <Freshness />
          <ThemeButton />
          <Person />
        </div>
      </header>
      <StaleBanner />
      <MainPart>{children}</MainPart>
      <footer class="bottom">
        <span>
          <a href={url("/api/docs")}>API</a> · <a href={url("/metrics")}>Metrics</a> ·{" "}
          <a href={url("/health/detailed")}>Health as JSON</a>
          {session.value?.status_page ? (
            <>
              {" "}
              · <a href={url("/status")}>Status page</a>
            </>
          ) : null}
        </span>
        <span>auscult {session.value?.version ?? ""}</span>
      </footer>
      <Tip />
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** Tells screen readers and the keyboard that the page is another one now. */
function MainPart({ children }: { children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const place = route.value.segments.join("/");
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  return (
    <main id="main" ref={main} tabIndex={-1}>
      {children}
    </main>
  );
}

function Glyph() {
  const status = system.value?.status ?? "unknown";
  return (
    <svg class={`glyph is-${status}`} width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M5 17h5l2.5-7 5 13 3-9 1.5 3H27" />
    </svg>
  );
}

function Places() {
  const current = page.value === "components" ? "overview" : page.value;
  return (
    <nav class="places" aria-label="Pages">
      {PLACES.map((place) => (
        <a
          key={place.name}
          href={place.name === "overview" ? "#/" : href(place.name)}
          aria-current={current === place.name ? "page" : undefined}
        >
          <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
            <path d={place.path} />
          </svg>
          <span class={place.short ? "long" : ""}>{place.title}</span>
          {place.short ? <span class="short">{place.short}</span> : null}
          {place.name === "alerts" && unattended.value > 0 ? (
            <span class="count">
              {unattended.value}
              <span class="visually-hidden"> that nobody has taken on</span>
            </span>
          ) : null}
        </a>
      ))}
    </nav>
  );
}

/** The truth about the age of what is shown. */
function Freshness() {
  if (!heard.value) return <span class="fresh">connecting…</span>;
  const seconds = Math.round(age.value / 1000);
  return (
    <span class={`fresh ${stale.value ? "lost" : ""}`} title={`Heard from the server at ${clock(heard.value)}`}>
      <span class="fresh-dot" aria-hidden="true" />
      <span class="fresh-long">last update </span>
      {span(seconds * 1000)} ago
    </span>
  );
}

function StaleBanner() {
  return (
    <div class="stale-place" role="status">
      {stale.value ? (
        <div class="banner">
          <Sign status="unknown" />
          <span>
            <b>The server has not answered since {clock(heard.value)}.</b> What you see is as it was then. Trying again…
          </span>
        </div>
      ) : null}
    </div>
  );
}

const THEMES = ["system", "light", "dark"] as const;

function storedTheme(): string {
  try {
    return localStorage.getItem("auscult-theme") ?? "system";
  } catch {
    return "system";
  }
}

function ThemeButton() {
  const theme = useSignal(storedTheme());
  const next = THEMES[(THEMES.indexOf(theme.value as "system") + 1) % THEMES.length] ?? "system";
  const set = () => {
    theme.value = next;
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    document.documentElement.dispatchEvent(new Event("themechange"));
    try {
      localStorage.setItem("auscult-theme", next);
    } catch {
      // no storage: it lasts as long as the page
    }
  };
  return (
    <button
      type="button"
      class="icon-button"
      title={`Colours: ${theme.value}. Choose ${next}.`}
      aria-label={`Colours: ${theme.value}. Choose ${next}.`}
      onClick={set}
    >
      <svg width="18" height="18" viewBox="0 0 20 20" aria-hidden="true">
        {theme.value === "system" ? (
          <>
            <path d="M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14z" />
            <path d="M10 3a7 7 0 0 0 0 14z" class="half" />
          </>
        ) : null}
        {theme.value === "light" ? (
          <path d="M10 6.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6L16 16M16 4l-1.4 1.4M5.4 14.6L4 16" />
        ) : null}
        {theme.value === "dark" ? <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z" /> : null}
      </svg>
    </button>
  );
}

function Person() {
  const who = session.value;
  if (!who?.authenticated || who.via === "local" || who.via === "host") return null;
  return (
    <span class="person">
      <span>
        {who.name} <span class="soft">{who.role}</span>
      </span>
      {who.via === "session" ? (
        <Action small act={logOut}>
          Log out
        </Action>
      ) : null}
    </span>
  );
}
