/**
 * Random rows for a hunt: values near those that the query compares with, so that a part of the
 * rows passes its conditions.
 */
import fc from "fast-check";
import type {
  CompiledHunt,
  HuntColumn,
  KqlType,
} from "../../../../shared/contracts/compiled-hunt.ts";
import type { EvaluationContext, Row } from "../../../../shared/kql/evaluate/context.ts";
import { parseQuery, walkTree } from "../../../../shared/kql/language/parser.ts";
import { tables as publishedTables } from "../../../../shared/kql/language/schema.ts";
import { ticksFromMs, type Span, type Ticks } from "../../../../shared/runtime/time.ts";

/** 2026-01-05T12:00:00Z, the end of every span. */
const now: Ticks = ticksFromMs(Date.UTC(2026, 0, 5, 12));

/** Literals of a query, by the kind of column that they suit. */
interface Literals {
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
  /** Texts that the query compares a column with, by the column's name. */
  readonly textsOf: ReadonlyMap<string, readonly string[]>;
}

/** Reads the literals of a query and the columns that they stand beside. */
function readLiterals(query: string): Literals {
  const [texts, numbers] = [["x"], [0, 1]];
  const textsOf = new Map<string, string[]>();
  let column = "";
  for (const node of walkTree(parseQuery(query).root)) {
    if (node.kind === "NameReference") column = node.text;
    if (node.kind === "LongLiteralExpression") numbers.push(Number(node.text) || 0);
    if (node.kind !== "StringLiteralExpression") continue;
    const text = node.children[0]?.value ?? "";
    texts.push(text);
    textsOf.set(column, [...(textsOf.get(column) ?? []), text]);
  }
  return { texts, numbers: numbers.flatMap((value) => [value, value + 1]), textsOf };
}

const createText = (name: string, { texts, textsOf }: Literals): fc.Arbitrary<string> => {
  const own = textsOf.get(name) ?? texts;
  const one = fc.constantFrom(...own);
  return fc.oneof(
    { weight: 6, arbitrary: one },
    {
      weight: 2,
      arbitrary: fc.array(one, { minLength: 2, maxLength: 4 }).map((all) => all.join(" ")),
    },
    { weight: 1, arbitrary: fc.constantFrom(...texts).map((text) => text.toUpperCase()) },
    { weight: 1, arbitrary: fc.constantFrom("", "other") },
  );
};

function createValue(
  { name, type }: HuntColumn,
  literals: Literals,
  { from, to }: Span,
): fc.Arbitrary<unknown> {
  const number = fc.constantFrom(...literals.numbers);
  const byType: Readonly<Record<KqlType, () => fc.Arbitrary<unknown>>> = {
    string: () => createText(name, literals),
    long: () => number.map((value) => BigInt(Math.trunc(value))),
    int: () => number.map(Math.trunc),
    real: () => number,
    decimal: () => number.map(String),
    bool: () => fc.boolean(),
    datetime: () => fc.bigInt({ min: from, max: to - 1n }),
    timespan: () => fc.constant(0n),
    guid: () => fc.constant("00000000-0000-0000-0000-000000000001"),
    dynamic: () => createText(name, literals).map((text) => ({ [text]: text, list: [text] })),
  };
  const value = byType[type]();
  return name === "Timestamp" ? value : fc.option(value, { freq: 12 });
}

/** How far back rows may be: the query's own time predicates leave them whole. */
export const spanOf = ({ lookBackMs, widestMs = Infinity }: CompiledHunt): Span => ({
  from: now - ticksFromMs(Math.floor(Math.min(lookBackMs, widestMs))),
  to: now,
});

/** Creates an environment whose tables have random rows within the hunt's span. */
export function createRandomContext(
  hunt: CompiledHunt,
  maxRows: number,
): fc.Arbitrary<EvaluationContext> {
  const literals = readLiterals(hunt.source);
  const span = spanOf(hunt);
  const used = new Set(hunt.source.match(/\w+/g));
  const rowsOf = (columns: readonly HuntColumn[]): fc.Arbitrary<Row[]> =>
    fc.array(
      fc.tuple(
        ...columns.map((column) =>
          used.has(column.name) || column.name === "Timestamp"
            ? createValue(column, literals, span)
            : fc.constant(column.type === "string" ? "" : null),
        ),
      ),
      { minLength: Math.ceil(maxRows / 2), maxLength: maxRows },
    );
  const tables = Object.entries(publishedTables).map(([name, types]) => {
    const columns = Object.entries(types).map(([column, type]) => ({
      name: column,
      type: type as KqlType,
    }));
    return { name, columns, isRead: hunt.tables.includes(name) };
  });
  return fc
    .tuple(...tables.map(({ columns, isRead }) => (isRead ? rowsOf(columns) : fc.constant([]))))
    .map((rows) => ({
      now,
      tables: new Map(
        tables.map(({ name, columns }, index) => {
          const own = rows[index] ?? [];
          const timeIndex = columns.findIndex((column) => column.name === "Timestamp");
          const isInside = ({ from, to }: Span, row: Row): boolean => {
            const at = row[timeIndex];
            return typeof at !== "bigint" || (at >= from && at < to);
          };
          return [name, { columns, rows: (of: Span) => own.filter((row) => isInside(of, row)) }];
        }),
      ),
      externalData: () => [],
      functions: {
        FileProfile: () => undefined,
        geo_info_from_ip_address: () => undefined,
        AssignedIPAddresses: () => [],
        DeviceFromIP: () => [],
        SeenBy: () => [],
      },
    }));
}
