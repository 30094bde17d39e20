/** File information and file statistics of the Defender API. */
import { formatInstant, hourMs, ticksFromMs, type Clock } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import { json, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { defenderFamily, defenderHeaders } from "../server/families.ts";
import { proveBearer, takeTurn } from "../server/guard.ts";
import { createQuota, limitsOf, type Quota } from "../server/quota.ts";
import type { Switches } from "../behaviors.ts";
import type { KnownFile } from "../dataset/entities.ts";
import type { FileBook } from "./file-book.ts";
import { statisticsBody } from "./statistics-body.ts";
import type { Sightings } from "./sightings.ts";

interface Files {
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly book: FileBook;
  readonly sightings: Sightings;
  readonly clock: Clock;
  readonly quota: Quota;
}

export function fileRoutes(parts: Omit<Files, "quota">): Route[] {
  const rules = () => ({
    ...parts.switches.files.quota,
    limits: limitsOf(parts.switches.files.quota),
  });
  const files: Files = { ...parts, quota: createQuota(rules) };
  const route = (
    name: string,
    pattern: string,
    read: (files: Files, exchange: Exchange) => Reply,
  ): Route => ({
    api: "files",
    name,
    methods: ["GET"],
    pattern,
    family: defenderFamily,
    answer: async (exchange) => (await refuse(files, exchange)) ?? read(files, exchange),
  });
  return [
    route("statistics", "/api/files/{hash}/stats", statistics),
    route("information", "/api/files/{hash}", information),
  ];
}

async function refuse(files: Files, exchange: Exchange): Promise<Reply | undefined> {
  const { tokens, clock, quota, switches } = files;
  const proof = await proveBearer(exchange, tokens, defenderFamily, {
    resource: "defender",
    role: "File.Read.All",
  });
  if (proof.kind === "refused") return proof.reply;
  const { retryAfter } = switches.files.quota;
  return takeTurn(exchange, quota, defenderFamily, {
    clock,
    retryAfter,
    wording: switches.hunting.throttleWording,
  });
}

const hexLengths = new Set([32, 40, 64]);

/** A hash, lower case, or undefined. */
function readHash(exchange: Exchange): string | undefined {
  const hash = (exchange.params["hash"] ?? "").toLowerCase();
  return /^[0-9a-f]+$/.test(hash) && hexLengths.has(hash.length) ? hash : undefined;
}

const invalidHash = (exchange: Exchange): Reply =>
  defenderFamily.badRequest(
    exchange,
    `Hash value ${exchange.params["hash"] ?? ""} is invalid`,
    "InvalidHashValue",
  );

const odata = (exchange: Exchange, body: Record<string, unknown>, effect?: unknown): Reply => ({
  ...json(200, body, {
    ...defenderHeaders(exchange),
    "content-type": "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8",
    "odata-version": "4.0",
  }),
  effect,
});

const longestLookBackHours = 720;

/** The look-back in hours, or undefined for what the service does not take. */
function readLookBack(exchange: Exchange, { lookBack }: Switches["files"]): number | undefined {
  const text = exchange.query.get("lookBackHours");
  if (text === null) return longestLookBackHours;
  const hours = Number(text);
  const sound = /^-?\d+$/.test(text) && hours >= 1 && hours <= longestLookBackHours;
  if (sound) return hours;
  return lookBack === "clamp" && Number.isFinite(hours)
    ? Math.min(longestLookBackHours, Math.max(1, Math.round(hours)))
    : undefined;
}

function statistics({ switches, book, sightings, clock }: Files, exchange: Exchange): Reply {
  const hash = readHash(exchange);
  if (hash === undefined) return invalidHash(exchange);
  const hours = readLookBack(exchange, switches.files);
  if (hours === undefined) {
    return defenderFamily.badRequest(
      exchange,
      "lookBackHours must be between 1 and 720",
      "InvalidInput",
    );
  }
  if (hash.length === 64 && switches.files.sha256Statistics === "400") return invalidHash(exchange);
  const unknown = hash.length === 64 && switches.files.sha256Statistics === "404";
  const file = unknown ? undefined : book.find(hash);
  const to = ticksFromMs(clock.now());
  const seen = sightings.of(file?.sha1 ?? hash, { from: to - ticksFromMs(hours * hourMs), to }, to);
  if (!file && !seen && switches.files.unknown === "404") {
    return {
      ...defenderFamily.notFound(exchange, `File ${hash} was not found`),
      effect: { found: false },
    };
  }
  return odata(exchange, statisticsBody(file?.sha1 ?? hash, file, seen, switches.files), {
    found: true,
  });
}

function information({ book }: Files, exchange: Exchange): Reply {
  const hash = readHash(exchange);
  if (hash === undefined) return invalidHash(exchange);
  const file = book.find(hash);
  if (!file)
    return {
      ...defenderFamily.notFound(exchange, `File ${hash} was not found`),
      effect: { found: false },
    };
  return odata(exchange, informationBody(file), { found: true });
}

/** Nothing known of the signer is null, not empty. */
function informationBody(file: KnownFile): Record<string, unknown> {
  const signed = file.signer !== "";
  const extension = /\.(\w+)$/.exec(file.name)?.[1]?.toLowerCase();
  const executable = extension === "exe" || extension === "dll";
  return {
    "@odata.context": "https://api.security.microsoft.com/api/$metadata#Files/$entity",
    sha1: file.sha1,
    sha256: file.sha256,
    globalPrevalence: Number(file.globalPrevalence),
    globalFirstObserved: formatInstant(file.globalFirstSeen),
    globalLastObserved: formatInstant(file.globalLastSeen),
    size: Number(file.size),
    fileType: executable ? "PortableExecutable" : null,
    isPeFile: executable,
    filePublisher: signed ? file.publisher : null,
    fileProductName: file.product === "" ? null : file.product,
    signer: signed ? file.signer : null,
    issuer: signed ? file.issuer : null,
    signerHash: signed ? file.signerHash : null,
    isValidCertificate: signed ? true : null,
    determinationType: file.determinationType,
    determinationValue: file.determinationValue,
  };
}
