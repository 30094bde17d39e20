/** Small building blocks of every page. */
import type { ComponentChildren, TargetedEvent } from "preact";
import type { ApiError } from "./api.ts";
import type { Loaded } from "./use-data.ts";
import type { Pages } from "./use-pages.ts";

type Tone = "neutral" | "success" | "warning" | "danger" | "informative";

/** A word with a tone; the word alone carries the meaning. */
const Badge = ({ tone = "neutral", children }: { tone?: Tone; children: ComponentChildren }) => (
  <span class={`badge badge-${tone}`}>{children}</span>
);

/** Tones of states, severities and outcomes. */
const tones: Readonly<Record<string, Tone>> = {
  ok: "success",
  healthy: "success",
  closed: "success",
  found: "success",
  succeeded: "success",
  yes: "success",
  new: "informative",
  low: "informative",
  waiting: "informative",
  running: "informative",
  pending: "informative",
  degraded: "warning",
  medium: "warning",
  conflict: "warning",
  overdue: "warning",
  gap: "warning",
  notFound: "warning",
  unhealthy: "danger",
  high: "danger",
  failed: "danger",
  failing: "danger",
  invalid: "danger",
  blocked: "danger",
};

/** A state as the API names it, with its tone. */
export const StateBadge = ({ state }: { state: string }) => (
  <Badge tone={tones[state.toLowerCase()] ?? tones[state] ?? "neutral"}>{state}</Badge>
);

/** An instant in UTC to the second; the title shows local time and all digits. */
export function Instant({ value }: { value: string | null | undefined }) {
  if (!value) return <span class="muted">never</span>;
  const text = value.replace(/(?:\.\d+)?Z$/, "").replace("T", " ");
  return (
    <time dateTime={value} title={`${value}\n${new Date(value).toLocaleString()} (local time)`}>
      {text}
    </time>
  );
}

const units: readonly (readonly [name: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** A duration by its two largest units, such as `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
    rest -= count * size;
  }
  return parts.join(" ") || "0 s";
}

const numbers = new Intl.NumberFormat("en-US");
export const formatNumber = (value: number): string => numbers.format(value);

/** `1 row`, `2 rows`. */
export const formatCount = (count: number, one: string, many = `${one}s`): string =>
  `${formatNumber(count)} ${count === 1 ? one : many}`;

/** States a problem: what happened and what to do next. */
export function ErrorBox({ error }: { error: ApiError }) {
  const { detail, errors = [] } = error.problem;
  return (
    <div class="message message-danger" role="alert">
      <strong>{error.message}</strong>
      {detail ? <p>{detail}</p> : null}
      {errors.length > 0 ? (
        <ul>
          {errors.map(({ path, message }) => (
            <li key={path + message}>
              <code>{path || "/"}</code> {message}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export const Notice = ({ tone, children }: { tone: Tone; children: ComponentChildren }) => (
  <div class={`message message-${tone}`} role="status">
    {children}
  </div>
);

export const Empty = ({ children }: { children: ComponentChildren }) => (
  <p class="empty">{children}</p>
);

const Waiting = () => (
  <p class="empty" role="status">
    Loading…
  </p>
);

/** Shows loaded data; keeps it in view, with the error above it, when a refresh fails. */
export function Load<T>({
  from,
  children,
}: {
  from: Loaded<T>;
  children: (data: T) => ComponentChildren;
}) {
  const { data, error } = from;
  return (
    <>
      {error ? <ErrorBox error={error} /> : null}
      {data === undefined ? error ? null : <Waiting /> : children(data)}
    </>
  );
}

/** Loads the next page of a list, where there is one. */
export const ShowMore = ({ list }: { list: Pages<unknown> }) =>
  list.data?.hasMore ? (
    <button type="button" onClick={list.showMore}>
      Show more
    </button>
  ) : null;

/** A section with a heading. */
export const Section = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <section class="section">
    <h2>{title}</h2>
    {children}
  </section>
);

/** A label and its value. */
export const Fact = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <div class="fact">
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);

/** A select with a visible label; the empty option means all. */
export function Choice(props: {
  label: string;
  value: string;
  options: readonly string[];
  all?: string;
  onChange: (value: string) => void;
}) {
  const onChange = (event: TargetedEvent<HTMLSelectElement>): void =>
    props.onChange(event.currentTarget.value);
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select value={props.value} onChange={onChange}>
        {props.all === undefined ? null : <option value="">{props.all}</option>}
        {props.options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A bar from 0 to `max` with its meaning as text. */
export const Gauge = ({
  label,
  value,
  max,
  text,
}: {
  label: string;
  value: number;
  max: number;
  text: string;
}) => (
  <div class="gauge">
    <span>{label}</span>
    <meter value={value} min={0} max={max} aria-label={label}>
      {text}
    </meter>
    <span class="muted">{text}</span>
  </div>
);
