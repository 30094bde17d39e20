/** Defender's file APIs in our words: statistics and information of one file a call. Wire names end here. */
import type { CallLimits, FilesPort, FilesReply, InformationAnswer } from "../files/ports.ts";
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { Answer, Pipe } from "../http-pipeline/api-client.ts";
import type { Quota } from "../http-pipeline/quota/quota.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";

type Wire = Readonly<Record<string, unknown>>;

/** @param pipe - leads to the Defender API's root, with the quota that comes after it */
export function openFiles(pipe: Pipe, quota: Pick<Quota, "take">): FilesPort {
  const get = async <T>(
    path: string,
    query: Readonly<Record<string, string>>,
    limits: CallLimits,
    read: (body: Wire) => T | undefined,
  ): Promise<FilesReply<T>> => {
    try {
      const answer = await pipe.send({ method: "GET", path, query, ...limits }, [400, 404]);
      return readAnswer(answer, read);
    } catch (error) {
      if (error instanceof UpstreamError) return refusalOf(error);
      throw error;
    }
  };

  return {
    turn: async (waitMs) => {
      const outcome = await quota.take({ waitMs });
      if (outcome.kind === "turn") return outcome;
      return {
        kind: outcome.reason === "breaker" ? "down" : "later",
        retryAfterMs: outcome.retryAfterMs,
      };
    },
    statistics: (sha1, lookBackHours, limits) =>
      get(
        `${pathOf(sha1)}/stats`,
        { lookBackHours: String(lookBackHours) },
        limits,
        readStatistics,
      ),
    information: (hash, limits) => get(pathOf(hash), {}, limits, readInformation),
  };
}

/** Never anything but a checked hash becomes a segment of a path. @throws RangeError */
function pathOf(hash: string): string {
  if (!/^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
    throw new RangeError("not a hash in lower case");
  return `/api/files/${encodeURIComponent(hash)}`;
}

function readAnswer<T>(
  { status, body }: Answer,
  read: (body: Wire) => T | undefined,
): FilesReply<T> {
  const code = errorCodeOf(body);
  if (status === 404)
    return saysUnknown(body) ? { kind: "not-found" } : { kind: "refused", problem: wrongAddress };
  if (status === 400)
    return { kind: "refused", problem: `Defender refused this hash (${code || "no code"}).` };
  if (isEmptySet(body)) return { kind: "not-found" };
  const value = isObject(body) ? read(body) : undefined;
  return value === undefined ? { kind: "down", retryAfterMs: pauseMs } : { kind: "found", value };
}

const pauseMs = 30_000;
const unknownCodes = new Set(["resourcenotfound", "notfound", "filenotfound"]);
/** An unknown file and a wrong path are both 404; only the first comes with such a code in the API's own error form. */
export const saysUnknown = (body: unknown): boolean => unknownCodes.has(errorCodeOf(body));
const wrongAddress =
  "The Defender address answers 404 without knowing the file API; check CLOUD, DEFENDER_GEO and DEFENDER_URL.";

/** The code of the API's own error form, lower case; empty for any other body. */
function errorCodeOf(body: unknown): string {
  const error = isObject(body) ? body["error"] : undefined;
  const code = isObject(error) ? error["code"] : undefined;
  return typeof code === "string" ? code.toLowerCase() : "";
}

/** Random hashes have been seen to get 200 with nothing in it where the documents say 404. */
const isEmptySet = (body: unknown): boolean =>
  isObject(body) &&
  (Object.keys(body).every((key) => key.startsWith("@odata.")) ||
    (Array.isArray(body["value"]) && body["value"].length === 0));

const isObject = (value: unknown): value is Wire =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function refusalOf(error: UpstreamError): FilesReply<never> {
  const retryAfterMs = error.retryAfterMs ?? pauseMs;
  switch (error.code) {
    case "throttled":
      if (error.upstreamCode === "no-turn-breaker") return { kind: "down", retryAfterMs };
      return { kind: "later", retryAfterMs, ...(error.sent ? {} : { unsent: true }) };
    case "unavailable":
    case "unexpected-answer":
      return { kind: "down", retryAfterMs };
    case "forbidden":
      return {
        kind: "refused",
        problem: "Defender refuses this app: the permission File.Read.All is missing.",
      };
    case "unauthorized":
      return { kind: "refused", problem: "Defender refuses this app's token." };
    case "not-found":
      return { kind: "refused", problem: wrongAddress };
    case "rejected":
      return {
        kind: "refused",
        problem: `Defender refused the request${error.status ? ` (${error.status})` : ""}.`,
      };
  }
}

/** The body has had twins over the years: a number and its text, two spellings. The first that is a number counts. */
function readStatistics(body: Wire): FileStatistics | undefined {
  const known = [
    "sha1",
    "organizationPrevalence",
    "orgPrevalence",
    "globallyPrevalence",
    "globalPrevalence",
  ];
  if (!known.some((name) => name in body)) return undefined;
  const names = body["topFileNames"];
  return {
    organizationPrevalence: firstNumber(body, "organizationPrevalence", "orgPrevalence"),
    organizationFirstSeen: firstText(body, "orgFirstSeen", "organizationFirstSeen"),
    organizationLastSeen: firstText(body, "orgLastSeen", "organizationLastSeen"),
    globalPrevalence: firstNumber(body, "globallyPrevalence", "globalPrevalence"),
    globalFirstSeen: firstText(body, "globalFirstObserved", "globalFirstSeen"),
    globalLastSeen: firstText(body, "globalLastObserved", "globalLastSeen"),
    topFileNames: Array.isArray(names)
      ? names.filter((name): name is string => typeof name === "string")
      : [],
  };
}

function readInformation(body: Wire): InformationAnswer | undefined {
  if (!("sha1" in body) && !("sha256" in body)) return undefined;
  const sha1 = firstText(body, "sha1")?.toLowerCase() ?? "";
  const information: FileInformation = {
    sha256: firstText(body, "sha256")?.toLowerCase() ?? null,
    size: firstNumber(body, "size"),
    fileType: firstText(body, "fileType"),
    isPeFile: truth(body["isPeFile"]),
    publisher: firstText(body, "filePublisher"),
    productName: firstText(body, "fileProductName"),
    signer: firstText(body, "signer"),
    issuer: firstText(body, "issuer"),
    signerHash: firstText(body, "signerHash"),
    isValidCertificate: truth(body["isValidCertificate"]),
    determinationType: firstText(body, "determinationType"),
    determinationValue: firstText(body, "determinationValue"),
  };
  return { sha1: /^[0-9a-f]{40}$/.test(sha1) ? sha1 : null, information };
}

/** NULL, absent and "" are unknown, never 0. */
function firstNumber(body: Wire, ...names: readonly string[]): number | null {
  for (const name of names) {
    const value = body[name];
    const number =
      typeof value === "string" && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  }
  return null;
}

function firstText(body: Wire, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = body[name];
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

const truth = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);
