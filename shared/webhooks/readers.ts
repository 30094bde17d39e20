/** The readers: one per product, one that uses a mapping, and one for any body. */
import type { Mapping } from "./mapping.ts";
import type { ReaderName } from "./policies.ts";
import { readCloudApps } from "./read-cloud-apps.ts";
import { readDefender } from "./read-defender.ts";
import { readElastic } from "./read-elastic.ts";
import { readMapped } from "./read-mapped.ts";
import { readSentinel } from "./read-sentinel.ts";
import { readSplunk } from "./read-splunk.ts";
import { toSearchOnly, type PayloadResult } from "./payload.ts";

const readers: Readonly<Record<Exclude<ReaderName, "generic">, (body: unknown) => PayloadResult>> =
  {
    sentinel: readSentinel,
    defender: readDefender,
    "cloud-apps": readCloudApps,
    splunk: readSplunk,
    elastic: readElastic,
    any: (body) => toSearchOnly(body),
  };

/** Reads a parsed payload with the reader of its source. */
export function readPayload(
  body: unknown,
  source: { reader: ReaderName; mapping: Mapping | undefined },
): PayloadResult {
  const { reader, mapping } = source;
  return reader === "generic"
    ? readMapped(body, mapping ?? { required: [] })
    : readers[reader](body);
}
