/**
 * Reads and parses request bodies, and checks their limits before a schema sees them. Signatures
 * are computed over the bytes, so reading and parsing are separate steps.
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
import { findRepeatedMembers, type DeliveryBody } from "../contracts/repeated-members.ts";

/**
 * Reads the bytes of a body.
 *
 * @param options.isOptional - accepts a request without a body
 * @throws Problem 413 above `maxBytes`, 415 for an encoded body, 411 for one that did not arrive,
 *   400 for an empty one
 */
export async function readBodyBytes(
  request: IncomingBody,
  { maxBytes = maxBodyBytes, isOptional = false } = {},
): Promise<Uint8Array> {
  refuseEncoded(request);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw createTooLarge(maxBytes);
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > maxBytes) throw createTooLarge(maxBytes);
  if (bytes.byteLength === 0 && !(isOptional && isBodyless(request)))
    throw createEmptyBody(request);
  return bytes;
}

function refuseEncoded({ headers }: IncomingBody): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new Problem(
    415,
    "Encoded bodies are not accepted; send the body without Content-Encoding.",
  );
}

const createTooLarge = (maxBytes: number): Problem =>
  new Problem(413, `The body is larger than ${maxBytes} bytes; split it over several requests.`);

/**
 * The platform drops the body of a chunked request, so a missing body may be one that did not
 * arrive.
 */
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
 * Parses a JSON body and checks its limits.
 *
 * @throws Problem 415 for another media type, 400 for invalid JSON, a repeated member or a body
 *   that exceeds a limit
 */
export function parseJsonBody(
  bytes: Uint8Array,
  contentType: string | null,
  limits: BodyLimits = strictLimits,
): unknown {
  const { value, text } = parseJsonText(bytes, contentType, limits);
  refuseRepeatedMembers(text);
  return value;
}

function parseJsonText(
  bytes: Uint8Array,
  contentType: string | null,
  limits: BodyLimits,
): { readonly value: unknown; readonly text: string } {
  if (!jsonType.test(mediaType(contentType)))
    throw new Problem(415, "Send JSON, with the header Content-Type: application/json.");
  refuseExcess(bytes, limits);
  const text = decodeUtf8(bytes);
  const value = parseJson(text);
  throwOnFault(findFault(value, limits));
  return { value, text };
}

const maxNamedMembers = 20;

/** @throws Problem 400 naming the members of a valid JSON text that are repeated */
function refuseRepeatedMembers(text: string): void {
  const repeated = findRepeatedMembers(text).slice(0, maxNamedMembers);
  if (repeated.length > 0)
    throw new Problem(400, "The request body repeats a member; send each member once.", {
      errors: repeated.map(({ path }) => ({ path, message: "must not be repeated" })),
    });
}

/**
 * Parses the JSON body of a webhook. Its sender does not send a refused delivery again, so repeated
 * members are returned instead of refused.
 *
 * @throws Problem as `parseJsonBody`, but for repeated members
 */
export function parseDeliveryBody(bytes: Uint8Array, contentType: string | null): DeliveryBody {
  const { value, text } = parseJsonText(bytes, contentType, wideLimits);
  return { value, repeated: findRepeatedMembers(text) };
}

/**
 * Parses the body of a webhook that accepts any media type.
 *
 * @throws Problem as `parseAnyBody`, but for repeated members
 */
export function parseAnyDelivery(bytes: Uint8Array, contentType: string | null): DeliveryBody {
  const { body, text } = parseByMediaType(bytes, contentType);
  const repeated = body.kind === "json" ? findRepeatedMembers(text) : [];
  return { value: toJsonValue(body), repeated };
}

/** A form keeps its fields as objects with one member each, so that names may repeat. */
function toJsonValue(body: ParsedBody): unknown {
  switch (body.kind) {
    case "json":
      return body.value;
    case "form":
      return body.fields.map(([name, value]) => ({ [name]: value }));
    case "text":
      return body.text;
  }
}

/**
 * Parses JSON, a form or text by the media type. A form or text that contains JSON is parsed as
 * JSON, because `curl -d` and many SIEMs label JSON so. The caller checks the limits, with
 * `findFault` or its own walk.
 *
 * @throws Problem 415 for another media type, 400 for invalid UTF-8, invalid JSON or a repeated
 *   member
 */
