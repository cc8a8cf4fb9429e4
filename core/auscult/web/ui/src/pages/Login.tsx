// The login: a name and a password, or the account that one has elsewhere.
import { useState } from "preact/hooks";
import { url } from "../api/client";
import { useDoing } from "../parts/Action";
import { TextField } from "../parts/Fields";
import { logIn, session } from "../state/session";

const REFUSED: Record<string, string> = {
  denied: "The provider did not let you in.",
  failed: "Logging in with the provider failed; the server's log says why.",
  no_role: "You are known, but no role of auscult's is yours. Ask whoever runs it.",
};

export function Login() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const doing = useDoing();
  const ways = session.value?.login;
  const refused = REFUSED[new URLSearchParams(location.search).get("login_error") ?? ""];
  const submit = (event: Event) => {
    event.preventDefault();
    void doing.run(() => logIn(name, password));
  };
  const words = doing.error?.status === 401 ? "This name and password do not fit together." : doing.error?.message;
  return (
    <main class="lone">
      <div class="login">
        <svg class="glyph is-healthy" width="44" height="44" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M5 17h5l2.5-7 5 13 3-9 1.5 3H27" />
        </svg>
        <h1>auscult</h1>
        {refused ? (
          <p class="fault" role="alert">
            {refused}
          </p>
        ) : null}
        {ways?.password ? (
          <form class="form" onSubmit={submit} aria-label="Log in">
            <TextField label="Name" value={name} set={setName} required autocomplete="username" focus />
            <TextField
              label="Password"
              type="password"
              value={password}
              set={setPassword}
              required
              autocomplete="current-password"
            />
            {words ? (
              <p class="fault" role="alert">
                {words}
              </p>
            ) : null}
            <button type="submit" class="button primary wide" disabled={doing.busy}>
              Log in
            </button>
          </form>
        ) : null}
        {ways?.oidc ? (
          <a class="button wide" href={url("/login/oidc")}>
            Log in with {ways.oidc}
          </a>
        ) : null}
        {!ways?.password && !ways?.oidc ? (
          <p class="soft">
            This server knows tokens only, and no people who could log in. Whoever runs it can add a table{" "}
            <code>[auth.users.NAME]</code> to its configuration.
          </p>
        ) : null}
      </div>
    </main>
  );
}
