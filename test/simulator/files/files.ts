/** File information and file statistics of the Defender API. */
import { formatInstant, hourMs, ticksFromMs, type Clock } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import { toJsonReply, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { defenderFamily, createDefenderHeaders } from "../server/families.ts";
import { authenticateBearer, acquirePermit } from "../server/access-checks.ts";
import { createQuota, toLimits, type Quota } from "../server/quota.ts";
import type { Behaviors } from "../behaviors.ts";
import type { KnownFile } from "../dataset/entities.ts";
import type { FileRegistry } from "./file-registry.ts";
import { toStatisticsBody } from "./statistics-body.ts";
import type { Sightings } from "./sightings.ts";

interface FileApiDeps {
  readonly tokens: Tokens;
  readonly behaviors: Behaviors;
  readonly registry: FileRegistry;
  readonly sightings: Sightings;
  readonly clock: Clock;
  readonly quota: Quota;
}

export function createFileRoutes(deps: Omit<FileApiDeps, "quota">): Route[] {
  const readRules = () => ({
    ...deps.behaviors.files.quota,
    limits: toLimits(deps.behaviors.files.quota),
  });
  const depsWithQuota: FileApiDeps = { ...deps, quota: createQuota(readRules) };
  const defineRoute = (
    name: string,
    pattern: string,
    readReply: (deps: FileApiDeps, exchange: Exchange) => Reply,
  ): Route => ({
    api: "files",
    name,
    methods: ["GET"],
    pattern,
    family: defenderFamily,
    answer: async (exchange) =>
      (await refuseRequest(depsWithQuota, exchange)) ?? readReply(depsWithQuota, exchange),
  });
  return [
    defineRoute("statistics", "/api/files/{hash}/stats", answerStatistics),
    defineRoute("information", "/api/files/{hash}", answerInformation),
  ];
}

async function refuseRequest(deps: FileApiDeps, exchange: Exchange): Promise<Reply | undefined> {
  const { tokens, clock, quota, behaviors } = deps;
  const authentication = await authenticateBearer(exchange, tokens, defenderFamily, {
    resource: "defender",
    role: "File.Read.All",
  });
  if (authentication.kind === "refused") return authentication.reply;
  const { retryAfter } = behaviors.files.quota;
  return acquirePermit(exchange, quota, defenderFamily, {
    clock,
    retryAfter,
    wording: behaviors.hunting.throttleWording,
  });
}

const hexLengths = new Set([32, 40, 64]);

/** Parses a hash to lower case; undefined if it is invalid. */
function readHash(exchange: Exchange): string | undefined {
  const hash = (exchange.params["hash"] ?? "").toLowerCase();
  return /^[0-9a-f]+$/.test(hash) && hexLengths.has(hash.length) ? hash : undefined;
}

const toInvalidHashReply = (exchange: Exchange): Reply =>
  defenderFamily.badRequest(
    exchange,
    `Hash value ${exchange.params["hash"] ?? ""} is invalid`,
    "InvalidHashValue",
  );

const toODataReply = (
  exchange: Exchange,
  body: Record<string, unknown>,
  effect?: unknown,
): Reply => ({
  ...toJsonReply(200, body, {
    ...createDefenderHeaders(exchange),
    "content-type": "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8",
    "odata-version": "4.0",
  }),
  effect,
});

const maxLookBackHours = 720;

/** Parses the look-back in hours; undefined if the service refuses it. */
function readLookBack(exchange: Exchange, { lookBack }: Behaviors["files"]): number | undefined {
  const text = exchange.query.get("lookBackHours");
  if (text === null) return maxLookBackHours;
  const hours = Number(text);
  const isValid = /^-?\d+$/.test(text) && hours >= 1 && hours <= maxLookBackHours;
  if (isValid) return hours;
  return lookBack === "clamp" && Number.isFinite(hours)
    ? Math.min(maxLookBackHours, Math.max(1, Math.round(hours)))
    : undefined;
}

function answerStatistics(
  { behaviors, registry, sightings, clock }: FileApiDeps,
  exchange: Exchange,
): Reply {
  const hash = readHash(exchange);
  if (hash === undefined) return toInvalidHashReply(exchange);
  const hours = readLookBack(exchange, behaviors.files);
  if (hours === undefined) {
    return defenderFamily.badRequest(
      exchange,
      "lookBackHours must be between 1 and 720",
      "InvalidInput",
    );
  }
  if (hash.length === 64 && behaviors.files.sha256Statistics === "400")
    return toInvalidHashReply(exchange);
  const isUnknown = hash.length === 64 && behaviors.files.sha256Statistics === "404";
  const file = isUnknown ? undefined : registry.find(hash);
  const to = ticksFromMs(clock.now());
  const sighting = sightings.findSighting(
    file?.sha1 ?? hash,
    { from: to - ticksFromMs(hours * hourMs), to },
    to,
  );
  if (!file && !sighting && behaviors.files.unknown === "404") {
    return {
      ...defenderFamily.notFound(exchange, `File ${hash} was not found`),
      effect: { found: false },
    };
  }
  return toODataReply(
    exchange,
    toStatisticsBody(file?.sha1 ?? hash, file, sighting, behaviors.files),
    {
      found: true,
    },
  );
}

function answerInformation({ registry }: FileApiDeps, exchange: Exchange): Reply {
  const hash = readHash(exchange);
  if (hash === undefined) return toInvalidHashReply(exchange);
  const file = registry.find(hash);
  if (!file)
    return {
      ...defenderFamily.notFound(exchange, `File ${hash} was not found`),
      effect: { found: false },
    };
  return toODataReply(exchange, toInformationBody(file), { found: true });
}

/** Returns null, not empty text, for unknown signer data. */
function toInformationBody(file: KnownFile): Record<string, unknown> {
  const isSigned = file.signer !== "";
  const extension = /\.(\w+)$/.exec(file.name)?.[1]?.toLowerCase();
  const isExecutable = extension === "exe" || extension === "dll";
  return {
    "@odata.context": "https://api.security.microsoft.com/api/$metadata#Files/$entity",
    sha1: file.sha1,
    sha256: file.sha256,
    globalPrevalence: Number(file.globalPrevalence),
    globalFirstObserved: formatInstant(file.globalFirstSeen),
    globalLastObserved: formatInstant(file.globalLastSeen),
    size: Number(file.size),
    fileType: isExecutable ? "PortableExecutable" : null,
    isPeFile: isExecutable,
    filePublisher: isSigned ? file.publisher : null,
    fileProductName: file.product === "" ? null : file.product,
    signer: isSigned ? file.signer : null,
    issuer: isSigned ? file.issuer : null,
    signerHash: isSigned ? file.signerHash : null,
    isValidCertificate: isSigned ? true : null,
    determinationType: file.determinationType,
    determinationValue: file.determinationValue,
  };
}
