/**
 * What every HTTP door does with a body: read it within its size, refuse what cannot be read, parse it, and hold it
 * to limits before any schema sees it. Signatures are checked over the bytes, so reading and parsing are two steps.
 */
import {
  findFault,
  maxBodyBytes,
  strictLimits,
  wideLimits,
  type BodyLimits,
  type IncomingBody,
  type ParsedBody,
} from "../contracts/parsed-body.ts";
import { toInputFaults, type InputFault } from "../contracts/input-faults.ts";
import { Problem } from "../contracts/problem.ts";

/**
 * Reads the bytes of a body that is due.
 *
 * @throws Problem 413 above `maxBytes`, 415 for an encoded body, 411 for a chunked one, 400 for an empty one
 */
export async function readBodyBytes(
  request: IncomingBody,
  { maxBytes = maxBodyBytes, isOptional = false } = {},
): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity")
    throw new Problem(
      415,
      "Encoded bodies are not accepted; send the body without Content-Encoding.",
    );
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw createTooLarge(maxBytes);
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > maxBytes) throw createTooLarge(maxBytes);
  if (bytes.byteLength === 0 && !(isOptional && isBodyless(request)))
    throw createEmptyBody(request);
  return bytes;
}

const createTooLarge = (maxBytes: number): Problem =>
  new Problem(413, `The body is larger than ${maxBytes} bytes; split it over several requests.`);

/** The platform drops the body of a chunked request, so a missing body may be one that did not arrive. */
function createEmptyBody(request: IncomingBody): Problem {
  const length = request.headers.get("content-length");
  if (isChunked(request) || length === null || Number(length) > 0)
    return new Problem(
      411,
      "The body did not arrive; send it with Content-Length, because chunked bodies are not accepted.",
    );
  return new Problem(400, "The body is empty.", {
    errors: [{ path: "", message: "must be a body" }],
  });
}

const isChunked = ({ headers }: IncomingBody): boolean =>
  /\bchunked\b/i.test(headers.get("transfer-encoding") ?? "");

/** True when the headers announce no body. */
const isBodyless = (request: IncomingBody): boolean =>
  !isChunked(request) && Number(request.headers.get("content-length") ?? 0) === 0;

const jsonType = /^application\/(?:json|[\w.+-]+\+json)$/;
const formType = "application/x-www-form-urlencoded";
const textType =
  /^(?:text\/[\w.+-]+|application\/(?:xml|[\w.+-]+\+xml|x-ndjson|ndjson|jsonl|octet-stream))$/;
const utf8Names = new Set(["utf-8", "utf8", "us-ascii"]);

/**
 * Parses a JSON body and holds it to its limits.
 *
 * @throws Problem 415 for another media type, 400 for broken JSON or what is outside the limits
 */
export function parseJsonBody(
  bytes: Uint8Array,
  contentType: string | null,
  limits: BodyLimits = strictLimits,
): unknown {
  if (!jsonType.test(mediaType(contentType)))
    throw new Problem(415, "Send JSON, with the header Content-Type: application/json.");
  refuseExcess(bytes, limits);
  const value = parseJson(decodeUtf8(bytes));
  throwOnFault(findFault(value, limits));
  return value;
}

/**
 * Parses JSON, a form or text by the media type. A form or text that is JSON is taken as JSON: `curl -d` and many
 * SIEMs label it so. Limits are the caller's to check, with `findFault` or on its own walk.
 *
 * @throws Problem 415 for another media type, 400 for bytes that are no UTF-8 or no JSON where JSON is due
 */
