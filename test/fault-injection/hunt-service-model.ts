/**
 * The service of the suite of changes: answers of rows in memory as JSON behind the app's own
 * client of Microsoft Graph, in the schema, the format and with the errors that the schedule's
 * changes demand. It remembers what it sent, so that the exports can be compared with it.
 */
import type { HuntColumn } from "../../shared/contracts/compiled-hunt.ts";
import { createQuota } from "../../shared/http-pipeline/quota/shared-quota.ts";
import { cacheToken, createBearerAuthorizer } from "../../shared/http-pipeline/token.ts";
import type { TransportRequest, TransportResponse } from "../../shared/http-pipeline/transport.ts";
import { UpstreamError } from "../../shared/http-pipeline/upstream-error.ts";
import type { HuntingPort } from "../../shared/hunts/ports.ts";
import { formatInstant, hourMs, minuteMs, type Clock } from "../../shared/runtime/time.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import type { HuntSource, SourceRow } from "../support/hunt-source.ts";
import {
  createGraphPort,
  createResponse,
  formatAnswer,
  readQuery,
  readSourceRows,
} from "../support/hunting-service.ts";
import { toRowForm } from "./exported-rows.ts";
import type { HuntChanges } from "./hunt-changes.ts";

/** The columns before any change; the hunt is compiled with them. */
export const baseColumns: readonly HuntColumn[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "Id", type: "string" },
  { name: "Size", type: "int" },
  { name: "FileName", type: "string" },
  { name: "Ratio", type: "real" },
  { name: "Note", type: "string" },
];

/** Calls that the service allows; the app is configured with the same numbers. */
export const callLimits = [
  { calls: 30, perMs: minuteMs },
  { calls: 900, perMs: hourMs },
] as const;

interface ServiceOptions {
  readonly source: HuntSource;
  readonly changes: HuntChanges;
  readonly random: () => number;
  readonly nowMs: () => number;
}

/** What one process needs to reach the service. */
export interface ServiceClient {
  readonly clock: Clock;
  /** The process's own view of the store. */
  readonly records: RecordStore;
  /** Waits for a step of the schedule. */
  readonly waitForStep: (step: string) => Promise<void>;
}

export class HuntServiceModel {
  readonly #options: ServiceOptions;
  #tokenNumber = 1;
  #rotatedMs = 0;
  /** When each call was sent, in the schedule's time. */
  readonly sentMs: number[] = [];
  /** By time and id, every form in which a row was sent. */
  readonly sentForms = new Map<string, Set<string>>();
  readonly violations: string[] = [];

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** Creates the app's client as one process has it: its token and what it knows of the quota. */
  createPort({ clock, records, waitForStep }: ServiceClient): HuntingPort {
    const { changes, random, source } = this.#options;
    const log = (): void => undefined;
    const quota = createQuota({
      api: "hunting",
      store: records,
      clock,
      log,
      limits: callLimits,
      maxCallMs: 230_000,
      random,
    });
    const refusedTokens = new Set<string>();
    const tokens = cacheToken(async () => {
      await waitForStep("token issued");
      if (changes.isActive("revokeConsent"))
        throw new UpstreamError("unauthorized", "entra: consent is missing", { api: "entra" });
      return { token: `token-${this.#tokenNumber}`, expiresMs: clock.now() + hourMs };
    }, clock);
    const port = createGraphPort({
      clock,
      quota,
      random,
      authorizer: createBearerAuthorizer(tokens),
      transport: async (_url, request) => {
        this.sentMs.push(this.#options.nowMs());
        await waitForStep("service reached");
        request.signal.throwIfAborted();
        const response = await this.#answer(request, refusedTokens);
        await waitForStep("service answers");
        request.signal.throwIfAborted();
        return response;
      },
    });
    return { ...port, caps: source.caps };
  }

  async #answer(request: TransportRequest, refusedTokens: Set<string>): Promise<TransportResponse> {
    const refusal = this.#refuseToken(request, refusedTokens) ?? this.#findRefusal();
    if (refusal) return refusal;
    const { changes, source } = this.#options;
    const query = readQuery(request);
    const columns = this.#findColumns();
    const rowStyle = this.#drawRowStyle();
    source.toLine = (row) => this.#formatRow(row, columns, rowStyle);
    source.rowCap = changes.isActive("lowerRowLimit") ? 5 : source.caps.rows;
    const rows = await readSourceRows(source, query);
    const isSmall = query.endsWith("| count") || query.includes("| bins ");
    if (!isSmall && rows.length > 4 && changes.isActive("limitSize"))
      return refuse(400, "Query result set has exceeded the internal data size limit.");
    const place = changes.isActive("omitSchema")
      ? "none"
      : changes.isActive("putSchemaLast")
        ? "last"
        : "first";
    const body = formatAnswer(rows, isSmall ? [] : columns, isSmall ? "none" : place);
    return createResponse(200, changes.isActive("cutBody") ? body.slice(0, -5) : body);
  }

