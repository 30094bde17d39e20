/**
 * Child: reads one answer from memory, once to warm up and once timed, by splitting rows or by
 * `JSON.parse`. Prints ms.
 */
import { createRowShape, type ColumnType } from "../../shared/rows/column.ts";
import { readRows } from "../../shared/rows/read-rows.ts";
import { prepareAnswer, type AnswerKind } from "./answers.ts";

const blockCount = 12;
const pieceBytes = 65_536;

export async function cutOnce(kind: string, method: string): Promise<void> {
  const { block, head } = prepareAnswer(kind as AnswerKind);
  const body = Buffer.concat([
    head,
    ...Array.from({ length: blockCount }, (_, at) => [
      Buffer.from(at > 0 ? "," : ""),
      block,
    ]).flat(),
    Buffer.from("]}"),
  ]);
  const run =
    method === "cut" ? () => cutRows(body, kind === "graph") : async () => parseBody(body);
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

async function cutRows(body: Buffer, isGraph: boolean): Promise<void> {
  await readRows(splitPieces(body), {
    createShape: (head) => {
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
      return createRowShape(columns, isGraph);
    },
    onLines: () => undefined,
  });
}

async function* splitPieces(body: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}

/** Works like `Response.json()`: joins the pieces, decodes, parses. */
const parseBody = (body: Buffer): unknown => JSON.parse(Buffer.concat([body]).toString("utf8"));