export function parseAnyBody(bytes: Uint8Array, contentType: string | null): ParsedBody {
  const { body, text } = parseByMediaType(bytes, contentType);
  if (body.kind === "json") refuseRepeatedMembers(text);
  return body;
}

function parseByMediaType(
  bytes: Uint8Array,
  contentType: string | null,
): { readonly body: ParsedBody; readonly text: string } {
  const type = mediaType(contentType);
  const isForm = type === formType;
  if (!jsonType.test(type) && !isForm && !textType.test(type) && type !== "")
    throw new Problem(
      415,
      "The Content-Type is not supported; send JSON, a URL-encoded form or text.",
    );
  const text = decodeUtf8(bytes);
  if (jsonType.test(type) || /^\s*[[{]/.test(text)) refuseExcess(bytes, wideLimits);
  if (jsonType.test(type)) return { body: { kind: "json", value: parseJson(text) }, text };
  if (/^\s*[[{]/.test(text)) {
    const value = tryParseJson(text);
    if (value !== undefined) return { body: { kind: "json", value }, text };
  }
  if (isForm) return { body: { kind: "form", fields: parseForm(text) }, text };
  if (text.includes("\0"))
    throw new Problem(400, "The body contains NUL characters; send UTF-8 text.");
  return { body: { kind: "text", text }, text };
}

/** Parses a form. The parser takes seconds for a million fields, so they are counted before. */
function parseForm(text: string): (readonly [name: string, value: string])[] {
  let fields = 1;
  for (let at = text.indexOf("&"); at >= 0; at = text.indexOf("&", at + 1)) fields += 1;
  if (fields > wideLimits.keys)
    throwOnFault({
      path: "",
      message: `must have at most ${wideLimits.keys} fields, has ${fields}`,
    });
  return [...new URLSearchParams(text)];
}

/**
 * Returns the media type without its parameters. @throws Problem 415 for a charset other than UTF-8
 */
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
    throw new Problem(400, "The body is not valid UTF-8; send it in UTF-8.");
  }
}

/** Deeper than every limit, and shallow enough for the parser to be fast. */
const maxScanDepth = 1_000;
/**
 * Factor above the limit of elements at which a body is refused unparsed. Below it, the walk
 * refuses and names the place.
 */
const scanFactor = 10;
const [quote, backslash, comma, openList, closeList, openObject, closeObject] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/**
 * Refuses bodies that take the parser longer than other requests may wait, such as a million
 * brackets. Counting takes two milliseconds for a mebibyte.
 */
function refuseExcess(bytes: Uint8Array, limits: BodyLimits): void {
  const maxValues = scanFactor * Math.max(limits.elements, limits.keys);
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) at = findStringEnd(bytes, at);
    else if (byte === openList || byte === openObject) {
      depth += 1;
      values += 1;
    } else if ((byte === closeList || byte === closeObject) && depth > 0) depth -= 1;
    else if (byte === comma) values += 1;
    if (values > maxValues)
      throwOnFault({ path: "", message: `must hold at most ${maxValues} values` });
    if (depth > maxScanDepth)
      throwOnFault({ path: "", message: `must be nested at most ${maxScanDepth} levels deep` });
  }
}

/** Returns the position of the closing quote; the end of the bytes without one. */
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
    // The message of the parser quotes the body, which must not be repeated.
    throw new Problem(400, "The body is not valid JSON.", {
      errors: [{ path: "", message: "must be JSON" }],
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

/** Throws a fault as a Problem 400. */
function throwOnFault(fault: InputFault | undefined): void {
  if (fault) throw new Problem(400, "The request body exceeds a limit.", { errors: [fault] });
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
 * Reads the query parameters of a request.
 *
 * @throws Problem 400 naming each invalid parameter
 */
export function readQuery<T>(schema: SafeParser<T>, query: URLSearchParams): T {
  const { data, error } = schema.safeParse(Object.fromEntries(query));
  if (data === undefined)
    throw new Problem(400, "The query is invalid.", {
      errors: toInputFaults(error ?? { issues: [] }),
    });
  return data;
}
