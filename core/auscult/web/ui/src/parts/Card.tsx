// A titled box.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title: string;
  note?: ComponentChildren;
  tools?: ComponentChildren;
  flush?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Card({ title, note, tools, flush = false, class: extra = "", children }: Props) {
  const id = useId();
  return (
    <section class={`card ${flush ? "flush" : ""} ${extra}`} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {note ? <span class="soft card-note">{note}</span> : null}
        {tools ? <div class="card-tools">{tools}</div> : null}
      </header>
      {children}
    </section>
  );
}