export function parseAnyBody(bytes: Uint8Array, contentType: string | null): ParsedBody {
  const type = mediaType(contentType);
  const isForm = type === formType;
  if (!jsonType.test(type) && !isForm && !textType.test(type) && type !== "")
    throw new Problem(
      415,
      "Send JSON, a URL-encoded form or text; the Content-Type names something else.",
    );
  const text = decodeUtf8(bytes);
  if (jsonType.test(type) || /^\s*[[{]/.test(text)) refuseExcess(bytes, wideLimits);
  if (jsonType.test(type)) return { kind: "json", value: parseJson(text) };
  if (/^\s*[[{]/.test(text)) {
    const value = tryParseJson(text);
    if (value !== undefined) return { kind: "json", value };
  }
  if (isForm) return { kind: "form", fields: [...new URLSearchParams(text)] };
  if (text.includes("\0"))
    throw new Problem(400, "The body is not UTF-8 text: it holds NUL characters.");
  return { kind: "text", text };
}

/** The media type without its parameters; only UTF-8 is read. */
function mediaType(contentType: string | null): string {
  const [type = "", ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/.exec(parameter)?.[1])
    .find((name) => name !== undefined);
  if (charset !== undefined && !utf8Names.has(charset))
    throw new Problem(415, "Send the body in UTF-8.");
  return type.trim();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, "The body is not valid UTF-8.");
  }
}

/** Far beyond every limit, and as deep as the parser goes without taking its time. */
const maxScanDepth = 1_000;
/** So many times what an array or object may hold: less is for the walk to refuse, which can say where. */
const scanFactor = 10;
const [quote, backslash, comma, openList, closeList, openObject, closeObject] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/**
 * Refuses what the parser would take half a second over, a million brackets above all, and longer to say that one of
 * them is missing. Counting takes two milliseconds.
 */
function refuseExcess(bytes: Uint8Array, limits: BodyLimits): void {
  const maxElements = scanFactor * Math.max(limits.elements, limits.keys);
  const elementCounts: number[] = [0];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) at = findStringEnd(bytes, at);
    else if (byte === openList || byte === openObject) elementCounts.push(0);
    else if ((byte === closeList || byte === closeObject) && elementCounts.length > 1)
      elementCounts.pop();
    else if (
      byte === comma &&
      (elementCounts[elementCounts.length - 1] = (elementCounts.at(-1) ?? 0) + 1) > maxElements
    )
      throwOnFault({
        path: "",
        message: `holds an array or object of more than ${maxElements} elements`,
      });
    if (elementCounts.length > maxScanDepth + 1)
      throwOnFault({ path: "", message: `is nested deeper than ${maxScanDepth} levels` });
  }
}

/** Where the text that begins at a quote ends; the end of the bytes when it does not. */
function findStringEnd(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end > 0; end = bytes.indexOf(quote, end + 1)) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return bytes.length;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the body, and a body is never repeated.
    throw new Problem(400, "The body is not valid JSON.", {
      errors: [{ path: "", message: "want JSON" }],
    });
  }
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Throws what `findFault` found as a Problem 400. */
export function throwOnFault(fault: InputFault | undefined): void {
  if (fault)
    throw new Problem(400, "The body is outside the limits of this door.", { errors: [fault] });
}

/**
 * Reads, parses and validates a JSON body.
 *
 * @param options.isOptional - reads no body as `{}`
 * @throws Problem as `readBodyBytes` and `parseJsonBody`, 400 naming each invalid field
 */
export async function readValidBody<T>(
  request: IncomingBody,
  schema: SafeParser<T>,
  { isOptional = false } = {},
): Promise<T> {
  const bytes = await readBodyBytes(request, { isOptional });
  const body = bytes.length === 0 ? {} : parseJsonBody(bytes, request.headers.get("content-type"));
  const { data, error } = schema.safeParse(body);
  if (data !== undefined) return data;
  throw new Problem(400, "The request is invalid.", {
    errors: toInputFaults(error ?? { issues: [] }),
  });
}

interface SafeParser<T> {
  readonly safeParse: (value: unknown) => {
    readonly data?: T;
    readonly error?: { readonly issues: readonly unknown[] };
  };
}

/**
 * A request's query as its schema reads it.
 *
 * @throws Problem 400 naming each parameter that does not fit
 */
export function readQuery<T>(schema: SafeParser<T>, query: URLSearchParams): T {
  const { data, error } = schema.safeParse(Object.fromEntries(query));
  if (data === undefined)
    throw new Problem(400, "The query cannot be read.", {
      errors: toInputFaults(error ?? { issues: [] }),
    });
  return data;
}
