/** The console: sign-in, navigation and pages. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Alerts } from "./pages/alerts.tsx";
import { Deliveries } from "./pages/deliveries.tsx";
import { Files } from "./pages/files.tsx";
import { Hunt } from "./pages/hunt.tsx";
import { Hunts } from "./pages/hunts.tsx";
import { Overview } from "./pages/overview.tsx";
import { AlertPage, VerdictPage } from "./pages/verdict.tsx";
import { linkTo, usePlace, type Place } from "./router.ts";
import {
  forgetKey,
  hasKey,
  loadConfig,
  onRefused,
  probeAccess,
  storeKey,
  type Access,
  type ConsoleConfig,
} from "./session.ts";
import { forgetAccount, signIn } from "./sign-in.ts";
import { TenantPicker } from "./tenant.tsx";
import { followColorScheme } from "./theme.ts";

const sections = [
  { page: "overview", title: "Overview", pages: ["", "overview"] },
  { page: "hunts", title: "Hunts", pages: ["hunts"] },
  { page: "files", title: "Files", pages: ["files"] },
  { page: "alerts", title: "Alerts", pages: ["alerts", "verdicts", "alert"] },
  { page: "deliveries", title: "Deliveries", pages: ["deliveries"] },
] as const;

function CurrentPage({ place: { page, id } }: { place: Place }) {
  switch (page) {
    case "":
    case "overview":
      return <Overview />;
    case "hunts":
      return id === "" ? <Hunts /> : <Hunt key={id} name={id} />;
    case "files":
      return <Files />;
    case "alerts":
      return <Alerts />;
    case "verdicts":
      return <VerdictPage key={id} id={id} />;
    case "alert":
      return <AlertPage key={id} id={id} />;
    case "deliveries":
      return <Deliveries />;
    default:
      return (
        <>
          <h1>Page not found</h1>
          <p>
            Go to the <a href={linkTo("overview")}>overview</a>.
          </p>
        </>
      );
  }
}

function Shell({ onSignOut }: { onSignOut: (() => void) | undefined }) {
  const place = usePlace();
  return (
    <>
      <header class="top">
        <strong>Huntline</strong>
        <nav aria-label="Pages">
          {sections.map(({ page, title, pages }) => (
            <a
              key={page}
              href={linkTo(page)}
              aria-current={(pages as readonly string[]).includes(place.page) ? "page" : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        <TenantPicker />
        {onSignOut ? (
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        ) : null}
      </header>
      <main>
        <CurrentPage place={place} />
      </main>
    </>
  );
}

function KeyForm({ wasRefused, onKey }: { wasRefused: boolean; onKey: () => void }) {
  const [key, setKey] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    storeKey(key.trim());
    onKey();
  };
  return (
    <main class="narrow">
      <h1>Huntline console</h1>
      <form onSubmit={submit}>
        {wasRefused ? (
          <p role="alert" class="message message-danger">
            The key is not valid. Enter the host key named console.
          </p>
        ) : null}
        <label class="block">
          <span>Host key</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <p class="muted">The key stays in this tab until you close it.</p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}

function App() {
  const [config, setConfig] = useState<ConsoleConfig>();
  const [access, setAccess] = useState<Access>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const open = async (): Promise<void> => {
      try {
        setConfig(await loadConfig());
        setAccess(await probeAccess());
      } catch {
        setAccess("unreachable");
      }
    };
    void open();
  }, [tries]);
  const tryAgain = (): void => setTries(tries + 1);
  useEffect(() => onRefused(() => setTries((count) => count + 1)), []);
  useEffect(() => {
    if (access !== "unreachable") return;
    const timer = setTimeout(tryAgain, 5_000);
    return () => clearTimeout(timer);
  }, [access, tries]);
  const entra = config?.entra;
  const signOut = (): void => {
    forgetKey();
    void (entra ? forgetAccount(entra) : Promise.resolve()).finally(tryAgain);
  };
  switch (access) {
    case undefined:
      return (
        <main class="narrow">
          <p role="status">Loading…</p>
        </main>
      );
    case "granted":
      return <Shell onSignOut={hasKey() ? signOut : undefined} />;
    case "keyRequired":
      return <KeyForm wasRefused={hasKey()} onKey={tryAgain} />;
    case "signInRequired":
      return (
        <main class="narrow">
          <h1>Huntline console</h1>
          <button type="button" class="primary" onClick={() => entra && void signIn(entra)}>
            Sign in with Microsoft
          </button>
        </main>
      );
    case "unreachable":
      return (
        <main class="narrow">
          <h1>Huntline console</h1>
          <p role="alert">The API is not reachable. The page tries again every 5 seconds.</p>
        </main>
      );
  }
}

const host = document.querySelector("#app");
if (host) {
  followColorScheme(() => dispatchEvent(new Event("hashchange")));
  render(<App />, host);
}
