/**
 * Defender's file APIs: statistics and information of one file a call. Wire names are only here.
 */
import type { CallLimits, FilesPort, FilesReply, InformationAnswer } from "../files/ports.ts";
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { ApiResponse, ApiClient } from "../http-pipeline/api-client.ts";
import type { Quota } from "../http-pipeline/quota/quota.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";

type WireBody = Readonly<Record<string, unknown>>;

/** @param client - the client of the Defender API's root; it uses `quota` too */
export function createFilesClient(
  client: ApiClient,
  quota: Pick<Quota, "acquirePermit">,
): FilesPort {
  const getFile = async <T>(
    path: string,
    query: Readonly<Record<string, string>>,
    limits: CallLimits,
    parse: (body: WireBody) => T | undefined,
  ): Promise<FilesReply<T>> => {
    try {
      const response = await client.send({ method: "GET", path, query, ...limits }, [400, 404]);
      return readResponse(response, parse);
    } catch (error) {
      if (error instanceof UpstreamError) return toFilesReply(error);
      throw error;
    }
  };

  return {
    acquirePermit: async (maxWaitMs) => {
      const outcome = await quota.acquirePermit({ maxWaitMs });
      if (outcome.kind === "permit") return outcome;
      return {
        kind: outcome.reason === "breaker" ? "down" : "later",
        retryAfterMs: outcome.retryAfterMs,
      };
    },
    statistics: (sha1, lookBackHours, limits) =>
      getFile(
        `${pathOf(sha1)}/stats`,
        { lookBackHours: String(lookBackHours) },
        limits,
        readStatistics,
      ),
    information: (hash, limits) => getFile(pathOf(hash), {}, limits, readInformation),
  };
}

/** Returns the path of a hash. @throws RangeError for anything but a hash in lower case */
function pathOf(hash: string): string {
  if (!/^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
    throw new RangeError("not a hash in lower case");
  return `/api/files/${encodeURIComponent(hash)}`;
}

function readResponse<T>(
  { status, body }: ApiResponse,
  parse: (body: WireBody) => T | undefined,
): FilesReply<T> {
  const code = errorCodeOf(body);
  if (status === 404)
    return isUnknownFile(body) ? { kind: "notFound" } : { kind: "refused", problem: wrongAddress };
  if (status === 400)
    return { kind: "refused", problem: `Defender refused this hash (${code || "no code"}).` };
  if (isEmptySet(body)) return { kind: "notFound" };
  const value = isObject(body) ? parse(body) : undefined;
  return value === undefined ? { kind: "down", retryAfterMs: pauseMs } : { kind: "found", value };
}

const pauseMs = 30_000;
const unknownCodes = new Set(["resourcenotfound", "notfound", "filenotfound"]);
/**
 * True for a 404 that means an unknown file: only that has such a code in the API's own error form.
 */
export const isUnknownFile = (body: unknown): boolean => unknownCodes.has(errorCodeOf(body));
const wrongAddress =
  "The Defender address returns 404 for the file API. Check CLOUD, DEFENDER_GEO and DEFENDER_URL.";

/** Returns the code of the API's own error form in lower case; empty for any other body. */
function errorCodeOf(body: unknown): string {
  const error = isObject(body) ? body["error"] : undefined;
  const code = isObject(error) ? error["code"] : undefined;
  return typeof code === "string" ? code.toLowerCase() : "";
}

/** True for an empty 200: unknown hashes have returned that where the documentation says 404. */
const isEmptySet = (body: unknown): boolean =>
  isObject(body) &&
  (Object.keys(body).every((key) => key.startsWith("@odata.")) ||
    (Array.isArray(body["value"]) && body["value"].length === 0));

const isObject = (value: unknown): value is WireBody =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function toFilesReply(error: UpstreamError): FilesReply<never> {
  const retryAfterMs = error.retryAfterMs ?? pauseMs;
  switch (error.code) {
    case "throttled":
      if (error.upstreamCode === "no-permit-breaker") return { kind: "down", retryAfterMs };
      return { kind: "later", retryAfterMs, ...(error.isSent ? {} : { unsent: true }) };
    case "unavailable":
    case "unexpectedResponse":
      return { kind: "down", retryAfterMs };
    case "forbidden":
      return {
        kind: "refused",
        problem: "Defender refused this app: the permission File.Read.All is missing.",
      };
    case "unauthorized":
      return { kind: "refused", problem: "Defender refused this app's token." };
    case "notFound":
      return { kind: "refused", problem: wrongAddress };
    case "rejected":
      return {
        kind: "refused",
        problem: `Defender refused the request${error.status ? ` (${error.status})` : ""}.`,
      };
  }
}

/**
 * Reads the statistics. The API has had two spellings of a member, and numbers as text; the first
 * number is used.
 */
function readStatistics(body: WireBody): FileStatistics | undefined {
  const knownNames = [
    "sha1",
    "organizationPrevalence",
    "orgPrevalence",
    "globallyPrevalence",
    "globalPrevalence",
  ];
  if (!knownNames.some((name) => name in body)) return undefined;
  const names = body["topFileNames"];
  return {
    organizationPrevalence: readFirstNumber(body, "organizationPrevalence", "orgPrevalence"),
    organizationFirstSeen: readFirstText(body, "orgFirstSeen", "organizationFirstSeen"),
    organizationLastSeen: readFirstText(body, "orgLastSeen", "organizationLastSeen"),
    globalPrevalence: readFirstNumber(body, "globallyPrevalence", "globalPrevalence"),
    globalFirstSeen: readFirstText(body, "globalFirstObserved", "globalFirstSeen"),
    globalLastSeen: readFirstText(body, "globalLastObserved", "globalLastSeen"),
    topFileNames: Array.isArray(names)
      ? names.filter((name): name is string => typeof name === "string")
      : [],
  };
}

function readInformation(body: WireBody): InformationAnswer | undefined {
  if (!("sha1" in body) && !("sha256" in body)) return undefined;
  const sha1 = readFirstText(body, "sha1")?.toLowerCase() ?? "";
  const information: FileInformation = {
    sha256: readFirstText(body, "sha256")?.toLowerCase() ?? null,
    size: readFirstNumber(body, "size"),
    fileType: readFirstText(body, "fileType"),
    isPeFile: toBoolean(body["isPeFile"]),
    publisher: readFirstText(body, "filePublisher"),
    productName: readFirstText(body, "fileProductName"),
    signer: readFirstText(body, "signer"),
    issuer: readFirstText(body, "issuer"),
    signerHash: readFirstText(body, "signerHash"),
    isValidCertificate: toBoolean(body["isValidCertificate"]),
    determinationType: readFirstText(body, "determinationType"),
    determinationValue: readFirstText(body, "determinationValue"),
  };
  return { sha1: /^[0-9a-f]{40}$/.test(sha1) ? sha1 : null, information };
}

/** Returns the first number; null, absent and "" mean unknown, never 0. */
function readFirstNumber(body: WireBody, ...names: readonly string[]): number | null {
  for (const name of names) {
    const value = body[name];
    const number =
      typeof value === "string" && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  }
  return null;
}

function readFirstText(body: WireBody, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = body[name];
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

const toBoolean = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);
