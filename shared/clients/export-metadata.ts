/** Reads and writes the metadata of an export's blob: text by lower-case name. */
import * as z from "zod/mini";
import type { ExportMetadata } from "../hunts/ports.ts";

const wholeNumber = z.pipe(
  z.string().check(z.regex(/^\d{1,16}$/, "a whole number")),
  z.transform((text) => Number(text)),
);

const metadataSchema = z.object({
  seq: wholeNumber,
  from: z.string(),
  to: z.string(),
  rows: wholeNumber,
  rawbytes: wholeNumber,
  substituted: z._default(wholeNumber, 0),
  sha256: z.string(),
  schemahash: z.string(),
  queryhash: z.string(),
  mode: z.enum(["window", "snapshot"]),
  attempt: z.string(),
  // An empty header is not transmitted, so the first export has none.
  prev: z._default(z.string(), ""),
  complete: z.enum(["yes", "gap", "closed"]),
  next: z.optional(z.string()),
});

/** Returns the metadata, or `undefined` when the blob is not an export. */
export function readMetadata(
  metadata: Readonly<Record<string, string>> | undefined,
): ExportMetadata | undefined {
  const lower = Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const parsed = metadataSchema.safeParse(lower);
  if (!parsed.success) return undefined;
  const { next, ...rest } = parsed.data;
  return next === undefined ? rest : { ...rest, next };
}

/**
 * Returns the metadata as the blob stores it.
 *
 * @throws RangeError when a value is not printable ASCII, which a header cannot carry
 */
export function writeMetadata(metadata: ExportMetadata): Record<string, string> {
  const entries = Object.entries(metadata)
    .map(([name, value]) => [name, String(value)] as const)
    .filter(([, value]) => value !== "");
  for (const [name, value] of entries)
    if (!/^[\x20-\x7e]+$/.test(value))
      throw new RangeError(`metadata ${name} is not printable ASCII`);
  return Object.fromEntries(entries);
}
