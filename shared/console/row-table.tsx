/** Rows of an export: draws only the rows in view, and shows every cell as text. */
import { useRef, useState } from "preact/hooks";
import type { CSSProperties } from "preact";

export interface RowColumn {
  readonly name: string;
  readonly type: string;
}

export type Row = Readonly<Record<string, unknown>>;

const rowHeight = 28;
const columnWidth = 190;
const maxHeight = 420;
/** Rows and columns drawn before and after those in view. */
const margin = 8;
/** Longest text in a cell; copying and the CSV file have all of it. */
const maxCellLength = 300;

/** A cell as text: JSON for objects, digits as exported for numbers. */
export function formatCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Control and direction characters would change how other text reads. */
const makeVisible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" || character === "\t"
      ? " "
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const shorten = (text: string): string =>
  text.length > maxCellLength ? `${text.slice(0, maxCellLength)}…` : text;

interface View {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const rangeOf = (offset: number, size: number, unit: number, count: number) => ({
  from: Math.max(0, Math.floor(offset / unit) - margin),
  to: Math.min(count, Math.ceil((offset + size) / unit) + margin),
});

export function RowTable({
  caption,
  columns,
  rows,
}: {
  caption: string;
  columns: readonly RowColumn[];
  rows: readonly Row[];
}) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ top: 0, left: 0, height: 420, width: 1_400 });
  const onScroll = (): void => {
    const { current } = frame;
    if (!current) return;
    setView({
      top: current.scrollTop,
      left: current.scrollLeft,
      height: current.clientHeight,
      width: current.clientWidth,
    });
  };
  const inHeight = rangeOf(view.top, view.height, rowHeight, rows.length);
  const inWidth = rangeOf(view.left, view.width, columnWidth, columns.length);
  const shown = columns.slice(inWidth.from, inWidth.to);
  return (
    <div
      class="rows"
      ref={frame}
      onScroll={onScroll}
      tabIndex={0}
      role="table"
      aria-label={caption}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      style={{ height: `${Math.min(maxHeight, (rows.length + 2) * rowHeight)}px` }}
    >
      <div
        role="rowgroup"
        class="rows-canvas"
        style={{
          height: `${(rows.length + 1) * rowHeight}px`,
          width: `${columns.length * columnWidth}px`,
        }}
      >
        <HeadLine columns={shown} firstColumn={inWidth.from} />
        {rows.slice(inHeight.from, inHeight.to).map((row, index) => (
          <RowLine
            key={inHeight.from + index}
            row={row}
            index={inHeight.from + index}
            columns={shown}
            firstColumn={inWidth.from}
          />
        ))}
      </div>
    </div>
  );
}

const placeCell = (index: number): CSSProperties => ({
  transform: `translateX(${index * columnWidth}px)`,
  width: `${columnWidth}px`,
});

const HeadLine = (props: { columns: readonly RowColumn[]; firstColumn: number }) => (
  <div role="row" aria-rowindex={1} class="row row-head" style={{ height: `${rowHeight}px` }}>
    {props.columns.map(({ name, type }, index) => (
      <div
        key={name}
        role="columnheader"
        aria-colindex={props.firstColumn + index + 1}
        class="cell"
        style={placeCell(props.firstColumn + index)}
        title={`${name} (${type})`}
      >
        {name}
      </div>
    ))}
  </div>
);

function RowLine(props: {
  row: Row;
  index: number;
  columns: readonly RowColumn[];
  firstColumn: number;
}) {
  const { row, index, columns, firstColumn } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      class="row"
      style={{ transform: `translateY(${(index + 1) * rowHeight}px)`, height: `${rowHeight}px` }}
    >
      {columns.map(({ name }, position) => {
        const text = formatCell(row[name]);
        return (
          <div
            key={name}
            role="cell"
            aria-colindex={firstColumn + position + 1}
            class="cell"
            style={placeCell(firstColumn + position)}
            dir="ltr"
            title={makeVisible(shorten(text))}
            onDblClick={() => void navigator.clipboard.writeText(text)}
          >
            {makeVisible(shorten(text))}
          </div>
        );
      })}
    </div>
  );
}
