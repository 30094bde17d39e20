/**
 * Random hunting answers with the lines they must become, built side by side: the reference needs
 * none of our code.
 */
import fc from "fast-check";
import type { Column, ColumnType } from "../../../shared/rows/column.ts";

/** A value as it comes over the wire, JSON text, and as it must stand in a line. */
interface Cell {
  readonly wire: string;
  readonly line: string;
  /** Graph's annotation beside the value. */
  readonly sidecar?: string;
}

/** A whole answer. */
export interface RowsAnswer {
  readonly columns: readonly Column[];
  readonly body: string;
  readonly lines: readonly string[];
}

const sameCell = (text: string): Cell => ({ wire: text, line: text });
const nulls = fc.constantFrom<Cell>(sameCell("null"), { wire: "{}", line: "null" });

/**
 * Text with everything that could confuse a scanner; also in the escapes that other writers prefer.
 */
const strings = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom(
        '"results":[{"a":1}]',
        "},{",
        "]}",
        "\\",
        '\\"',
        "a\nb\r\t",
        "Größe",
        "😀",
        "=cmd()",
        "",
        "X@odata.type",
        "\u2028",
      ),
    ),
    fc.boolean(),
  )
  .map(([text, isEscaped]): Cell => {
    const line = JSON.stringify(text);
    return { line, wire: isEscaped ? escapeAll(text) : line };
  });

const escapeAll = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0")}`).join("")}"`;

const numbers = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.constantFrom(
      "9007199254740993",
      "-0",
      "1.50",
      "1e21",
      "4.3",
      "0.1000",
      "18446744073709551615",
    ),
  )
  .map(sameCell);

/** A number may come as text; what is none stays text. */
const numberTexts = fc.oneof(
  numbers.map(({ line }): Cell => ({ wire: JSON.stringify(line), line })),
  fc.constantFrom<Cell>(sameCell('"NaN"'), { wire: '"-INF"', line: '"-Infinity"' }),
);

const instants = fc
  .tuple(
    fc.integer({ min: 0, max: 4_000_000_000 }),
    fc.integer({ min: 0, max: 9_999_999 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([seconds, ticks, form]): Cell => {
    const whole = new Date(seconds * 1_000).toISOString().slice(0, 19);
    const digits = String(ticks).padStart(7, "0");
    const exact = `"${whole}.${digits}Z"`;
    const short = digits.replace(/0+$/, "");
    if (form === 0) return sameCell(exact);
    if (form === 1) return { wire: `"${whole}.${digits}"`, line: exact };
    if (form === 2) return { wire: `"${whole}${short === "" ? "" : `.${short}`}Z"`, line: exact };
    return { wire: `"${whole}Z"`, line: `"${whole}.0000000Z"` };
  });

const bools = fc.constantFrom<Cell>(
  { wire: "1", line: "true", sidecar: "#SByte" },
  { wire: "0", line: "false", sidecar: "#SByte" },
  sameCell("true"),
  sameCell("false"),
);

const timespans = fc.constantFrom<Cell>(
  sameCell('"01:02:03"'),
  sameCell('"1.00:00:00.5000000"'),
  { wire: '"PT1H2M3S"', line: '"01:02:03"' },
  { wire: '"-P1DT0.5S"', line: '"-1.00:00:00.5000000"' },
);

/** A dynamic value: what it is, then how a back-end may write it. */
const plainJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(1, 2.5, true, null, "a", 'b"c', "Größe"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie("value"), { minKeys: 1, maxKeys: 3 }),
  ),
})).value;

const isBag = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** As Graph writes it: bags marked, bags in arrays as text. */
function toGraphJson(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((element) => (isBag(element) ? JSON.stringify(JSON.stringify(element)) : toGraphJson(element))).join(",")}]`;
  if (!isBag(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) =>
      `${typeof member === "number" ? `"${name}@odata.type":"#Int64",` : ""}"${name}":${toGraphJson(member)}`,
  );
  return `{"@odata.type":"#microsoft.graph.security.dynamicColumnValue",${members.join(",")}}`;
}

