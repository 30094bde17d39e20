/**
 * A hunting service behind Microsoft Graph's client: answers of a `HuntSource` as the JSON that a
 * service sends, with its schema before the rows, after them, or without one.
 */
import { createGraphHunting } from "../../shared/clients/hunting/graph.ts";
import type { HuntColumn } from "../../shared/contracts/compiled-hunt.ts";
import type { Quota } from "../../shared/http-pipeline/quota/quota.ts";
import { createApiClient } from "../../shared/http-pipeline/send.ts";
import type { Authorizer } from "../../shared/http-pipeline/token.ts";
import type {
  Transport,
  TransportRequest,
  TransportResponse,
} from "../../shared/http-pipeline/transport.ts";
import type { HuntingPort } from "../../shared/hunts/ports.ts";
import { minuteMs, type Clock } from "../../shared/runtime/time.ts";
import type { HuntSource } from "./hunt-source.ts";

/** Where an answer names its columns. */
export type SchemaPlace = "first" | "last" | "none";

/** The names that the service uses for types. */
const wireTypes: Readonly<Record<HuntColumn["type"], string>> = {
  string: "String",
  long: "Int64",
  int: "Int32",
  real: "Double",
  bool: "SByte",
  datetime: "DateTime",
  timespan: "TimeSpan",
  guid: "Guid",
  decimal: "SqlDecimal",
  dynamic: "Object",
};

/** Returns the body of an answer. */
export function formatAnswer(
  rows: readonly string[],
  columns: readonly HuntColumn[],
  place: SchemaPlace,
): string {
  const schema = columns.map(({ name, type }) => ({ name, type: wireTypes[type] }));
  const members = [`"results":[${rows.join(",")}]`];
  if (place === "first") members.unshift(`"schema":${JSON.stringify(schema)}`);
  if (place === "last") members.push(`"schema":${JSON.stringify(schema)}`);
  return `{${members.join(",")}}`;
}

/** Returns a response of JSON, in pieces of at most 1,000 bytes. */
export const createResponse = (
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): TransportResponse => ({
  status,
  headers: new Headers({ "content-type": "application/json", ...headers }),
  body: splitIntoChunks(body),
  discardBody: () => undefined,
});

async function* splitIntoChunks(text: string): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

/** Returns the query of a request to Graph. */
export const readQuery = ({ body }: TransportRequest): string =>
  (JSON.parse(body ?? "{}") as { readonly Query: string }).Query;

/** Asks the source and returns the rows as it has them; a source that refuses is a test's fault. */
export async function readSourceRows(
  source: HuntSource,
  query: string,
): Promise<readonly string[]> {
  const rows: string[] = [];
  const options = { deadlineMs: minuteMs, maxWaitMs: 0 };
  const reply = await source.runQuery(query, options, {
    writeRows: (lines) =>
      void rows.push(...Buffer.from(lines).toString("utf8").split("\n").slice(0, -1)),
  });
  if (reply.kind !== "answer") throw new Error(`The source answered ${reply.kind}.`);
  return rows;
}

/** A transport to the source. `findPlace` says where the answer to a query names its columns. */
export const createSourceTransport =
  (source: HuntSource, findPlace: (query: string) => SchemaPlace): Transport =>
  async (_url, request) => {
    const query = readQuery(request);
    const rows = await readSourceRows(source, query);
    const isSmall = query.endsWith("| count") || query.includes("| bins ");
    const columns = isSmall ? [] : (source.columns ?? []);
    return createResponse(200, formatAnswer(rows, columns, isSmall ? "none" : findPlace(query)));
  };

/** What one instance uses to reach the service. */
export interface GraphOptions {
  readonly clock: Clock;
  readonly transport: Transport;
  /** @default every call has a permit */
  readonly quota?: Quota;
  /** @default a token that is never refused */
  readonly authorizer?: Authorizer;
  readonly random?: () => number;
}

const endlessQuota: Quota = {
  acquirePermit: async () => ({
    kind: "permit",
    permit: { usableUntilMs: Number.POSITIVE_INFINITY },
  }),
  report: async () => undefined,
};

const fixedToken: Authorizer = {
  createHeader: async () => ({ name: "authorization", value: "Bearer t", secret: "t" }),
  reportRefused: () => undefined,
};

/** Creates the app's own client of Graph, with its pipeline, over a transport. */
export function createGraphPort(options: GraphOptions): HuntingPort {
  const { clock, transport, quota = endlessQuota, authorizer = fixedToken, random } = options;
  const client = createApiClient({
    api: "hunting",
    baseUrl: "https://graph.example",
    authorizer,
    quota,
    clock,
    log: () => undefined,
    transport,
    ...(random ? { random } : {}),
  });
  return createGraphHunting({ client, quota, clock });
}
