/** A test case of a hunt, as its YAML file holds it. */
import * as z from "zod/mini";

const row = z.record(z.string(), z.unknown());
const rowsOrFile = z.union(
  [z.array(row), z.string()],
  "must be a list of rows, or the path of a file with rows",
);

/** One test case. */
export const huntTest = z.strictObject({
  /** A sentence that says what the hunt does in this case. */
  name: z.string("must be the name of the case").check(z.minLength(1, "must not be empty")),
  /** The value of `now()`; default 2026-01-05T12:00:00Z. */
  now: z.optional(z.string("must be an instant such as 2026-01-05T12:00:00Z")),
  /**
   * Rows of each table: a list, or the path of a file (JSON, NDJSON, CSV, Parquet or an export), relative to the hunt. A
   * row with `$repeat: 100` is there 100 times, with `{n}` or `{nn}` in its texts as the number of
   * the copy.
   */
  rows: z.record(z.string(), rowsOrFile, "must be a mapping of tables to rows"),
  /** Values of the hunt's parameters, in place of their defaults. */
  parameters: z.optional(
    z.record(z.string(), z.unknown(), "must be a mapping of parameters to values"),
  ),
  /** Facts of `FileProfile()`, with the columns of its result. */
  files: z.optional(z.array(row)),
  /** Rows of `externaldata` by URI. */
  externalData: z.optional(z.record(z.string(), z.array(row))),
  /** Rows of `_GetWatchlist()` by alias. */
  watchlists: z.optional(z.record(z.string(), z.array(row))),
  /** Results of `geo_info_from_ip_address()` by address. */
  locations: z.optional(z.record(z.string(), row)),
  /** Results of `AssignedIPAddresses()` by device. */
  assignedAddresses: z.optional(z.record(z.string(), z.array(row))),
  /** Devices that `DeviceFromIP()` returns, by address. */
  devicesByAddress: z.optional(z.record(z.string(), z.array(z.string()))),
  /** Results of `SeenBy()` by device. */
  seenBy: z.optional(z.record(z.string(), z.array(row))),
  /** The result's rows, each as the columns to compare; `[]` for no rows; or their count. */
  expect: z.union(
    [z.array(row), z.strictObject({ count: z.int().check(z.minimum(0)) })],
    "must be a list of rows ([] for none) or { count: n }",
  ),
});

export type HuntTest = z.infer<typeof huntTest>;