const dynamics = fc.tuple(plainJson, fc.integer({ min: 0, max: 3 })).map(([value, form]): Cell => {
  const line = JSON.stringify(value);
  if (form === 0) return { wire: JSON.stringify(value, null, 1), line };
  if (form === 1 && typeof value === "object" && value !== null)
    return { wire: JSON.stringify(line), line };
  return {
    wire: toGraphJson(value),
    line,
    ...(Array.isArray(value) ? { sidecar: "#Collection(String)" } : {}),
  };
});

const cells: Readonly<Record<ColumnType, fc.Arbitrary<Cell>>> = {
  string: fc.oneof(strings, nulls),
  long: fc.oneof(numbers, nulls),
  int: fc.oneof(numbers, nulls),
  real: fc.oneof(numbers, numberTexts, nulls),
  decimal: fc.oneof(numbers, numberTexts, nulls),
  guid: fc.oneof(strings, nulls),
  bool: fc.oneof(bools, nulls),
  datetime: fc.oneof(instants, nulls),
  timespan: fc.oneof(timespans, nulls),
  dynamic: fc.oneof(dynamics, nulls),
};

const columnSets = fc.uniqueArray(
  fc.record({
    name: fc.oneof(fc.stringMatching(/^[A-Za-z]{1,8}$/), fc.constantFrom("results", "Ünï", 'a"b')),
    type: fc.constantFrom(...(Object.keys(cells) as ColumnType[])),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 5 },
);

const gaps = fc.constantFrom("", "", "", " ", "\n  ", "\r\n\t");

interface Formatting {
  readonly gap: string;
  readonly shuffled: boolean;
  readonly annotated: boolean;
}

/** One row: its wire text and its line. A cell may be absent, which reads as null. */
function createRowText(
  columns: readonly Column[],
  row: readonly (Cell | undefined)[],
  { gap, shuffled, annotated }: Formatting,
) {
  const members = columns.flatMap(({ name }, at) => {
    const cell = row[at];
    if (!cell) return [];
    const annotation =
      annotated && cell.sidecar
        ? `${JSON.stringify(`${name}@odata.type`)}:${gap}"${cell.sidecar}"${gap},${gap}`
        : "";
    return [`${annotation}${JSON.stringify(name)}${gap}:${gap}${cell.wire}${gap}`];
  });
  if (shuffled) members.reverse();
  return {
    wire: `{${gap}${members.join(`,${gap}`)}}`,
    line: `{${columns.map(({ name }, at) => `${JSON.stringify(name)}:${row[at]?.line ?? "null"}`).join(",")}}`,
  };
}

/**
 * Answers with decoys around the rows: nested and quoted `results`, schema before or behind, pretty
 * or compact.
 */
export const answers: fc.Arbitrary<RowsAnswer> = columnSets.chain((columns) =>
  fc
    .record({
      rows: fc.array(
        fc.tuple(
          ...columns.map(({ type }) => fc.option(cells[type], { nil: undefined, freq: 12 })),
        ),
        {
          maxLength: 6,
        },
      ),
      noise: fc.record({ gap: gaps, shuffled: fc.boolean(), annotated: fc.boolean() }),
      key: fc.constantFrom("results", "Results"),
    })
    .map(({ rows, noise, key }) => {
      const texts = rows.map((row) => createRowText(columns, row, noise));
      const { gap } = noise;
      const head = `${gap}{${gap}"Stats":{"results":[{"x":"\\"results\\":["}]},${gap}"a[":[[]],${gap}`;
      const body = `${head}"${key}"${gap}:${gap}[${gap}${texts.map(({ wire }) => wire).join(`${gap},${gap}`)}${gap}]${gap},"after":{"results":[1]}${gap}}${gap}`;
      return { columns, body, lines: texts.map(({ line }) => line) };
    }),
);

/** Cuts bytes into pieces at random places, single bytes among them. */
export const cutPieces = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
};
