// One alert, and in its place what one can do about it.
import { useRef, useState } from "preact/hooks";
import { path, post } from "../api/client";
import type { Alert } from "../api/types";
import { takeAlert } from "../state/alerts";
import { href } from "../state/route";
import { may } from "../state/session";
import { Action, useDoing } from "./Action";
import { Choice, TextField } from "./Fields";
import { ComponentLink, Elsewhere } from "./Link";
import { Moment } from "./Moment";
import { SeverityTag } from "./Sign";
import { matchersOf, SilenceForm } from "./SilenceForm";
import { Fault } from "./states";

type Form = "" | "acknowledge" | "silence" | "resolve" | "note";

export function AlertCard({ alert, linked = true }: { alert: Alert; linked?: boolean }) {
  const [form, setForm] = useState<Form>("");
  const card = useRef<HTMLElement>(null);
  // Who closes a form is where the form was, not at the top of the page.
  const close = () => {
    setForm("");
    requestAnimationFrame(() => card.current?.querySelector<HTMLElement>(".alert-actions button")?.focus());
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && form !== "") close();
  };
  const over = alert.status === "resolved";
  return (
    <article
      ref={card}
      onKeyDown={onKey}
      class={`alert-card severity-edge-${alert.severity} alert-${alert.status}`}
      aria-label={`${alert.severity} alert ${alert.name} ${alert.component}`}
    >
      <header>
        <SeverityTag severity={alert.severity} />
        {linked ? (
          <a class="alert-rule" href={href("alerts", alert.id)}>
            {alert.name}
          </a>
        ) : (
          <span class="alert-rule">{alert.name}</span>
        )}
        {alert.component ? <ComponentLink name={alert.component} /> : <span class="soft">the whole system</span>}
        <span class="alert-since">
          {over ? "over " : "for "}
          <Moment at={over ? (alert.resolved_at ?? alert.updated_at) : alert.created_at} as={over ? "ago" : "for"} />
        </span>
      </header>
      <p class="alert-message">{alert.message}</p>
      <Facts alert={alert} />
      {over || !may("operator") ? null : <Actions alert={alert} form={form} setForm={setForm} />}
      {form === "silence" ? <SilenceForm initial={matchersOf(alert)} done={close} /> : null}
      {form === "acknowledge" ? <AcknowledgeForm alert={alert} done={close} /> : null}
      {form === "resolve" ? (
        <NoteForm alert={alert} verb="resolve" title="Resolve" label="What was done (may be empty)" done={close} />
      ) : null}
      {form === "note" ? (
        <NoteForm alert={alert} verb="note" title="Write it down" label="Note" required done={close} />
      ) : null}
    </article>
  );
}

function Facts({ alert }: { alert: Alert }) {
  const ack = alert.acknowledged;
  const owned = alert.status === "acknowledged" && ack;
  return (
    <div class="alert-facts">
      {owned ? (
        <span class="taken">
          <b>{ack.author}</b> took it on <Moment at={ack.at} />
          {ack.note ? <>: “{ack.note}”</> : null}
          {ack.until ? (
            <>
              {" "}
              until <Moment at={ack.until} as="clock" />
            </>
          ) : null}
        </span>
      ) : null}
      {alert.status === "active" ? <span>nobody has taken it on</span> : null}
      {alert.suppressed_by ? <span>kept quiet by {alert.suppressed_by}</span> : null}
      {alert.cause ? <span>likely cause: {alert.cause}</span> : null}
      {alert.affected.length > 1 ? <span>affects {alert.affected.join(", ")}</span> : null}
      {alert.episodes > 1 ? <span>fired {alert.episodes} times</span> : null}
      {alert.resolution ? <span>resolved: {alert.resolution}</span> : null}
      {alert.runbook ? (
        <span>
          <Elsewhere address={alert.runbook}>Runbook</Elsewhere>
        </span>
      ) : null}
    </div>
  );
}

function Actions({ alert, form, setForm }: { alert: Alert; form: Form; setForm: (form: Form) => void }) {
  const choose = (name: Form) => (
    <button
      type="button"
      class={`button small ${name === "acknowledge" ? "primary" : ""}`}
      aria-expanded={form === name}
      onClick={() => setForm(form === name ? "" : name)}
    >
      {{ acknowledge: "Acknowledge", silence: "Silence", resolve: "Resolve", note: "Note", "": "" }[name]}
    </button>
  );
  return (
    <div class="alert-actions">
      {alert.status === "acknowledged" ? (
        <Action small act={async () => takeAlert(await post<Alert>(`/api/v1/alerts${path(alert.id)}/unacknowledge`))}>
          Give back
        </Action>
      ) : (
        choose("acknowledge")
      )}
      {choose("silence")}
      {choose("resolve")}
      {choose("note")}
    </div>
  );
}

const UNTIL = [
  { value: "", title: "until it is over" },
  { value: "1800000", title: "for 30 min" },
  { value: "7200000", title: "for 2 h" },
  { value: "28800000", title: "for 8 h" },
];

function AcknowledgeForm({ alert, done }: { alert: Alert; done: () => void }) {
  const [note, setNote] = useState("");
  const [until, setUntil] = useState("");
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    void doing
      .run(async () => {
        const end = until ? new Date(Date.now() + Number(until)).toISOString() : null;
        takeAlert(await post<Alert>(`/api/v1/alerts${path(alert.id)}/acknowledge`, { note, until: end }));
      })
      .then((worked) => worked && done());
  };
  return (
    <form class="form" onSubmit={submit} aria-label="Acknowledge">
      <TextField label="Note for the others (may be empty)" value={note} set={setNote} focus />
      <Choice label="I take it on" value={until} set={setUntil} options={UNTIL} />
      {doing.error ? <Fault error={doing.error} /> : null}
      <FormEnd title="Take it on" busy={doing.busy} done={done} />
    </form>
  );
}

interface NoteProps {
  alert: Alert;
  verb: "resolve" | "note";
  title: string;
  label: string;
  required?: boolean;
  done: () => void;
}

function NoteForm({ alert, verb, title, label, required = false, done }: NoteProps) {
  const [note, setNote] = useState("");
  const doing = useDoing();
  const submit = (event: Event) => {
    event.preventDefault();
    void doing
      .run(async () => takeAlert(await post<Alert>(`/api/v1/alerts${path(alert.id)}/${verb}`, { note })))
      .then((worked) => worked && done());
  };
  return (
    <form class="form" onSubmit={submit} aria-label={title}>
      <TextField label={label} value={note} set={setNote} required={required} focus />
      {doing.error ? <Fault error={doing.error} /> : null}
      <FormEnd title={title} busy={doing.busy} done={done} />
    </form>
  );
}

function FormEnd({ title, busy, done }: { title: string; busy: boolean; done: () => void }) {
  return (
    <div class="form-end">
      <button type="submit" class="button primary" disabled={busy}>
        {title}
      </button>
      <button type="button" class="button" onClick={done}>
        Cancel
      </button>
    </div>
  );
}
