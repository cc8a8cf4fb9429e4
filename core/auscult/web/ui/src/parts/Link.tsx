// Links: to components, and to addresses that somebody else wrote, which are only followed when they are http(s).
import type { ComponentChildren } from "preact";
import { href, page, route } from "../state/route";

export function ComponentLink({ name }: { name: string }) {
  return (
    <a class="component-link" href={href("components", name)}>
      {name}
    </a>
  );
}

/** Whether an address may be followed: http, https, or a path of this very host. */
export function isWeb(address: string): boolean {
  try {
    const own = /^\/(?![/\\])/.test(address);
    return own || ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

/** A link to elsewhere, or the address as text. */
export function Elsewhere({ address, children }: { address: string; children?: ComponentChildren }) {
  if (!isWeb(address)) return <span class="mono wrap">{address}</span>;
  return (
    <a href={address} rel="noreferrer noopener" target="_blank">
      {children ?? address}
    </a>
  );
}

/** Links that choose between views of a page. */
export function Tabs({ label, tabs }: { label: string; tabs: { name: string; title: string; count?: number }[] }) {
  const current = route.value.segments[1] ?? tabs[0]?.name;
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab, n) => (
        <a
          key={tab.name}
          href={n === 0 ? href(page.value) : href(page.value, tab.name)}
          aria-current={current === tab.name ? "page" : undefined}
        >
          {tab.title}
          {tab.count ? <span class="count">{tab.count}</span> : null}
        </a>
      ))}
    </nav>
  );
}
