/** All hunts as a table, and their ATT&CK coverage. */
import { useState } from "preact/hooks";
import { getJson, type Page } from "../api.ts";
import type { HuntDetail, HuntSummary, Trend } from "../answers.ts";
import { AttackMatrix } from "./attack.tsx";
import { Sparkline } from "../charts.tsx";
import { linkTo } from "../router.ts";
import { Table, type Column } from "../table.tsx";
import { useData } from "../use-data.ts";
import { Choice, Empty, formatDuration, Instant, Load, StateBadge } from "../widgets.tsx";

/** A hunt with its details and its last 30 days. */
export interface HuntRow {
  readonly summary: HuntSummary;
  readonly detail: HuntDetail;
  readonly trend: Trend;
}

async function loadHunts(signal: AbortSignal): Promise<HuntRow[]> {
  const { value } = await getJson<Page<HuntSummary>>("hunts", signal);
  return Promise.all(
    value.map(async (summary) => {
      const [detail, { value: trend }] = await Promise.all([
        getJson<HuntDetail>(`hunts/${summary.name}`, signal),
        getJson<{ value: Trend }>(`hunts/${summary.name}/trend`, signal),
      ]);
      return { summary, detail, trend };
    }),
  );
}

interface Filter {
  readonly text: string;
  readonly severity: string;
  readonly tactic: string;
  readonly state: string;
}

const matches = ({ summary, detail }: HuntRow, filter: Filter): boolean =>
  `${summary.name} ${summary.title} ${detail.techniques.join(" ")}`
    .toLowerCase()
    .includes(filter.text.toLowerCase()) &&
  (filter.severity === "" || summary.severity === filter.severity) &&
  (filter.state === "" || summary.state === filter.state) &&
  (filter.tactic === "" || detail.tactics.includes(filter.tactic));

const columns: readonly Column<HuntRow>[] = [
  {
    title: "Hunt",
    cell: ({ summary }) => <a href={linkTo("hunts", summary.name)}>{summary.title}</a>,
  },
  {
    title: "State",
    cell: ({ summary }) => (
      <>
        <StateBadge state={summary.enabled ? summary.state : "disabled"} />
        {summary.reason ? <span class="muted"> {summary.reason}</span> : null}
      </>
    ),
  },
  { title: "Severity", cell: ({ summary }) => <StateBadge state={summary.severity ?? "none"} /> },
  {
    title: "Rows, 30 days",
    cell: ({ summary, trend }) => <Sparkline days={trend} label={summary.title} />,
  },
  {
    title: "Watermark",
    cell: ({ summary }) =>
      typeof summary.watermarkAgeSeconds !== "number" ? (
        <span class="muted">not run yet</span>
      ) : (
        <span title={summary.watermark ?? ""}>
          {formatDuration(summary.watermarkAgeSeconds)} old
        </span>
      ),
  },
  {
    title: "Next run",
    cell: ({ detail, summary }) => <NextRun detail={detail} summary={summary} />,
  },
  { title: "Mode", cell: ({ detail }) => <span title={detail.modeReason}>{detail.mode}</span> },
  { title: "Techniques", cell: ({ detail }) => detail.techniques.join(", ") },
];

function NextRun({ detail, summary }: { detail: HuntDetail; summary: HuntSummary }) {
  if (!summary.enabled || !summary.watermark) return <span class="muted">by schedule</span>;
  const due = Date.parse(summary.watermark) + detail.intervalSeconds * 1_000;
  return <Instant value={new Date(Math.max(due, Date.now())).toISOString()} />;
}

export function Hunts() {
  const hunts = useData(loadHunts, [], 60_000);
  const [filter, setFilter] = useState<Filter>({ text: "", severity: "", tactic: "", state: "" });
  const [view, setView] = useState<"table" | "attack">("table");
  return (
    <>
      <h1>Hunts</h1>
      <div class="toolbar" role="group" aria-label="View">
        <button type="button" aria-pressed={view === "table"} onClick={() => setView("table")}>
          Table
        </button>
        <button type="button" aria-pressed={view === "attack"} onClick={() => setView("attack")}>
          ATT&amp;CK
        </button>
      </div>
      <Load from={hunts}>
        {(rows) =>
          view === "attack" ? (
            <AttackMatrix hunts={rows} />
          ) : (
            <HuntTable rows={rows} filter={filter} onFilter={setFilter} />
          )
        }
      </Load>
    </>
  );
}

function HuntTable(props: {
  rows: readonly HuntRow[];
  filter: Filter;
  onFilter: (filter: Filter) => void;
}) {
  const { rows, filter, onFilter } = props;
  const optionsOf = (pick: (row: HuntRow) => readonly string[]): string[] =>
    [...new Set(rows.flatMap(pick))].toSorted();
  const shown = rows.filter((row) => matches(row, filter));
  return (
    <>
      <form class="toolbar" role="search" onSubmit={(event) => event.preventDefault()}>
        <label class="choice">
          <span>Search</span>
          <input
            type="search"
            value={filter.text}
            onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
          />
        </label>
        <Choice
          label="Severity"
          all="All severities"
          value={filter.severity}
          options={optionsOf(({ summary }) => (summary.severity ? [summary.severity] : []))}
          onChange={(severity) => onFilter({ ...filter, severity })}
        />
        <Choice
          label="Tactic"
          all="All tactics"
          value={filter.tactic}
          options={optionsOf(({ detail }) => detail.tactics)}
          onChange={(tactic) => onFilter({ ...filter, tactic })}
        />
        <Choice
          label="State"
          all="All states"
          value={filter.state}
          options={optionsOf(({ summary }) => [summary.state])}
          onChange={(state) => onFilter({ ...filter, state })}
        />
      </form>
      {rows.length === 0 ? (
        <Empty>The catalog has no hunts. Add a YAML file to shared/hunts/catalog and deploy.</Empty>
      ) : shown.length === 0 ? (
        <Empty>No hunt matches these filters.</Empty>
      ) : (
        <Table
          caption="Hunts"
          columns={columns}
          items={shown}
          keyOf={({ summary }) => summary.name}
        />
      )}
    </>
  );
}
