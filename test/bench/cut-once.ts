/** Child: reads one answer from memory, once to warm up and once timed, by cutting or by `JSON.parse`. Prints ms. */
import { shapeOf, type ColumnType } from "../../shared/rows/column.ts";
import { readRows } from "../../shared/rows/read-rows.ts";
import { prepare, type AnswerKind } from "./answers.ts";

const blocks = 12;
const pieceBytes = 65_536;

export async function cutOnce(kind: string, way: string): Promise<void> {
  const { block, head } = prepare(kind as AnswerKind);
  const body = Buffer.concat([
    head,
    ...Array.from({ length: blocks }, (_, at) => [Buffer.from(at > 0 ? "," : ""), block]).flat(),
    Buffer.from("]}"),
  ]);
  const run = way === "cut" ? () => cut(body, kind === "graph") : async () => parse(body);
  await run();
  const startMs = performance.now();
  await run();
  console.log(performance.now() - startMs);
}

const types: Readonly<Record<string, ColumnType>> = {
  DateTime: "datetime",
  Int64: "long",
  SByte: "bool",
  Object: "dynamic",
};

async function cut(body: Buffer, isGraph: boolean): Promise<void> {
  await readRows(pieces(body), {
    shape: (head) => {
      const schema = (head["schema"] ?? head["Schema"]) as {
        name?: string;
        Name?: string;
        type?: string;
        Type?: string;
      }[];
      const columns = schema.map(({ Name, name, Type, type }) => ({
        name: name ?? Name ?? "",
        type: types[type ?? Type ?? ""] ?? ("string" as const),
      }));
      return shapeOf(columns, isGraph);
    },
    lines: () => undefined,
  });
}

async function* pieces(body: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}

/** As `Response.json()` does it: gather the pieces, decode, parse. */
const parse = (body: Buffer): unknown => JSON.parse(Buffer.concat([body]).toString("utf8"));