  #refuseToken(
    { headers }: TransportRequest,
    refusedTokens: Set<string>,
  ): TransportResponse | undefined {
    this.#rotateToken();
    const token = headers.get("authorization")?.replace("Bearer ", "") ?? "";
    if (token === `token-${this.#tokenNumber}`) return undefined;
    if (refusedTokens.has(token)) this.violations.push(`P13 ${token} was sent after its refusal`);
    refusedTokens.add(token);
    return refuse(401, "Lifetime validation failed, the token is expired.");
  }

  /** Rotates at most every ten minutes, while the change is in force. */
  #rotateToken(): void {
    const { changes, nowMs } = this.#options;
    if (!changes.isActive("rotateToken") || nowMs() < this.#rotatedMs + 10 * minuteMs) return;
    this.#rotatedMs = nowMs();
    this.#tokenNumber += 1;
  }

  #findRefusal(): TransportResponse | undefined {
    const { changes, random } = this.#options;
    if (changes.isActive("removePermission"))
      return refuse(403, "Missing application roles. API required roles: ThreatHunting.Read.All.");
    if (changes.isActive("refuseUnknown")) return refuse(400, `Quux ${random()} exhausted`);
    if (changes.isActive("refuseHeavy"))
      return refuse(400, "Query stopped due to excessive resource consumption.");
    if (changes.isActive("refuseTransient"))
      return refuse(400, "An unexpected error occurred during query execution.");
    if (changes.isActive("failServer")) return refuse(503, "The service is unavailable.");
    if (!changes.isActive("throttle")) return undefined;
    const waits = ["86400", "0", "-5", "soon", "Thu, 01 Jan 2015 00:00:00 GMT", "2"];
    const wait = waits[Math.floor(random() * waits.length)] ?? "2";
    return refuse(429, "Too many requests.", { "retry-after": wait });
  }

  #findColumns(): readonly HuntColumn[] {
    const { changes } = this.#options;
    const isLost = new Set([
      ...(changes.isActive("loseColumn") ? ["Size"] : []),
      ...(changes.isActive("loseTimeColumn") ? ["Timestamp"] : []),
    ]);
    const [hasOtherType, hasOtherCase] = [
      changes.isActive("changeType"),
      changes.isActive("changeCase"),
    ];
    const columns = baseColumns
      .filter(({ name }) => !isLost.has(name))
      .map(({ name, type }): HuntColumn => ({
        name: hasOtherCase && name === "FileName" ? "Filename" : name,
        type: hasOtherType && (name === "Size" || name === "Ratio") ? "string" : type,
      }));
    const gained: readonly (HuntColumn | false)[] = [
      changes.isActive("gainColumn") && { name: "New", type: "string" },
      changes.isActive("gainTime") && { name: "Seen", type: "datetime" },
    ];
    // The hunt was compiled before the service had this column.
    const extra: HuntColumn = {
      name: "Port",
      type: changes.isActive("changeExtraType") ? "string" : "long",
    };
    return [...columns, extra, ...gained.filter((column) => column !== false)];
  }

  #drawRowStyle(): RowStyle {
    const { changes } = this.#options;
    return {
      isReordered: changes.isActive("reorderMembers"),
      omitsNulls: changes.isActive("omitNulls"),
      hasShortTimes: changes.isActive("shortenTimes"),
      hasAnnotations: changes.isActive("annotate"),
      hasOtherCase: changes.isActive("changeRowCase"),
      hasPlainNumbers: changes.isActive("respellNumbers"),
    };
  }

  #formatRow(row: SourceRow, columns: readonly HuntColumn[], style: RowStyle): string {
    const line = formatServiceRow(row, columns, style);
    const key = `${formatInstant(row.at)} ${row.id}`;
    const forms = this.sentForms.get(key) ?? new Set();
    this.sentForms.set(key, forms.add(toRowForm(line)));
    return line;
  }
}

const refuse = (
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>,
): TransportResponse =>
  createResponse(status, JSON.stringify({ error: { code: "Refused", message } }), headers);

/** How a service may write one and the same row. */
interface RowStyle {
  readonly isReordered: boolean;
  readonly omitsNulls: boolean;
  readonly hasShortTimes: boolean;
  readonly hasAnnotations: boolean;
  /** The rows' keys differ from the schema by case. */
  readonly hasOtherCase: boolean;
  /** Numbers are spelled as another API does: 4 instead of 4.0. */
  readonly hasPlainNumbers: boolean;
}

function formatServiceRow(row: SourceRow, columns: readonly HuntColumn[], style: RowStyle): string {
  const members = columns.flatMap(({ name, type }) => {
    const value = formatValue(row, name, style);
    // A service that makes a number a text also writes it in another way.
    const text = name === "Port" && type === "string" && value ? `port ${value}` : value;
    if (text === undefined && style.omitsNulls) return [];
    const isNumber = text !== undefined && /^-?\d/.test(text);
    const isBare = isNumber && (type === "int" || type === "long" || type === "real");
    const key = style.hasOtherCase && name !== "Id" ? name.toLowerCase() : name;
    const json = text === undefined ? "{}" : isBare ? text : JSON.stringify(text);
    const member = `${JSON.stringify(key)}:${json}`;
    return style.hasAnnotations
      ? [`${JSON.stringify(`${key}@odata.type`)}:"#X"`, member]
      : [member];
  });
  return `{${(style.isReordered ? members.toReversed() : members).join(",")}}`;
}

const ratios = ["1E-07", "4.0", "0.25", undefined] as const;

/** Returns the value of a row's column as text; undefined for null. */
function formatValue(
  { at, id }: SourceRow,
  name: string,
  { hasPlainNumbers, hasShortTimes }: RowStyle,
): string | undefined {
  const shorten = (text: string): string => (hasShortTimes ? text.replace(/\.?0+Z$/, "Z") : text);
  switch (name) {
    case "Timestamp":
    case "Seen":
      return shorten(formatInstant(at));
    case "Id":
      return id;
    case "Size":
    case "Port":
      return id.startsWith("b") ? undefined : String(id.length);
    case "Ratio": {
      const ratio = ratios[id.length % ratios.length];
      return ratio !== undefined && hasPlainNumbers ? String(Number(ratio)) : ratio;
    }
    case "Note":
      return id.endsWith("1") ? `=${id}; "quoted"` : undefined;
    default:
      return `${id}.exe`;
  }
}
