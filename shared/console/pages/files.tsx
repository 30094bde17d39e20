/** Looks up hashes in any pasted or dropped text and follows the job of a large lookup. */
import { useState } from "preact/hooks";
import { ApiError, callApi } from "../api.ts";
import type { FileReport, FileResult, Operation } from "../answers.ts";
import { createCsv, saveFile } from "../csv.ts";
import { Table, type Column } from "../table.tsx";
import { useJob } from "../use-job.ts";
import {
  Empty,
  ErrorBox,
  formatCount,
  formatNumber,
  Instant,
  Section,
  StateBadge,
} from "../widgets.tsx";

/** A running or ended lookup; partial results are in `result`. */
type LookupJob = Operation<FileReport>;

interface Lookup {
  readonly report: Partial<FileReport> | undefined;
  readonly job: string | undefined;
  readonly error: ApiError | undefined;
}

const nothing: Lookup = { report: undefined, job: undefined, error: undefined };

async function startLookup(text: string, withSigner: boolean): Promise<Lookup> {
  const isJson = /^\s*[[{]/.test(text);
  try {
    const reply = await callApi<LookupJob>(
      `files/stats${withSigner ? "?include=information" : ""}`,
      {
        method: "POST",
        text,
        contentType: isJson ? "application/json" : "text/plain",
      },
    );
    const job = reply.status === 202 ? (reply.headers.get("location") ?? undefined) : undefined;
    return {
      ...nothing,
      job,
      report: job === undefined ? (reply.body.result ?? undefined) : undefined,
    };
  } catch (error) {
    if (error instanceof ApiError) return { ...nothing, error };
    throw error;
  }
}

export function Files() {
  const [text, setText] = useState("");
  const [lookup, setLookup] = useState(nothing);
  const [isBusy, setBusy] = useState(false);
  const [withSigner, setWithSigner] = useState(true);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    void startLookup(text, withSigner)
      .then(setLookup)
      .finally(() => setBusy(false));
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void file.text().then(setText);
    else setText(event.dataTransfer?.getData("text/plain") ?? "");
  };
  return (
    <>
      <h1>Files</h1>
      <form onSubmit={submit}>
        <label class="block">
          <span>Text with file hashes: paste or drop an alert, a report or a list</span>
          <textarea
            rows={8}
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={drop}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={withSigner}
            onChange={(event) => setWithSigner(event.currentTarget.checked)}
          />{" "}
          With signer and publisher (one more call per file)
        </label>
        <button type="submit" class="primary" disabled={isBusy || text.trim() === ""}>
          {isBusy ? "Looking up…" : "Look up"}
        </button>
      </form>
      {lookup.error ? <ErrorBox error={lookup.error} /> : null}
      {lookup.report ? <Report report={lookup.report} /> : null}
      {lookup.job === undefined ? null : <Progress key={lookup.job} url={lookup.job} />}
    </>
  );
}

function Progress({ url }: { url: string }) {
  const { reply, error, isRunning } = useJob<LookupJob>(
    `${url}${url.includes("?") ? "&" : "?"}partial=true`,
  );
  const report = reply?.body.result;
  return (
    <>
      {error ? <ErrorBox error={error} /> : null}
      {isRunning ? <ProgressBar report={report ?? {}} /> : null}
      {report ? <Report report={report} /> : null}
    </>
  );
}

function ProgressBar({ report }: { report: Partial<FileReport> }) {
  const total = report.results?.length ?? 0;
  const done = total - (report.summary?.pending ?? 0);
  return (
    <div role="status">
      <p>
        {total === 0
          ? "The lookup continues in the background…"
          : `${formatNumber(done)} of ${formatCount(total, "hash", "hashes")} looked up…`}
      </p>
      <fluent-progress-bar
        aria-label="Lookup in progress"
        {...(total === 0 ? {} : { value: done, max: total })}
      />
    </div>
  );
}

const columns: readonly Column<FileResult>[] = [
  { title: "Hash", cell: ({ hash }) => <code>{hash}</code> },
  { title: "Status", cell: ({ status }) => <StateBadge state={status} /> },
  { title: "Name", cell: ({ statistics }) => statistics?.topFileNames[0] ?? "" },
  {
    title: "Devices here",
    cell: ({ statistics }) => formatCountOrUnknown(statistics?.organizationPrevalence),
    isNumber: true,
  },
  {
    title: "Worldwide",
    cell: ({ statistics }) => formatCountOrUnknown(statistics?.globalPrevalence),
    isNumber: true,
  },
  {
    title: "First seen here",
    cell: ({ statistics }) => <Instant value={statistics?.organizationFirstSeen} />,
  },
  {
    title: "Last seen here",
    cell: ({ statistics }) => <Instant value={statistics?.organizationLastSeen} />,
  },
  { title: "Signer", cell: ({ information }) => information?.signer ?? "unsigned or unknown" },
  { title: "Remark", cell: ({ problem, stale }) => problem ?? (stale ? "from an old cache" : "") },
];

const formatCountOrUnknown = (count: number | null | undefined): string =>
  count === null || count === undefined ? "unknown" : formatNumber(count);

/** Results drawn at once; the CSV file has all of them. */
const maxDrawn = 500;

function Report({ report }: { report: Partial<FileReport> }) {
  const { results = [], skipped = [], summary } = report;
  if (results.length === 0 && skipped.length === 0)
    return <Empty>No file hashes found in this text.</Empty>;
  return (
    <Section title="Results">
      <p>
        {summary
          ? `${formatCount(summary.found, "file")} found, ${formatNumber(summary.notFound)} not found, ${formatNumber(summary.invalid)} invalid, ${formatNumber(summary.pending)} pending, ${formatNumber(summary.failed)} failed. `
          : null}
        <fluent-button onClick={() => saveReport(results)}>Download CSV</fluent-button>
      </p>
      {results.length > maxDrawn ? (
        <p class="muted">The table shows the first {maxDrawn} results; the CSV file has all.</p>
      ) : null}
      <Table
        caption="File results"
        columns={columns}
        items={results.slice(0, maxDrawn)}
        keyOf={({ hash }) => hash}
      />
      {skipped.length === 0 ? null : (
        <details>
          <summary>{formatCount(skipped.length, "value")} skipped</summary>
          <ul>
            {skipped.map(({ hash, reason }) => (
              <li key={hash}>
                <code>{hash}</code> {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

const saveReport = (results: readonly FileResult[]): void =>
  saveFile(
    "file-results.csv",
    createCsv(
      ["hash", "status", "name", "organizationPrevalence", "globalPrevalence", "signer"],
      results.map(({ hash, status, statistics, information }) => [
        hash,
        status,
        statistics?.topFileNames[0] ?? "",
        String(statistics?.organizationPrevalence ?? ""),
        String(statistics?.globalPrevalence ?? ""),
        information?.signer ?? "",
      ]),
    ),
    "text/csv",
  );
