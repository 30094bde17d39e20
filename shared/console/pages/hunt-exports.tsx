/** Exports of a hunt and the rows of the selected one. */
import { useState } from "preact/hooks";
import { getJson, type Page } from "../api.ts";
import type { HuntDetail, ListedExport } from "../answers.ts";
import { createCsv, saveFile } from "../csv.ts";
import { formatCell, RowTable, type Row } from "../row-table.tsx";
import { Table, type Column } from "../table.tsx";
import { useData } from "../use-data.ts";
import { Empty, formatCount, formatNumber, Instant, Load, StateBadge } from "../widgets.tsx";

/** Rows read for one export; the blob has all of them. */
const maxRows = 10_000;
const rowsPerCall = 1_000;

async function loadRows(hunt: string, cursor: string, signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  while (rows.length < maxRows) {
    const path = `hunts/${hunt}/exports/${cursor}/rows?skip=${rows.length}&top=${rowsPerCall}`;
    const { value } = await getJson<Page<Row>>(path, signal);
    rows.push(...value);
    if (value.length < rowsPerCall) break;
  }
  return rows;
}

/** @param props.exports - newest first */
export function Exports({ hunt, exports }: { hunt: HuntDetail; exports: readonly ListedExport[] }) {
  const [selected, setSelected] = useState<string>();
  if (exports.length === 0)
    return <Empty>No exports with rows yet. Run the hunt, or wait for its next run.</Empty>;
  const columns: readonly Column<ListedExport>[] = [
    { title: "Number", cell: ({ seq }) => String(seq), isNumber: true },
    { title: "From", cell: ({ from }) => <Instant value={from} /> },
    { title: "To", cell: ({ to }) => <Instant value={to} /> },
    { title: "Rows", cell: ({ rows }) => formatNumber(rows), isNumber: true },
    { title: "Complete", cell: ({ complete }) => <StateBadge state={complete} /> },
    { title: "Kind", cell: ({ blob }) => (blob.includes("late") ? "late rows" : hunt.mode) },
    {
      title: "Content",
      cell: ({ cursor, seq }) =>
        cursor ? (
          <fluent-button
            aria-label={`Show rows of export ${seq}`}
            onClick={() => setSelected(cursor)}
          >
            Show rows
          </fluent-button>
        ) : null,
    },
  ];
  const shown = selected ?? exports.find(({ cursor }) => cursor)?.cursor ?? undefined;
  return (
    <>
      <Table caption="Exports" columns={columns} items={exports} keyOf={({ blob }) => blob} />
      {shown === undefined ? null : <ExportRows hunt={hunt} cursor={shown} />}
    </>
  );
}

function ExportRows({ hunt, cursor }: { hunt: HuntDetail; cursor: string }) {
  const rows = useData((signal) => loadRows(hunt.name, cursor, signal), [hunt.name, cursor]);
  return (
    <section aria-label="Rows">
      <h3>Rows of export {cursor}</h3>
      <Load from={rows}>
        {(all) => (
          <>
            <p>
              {formatCount(all.length, "row")}
              {all.length >= maxRows ? ` shown; the blob has all of them` : ""}. Double-click copies
              a cell.{" "}
              <fluent-button onClick={() => saveCsv(hunt, cursor, all)}>Download CSV</fluent-button>
            </p>
            <RowTable caption={`Rows of export ${cursor}`} columns={hunt.columns} rows={all} />
          </>
        )}
      </Load>
    </section>
  );
}

const saveCsv = (hunt: HuntDetail, cursor: string, rows: readonly Row[]): void =>
  saveFile(
    `${hunt.name}-${cursor}.csv`,
    createCsv(
      hunt.columns.map(({ name }) => name),
      rows.map((row) => hunt.columns.map(({ name }) => formatCell(row[name]))),
    ),
    "text/csv",
  );
